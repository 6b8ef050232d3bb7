"""`python -m cursive_app`: the same as `cursive`."""

from cursive_app.cli import main

main()
