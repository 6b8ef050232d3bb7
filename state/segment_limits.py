"""The limits of a run as people type them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from cursive_app.errors import Invalid


def amount(text: str) -> Decimal | None:
    """Typed credits; None for nothing typed. Raises Invalid."""
    cleaned = text.replace(",", "").strip()
    if not cleaned:
        return None
    try:
        return Decimal(cleaned)
    except InvalidOperation:
        raise Invalid(fields={"ceiling": "Enter an amount of credits such as 50 or 12.50."}) from None


def whole(text: str) -> int | None:
    """A typed number of leads; None for nothing typed. Raises Invalid."""
    cleaned = text.replace(",", "").strip()
    if not cleaned:
        return None
    if not cleaned.isdigit() or len(cleaned) > 9:
        raise Invalid(fields={"max_leads": "Enter a whole number of leads."})
    return int(cleaned)
