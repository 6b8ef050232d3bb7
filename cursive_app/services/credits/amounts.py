"""What an amount of credits may be, and how it is written. Credits have two decimals everywhere (CRE-02)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from cursive_app.errors import Invalid

LARGEST = Decimal("1000000000")
_CENT = Decimal("0.01")


def exact(value: object, *, field: str = "amount", signed: bool = False) -> Decimal:
    """The amount as a Decimal with two decimals.

    Takes Decimal, int and text; refuses bool and float (a float is not what was typed), NaN, Infinity, more than two
    decimals, 0, more than 1,000,000,000 and, unless `signed`, anything negative. Raises Invalid with `field`.
    """
    if isinstance(value, bool | float) or not isinstance(value, Decimal | int | str):
        raise _refused(field, "Enter the amount as a number with at most two decimals.")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise _refused(field, "Enter the amount as a number with at most two decimals.") from None
    if not number.is_finite():
        raise _refused(field, "Enter the amount as a number with at most two decimals.")
    if number == 0 or (number < 0 and not signed):
        raise _refused(field, "The amount must be more than 0.")
    if abs(number) > LARGEST:
        raise _refused(field, f"The amount can be at most {LARGEST:,} credits.")
    rounded = number.quantize(_CENT)
    if rounded != number:
        raise _refused(field, "Credits have at most two decimals.")
    return rounded


def text(value: Decimal, *, signed: bool = False) -> str:
    """An amount for people: `1,234.50`; `signed` puts a plus or a true minus in front: `+1,234.50`, `−0.50`."""
    if not signed:
        return f"{value:,.2f}"
    sign = "−" if value < 0 else "+" if value > 0 else ""
    return f"{sign}{abs(value):,.2f}"


def _refused(field: str, why: str) -> Invalid:
    return Invalid(fields={field: why})
