"""Retry, cancel and delete by staff: one, chosen, all matching; what is refused, what is written down (JOB-05, 06)."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from importlib import import_module
from uuid import uuid4

import pytest
from sqlalchemy import Uuid

from cursive_app.errors import Conflict, Invalid, NotFound
from cursive_app.services import credits, jobs
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import Again, JobSearch, RetryRule, Selection
from db.base import Base
from db.engine import Database
from db.models.enrichment import Enrichment
from db.models.segments import SegmentRun
from db.system import system_scope
from state.job_rows import KINDS
from tests.factories import Cast
from tests.factories_admin import (
    ANY_SIZE,
    actions_of,
    attempts_of,
    done_job,
    failing_job,
    of,
    retryable_kind,
    staff,
    trail_of,
)
from tests.factories_credits import fund
from tests.factories_enrichment import make_list
from tests.factories_jobs import forget_tasks, job_row, make_job, messages, waiting_tasks
from tests.factories_segments import make_segment, start


@pytest.fixture
def kind() -> str:
    """A kind of work that can be taken up again, and whose argument `size` may be changed."""
    return retryable_kind(size=ANY_SIZE)


def test_a_failed_job_goes_on_where_it_stopped(cast: Cast, kind: str) -> None:
    actor = staff("operate")
    job = failing_job(cast.alice, kind=kind, idempotency_key="once", arguments={"size": 3})
    forget_tasks(job.id)
    row = admin.act(actor, "retry", job.id)
    assert (row.status, row.attempts, row.error_code, row.why_no_retry) == (
        "pending", 0, None, "Only a failed job can be retried.",
    )  # fmt: skip
    assert waiting_tasks(job.id) == [f"job:{job.id}"]
    after = job_row(job.id)
    assert (after.idempotency_key, after.arguments, after.finished_at) == ("once", {"size": 3}, None)
    assert after.started_at is None, "how long it takes begins anew"
    assert "Started again by Cursive support" in messages(job.id)
    assert "By Sam" in [line.internal for line in admin.get_job(actor, job.id).timeline]
    assert "By Sam" not in [line.internal for line in admin.get_job(staff("read_only"), job.id).timeline]
    claimed = jobs.claim(job.id)
    assert claimed is not None
    assert [one.number for one in attempts_of(job.id)] == [1, 2]
    (written,) = actions_of(actor)
    assert (written.action, written.object_id) == ("job.retry", str(job.id))
    (entry,) = trail_of(cast.alice, job.id)
    assert (entry.action, entry.actor_label, entry.actor_user_id) == ("job.retry", "Cursive support", None)


def test_what_cannot_be_retried_says_why(cast: Cast) -> None:
    actor = staff("operate")
    with pytest.raises(Conflict, match="cannot be taken up again"):
        admin.act(actor, "retry", failing_job(cast.alice, kind="odd").id)
    with pytest.raises(Conflict, match="Only a failed job"):
        admin.act(actor, "retry", done_job(cast.alice).id)
    with pytest.raises(NotFound):
        admin.act(actor, "cancel", uuid4())
    written = actions_of(actor)
    assert [one.action for one in written] == ["refused.job.retry", "refused.job.retry", "refused.job.cancel"]
    assert written[1].details["reason"] == "Only a failed job can be retried."


def test_edited_arguments_are_for_the_highest_role_checked_and_audited(cast: Cast, kind: str) -> None:
    actor = staff("all")
    job = failing_job(cast.alice, kind=kind, arguments={"size": 3, "file": "a"})
    for wrong in ({}, {"file": "b"}, {"size": 0}, {"size": 1, "new": 1}):
        with pytest.raises(Invalid):
            admin.retry_edited(actor, job.id, arguments=wrong)
    assert job_row(job.id).arguments == {"size": 3, "file": "a"}
    assert [one.edit is not None for one in admin.get_job(actor, job.id).arguments if one.name == "size"] == [True]
    assert admin.retry_edited(actor, job.id, arguments={"size": 9}).status == "pending"
    assert job_row(job.id).arguments == {"size": 9, "file": "a"}
    assert [one.action for one in actions_of(actor)] == ["refused.job.retry_edited"] * 4 + ["job.retry_edited"]
    assert actions_of(actor)[-1].details["changed"] == {"size": {"from": 3, "to": 9}}


def test_all_matching_after_a_dry_run(cast: Cast, kind: str) -> None:
    actor = staff("operate")
    failed = [failing_job(cast.alice, kind=kind) for _ in range(3)]
    odd = failing_job(cast.alice, kind="odd")
    chosen = Selection(query=of(cast.alice, "state:failed"))
    dry = admin.plan(actor, "retry", chosen)
    assert (dry.matching, dry.possible, dry.workspaces) == (4, 3, 1)
    assert [one.count for one in dry.refused] == [1]
    assert {job_row(job.id).status for job in failed} == {"failed"}  # a dry run changes nothing
    done = admin.apply(actor, dry)
    assert done.done == 3
    assert {job_row(job.id).status for job in failed} == {"pending"}
    assert job_row(odd.id).status == "failed"
    assert [one.action for one in actions_of(actor)] == ["job.retry"] * 3 + ["jobs.retry"]
    assert actions_of(actor)[-1].details["done"] == 3


def test_an_action_on_chosen_jobs_reports_those_that_are_gone(cast: Cast) -> None:
    actor = staff("operate")
    waiting, ended = make_job(cast.alice), done_job(cast.charlie)
    dry = admin.plan(actor, "cancel", Selection(ids=(waiting.id, ended.id, uuid4())))
    assert (dry.matching, dry.possible) == (2, 1)
    assert {one.reason for one in dry.refused} == {"It has already ended.", "It is not there any more."}
    assert admin.apply(actor, dry).done == 1
    assert job_row(waiting.id).cancel_requested_at is not None
    assert job_row(ended.id).cancel_requested_at is None


def test_too_many_at_once_are_refused(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("cursive_app.services.jobs.admin.actions"), "MOST_AT_ONCE", 2)
    for _ in range(3):
        make_job(cast.alice)
    with pytest.raises(Invalid, match="More than 2"):
        admin.plan(staff(), "cancel", Selection(query=of(cast.alice)))


def test_a_cancel_by_staff_is_seen_by_the_customer(cast: Cast) -> None:
    job = make_job(cast.alice)
    forget_tasks(job.id)
    assert admin.act(staff("operate"), "cancel", job.id).cancel_requested
    assert waiting_tasks(job.id) == [f"job:{job.id}:cancel"]
    with cast.alice.begin() as scope:
        seen = jobs.get_job(scope, job.id)
    assert "Stop requested by Cursive support" in [line.message for line in seen.events]


def test_delete_is_for_ended_jobs_without_credits(cast: Cast) -> None:
    actor = staff("all")
    fund(cast.workspace_id, 10)
    paid, plain, running = done_job(cast.alice), done_job(cast.alice), make_job(cast.alice)
    with cast.alice.begin() as scope:
        credits.hold(scope, amount=1, key="h", description="Held", job_id=paid.id)
    for job, why in ((paid, "moved credits"), (running, "has ended can be deleted")):
        with pytest.raises(Conflict, match=why):
            admin.act(actor, "delete", job.id)
    admin.act(actor, "delete", plain.id)
    with pytest.raises(NotFound):
        job_row(plain.id)
    assert attempts_of(plain.id) == []
    assert actions_of(actor)[-1].details["workspace_id"] == str(cast.workspace_id)


def test_what_was_given_back_after_the_charge_stands_on_the_job(cast: Cast) -> None:
    """The job's own counters end with it; only the ledger knows of a refund."""
    fund(cast.workspace_id, 100)
    job, other = done_job(cast.alice), done_job(cast.alice)
    for one in (job, other):
        with cast.alice.begin() as scope:
            held = credits.hold(scope, amount=20, key=f"h-{one.id}", description="Held", job_id=one.id)
            taken = credits.capture(scope, hold_id=held.id, amount=12, key=f"c-{one.id}", description="Charged")
            if one is job:
                for part in (3, 4):
                    credits.refund(scope, line_id=taken.id, amount=part, key=f"r-{part}", description="Given back")
    assert admin.get_job(staff("read_only"), job.id).job.credits_refunded == Decimal("7.00")
    assert admin.get_job(staff("read_only"), other.id).job.credits_refunded == 0
    text = b"".join(admin.history_csv(staff(), JobSearch(query=of(cast.alice)))).decode()
    rows = {row["id"]: row["credits_refunded"] for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert rows == {str(job.id): "7.00", str(other.id): "0.00"}
    with cast.alice.begin() as scope:
        assert jobs.get_job(scope, job.id).refunded == Decimal("7.00")
        assert jobs.get_job(scope, other.id).refunded == 0


def test_what_leads_or_a_list_depend_on_stays(cast: Cast) -> None:
    """Deleting asks the same question as the foreign keys, so that it says why before the database refuses."""
    actor = staff("all")
    fund(cast.workspace_id, 10)
    run = start(cast.alice, make_segment(cast.alice).id, max_leads=1)
    delivered, read = done_job(cast.alice), done_job(cast.alice)
    id = make_list(cast.alice, [])
    with system_scope() as scope:
        scope.get(SegmentRun, run.id).job_id = delivered.id
        scope.get(Enrichment, id).read_job_id = read.id
    dry = admin.plan(actor, "delete", Selection(ids=(delivered.id, read.id)))
    assert (dry.possible, [one.reason for one in dry.refused]) == (
        1, ["A run and the leads it delivered refer to it, so its record stays."],
    )  # fmt: skip
    with pytest.raises(Conflict, match="the leads it delivered"):
        admin.act(actor, "delete", delivered.id)
    admin.act(actor, "delete", read.id)
    with system_scope() as scope:
        assert scope.get(Enrichment, id).read_job_id is None


def test_no_table_refers_to_a_job_without_a_foreign_key(database: Database) -> None:
    """A column that only looks like a reference would leave a page pointing at a job that was deleted."""
    pointing = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if re.fullmatch(r"(\w+_)?job_id", column.name) and isinstance(column.type, Uuid)
        if not any(key.column.table.name == "jobs" for key in column.foreign_keys)
    }
    assert pointing == set()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_says_what_its_retry_may_change_or_why_nothing(cast: Cast, kind: str) -> None:
    job = make_job(cast.alice, kind=kind)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.fail(scope, claimed, code="broke_off", message="It broke off.")
    detail = admin.get_job(staff(), job.id)
    may_change = [one.name for one in detail.arguments if one.edit is not None]
    reasons = [detail.why_no_edit, detail.job.why_no_retry]
    assert len([one for one in (*reasons, may_change) if one]) == 1
    with pytest.raises(Invalid) as refused:
        admin.retry_edited(staff(), job.id, arguments={"workspace_id": "x"})
    assert (detail.why_no_edit or "") in refused.value.message
    assert refused.value.fields == {"workspace_id": "This argument cannot be changed."}


def test_a_rule_says_either_what_can_be_changed_or_why_nothing() -> None:
    for wrong in ({}, {"editable": {"size": ANY_SIZE}, "why_fixed": "No."}):
        with pytest.raises(ValueError, match="either"):
            RetryRule(again=lambda *_: Again(), **wrong)
