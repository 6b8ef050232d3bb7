"""After the run of a customer's list: who is told, what becomes of its rows, and when its files go."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from cursive_app.clock import now
from cursive_app.errors import Conflict, Invalid
from cursive_app.services import enrichment, jobs, notices
from db.models.accounts import User
from db.models.enrichment import Enrichment
from db.system import system_scope
from tests.factories import Cast
from tests.factories_accounts import mails_to
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import (
    Line,
    check,
    list_row,
    make_list,
    mixed_lines,
    rows_of,
    run_job_id,
    start_mixed,
    start_run,
    step,
    work_off,
)
from tests.factories_segments import lead_count
from tests.flows.use_cases import do
from tests.sandbox_fixtures import Sandbox

PRICE = Decimal("0.25")


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
    assert enrichment.mail_run(run_job_id(id)) is True
    assert enrichment.mail_run(run_job_id(id)) is False
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
    first, second = list_row(id).run_job_id, list_row(again.id).run_job_id
    assert first is not None
    assert second is not None
    for one, other in ((first, (second, "rerun")), (second, (first, "origin"))):
        assert [(it.job.id, it.relation) for it in do(cast.alice, jobs.get_job, one).related] == [other]
    assert [row.cells for row in rows_of(again.id)] == [list(line.cells) for line in lines[:40]]
    with pytest.raises(Conflict):
        do(cast.alice, enrichment.rerun, again.id, outcomes=("error",))
    with pytest.raises(Invalid):
        do(cast.alice, enrichment.rerun, again.id, outcomes=("matched",))
    check(cast.alice, id)


def test_files_are_deleted_and_the_receipt_stays(cast: Cast, sandbox: Sandbox, small: None) -> None:
    id = start_mixed(cast.alice, sandbox.population, known=4, unknown=4)
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
