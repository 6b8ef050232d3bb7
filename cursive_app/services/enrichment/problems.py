"""What can be wrong with a cell or a row, in words that say what to do (ENR-05)."""

from __future__ import annotations

from typing import Any, NamedTuple

from cursive_app.printable import shortened
from cursive_app.services.enrichment.views import Level, Problem

_SHOWN = 60


class _Words(NamedTuple):
    level: Level
    message: str
    fix: str


_WORDS: dict[str, _Words] = {
    "email_malformed": _Words(
        "warning", "“{value}” is not an e-mail address: {detail}.", "Correct the address or clear the cell."
    ),
    "phone_malformed": _Words(
        "warning",
        "“{value}” is not a phone number.",
        "Write it with its area code, outside North America with + and the country code, or clear the cell.",
    ),
    "phone_scientific": _Words(
        "warning",
        "“{value}” is a number that a spreadsheet has rounded; its last digits are lost.",
        "Format the column as text in the spreadsheet, restore the numbers and save the file again.",
    ),
    "linkedin_no_profile": _Words(
        "warning",
        "“{value}” is a LinkedIn page, but not a person's profile.",
        "Use an address like linkedin.com/in/dana-testperson, or clear the cell.",
    ),
    "linkedin_malformed": _Words(
        "warning",
        "“{value}” is not a LinkedIn profile.",
        "Use an address like linkedin.com/in/dana-testperson, or clear the cell.",
    ),
    "domain_malformed": _Words(
        "warning", "“{value}” is not a website or domain.", "Use a domain like acme.example, or clear the cell."
    ),
    "domain_mailbox": _Words(
        "info",
        "“{value}” belongs to a mail provider, so it says nothing of where somebody works.",
        "Use the company's own domain, like acme.example, or clear the cell.",
    ),
    "domain_network": _Words(
        "warning",
        "“{value}” is a page on {detail}, not a company's own website.",
        "Use the company's own domain, like acme.example, or clear the cell. People's profiles need a column of their "
        "own.",
    ),
    "sha256_malformed": _Words(
        "warning",
        "“{value}” is not a SHA-256 hash.",
        "A hash has 64 characters, 0 to 9 and a to f; other kinds of hashes cannot be looked up.",
    ),
    "too_long": _Words("warning", "“{value}” is too long to be looked up and is not sent.", "Shorten it."),
    "unreadable": _Words(
        "warning",
        "“{value}” contains characters that could not be read and is not sent.",
        "Type the value again, or choose another encoding for the file.",
    ),
    "several": _Words(
        "info", "“{value}” holds several values; the first usable one is looked up.", "Nothing has to be done."
    ),
    "nul": _Words(
        "error",
        "“{value}” holds NUL bytes (shown as ␀), which no text has.",
        "Type the value again without them, or export the file again.",
    ),
    "encoding": _Words(
        "warning",
        "“{value}” holds characters that could not be read (shown as �).",
        "Type the value again, or choose another encoding for the file.",
    ),
    "too_many_cells": _Words(
        "error",
        "The row has more cells than the file has columns: {detail}.",
        "Usually a separator inside a value lacks quotes around it. Move the values to where they belong and clear the "
        "cells that are too many.",
    ),
    "too_few_cells": _Words(
        "warning",
        "The row has fewer cells than the file has columns; the missing ones are empty.",
        "Check that the values stand in the right columns.",
    ),
    "unclosed_quote": _Words(
        "error",
        "A quote in this line is never closed, so its cells may be cut at the wrong places.",
        "Check the values, and remove the quote or close it.",
    ),
    "no_identifier": _Words(
        "error",
        "Nothing in this row identifies a person.",
        "Add an e-mail, phone, LinkedIn profile, or a name with a company domain.",
    ),
}

SPOILS_ROW = frozenset(code for code, words in _WORDS.items() if words.level == "error")
"""A row with one of these is invalid."""


def problem(code: str, *, column: int | None = None, value: str = "", detail: str = "", is_error: bool = False) -> dict:
    """One problem as it is stored. `is_error` raises a warning to an error: it is why the row cannot be used."""
    words = _WORDS[code]
    return {
        "column": column,
        "level": "error" if is_error and words.level == "warning" else words.level,
        "code": code,
        "message": words.message.format(value=shortened(value, _SHOWN), detail=detail),
        "fix": words.fix,
    }


def problem_view(stored: dict[str, Any]) -> Problem:
    return Problem(
        column=stored["column"],
        level=stored["level"],
        code=stored["code"],
        message=stored["message"],
        fix=stored["fix"],
    )


def duplicate_problem(number: int) -> Problem:
    """Not stored: it follows from the row's verdict."""
    return Problem(
        None, "info", "duplicate", f"The same person as row {number:,}; only that row is looked up.",
        f"Nothing has to be done. If it is another person, correct what they share with row {number:,}.",
    )  # fmt: skip


def owned_problem() -> Problem:
    return Problem(
        None, "info", "owned", "This person is in your leads already; the row is left out.",
        "Nothing has to be done. To look the row up all the same, include people you own when you start.",
    )  # fmt: skip
