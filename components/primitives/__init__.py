"""Unstyled, accessible parts from npm, one library per module. `components.dialog` gives them Cursive's look."""
