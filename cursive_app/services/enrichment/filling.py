"""What was found, put into the customer's own columns of the output, where they ask for it (ENR-16). Pure.

A column that is mapped to a field can take what was found of it: only where its cell is blank, or over what it says.
Nothing is ever emptied, and rows without a match stay as they are. Stored rows never change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from cursive_app.errors import Invalid
from cursive_app.integrations.audiencelab.contacts import read_phones
from cursive_app.integrations.audiencelab.values import phone, slots
from cursive_app.services.enrichment.fields import FIELDS
from cursive_app.services.enrichment.finds import EMAILS, PHONES

SOURCES: dict[str, tuple[str, ...]] = {
    "email": EMAILS,
    "business_email": ("BUSINESS_VERIFIED_EMAILS", "BUSINESS_EMAIL"),
    "personal_email": ("PERSONAL_VERIFIED_EMAILS", "PERSONAL_EMAILS"),
    "phone": PHONES,
    "linkedin_url": ("LINKEDIN_URL",),
    "first_name": ("FIRST_NAME",),
    "last_name": ("LAST_NAME",),
    "full_name": ("FIRST_NAME", "LAST_NAME"),
    "company_name": ("COMPANY_NAME",),
    "company_domain": ("COMPANY_DOMAIN",),
    "job_title": ("JOB_TITLE",),
    "address": ("PERSONAL_ADDRESS",),
    "city": ("PERSONAL_CITY",),
    "state": ("PERSONAL_STATE",),
    "zip": ("PERSONAL_ZIP",),
    "industry": ("COMPANY_INDUSTRY",),
    "up_id": ("UUID",),
}
"""Where the value of a field is found: of addresses the first of the first column that has one, of a full name both
parts. Of numbers it is the first that the provider says may be called: one without a word about it may not (contract
§9.1)."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One original column, by its place, that takes what was found of `field`."""

    place: int
    field: str
    overwrites: bool


def chosen_fills(mapping: Mapping[str, str], *, fill: Sequence[str], overwrite: Sequence[str]) -> tuple[Fill, ...]:
    """The columns to fill, in file order. `mapping` is a list's, `fill` and `overwrite` are names of fields.

    Raises Invalid for a field no column of the list is mapped to, one that nothing is found for, or one in both.
    """
    places = {field: int(place) for place, field in mapping.items()}
    problems: dict[str, str] = {}
    for name, fields in (("fill", fill), ("overwrite", overwrite)):
        for field in fields:
            if field not in SOURCES:
                problems[name] = f"Choose among {', '.join(SOURCES)}."
            elif field not in places:
                problems[name] = f"No column of this list is mapped to {FIELDS[field].label}."
    if both := sorted({*fill} & {*overwrite}):
        problems["overwrite"] = f"{both[0]} is to be filled already. Choose one of the two."
    if problems:
        raise Invalid(fields=problems)
    wanted = [(places[field], field, False) for field in {*fill}]
    wanted += [(places[field], field, True) for field in {*overwrite}]
    return tuple(Fill(*one) for one in sorted(wanted))


def needed(fills: Sequence[Fill]) -> list[str]:
    """The output columns that have to be read for them, those that say whom not to call among them."""
    names = [name for one in fills for name in SOURCES[one.field]]
    return [*names, *(f"{name}_DNC" for name in names if name in PHONES)]


def filled(fills: Sequence[Fill], *, prefix: str) -> list[pl.Expr]:
    """The columns as they are filled, of a frame that has the original ones as `prefix` and place, and all of `needed`
    by name."""
    expressions: list[pl.Expr] = []
    for one in fills:
        name = f"{prefix}{one.place}"
        own, found = pl.col(name), _found(one.field)
        blank = own.is_null() | (own.str.strip_chars() == "")
        takes = found.is_not_null() if one.overwrites else found.is_not_null() & blank
        expressions.append(pl.when(takes).then(found).otherwise(own).alias(name))
    return expressions


def _found(field: str) -> pl.Expr:
    """The value found of a field; null for nothing."""
    names = SOURCES[field]
    if field == "full_name":
        return pl.concat_str([_said(pl.col(name)) for name in names], separator=" ")  # null when a part is missing
    if names[0] in PHONES:
        read = [column for name in names for column in (name, f"{name}_DNC")]
        return pl.struct(read).map_elements(_callable_number, return_dtype=pl.String)
    if field in ("email", "business_email", "personal_email"):
        return pl.coalesce(_first(name) for name in names)
    return _said(pl.col(names[0]))


class _Found:
    """What was found of a row, as the contract's reader of phones takes it."""

    def __init__(self, values: Mapping[str, str | None]) -> None:
        self._values = values

    def all(self, *names: str) -> list[Any]:
        return [value for name in names if (value := self._values.get(name))]


def _callable_number(values: Mapping[str, str | None]) -> str | None:
    """The first mobile, direct or personal number with an explicit "may be called", as E.164. One that another column
    says must not be called is passed over wherever it stands."""
    if not any(values[name] for name in PHONES):
        return None
    may_call = {number.e164 for number in read_phones(_Found(values)) if number.do_not_call is False}
    numbers = (phone(slot) for name in PHONES for slot in slots(values[name]))
    return next((number for number in numbers if number in may_call), None)


def _first(name: str) -> pl.Expr:
    """The first of several values."""
    return _said(pl.col(name).str.split(",").list.first())


def _said(text: pl.Expr) -> pl.Expr:
    stripped = text.str.strip_chars()
    return pl.when(stripped != "").then(stripped)
