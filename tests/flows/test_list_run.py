"""The run of a customer's list at the sandbox provider: what is matched is paid for, once, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from cursive_app.clock import now
from cursive_app.errors import Conflict, Forbidden, InsufficientCredits, Invalid, NotFound, RateLimited
from cursive_app.services import enrichment, jobs, notices
from cursive_app.services.accounts import Permission
from cursive_app.settings import settings
from db.models.accounts import Membership, User
from db.models.enrichment import Enrichment
from db.roles import Role
from db.system import system_scope
from tests.factories import Cast, make_member, make_user
from tests.factories_accounts import mails_to
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
    run_job_id,
    set_chunk_rows,
    start_run,
    step,
    step_sample,
    unknown_line,
    work_off,
)
from tests.factories_segments import lead_count
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
        if stored.outcome == "matched":
            assert line.record["email"] in given["BUSINESS_EMAIL"]
            assert given["FIRST_NAME"] == line.record["first_name"]


def do(tenant: Any, use_case: Any, *arguments: Any, **values: Any) -> Any:
    with tenant.begin() as scope:
        return use_case(scope, *arguments, **values)


@pytest.fixture(autouse=True)
def own_settings() -> Iterator[None]:
    """What a test sets ends with it."""
    yield
    settings.cache_clear()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of any size, in chunks of 20 rows."""
    set_chunk_rows(monkeypatch, 20, ENRICHMENT_MINIMUM_ROWS="1")


# The price


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
    assert 0 < after.low < after.high <= after.worst
    sent = [call for call in sandbox.calls() if call["method"] == "POST"]
    assert len(sent) == 1


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


# Starting


def test_who_may_start_what(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=5, unknown=5))
    reader = make_member(cast.workspace_id, make_user("Ray"), Role.READ_ONLY)
    for use_case in (enrichment.start_sample, lambda scope, id: enrichment.start(scope, id, revision=1)):
        with pytest.raises(Forbidden):
            do(reader, use_case, id)
    with pytest.raises(NotFound):
        do(cast.charlie, enrichment.quote, id, includes_owned=False)
    for use_case in (
        enrichment.start_sample,
        lambda scope, id: enrichment.start(scope, id, revision=1),
        enrichment.cancel,
        enrichment.resume,
        enrichment.rerun,
        enrichment.add_to_leads,
        enrichment.delete_files,
    ):
        with pytest.raises(NotFound):
            do(cast.charlie, use_case, id)
    with pytest.raises(NotFound):
        enrichment.output(cast.charlie, id)
    with pytest.raises(Conflict) as stale:
        start_run(cast.alice, id, revision=2)
    assert stale.value.reason == "stale_version"
    for values in ({"ceiling": "0.24"}, {"matching": "loose"}):
        with pytest.raises(Invalid):
            start_run(cast.alice, id, **values)
    assert balance_of(cast.alice) == (100, 0)
    assert list_row(id).status == "ready"


def test_a_key_that_may_not_look_at_credits_can_start(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 2)
    poor, fitting = (make_list(cast.alice, mixed_lines(sandbox.population, known=n, unknown=2)) for n in (9, 3))
    scopes = frozenset({Permission.RUN_ENRICHMENTS.value, Permission.VIEW_ENRICHMENTS.value})
    key = replace(cast.alice, scopes=scopes)
    quote = do(key, enrichment.quote, fitting, includes_owned=False)
    assert (quote.worst, quote.available, quote.shortfall) == (5 * PRICE, None, None)
    with pytest.raises(InsufficientCredits):
        start_run(key, poor)
    with pytest.raises(Forbidden):
        start_run(key, poor, spend_available=True)
    start_run(key, fitting)
    assert balance_of(cast.alice)[1] == 5 * PRICE


def test_two_start_clicks_hold_once(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=5, unknown=5))

    def click(_: int) -> str:
        try:
            return str(start_run(cast.alice, id).run_job_id)
        except Conflict as error:
            return error.reason

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(click, range(8)))
    assert sorted(answers)[1:] == ["started"] * 7
    assert balance_of(cast.alice) == (100 - 10 * PRICE, 10 * PRICE)
    work_off(id, sandbox.client())
    check(cast.alice, id)


def test_the_same_key_starts_once_and_answers_the_same(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=3, unknown=3))
    first = start_run(cast.alice, id, idempotency_key="click-1")
    again = start_run(cast.alice, id, idempotency_key="click-1")
    assert first.run_job_id == again.run_job_id
    with pytest.raises(Conflict):
        start_run(cast.alice, id, idempotency_key="click-2")
    assert balance_of(cast.alice)[1] == 6 * PRICE


@pytest.mark.parametrize(("matching", "matched"), [("balanced", 20), ("strict", 10)])
def test_strict_matching_wants_everything_to_agree(
    cast: Cast, sandbox: Sandbox, small: None, matching: str, matched: int
) -> None:
    fund(cast.workspace_id, 100)
    lines = [known_line(one) for one in known_people(sandbox.population, 20)]
    for number in range(0, 20, 2):  # married, say: the address is theirs, the family name another one
        record = lines[number].record | {"last_name": "Otherwise"}
        lines[number] = Line(lines[number].cells, record)
    id = make_list(cast.alice, lines)
    start_run(cast.alice, id, matching=matching)
    work_off(id, sandbox.client())
    check(cast.alice, id)
    assert list_row(id).matched_count == matched


# Within the credits


@pytest.mark.parametrize("ceiling", ["0.25", "3.00", "7.50"])
def test_a_ceiling_is_never_passed(cast: Cast, sandbox: Sandbox, small: None, ceiling: str) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=40, unknown=20))
    start_run(cast.alice, id, ceiling=ceiling)
    assert balance_of(cast.alice)[1] == Decimal(ceiling)
    ended = work_off(id, sandbox.client())
    check(cast.alice, id)
    assert (ended.status, ended.outcome) == ("completed", "ceiling")
    assert 0 < ended.credits_captured <= Decimal(ceiling)
    assert ended.credits_captured >= Decimal(ceiling) * Decimal("0.7"), "what the customer allowed is put to use"
    reasons = {row.reason for row in rows_of(id) if row.outcome == "skipped"}
    assert reasons == {"The ceiling of the run was reached"}


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
    fund(cast.workspace_id, 5)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=60, unknown=0))
    start_run(cast.alice, id, spend_available=True)
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
    id = make_list(cast.alice, [*by_mail, *by_link])
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


# Afterwards


def test_whoever_started_it_is_told_once(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=3, unknown=3))
    start_run(cast.bob, id)
    work_off(id, sandbox.client())
    notices_of_bob = do(cast.bob, notices.list_notices)
    assert [(one.title, one.link) for one in notices_of_bob.notices] == [
        ("“people.csv” is enriched", f"/enrichments/{id}")
    ]
    assert not do(cast.alice, notices.list_notices).notices
    assert enrichment.mail_end(run_job_id(id)) is True
    assert enrichment.mail_end(run_job_id(id)) is False
    with system_scope() as scope:
        email = scope.get(User, cast.bob.user_id or "").email
    [mail] = mails_to(email)
    assert (mail.kind, mail.subject) == ("enrichment_ended", "“people.csv” is enriched")
    assert f"/enrichments/{id}" in mail.text_body


def test_matched_rows_become_leads_once(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=30, unknown=10))
    with pytest.raises(Conflict):
        do(cast.alice, enrichment.add_to_leads, id)
    start_run(cast.alice, id)
    work_off(id, sandbox.client())
    job = do(cast.alice, enrichment.add_to_leads, id)
    assert do(cast.alice, enrichment.add_to_leads, id).id == job.id
    for _ in range(3):
        jobs.work(job.id, enrichment.take_leads)
    ended = do(cast.alice, jobs.get_job, job.id).job
    assert (ended.status, ended.processed) == ("completed", 30)
    assert lead_count(cast.alice) == 30
    rows = rows_of(id)
    assert all((row.lead_id is not None) == (row.outcome == "matched") for row in rows)
    assert len({row.lead_id for row in rows if row.lead_id}) == 30
    assert balance_of(cast.alice) == (100 - 30 * PRICE, 0), "the match was paid; the lead is free"


def test_unanswered_rows_run_again(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 100)
    lines = mixed_lines(sandbox.population, known=25, unknown=15)
    lines.append(Line(lines[0].cells, {}, "duplicate", duplicate_of=1))
    id = make_list(cast.alice, lines)
    start_run(cast.alice, id)
    lab = sandbox.client()
    sandbox.faults({"mode": "job_failed"})
    failed = work_off(id, lab)
    sandbox.faults()
    check(cast.alice, id)
    assert (failed.status, failed.error_count, failed.credits_captured) == ("failed", 40, 0)
    again = do(cast.alice, enrichment.rerun, id, outcomes=("error", "skipped"))
    assert (again.source, again.rerun_of, again.counts.total, again.status) == ("rerun", id, 40, "ready")
    start_run(cast.alice, again.id)
    work_off(again.id, lab)
    check(cast.alice, again.id)
    assert list_row(again.id).matched_count == 25
    assert [row.cells for row in rows_of(again.id)] == [list(line.cells) for line in lines[:40]]
    with pytest.raises(Conflict):
        do(cast.alice, enrichment.rerun, again.id, outcomes=("error",))
    with pytest.raises(Invalid):
        do(cast.alice, enrichment.rerun, again.id, outcomes=("matched",))
    check(cast.alice, id)


def test_files_are_deleted_and_the_receipt_stays(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=4, unknown=4))
    start_run(cast.alice, id)
    with pytest.raises(Conflict):
        do(cast.alice, enrichment.delete_files, id)
    work_off(id, sandbox.client())
    gone = do(cast.alice, enrichment.delete_files, id)
    assert gone.purged_at is not None
    assert (gone.matched, gone.credits_captured) == (4, PRICE * 4)
    assert not rows_of(id)
    assert not any(column.samples for column in gone.columns)
    assert do(cast.alice, enrichment.delete_files, id).purged_at == gone.purged_at
    for refused in (lambda: enrichment.output(cast.alice, id), lambda: do(cast.alice, enrichment.rerun, id)):
        with pytest.raises(Conflict):
            refused()


def test_the_clock_deletes_what_is_over(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 10)
    lines = mixed_lines(sandbox.population, known=50, unknown=0)
    kept, ready, paused, running = (make_list(cast.alice, lines) for _ in range(4))
    start_run(cast.alice, paused, spend_available=True, ceiling="2.50")
    with cast.alice.begin() as scope:
        scope.get(Enrichment, paused).ceiling = None  # so that there would be more to hold
    lab = sandbox.client()
    assert work_off(paused, lab).status == "paused"
    start_run(cast.alice, running, ceiling="2.50")
    for id in (ready, paused, running):
        with system_scope() as scope:
            scope.get(Enrichment, id).expires_at = now() - timedelta(seconds=1)
    enrichment.purge_expired()
    assert [bool(rows_of(id)) for id in (kept, ready, paused, running)] == [True, False, True, True]
    step(paused, lab)
    check(cast.alice, paused)
    assert list_row(paused).status == "cancelled"
    work_off(running, lab)
    enrichment.purge_expired()
    assert [bool(rows_of(id)) for id in (kept, ready, paused, running)] == [True, False, False, False]
    assert list_row(running).credits_captured > 0
