"""What the parts of a saved segment may be, and how each is set on a row. Every refusal names its field."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from decimal import Decimal

from cursive_app.errors import Invalid
from cursive_app.printable import is_printable, is_seen
from cursive_app.services.segments.filters import Filters, parse
from cursive_app.settings import settings
from db.models.segments import SavedSegment

MAX_NAME = 100
MAX_DESCRIPTION = 500
MAX_RUN_LEADS = 100_000
MAX_CEILING = 1_000_000  # credits
STATUSES = ("active", "paused", "archived")


def name_norm(name: str) -> str:
    """A name as compared: blanks folded, case folded, compatible forms of letters made one."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def read_filters(value: object) -> Filters:
    return parse(value.to_json() if isinstance(value, Filters) else value)


def read_name(value: object) -> str:
    text = " ".join(str(value).split()) if isinstance(value, str) else ""
    if not text or not is_printable(text):
        raise Invalid(fields={"name": "Give the segment a name of printable characters."})
    if not is_seen(text):
        raise Invalid(fields={"name": "The name needs a letter, digit or symbol that can be seen."})
    if len(text) > MAX_NAME:
        raise Invalid(fields={"name": f"A name has at most {MAX_NAME} characters; this one has {len(text):,}."})
    return text


def read_description(value: object) -> str:
    text = str(value or "").strip()
    if len(text) > MAX_DESCRIPTION:
        raise Invalid(
            fields={
                "description": f"A description has at most {MAX_DESCRIPTION} characters; this one has {len(text):,}."
            }
        )
    if not is_printable(text.replace("\n", " ").replace("\r", " ").replace("\t", " ")):
        raise Invalid(fields={"description": "Text must not contain control characters."})
    return text


def read_max_leads(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_RUN_LEADS:
        raise Invalid(fields={"max_leads": f"Ask for 1 to {MAX_RUN_LEADS:,} leads."})
    return value


def read_ceiling(value: object) -> Decimal | None:
    if value is None:
        return None
    amount = value if isinstance(value, Decimal) else None
    price = settings().database_lead_price
    if amount is None or not amount.is_finite() or not price <= amount <= MAX_CEILING or amount != round(amount, 2):
        raise Invalid(
            fields={"ceiling": f"The spend ceiling is an amount from {price:,.2f} (one lead) to 1,000,000 credits."}
        )
    return amount.quantize(Decimal("0.01"))  # as the database gives it back: "50" and "50.00" are no two limits


def _set_name(row: SavedSegment, value: object) -> None:
    row.name = read_name(value)
    row.name_norm = name_norm(row.name)


def _set_filters(row: SavedSegment, value: object) -> None:
    read = read_filters(value)
    row.filters, row.scope = read.to_json(), read.scope


def _set_shared(row: SavedSegment, value: object) -> None:
    if not isinstance(value, bool):
        raise Invalid(fields={"is_shared": "Either true (shared) or false (private)."})
    row.is_shared = value


def _set_status(row: SavedSegment, value: object) -> None:
    if value not in STATUSES:
        raise Invalid(fields={"status": f"Choose one of {', '.join(STATUSES)}."})
    row.status = str(value)


def _set_description(row: SavedSegment, value: object) -> None:
    row.description = read_description(value)


def _set_max_leads(row: SavedSegment, value: object) -> None:
    row.max_leads = read_max_leads(value)


def _set_ceiling(row: SavedSegment, value: object) -> None:
    row.ceiling = read_ceiling(value)


SETTERS: dict[str, Callable[[SavedSegment, object], None]] = {
    "name": _set_name,
    "description": _set_description,
    "filters": _set_filters,
    "is_shared": _set_shared,
    "status": _set_status,
    "max_leads": _set_max_leads,
    "ceiling": _set_ceiling,
}
