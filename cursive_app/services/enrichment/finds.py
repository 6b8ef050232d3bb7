"""What was found for a list: the facts of one row that the grid shows, and how many matched rows have which.

What is found of a row is stored as it came (`columns.documented`), and only columns that say something; so a fact is
known where its column is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cursive_app.services.enrichment.views import Found, FoundCount
from db.models.enrichment import Enrichment

EMAILS = ("BUSINESS_VERIFIED_EMAILS", "PERSONAL_VERIFIED_EMAILS", "BUSINESS_EMAIL", "PERSONAL_EMAILS")
"""Best first, as `contacts.choose_primary` chooses (contract §9.2)."""
PHONES = ("MOBILE_PHONE", "DIRECT_NUMBER", "PERSONAL_PHONE")
PROVIDER = "provider"  # as the pages speak of it
ANSWERED = ("matched", "no_match")  # outcomes that an answer of the provider stands behind
COUNTED: dict[str, tuple[str, ...]] = {
    "email": EMAILS,
    "mobile": ("MOBILE_PHONE",),
    "phone": PHONES,
    "title": ("JOB_TITLE",),
    "company": ("COMPANY_NAME",),
    "linkedin": ("LINKEDIN_URL",),
    "address": ("PERSONAL_ADDRESS",),
}
"""Facts by name, each with the columns of which one is enough. The first two and `company` are what a dry run tells."""
_KEPT_AS = "run"  # beside the figures of the dry run, which they are compared with


def found_view(found: Mapping[str, Any] | None) -> Found | None:
    """The facts of a matched row, of lists the first value; None for a row that was not matched."""
    if found is None:
        return None
    return Found(
        email=first_of(found, EMAILS),
        phone=first_of(found, PHONES),
        title=_text(found.get("JOB_TITLE")),
        company=_text(found.get("COMPANY_NAME")),
    )


def source_of(outcome: str | None) -> str | None:
    """Where what is said of a row comes from (ENR-14): its answer's giver, None for a row that has no answer."""
    return PROVIDER if outcome in ANSWERED else None


def first_of(found: Mapping[str, Any], columns: tuple[str, ...]) -> str | None:
    """The first value of the first of these columns that is there."""
    for column in columns:
        if value := _text(str(found.get(column) or "").partition(",")[0]):
            return value
    return None


def _text(value: Any) -> str | None:
    return str(value).strip() or None if value else None


def count_found(row: Enrichment, people: Iterable[Mapping[str, Any]]) -> None:
    """Add matched rows that are being settled to the counts of the list, which its caller has locked. Nobody has to
    look at 50,000 stored rows for it afterwards."""
    before = (row.sample or {}).get(_KEPT_AS) or {}
    counted = {name: int(before.get(name, 0)) for name in COUNTED}
    for found in people:
        for name, columns in COUNTED.items():
            for column in columns:
                if column in found:
                    counted[name] += 1
                    break
    row.sample = {**(row.sample or {}), _KEPT_AS: counted}


def counts_view(row: Enrichment) -> tuple[FoundCount, ...] | None:
    """How many matched rows have which fact; None before a run has ended, and where they were never counted."""
    counted = (row.sample or {}).get(_KEPT_AS)
    if row.finished_at is None or (counted is None and row.matched_count):
        return None
    return tuple(FoundCount(field=name, found=(counted or {}).get(name, 0)) for name in COUNTED)
