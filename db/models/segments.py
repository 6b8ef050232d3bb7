"""Saved segments, their runs and members."""
