"""The entry point of `cursive` and of `python -m cursive_app`."""

import signal

# Until a command takes Ctrl-C over, it simply ends the process: as an exception in the middle of imports it could be
# raised inside a callback of the interpreter, which prints and forgets it, and the command would run on.
signal.signal(signal.SIGINT, signal.SIG_DFL)


def run() -> None:
    """Hand over to the command line."""
    from cursive_app.cli import main

    main()


if __name__ == "__main__":
    run()
