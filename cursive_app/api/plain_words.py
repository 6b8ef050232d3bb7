"""What a validator refused, in our words: what to send instead. Its own wording never leaves the application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

UNKNOWN = "This value cannot be used here."
_EXAMPLE_ID = "123e4567-e89b-12d3-a456-426614174000"

Bounds = Mapping[str, Any]


def _at_least(context: Bounds) -> str:
    least = context["min_length"]
    return "This must not be empty." if least == 1 else f"Send at least {least:,} characters."


def _choices(context: Bounds) -> str:
    return f"Choose one of: {str(context['expected']).replace(chr(39), '')}."


def _more(context: Bounds) -> str:
    return f"Send no more than {context['max_length']:,} entries."


def _fewest(context: Bounds) -> str:
    least = context["min_length"]
    return "Send at least one entry." if least == 1 else f"Send at least {least:,} entries."


# By the type of pydantic's error; the longest beginning that fits is taken.
_WORDS: dict[str, str | Callable[[Bounds], str]] = {
    "missing": "This is required.",
    "extra_forbidden": "There is no field of this name.",
    "uuid_": f"Send an id as Cursive gave it out, such as {_EXAMPLE_ID}.",
    "int_": "Send a whole number.",
    "float_": "Send a number.",
    "finite_number": "Send a number.",
    "decimal_": "Send an amount such as 12.50.",
    "decimal_max_places": lambda context: f"Send at most {context['decimal_places']} decimals.",
    "bool_": "Send true or false.",
    "date_": "Send a date such as 2026-01-31.",
    "datetime_": "Send a moment such as 2026-01-31T09:30:00Z.",
    "timezone_": "Send a moment with its time zone, such as 2026-01-31T09:30:00Z.",
    "time_": "Send a time such as 09:30.",
    "url_": "Send an address such as https://www.example.com.",
    "enum": _choices,
    "literal_error": _choices,
    "string_": "Send text.",
    "string_too_long": lambda context: f"Send no more than {context['max_length']:,} characters.",
    "string_too_short": _at_least,
    "string_pattern_mismatch": "This does not have the form that is expected here.",
    "too_long": _more,
    "too_short": _fewest,
    "list_type": "Send a list.",
    "tuple_type": "Send a list.",
    "set_type": "Send a list.",
    "dict_type": "Send an object.",
    "model_": "Send an object.",
    "none_required": "Send null, or leave it out.",
    "json_": "This is not valid JSON.",
    "greater_than": lambda context: f"Send a number above {context['gt']}.",
    "greater_than_equal": lambda context: f"Send a number that is at least {context['ge']}.",
    "less_than": lambda context: f"Send a number below {context['lt']}.",
    "less_than_equal": lambda context: f"Send a number that is at most {context['le']}.",
}


def in_plain_words(error: Mapping[str, Any]) -> str:
    """One sentence for one entry of pydantic's `errors()`. A rule of ours (ValueError) speaks for itself."""
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind in ("value_error", "assertion_error"):
        return _sentence(str(error["msg"]))
    best = max((known for known in _WORDS if kind.startswith(known)), key=len, default="")
    words = _WORDS.get(best, UNKNOWN)
    return words if isinstance(words, str) else words(context)


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Assertion failed, ").strip()[:300]
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
