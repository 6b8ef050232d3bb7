"""What a run costs, before it runs (ENR-07, ENR-08). Credits are exact decimals; only matched rows are paid for.

The sample says how often rows are matched; its 95% Wilson interval makes the range of the quote. The worst case is
every row that is sent, or the ceiling when one was typed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from typing import Any
from uuid import UUID

from cursive_app.errors import Invalid
from cursive_app.services import accounts, credits
from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.views import Quote, Rate
from cursive_app.settings import settings
from db.models.enrichment import Enrichment
from db.scope import Scope

MATCHING = ("balanced", "strict")
CENT = Decimal("0.01")
DELETED = "The file and its rows have been deleted. Upload the list again to enrich it."
Z95 = 1.959963984540054  # the normal distribution's 97.5% point


def quote(
    scope: Scope,
    id: UUID | str,
    *,
    includes_owned: bool,
    ceiling: Decimal | str | None = None,
    matching: str = "balanced",
) -> Quote:
    """What a run of the list as it stands would cost. What is expected follows from a dry run with the same matching.
    Raises Invalid (ceiling, matching), NotFound, Forbidden."""
    require(scope, Permission.VIEW_ENRICHMENTS)
    check_matching(matching)
    row = scope.get(Enrichment, id)
    price = settings().enrichment_price
    limit = read_ceiling(ceiling, price=price)
    rows = rows_to_send(row, includes_owned=includes_owned)
    worst = cost_of(rows, price)
    needed = worst if limit is None else min(worst, limit)
    available = available_credits(scope)
    matched = _sampled_rate(row, matching)
    payable = rows if limit is None or price <= 0 else min(rows, whole_rows(limit, price))
    expected = tuple(min(count, payable) for count in _expected(matched, rows)) if matched else None
    return Quote(
        rows=rows,
        price=price,
        expected_matches=(expected[0], expected[1]) if expected else None,
        payable_matches=payable,
        low=cost_of(expected[0], price) if expected else None,
        high=cost_of(expected[1], price) if expected else None,
        worst=worst,
        available=available,
        shortfall=None if available is None else max(needed - available, Decimal(0)).quantize(CENT),
        minimum_rows=minimum_rows(row),
        why_not=why_not_start(row, rows=rows),
    )


def _expected(matched: Rate, rows: int) -> tuple[int, int]:
    """How many of these rows are matched, by the sample's interval."""
    return math.floor(matched.low * rows), math.ceil(matched.high * rows)


def rows_to_send(row: Enrichment, *, includes_owned: bool) -> int:
    """How many rows a run would send; 0 while the rows have not been checked."""
    return (row.valid_count or 0) + ((row.owned_count or 0) if includes_owned else 0)


def rows_answered(row: Enrichment) -> int:
    """How many rows of the run have their outcome."""
    return row.matched_count + row.no_match_count + row.error_count


def rows_unanswered(row: Enrichment) -> int:
    """How many rows of the run have no outcome yet, sent or not."""
    return rows_to_send(row, includes_owned=row.includes_owned) - rows_answered(row)


def minimum_rows(row: Enrichment) -> int:
    """The smallest run of this list. What is left of an earlier run may be of any size."""
    return 1 if row.source == "rerun" else settings().enrichment_minimum_rows


def why_not_start(row: Enrichment, *, rows: int) -> str | None:
    """Why a run of `rows` rows of this list cannot be started, in words that say what to do; None when it can."""
    if row.purged_at is not None:
        return DELETED
    if row.status == "refused":
        return row.refusal_message or "This file cannot be read."
    if row.status in ("received", "reading"):
        return "The file is still being read and checked."
    if row.status != "ready":
        return "This list has been started already."
    if not (row.valid_count or row.owned_count):
        return _why_nobody(row)
    least = minimum_rows(row)
    return None if rows >= least else _why_too_few(row, rows=rows, least=least)


def _why_nobody(row: Enrichment) -> str:
    if not identifies(row.mapping):
        return "No column identifies a person: add an e-mail, phone, LinkedIn or name + company domain."
    return "No row can be looked up: each is invalid or repeats another one. The problems say what to fix."


def identifies(mapping: dict[str, Any]) -> bool:
    """Whether the mapped columns can name a person at all."""
    fields = set(mapping.values())
    alone = {
        "email", "personal_email", "business_email", "email_sha256", "sha256_personal_email", "phone", "linkedin_url",
        "up_id",
    }  # fmt: skip
    named = "full_name" in fields or {"first_name", "last_name"} <= fields
    return bool(fields & alone) or (named and "company_domain" in fields)


def _why_too_few(row: Enrichment, *, rows: int, least: int) -> str:
    missing = least - rows
    owned = row.owned_count or 0
    hint = f" Including the {owned:,} you already own would be enough." if rows < least <= rows + owned else ""
    return (
        f"{rows:,} {'row' if rows == 1 else 'rows'} can be looked up and a run needs at least {least:,}: the data "
        f"provider works on whole lists.{hint} Add {missing:,} more {'row' if missing == 1 else 'rows'}, fix the "
        "invalid ones, or find new people like these with a segment."
    )


def read_ceiling(ceiling: Decimal | str | int | None, *, price: Decimal) -> Decimal | None:
    """The most a run may cost, as typed. Raises Invalid for what is no amount, and below the price of one row."""
    if ceiling is None or (isinstance(ceiling, str) and not ceiling.strip()):
        return None
    amount = credits.exact(ceiling.strip() if isinstance(ceiling, str) else ceiling, field="ceiling")
    if amount < price:
        raise Invalid(
            fields={"ceiling": f"One matched row costs {price:,.2f} credits; the ceiling must allow for one."}
        )
    return amount


def cost_of(rows: int, price: Decimal) -> Decimal:
    return (rows * price).quantize(CENT)


def whole_rows(amount: Decimal, price: Decimal) -> int:
    """How many rows an amount pays for. Free rows have no limit, which the caller sees by a price of 0."""
    if price <= 0:
        raise ValueError("free rows are not counted by credits")
    return max(int((amount / price).to_integral_value(ROUND_FLOOR)), 0)


def available_credits(scope: Scope) -> Decimal | None:
    """The balance; None for an API key that may start runs but not look at credits."""
    return credits.balance(scope).available if accounts.allows(scope.tenant, Permission.VIEW_CREDITS) else None


def rate(field: str, *, found: int, of: int) -> Rate:
    """A share with its 95% Wilson interval; 0 of 0 is unknown: the interval from 0 to 1."""
    low, high = wilson(found, of)
    return Rate(field=field, found=found, of=of, share=found / of if of else 0.0, low=low, high=high)


def wilson(found: int, of: int) -> tuple[float, float]:
    """The 95% interval of a share that was seen `found` times in `of`; always within 0 and 1 and around the share."""
    if of <= 0:
        return 0.0, 1.0
    share, square = found / of, Z95 * Z95
    center = (share + square / (2 * of)) / (1 + square / of)
    half = Z95 * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return min(max(center - half, 0.0), share), max(min(center + half, 1.0), share)


def check_matching(matching: str) -> None:
    """Raises Invalid for a matching that there is not."""
    if matching not in MATCHING:
        raise Invalid(fields={"matching": "Choose balanced or strict."})


def sampled_matching(sample: Mapping[str, Any]) -> str:
    """The matching a dry run was made with; those before there was a choice were balanced."""
    return sample.get("matching") or "balanced"


def _sampled_rate(row: Enrichment, matching: str) -> Rate | None:
    """The share of matched rows in the sample of the list as it stands now, if it was matched in this way."""
    sample = row.sample or {}
    matched = sample.get("matched")
    if sample.get("status") != "done" or sample.get("revision") != row.revision or not matched:
        return None
    if sampled_matching(sample) != matching:
        return None
    return Rate(**matched)
