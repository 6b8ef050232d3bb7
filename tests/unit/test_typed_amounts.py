"""Credits and leads as people type them into the boxes that limit what a run may spend."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cursive_app.errors import Invalid
from state.segment_limits import amount, whole


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", None), ("  ", None), ("20", "20"), (" 12.50 ", "12.50"), ("1,250", "1250"), ("1,250.5", "1250.5"),
        ("1,000,000", "1000000"), ("20,5", "20.5"), ("0,25", "0.25"), ("1250,50", "1250.50"),
    ],
)  # fmt: skip
def test_a_comma_groups_thousands_or_is_a_decimal_mark_and_never_makes_it_ten_times_as_much(
    typed: str, meant: str | None
) -> None:
    assert amount(typed) == (Decimal(meant) if meant else None)


@pytest.mark.parametrize("typed", ["1,2,3", ",5", "5,", "12,3456", "1,25,000", "1.234,56", "2,5,", "ten", "5 0"])
def test_what_could_mean_two_amounts_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        amount(typed)
    assert "12.50" in refused.value.fields["ceiling"]


@pytest.mark.parametrize(("typed", "meant"), [("", None), ("250", 250), ("1,250", 1250)])
def test_leads_are_whole_numbers(typed: str, meant: int | None) -> None:
    assert whole(typed) == meant


@pytest.mark.parametrize("typed", ["2,5", "1,25", "2.5", "-3", "1,2500", "1e3", "1,250.0"])
def test_leads_with_a_fraction_are_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        whole(typed)
