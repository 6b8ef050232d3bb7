"""The run of a customer's list at the sandbox provider: what is matched is paid for, once, and nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from cursive_app.errors import Conflict, InsufficientCredits
from cursive_app.services import enrichment, notices
from cursive_app.services.enrichment import running
from db.models.accounts import Membership
from db.system import system_scope
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import (
    COLUMNS,
    Line,
    check,
    chunks_of,
    known_line,
    known_people,
    list_row,
    make_list,
    mixed_lines,
    read_csv,
    rows_of,
    set_chunk_rows,
    start_mixed,
    start_run,
    step,
    work_off,
)
from tests.flows.use_cases import do
from tests.sandbox_fixtures import Sandbox

PRICE = Decimal("0.25")


def test_matched_rows_are_paid_and_nothing_else(cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    set_chunk_rows(monkeypatch, 50)
    fund(cast.workspace_id, 100)
    lines = mixed_lines(sandbox.population, known=90, unknown=60)
    lines.insert(3, Line(("dana@@", "D", "T", ""), {}, "invalid", ({"level": "error", "message": "No address"},)))
    lines.insert(7, Line(lines[0].cells, {}, "duplicate", duplicate_of=1))
    lines.append(Line(("own@acme.example", "O", "W", ""), {"email": "own@acme.example"}, "owned"))
    id = make_list(cast.alice, lines)
    with cast.alice.begin() as scope:
        quote = enrichment.quote(scope, id, includes_owned=False)
    assert (quote.rows, quote.worst, quote.why_not) == (150, 150 * PRICE, None)
    started = start_run(cast.alice, id)
    assert started.status == "queued"
    assert balance_of(cast.alice) == (100 - 150 * PRICE, 150 * PRICE)
    ended = work_off(id, sandbox.client())
    check(cast.alice, id)
    assert (ended.status, ended.outcome) == ("completed", "matched"), ended.message
    assert (ended.matched_count, ended.no_match_count, ended.skipped_count, ended.error_count) == (90, 60, 3, 0)
    assert balance_of(cast.alice) == (100 - 90 * PRICE, 0)
    assert [chunk.row_count for chunk in chunks_of(id)] == [50, 50, 50]
    rows = rows_of(id)
    assert [rows[3].reason, rows[7].reason, rows[-1].reason] == [
        "No address", "Duplicate of row 1", "Already in your leads",
    ]  # fmt: skip
    downloaded = read_csv(cast.alice, id)
    assert len(downloaded) == len(lines)
    for line, given, stored in zip(lines, downloaded, rows, strict=True):
        assert tuple(given[name] for name in COLUMNS) == line.cells
        assert given["cursive_outcome"] == stored.outcome
        answered = stored.outcome in ("matched", "no_match")
        assert given["cursive_source"] == ("provider" if answered else "")
        assert bool(given["cursive_fetched_at"]) is answered
        if stored.outcome == "matched":
            assert line.record["email"] in given["BUSINESS_EMAIL"]
            assert given["FIRST_NAME"] == line.record["first_name"]


def test_a_batch_that_was_settled_is_left_as_it_is(
    cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last fence of three: also a worker that still has its claim settles a batch once, without an error."""
    set_chunk_rows(monkeypatch, 60)
    id = start_mixed(cast.alice, sandbox.population, known=90, unknown=20)
    settle, answers = running.settle, []

    def twice(*given: Any, **named: Any) -> bool:
        answers.extend(settle(*given, **named) for _ in range(2))
        return answers[-2]

    monkeypatch.setattr(running, "settle", twice)
    ended = work_off(id, sandbox.client())
    check(cast.alice, id)
    assert answers == [True, False] * 2
    assert (ended.status, ended.matched_count, balance_of(cast.alice)) == ("completed", 90, (100 - 90 * PRICE, 0))


@pytest.mark.parametrize(("matching", "matched"), [("balanced", 20), ("strict", 10)])
def test_strict_matching_wants_everything_to_agree(
    cast: Cast, sandbox: Sandbox, small: None, matching: str, matched: int
) -> None:
    fund(cast.workspace_id, 100)
    lines = [known_line(one) for one in known_people(sandbox.population, 20)]
    for number in range(0, 20, 2):  # married, say: the address is theirs, the family name another one
        address, first, _, note = lines[number].cells
        lines[number] = Line((address, first, "Otherwise", note), lines[number].record | {"last_name": "Otherwise"})
    id = make_list(cast.alice, lines)
    start_run(cast.alice, id, matching=matching)
    work_off(id, sandbox.client())
    check(cast.alice, id)
    assert list_row(id).matched_count == matched


@pytest.mark.parametrize("ceiling", ["0.25", "3.00", "7.50"])
def test_a_ceiling_is_never_passed(cast: Cast, sandbox: Sandbox, small: None, ceiling: str) -> None:
    id = start_mixed(cast.alice, sandbox.population, known=40, unknown=20, ceiling=ceiling)
    assert balance_of(cast.alice)[1] == Decimal(ceiling)
    ended = work_off(id, sandbox.client())
    check(cast.alice, id)
    assert (ended.status, ended.outcome) == ("completed", "ceiling")
    assert ended.credits_captured == Decimal(ceiling), "what the customer allowed is put to use"
    assert "went back" not in ended.message
    reasons = {row.reason for row in rows_of(id) if row.outcome == "skipped"}
    assert reasons == {"The ceiling of the run was reached"}


def test_a_large_ceiling_is_spent_but_for_a_fiftieth_and_the_rest_is_told(
    cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_chunk_rows(monkeypatch, 400)
    id = start_mixed(cast.alice, sandbox.population, known=500, unknown=490, credits=200, ceiling="100.00")
    ended = work_off(id, sandbox.client())
    check(cast.alice, id)
    rest = 100 - ended.credits_captured
    assert 0 <= rest <= 2, "8 rows of 400"
    assert (f"{rest:,.2f} credits of it were too few for another batch and went back." in ended.message) == (rest > 0)
    assert len(chunks_of(id)) < 15


def test_out_of_credits_pauses_and_resumes(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, "5.10")
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=60, unknown=0))
    with pytest.raises(InsufficientCredits) as refused:
        start_run(cast.alice, id)
    assert (refused.value.needed, refused.value.available) == (15, Decimal("5.10"))
    assert list_row(id).status == "ready"
    start_run(cast.alice, id, spend_available=True)
    assert balance_of(cast.alice) == (Decimal("0.10"), 5), "whole rows are held"
    lab = sandbox.client()
    paused = work_off(id, lab)
    check(cast.alice, id)
    assert (paused.status, paused.outcome) == ("paused", None)
    assert paused.message == "Out of credits: top up and resume the remaining 40 rows."
    assert (paused.matched_count, balance_of(cast.alice)) == (20, (Decimal("0.10"), 0))
    [notice] = do(cast.alice, notices.list_notices).notices
    assert (notice.title, notice.body) == ("“people.csv” is paused", paused.message)
    with pytest.raises(InsufficientCredits):
        do(cast.alice, enrichment.resume, id)
    assert list_row(id).status == "paused"
    fund(cast.workspace_id, 20)
    resumed = do(cast.alice, enrichment.resume, id)
    assert (resumed.status, balance_of(cast.alice)[1]) == ("queued", 10)
    ended = work_off(id, lab)
    check(cast.alice, id)
    assert (ended.status, ended.matched_count) == ("completed", 60)
    assert balance_of(cast.alice) == (Decimal("10.10"), 0)
    with pytest.raises(Conflict):
        do(cast.alice, enrichment.resume, id)


def test_a_paused_run_can_be_canceled(cast: Cast, sandbox: Sandbox, small: None) -> None:
    id = start_mixed(cast.alice, sandbox.population, known=60, unknown=0, credits=5, spend_available=True)
    lab = sandbox.client()
    assert work_off(id, lab).status == "paused"
    do(cast.alice, enrichment.cancel, id)
    step(id, lab)
    check(cast.alice, id)
    ended = list_row(id)
    assert (ended.status, ended.matched_count, ended.skipped_count) == ("cancelled", 20, 40)


def test_one_person_in_two_rows_is_charged_once(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 100)
    people = [one for one in known_people(sandbox.population, 200) if one["LINKEDIN_URL"]][:25]
    by_mail = [known_line(one) for one in people]
    by_link = [
        Line(("", one["FIRST_NAME"], one["LAST_NAME"], one["LINKEDIN_URL"]), {"linkedin_url": one["LINKEDIN_URL"]})
        for one in people
    ]
    id = make_list(cast.alice, [*by_mail, *by_link], mapping={"0": "email", "3": "linkedin_url"})
    start_run(cast.alice, id)
    ended = work_off(id, sandbox.client())
    check(cast.alice, id)
    assert (ended.matched_count, ended.credits_captured) == (50, 25 * PRICE)
    rows = rows_of(id)
    shared = [row for row in rows if not row.charged]
    assert len(shared) == 25
    for row in shared:
        other = int((row.reason or "").split("row ")[1].split(";")[0])
        assert rows[other - 1].person == row.person
        assert rows[other - 1].charged


def test_access_taken_away_stops_the_run(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=60, unknown=30))
    start_run(cast.bob, id)
    lab = sandbox.client()
    sandbox.faults({"mode": "job_unknown"})
    step(id, lab)
    with system_scope() as scope:
        scope.session.execute(update(Membership).where(Membership.user_id == cast.bob.user_id).values(role="read_only"))
    step(id, lab)
    ended = list_row(id)
    check(cast.alice, id)
    assert (ended.status, ended.outcome) == ("failed", "access_lost")
    assert balance_of(cast.alice)[1] == 0
