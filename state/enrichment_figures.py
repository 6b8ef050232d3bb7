"""What the dry run and the price say, as the pages show them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from cursive_app.services.enrichment.views import Quote, Rate, SampleView
from state.session import credits_text
from state.times import ago, exact


@dataclass(frozen=True)
class RateLine:
    """A share seen in the sample with its interval; the numbers are percent, for drawing."""

    label: str = ""
    share: str = ""
    seen: str = ""
    interval: str = ""
    low: int = 0
    width: int = 0
    at: int = 0


@dataclass(frozen=True)
class SampleCard:
    """The free dry run; `status` is empty when there was none."""

    status: str = ""
    matching: str = ""
    headline: str = ""
    message: str = ""
    when: str = ""
    when_exact: str = ""
    matched: RateLine = field(default_factory=RateLine)
    rates: list[RateLine] = field(default_factory=list)


@dataclass(frozen=True)
class QuoteCard:
    """What a run would cost; amounts are credits as text."""

    rows: str = ""
    price: str = ""
    matches: str = ""
    ends_at: str = ""  # the matched rows at which the ceiling ends the run; empty when it pays for all
    likely: str = ""
    worst: str = ""
    most: str = ""  # what is held at start: the worst case, or the ceiling when that is less
    available: str = ""
    shortfall: str = ""
    affordable_rows: str = ""
    affordable: str = ""  # what is held when the run starts with what is there
    why_not: str = ""
    missing_rows: str = ""
    minimum: str = ""


def sample_card(sample: SampleView | None, timezone: str) -> SampleCard:
    """The dry run in words."""
    if sample is None:
        return SampleCard()
    matched = rate_line(sample.matched) if sample.matched is not None else RateLine()
    found = f"{matched.share} of {sample.size:,} random rows were found with {sample.matching} matching"
    headline = found if sample.matched is not None else ""
    return SampleCard(
        status=sample.status,
        matching=sample.matching,
        headline=headline,
        message=sample.message or "",
        when=ago(sample.at) if sample.at else "",
        when_exact=exact(sample.at, timezone) if sample.at else "",
        matched=matched,
        rates=[rate_line(rate) for rate in sample.fields],
    )


def rate_line(rate: Rate) -> RateLine:
    low, high = round(rate.low * 100), round(rate.high * 100)
    return RateLine(
        label=RATE_WORDS.get(rate.field, rate.field.replace("_", " ").capitalize()),
        share=f"{rate.share:.0%}",
        seen=f"{rate.found:,} of {rate.of:,}",
        interval=f"{low}–{high}%",
        low=low,
        width=max(high - low, 1),
        at=round(rate.share * 100),
    )


RATE_WORDS = {"email": "E-mail", "mobile": "Mobile phone", "matched": "Any match"}


def quote_card(quote: Quote, *, ceiling: Decimal | None) -> QuoteCard:
    """The price in words. `ceiling` is what the customer typed."""
    most = quote.worst if ceiling is None else min(quote.worst, ceiling)
    likely = ""
    if quote.low is not None and quote.high is not None:
        likely = _range(f"{quote.low:,.2f}", f"{quote.high:,.2f}")
    missing = quote.minimum_rows - quote.rows
    affordable = int((quote.available or Decimal(0)) // quote.price) if quote.price > 0 else 0
    return QuoteCard(
        rows=f"{quote.rows:,}",
        price=credits_text(quote.price),
        matches=_range(*(f"{count:,}" for count in quote.expected_matches)) if quote.expected_matches else "",
        ends_at=f"{quote.payable_matches:,}" if quote.payable_matches < quote.rows else "",
        likely=likely,
        worst=credits_text(quote.worst),
        most=credits_text(most),
        available=credits_text(quote.available),
        shortfall=credits_text(quote.shortfall) if quote.shortfall else "",
        affordable_rows=f"{affordable:,}" if quote.price > 0 else "",
        affordable=credits_text(affordable * quote.price),
        why_not=quote.why_not or "",
        missing_rows=f"{missing:,}" if missing > 0 else "",
        minimum=f"{quote.minimum_rows:,}",
    )


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
