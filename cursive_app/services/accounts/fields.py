"""Checks of what people type about themselves and their workspace."""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib import resources
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email

from cursive_app.errors import Invalid
from cursive_app.printable import is_printable, is_seen
from cursive_app.settings import settings

MAX_EMAIL = 254


def plain_text(value: str, *, field: str, label: str, longest: int, required: bool = True) -> str:
    """One trimmed line without control characters. Raises Invalid."""
    text = unicodedata.normalize("NFC", value).strip()
    if not is_printable(text):
        raise Invalid(
            fields={field: f"The {label} must be one line of plain text, without invisible control characters."}
        )
    if required and not text:
        raise Invalid(fields={field: f"Enter a {label}."})
    if text and not is_seen(text):
        raise Invalid(fields={field: f"The {label} needs a letter, digit or symbol that can be seen."})
    if len(text) > longest:
        raise Invalid(fields={field: f"The {label} may have {longest} characters at most; this has {len(text):,}."})
    return text


def email_address(value: str, *, field: str = "email") -> str:
    """A deliverable-looking address, as typed. Raises Invalid."""
    text = value.strip()
    if not text or len(text) > MAX_EMAIL:
        raise Invalid(fields={field: "Enter an e-mail address."})
    try:
        found = validate_email(text, check_deliverability=False, test_environment=not settings().is_production)
    except EmailNotValidError:
        raise Invalid(fields={field: "This does not look like an e-mail address."}) from None
    return found.normalized


@cache
def timezones() -> tuple[str, ...]:
    """Names of time zones people may choose, sorted: those of the tz database's table of places, without the outdated
    second names (Asia/Calcutta, US/Pacific) that lead to the same zones."""
    table = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    places = {line.split("\t")[2].strip() for line in table.splitlines() if line and not line.startswith("#")}
    return (*sorted(places & available_timezones()), "UTC")


def timezone_name(value: str, *, field: str = "timezone") -> str:
    """A known time zone, also under a name that is no longer offered. Raises Invalid."""
    known = value in timezones() or ("/" in value and not value.startswith("Etc/") and value in available_timezones())
    if not known:
        raise Invalid(fields={field: "Choose a time zone from the list."})
    return value
