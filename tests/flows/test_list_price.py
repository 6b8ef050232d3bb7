"""What a customer's list would cost: the quote, the free dry run that narrows it, and lists that cannot be run."""

from __future__ import annotations

from decimal import Decimal
from math import ceil, floor

import pytest

from cursive_app.errors import Conflict, Invalid, RateLimited
from cursive_app.services import enrichment
from db.models.enrichment import Enrichment
from state.enrichment_figures import quote_card
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import (
    Line,
    known_line,
    known_people,
    list_row,
    make_list,
    mixed_lines,
    rows_of,
    set_chunk_rows,
    start_run,
    step_sample,
    unknown_line,
)
from tests.flows.use_cases import do
from tests.sandbox_fixtures import Sandbox

PRICE = Decimal("0.25")


def test_the_quote_says_range_and_worst_case(cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 10)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=75, unknown=45))
    before = do(cast.alice, enrichment.quote, id, includes_owned=False)
    assert (before.low, before.high, before.expected_matches) == (None, None, None), (
        "no sample is not a range from zero"
    )
    assert (before.worst, before.available, before.shortfall) == (Decimal("30.00"), Decimal(10), Decimal("20.00"))
    assert do(cast.alice, enrichment.quote, id, includes_owned=False, ceiling="8").shortfall == 0
    started = do(cast.alice, enrichment.start_sample, id)
    assert (started.sample.status, started.sample.size, started.sample.matched) == ("running", 50, None)
    lab = sandbox.client()
    for _ in range(20):
        step_sample(id, lab)
        if (list_row(id).sample or {})["status"] == "done":
            break
    seen = do(cast.alice, enrichment.start_sample, id)
    assert seen.sample_job_id == started.sample_job_id, "a sample of this revision is not bought twice"
    matched = seen.sample.matched
    assert matched.of == 50
    assert matched.low <= 75 / 120 <= matched.high
    assert {one.field: one.found for one in seen.sample.fields}["email"] == matched.found
    assert balance_of(cast.alice) == (10, 0), "a dry run is free"
    assert all(row.found is None and row.outcome is None for row in rows_of(id)), "nothing of it can be read"
    after = do(cast.alice, enrichment.quote, id, includes_owned=False)
    assert after.expected_matches[0] <= 75 <= after.expected_matches[1]
    assert after.expected_matches == (floor(matched.low * 120), ceil(matched.high * 120)), (
        "no narrower than the interval"
    )
    assert 0 < after.low < after.high <= after.worst
    assert after.payable_matches == after.rows == 120
    capped = do(cast.alice, enrichment.quote, id, includes_owned=False, ceiling="5.10")
    assert capped.payable_matches == 20, "5.10 pays for 20 rows at 0.25"
    assert capped.expected_matches == (20, 20), "no more matches are expected than can be paid"
    assert (capped.low, capped.high) == (5, 5)
    assert quote_card(capped, ceiling=Decimal("5.10")).likely == "5.00"
    assert (quote_card(after, ceiling=None).ends_at, quote_card(capped, ceiling=Decimal("5.10")).ends_at) == ("", "20")
    sent = [call for call in sandbox.calls() if call["method"] == "POST"]
    assert len(sent) == 1
    with cast.alice.begin() as scope:
        scope.get(Enrichment, id).revision += 1
    changed = do(cast.alice, enrichment.quote, id, includes_owned=False)
    assert (changed.low, changed.expected_matches) == (None, None), "a sample says nothing of the list once it changed"


def test_a_dry_run_speaks_of_its_own_matching_alone(cast: Cast, sandbox: Sandbox) -> None:
    lines = [known_line(one) for one in known_people(sandbox.population, 120)]
    for number in range(0, 120, 2):  # married, say: the address is theirs, the family name another one
        address, first, _, note = lines[number].cells
        lines[number] = Line((address, first, "Otherwise", note), lines[number].record | {"last_name": "Otherwise"})
    id = make_list(cast.alice, lines)
    lab = sandbox.client()

    def sampled(matching: str) -> int:
        do(cast.alice, enrichment.start_sample, id, matching=matching)
        for _ in range(20):
            step_sample(id, lab)
            if (list_row(id).sample or {})["status"] == "done":
                break
        seen = do(cast.alice, enrichment.get_enrichment, id).sample
        assert seen.matching == matching
        return seen.matched.found

    def expected(matching: str) -> object:
        return do(cast.alice, enrichment.quote, id, includes_owned=False, matching=matching).expected_matches

    assert sampled("balanced") == 50
    assert (expected("balanced") is None, expected("strict")) == (False, None)
    assert 10 < sampled("strict") < 40, "half of the rows say another name"
    assert expected("balanced") is None
    low, high = expected("strict")
    assert low <= 60 <= high < 120
    for refused in (
        enrichment.start_sample,
        lambda scope, id, **more: enrichment.quote(scope, id, includes_owned=False, **more),
    ):
        with pytest.raises(Invalid):
            do(cast.alice, refused, id, matching="fuzzy")


def test_dry_runs_are_limited(cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    set_chunk_rows(monkeypatch, 20, ENRICHMENT_SAMPLES_PER_DAY="2")
    lists = [make_list(cast.alice, [unknown_line(number)]) for number in range(3)]
    for id in lists[:2]:
        do(cast.alice, enrichment.start_sample, id)
    with pytest.raises(RateLimited) as refused:
        do(cast.alice, enrichment.start_sample, lists[2])
    assert 86_000 < refused.value.retry_after <= 86_401


def test_a_sample_of_an_earlier_state_is_not_counted(cast: Cast, sandbox: Sandbox) -> None:
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=60, unknown=60))
    do(cast.alice, enrichment.start_sample, id)
    with cast.alice.begin() as scope:
        scope.get(Enrichment, id).revision = 2
    step_sample(id, sandbox.client())
    assert do(cast.alice, enrichment.get_enrichment, id).sample is None
    assert not sandbox.calls(), "it ended without asking the provider"


def test_forty_rows_are_too_few_and_it_says_why(cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, [unknown_line(number) for number in range(40)])
    why = do(cast.alice, enrichment.quote, id, includes_owned=False).why_not
    assert why is not None
    assert "40 rows" in why
    assert "at least 100" in why
    with pytest.raises(Conflict) as refused:
        start_run(cast.alice, id)
    assert (refused.value.reason, refused.value.message) == ("not_ready", why)
    assert balance_of(cast.alice) == (100, 0)


def test_a_list_that_names_nobody_costs_nothing(cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    lines = [Line((f"Company {number}",), {}, "invalid") for number in range(150)]
    id = make_list(cast.alice, lines, columns=["Name"], mapping={"0": "company_name"})
    quote = do(cast.alice, enrichment.quote, id, includes_owned=False)
    assert quote.why_not.startswith("No column identifies a person: add an e-mail, phone, LinkedIn or name + company")
    for refused in (enrichment.start_sample, lambda scope, id: enrichment.start(scope, id, revision=1)):
        with pytest.raises(Conflict):
            do(cast.alice, refused, id)
    assert balance_of(cast.alice) == (100, 0)


@pytest.mark.parametrize("fault", ["job_failed", "torn", "500"])
def test_a_sample_that_fails_can_be_taken_again(cast: Cast, sandbox: Sandbox, small: None, fault: str) -> None:
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=30, unknown=30))
    do(cast.alice, enrichment.start_sample, id)
    sandbox.faults({"mode": fault})
    lab = sandbox.client()
    for _ in range(12):
        step_sample(id, lab)
    sandbox.faults()
    seen = do(cast.alice, enrichment.get_enrichment, id)
    assert (seen.sample.status, seen.sample.matched) == ("failed", None)
    assert "free" in seen.sample.message
    assert do(cast.alice, enrichment.quote, id, includes_owned=False).low is None
    do(cast.alice, enrichment.start_sample, id)
    for _ in range(12):
        step_sample(id, lab)
    again = do(cast.alice, enrichment.get_enrichment, id).sample
    assert (again.status, again.matched.of) == ("done", 50)


def test_a_sample_can_be_stopped(cast: Cast, sandbox: Sandbox, small: None) -> None:
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=30, unknown=30))
    do(cast.alice, enrichment.start_sample, id)
    do(cast.alice, enrichment.cancel, id)
    step_sample(id, sandbox.client())
    assert do(cast.alice, enrichment.get_enrichment, id).sample.status == "failed"
    assert not sandbox.calls()
    with pytest.raises(Conflict):
        do(cast.alice, enrichment.cancel, id)
