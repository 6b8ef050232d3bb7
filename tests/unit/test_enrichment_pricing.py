"""What a run costs before it runs: exact amounts, honest intervals, whole rows."""

from __future__ import annotations

from decimal import Decimal

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cursive_app.errors import Invalid
from cursive_app.services.enrichment.pricing import (
    cost_of,
    identifies,
    rate,
    read_ceiling,
    whole_rows,
    wilson,
)

PRICE = Decimal("0.25")
_PRICES = st.decimals("0.01", "10", places=2)


@pytest.mark.parametrize(
    ("found", "of", "low", "high"),
    [(0, 50, 0.0, 0.0713), (25, 50, 0.3664, 0.6336), (50, 50, 0.9287, 1.0), (1, 1, 0.2065, 1.0), (0, 0, 0.0, 1.0)],
)
def test_the_interval_is_wilsons(found: int, of: int, low: float, high: float) -> None:
    assert wilson(found, of) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@hypothesis.settings(deadline=None)
@given(st.integers(0, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share_and_stays_within_0_and_1(seen: tuple[int, int]) -> None:
    found, of = seen
    one = rate("email", found=found, of=of)
    assert 0 <= one.low <= one.share <= one.high <= 1
    if 0 < found < of:
        assert one.low < one.share < one.high


@hypothesis.settings(deadline=None)
@given(st.integers(0, 10**6), _PRICES)
def test_costs_are_exact_and_whole_rows_are_their_inverse(rows: int, price: Decimal) -> None:
    cost = cost_of(rows, price)
    assert cost == rows * price
    assert cost.as_tuple().exponent == -2
    assert whole_rows(cost, price) == rows
    assert whole_rows(cost + price - Decimal("0.01"), price) == rows


@hypothesis.settings(deadline=None)
@given(st.decimals("0", "100000", places=2), _PRICES)
def test_whole_rows_never_cost_more_than_there_is(amount: Decimal, price: Decimal) -> None:
    rows = whole_rows(amount, price)
    assert cost_of(rows, price) <= amount < cost_of(rows + 1, price)


@pytest.mark.parametrize("typed", ["0.24", "0", "-5", "1e309", "NaN", "0,10", "$5", "0.005", "five", Decimal("0.01")])
def test_a_ceiling_must_be_an_amount_that_allows_for_one_row(typed: str | Decimal) -> None:
    with pytest.raises(Invalid) as refused:
        read_ceiling(typed, price=PRICE)
    assert set(refused.value.fields) == {"ceiling"}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [(None, None), ("", None), (" ", None), ("0.25", PRICE), (" 12.5 ", Decimal("12.50"))],
)
def test_a_ceiling_is_read_exactly(typed: str | None, expected: Decimal | None) -> None:
    assert read_ceiling(typed, price=PRICE) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["email"], True), (["phone"], True), (["linkedin_url"], True), (["up_id"], True), (["email_sha256"], True),
        (["full_name", "company_domain"], True), (["first_name", "last_name", "company_domain"], True),
        (["first_name", "last_name", "company_name"], False), (["last_name", "company_domain"], False),
        (["company_name", "industry", "city"], False), ([], False),
    ],
)  # fmt: skip
def test_which_columns_name_a_person(fields: list[str], expected: bool) -> None:
    assert identifies({str(position): field for position, field in enumerate(fields)}) is expected
