"""Checks of what people type about themselves and their workspace."""

from __future__ import annotations

import unicodedata
from functools import cache
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email

from cursive_app.errors import Invalid
from cursive_app.settings import settings

MAX_EMAIL = 254


def plain_text(value: str, *, field: str, label: str, longest: int, required: bool = True) -> str:
    """One trimmed line without control characters. Raises Invalid."""
    text = unicodedata.normalize("NFC", value).strip()
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text):
        raise Invalid(fields={field: f"The {label} must be one line of plain text."})
    if required and not text:
        raise Invalid(fields={field: f"Enter a {label}."})
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
    """Names of time zones people may choose, sorted."""
    places = (zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    return (*sorted(places), "UTC")


def timezone_name(value: str, *, field: str = "timezone") -> str:
    """A known time zone. Raises Invalid."""
    if value not in timezones():
        raise Invalid(fields={field: "Choose a time zone from the list."})
    return value
