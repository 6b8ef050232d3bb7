"""Who of the staff may do what, what one job shows to whom, and that all of it is written down (JOB-04, 12, 13)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import select

from cursive_app.clock import now
from cursive_app.errors import Forbidden, NotFound
from cursive_app.services import jobs
from cursive_app.services.accounts import make_admin
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import Selection
from cursive_app.services.jobs.family import RELATED_SHOWN
from db.models.accounts import User
from db.models.jobs import Job, JobAttempt, JobEvent
from db.system import system_scope
from state.admin_drawer import admin_drawer
from state.job_rows import job_drawer
from tests.factories import Cast
from tests.factories_accounts import signed_in
from tests.factories_admin import ANY_SIZE, actions_of, done_job, failing_job, of, retryable_kind, staff, trail_of
from tests.factories_jobs import job_row, make_job


@pytest.fixture
def kind() -> str:
    """A kind of work that can be taken up again, and whose argument `size` may be changed."""
    return retryable_kind(size=ANY_SIZE)


def test_only_staff_become_actors(cast: Cast) -> None:
    for who in (None, signed_in(cast.alice)):
        with pytest.raises(NotFound):
            admin.staff_actor(who)
    with system_scope() as scope:
        scope.get(User, cast.alice.user_id).staff_role = "operate"  # type: ignore[arg-type]
    assert admin.staff_actor(signed_in(cast.alice)).role == "operate"


def test_the_command_line_gives_and_takes_roles(cast: Cast) -> None:
    who = signed_in(cast.alice)
    for role in ("read_only", "operate", "all"):
        make_admin(who.email, role=role)
        assert admin.staff_actor(signed_in(cast.alice)).role == role
    make_admin(who.email, role=None)
    with pytest.raises(NotFound):
        admin.staff_actor(signed_in(cast.alice))


def test_what_a_role_may_not_is_refused_and_written_down(cast: Cast, kind: str) -> None:
    job = failing_job(cast.alice, kind=kind, arguments={"size": 1})
    reader, operator = staff("read_only"), staff("operate")
    chosen = Selection(ids=(job.id,))
    counted = admin.plan(operator, "cancel", chosen)
    refusals = [
        (reader, lambda: admin.act(reader, "retry", job.id)),
        (reader, lambda: admin.act(reader, "cancel", job.id)),
        (reader, lambda: admin.plan(reader, "retry", chosen)),
        (reader, lambda: admin.apply(reader, counted)),
        (reader, lambda: admin.rescue(reader, job.id)),
        (reader, lambda: admin.pause_queue(reader, "runs", reason="because")),
        (operator, lambda: admin.act(operator, "delete", job.id)),
        (operator, lambda: admin.retry_edited(operator, job.id, arguments={"size": 2})),
    ]
    for _, refused in refusals:
        with pytest.raises(Forbidden):
            refused()
    assert all(action.action.startswith("refused.") for action in [*actions_of(reader), *actions_of(operator)])
    assert (len(actions_of(reader)), len(actions_of(operator))) == (6, 2)
    assert job_row(job.id).status == "failed"
    assert trail_of(cast.alice, job.id) == []


def test_the_detail_and_what_a_reader_does_not_see(cast: Cast) -> None:
    big = 2**63 + 1
    job = failing_job(
        cast.alice, arguments={"count": big, "nested": {"api_key": "k-1", "a": 1}}, links={"segment_id": str(uuid4())}
    )
    full = admin.get_job(staff("operate"), job.id)
    assert (full.job.status, full.job.tries, full.job.why_no_cancel) == ("failed", 1, "It has already ended.")
    assert [line.message for line in full.timeline] == ["Queued", "Started", "The list of 12 rows is empty."]
    assert full.timeline[0].after_seconds is None
    assert all(line.after_seconds is not None and line.after_seconds >= 0 for line in full.timeline[1:])
    (attempt,) = full.attempts
    assert (attempt.outcome, attempt.error_code) == ("failed", "invalid")
    assert "Traceback" in (attempt.internal or "")
    assert str(big) in full.arguments_json
    assert "k-1" not in full.arguments_json
    assert full.links[0].href == f"/segments/{job.links['segment_id']}"
    assert full.customer_href == f"/jobs?job={job.id}"
    seen = admin.get_job(staff("read_only"), job.id)
    assert seen.attempts[0].internal is None
    assert all(line.internal is None for line in seen.timeline)
    assert str(big) not in seen.arguments_json
    assert all(argument.is_masked for argument in seen.arguments)
    with pytest.raises(NotFound):
        admin.get_job(staff(), uuid4())


def test_jobs_that_belong_together_with_what_they_came_to(cast: Cast) -> None:
    """Failed ones first, then those under way; the list that was made to run rows again, and the one they come from."""
    mine, earlier, later = (str(uuid4()) for _ in range(3))
    failed = failing_job(cast.alice, kind="enrichment_sample", links={"enrichment_id": mine})
    again = make_job(cast.alice, kind="enrichment", links={"enrichment_id": later, "rerun_of": mine})
    run = make_job(cast.alice, kind="enrichment", links={"enrichment_id": mine, "rerun_of": earlier}, total=8)
    origin = done_job(cast.alice, kind="enrichment", links={"enrichment_id": earlier}, total=10, processed=10)
    reading = done_job(cast.alice, kind="csv_upload", links={"enrichment_id": mine}, total=10, processed=10)
    for job_id, charged, held in ((origin.id, "2.50", "2.50"), (run.id, "0.50", "2.00")):
        with system_scope() as scope:
            row = scope.get(Job, job_id)
            row.credits_captured, row.credits_held = Decimal(charged), Decimal(held)
    done_job(cast.alice, links={"enrichment_id": str(uuid4())})  # on another list
    make_job(cast.charlie, links={"enrichment_id": mine})  # another workspace's
    detail = admin.get_job(staff("read_only"), run.id)
    belong = [(failed.id, "same"), (again.id, "rerun"), (reading.id, "same"), (origin.id, "origin")]
    assert [(one.job.id, one.relation) for one in detail.related] == belong
    assert detail.related_sum == jobs.RelatedSum(
        jobs=5,
        ended=3,
        by_status={"failed": 1, "pending": 2, "completed": 2},
        credits_captured=Decimal("3.00"),
        credits_held=Decimal("1.50"),
    )
    shown = admin_drawer(detail, timezone="UTC")
    counted = "5 jobs with this one, 3 of them ended: 1 failed, 2 queued, 2 completed."
    assert shown.related_sum == f"{counted} 3.00 credits charged, 1.50 still held."
    assert [(line.relation, line.came_to, line.why) for line in shown.related] == [
        ("", "", "The list of 12 rows is empty."),
        ("its rows run again", "", ""),
        ("", "10 of 10", ""),
        ("where its rows come from", "10 of 10, 2.50 credits", ""),
    ]
    with cast.alice.begin() as scope:
        theirs = jobs.get_job(scope, run.id)
    assert [(one.job.id, one.relation) for one in theirs.related] == belong
    customers = job_drawer(theirs, timezone="UTC")
    assert (customers.related_sum, customers.related) == (shown.related_sum, shown.related)
    alone = make_job(cast.alice, links={"run_id": str(uuid4())}).id
    for detail in (admin.get_job(staff("read_only"), alone), admin.get_job(staff(), make_job(cast.alice).id)):
        assert (detail.related, detail.related_sum) == ((), None)


def test_the_runs_of_a_segment_belong_together(cast: Cast) -> None:
    """The one that failed first, the rest newest first; the sum counts those that are not listed, too."""
    segment = str(uuid4())

    def run(of: str = segment) -> dict[str, str]:
        return {"segment_id": of, "run_id": str(uuid4())}

    failed = failing_job(cast.alice, kind="segment_run", links=run())
    made = [done_job(cast.alice, kind="segment_run", links=run()) for _ in range(RELATED_SHOWN + 2)]
    done_job(cast.alice, kind="segment_run", links=run(str(uuid4())))  # of another segment
    done_job(cast.charlie, kind="segment_run", links=run())  # another workspace's
    with cast.alice.begin() as scope:
        theirs = jobs.get_job(scope, made[-1].id)
    detail = admin.get_job(staff("read_only"), made[-1].id)
    belong = [(one.id, "segment") for one in (failed, *made[-2:1:-1])]
    for found in (theirs, detail):
        assert [(one.job.id, one.relation) for one in found.related] == belong
        assert found.related_sum == jobs.RelatedSum(
            jobs=RELATED_SHOWN + 3,
            ended=RELATED_SHOWN + 3,
            by_status={"failed": 1, "completed": RELATED_SHOWN + 2},
            credits_captured=Decimal(0),
            credits_held=Decimal(0),
        )
    shown = job_drawer(theirs, timezone="Europe/Berlin")
    assert shown.related_sum == (
        "23 jobs with this one, all ended: 1 failed, 22 completed. Of the others the first 20 are shown."
    )
    assert [line.relation for line in shown.related] == ["another run of its segment"] * RELATED_SHOWN
    assert shown.related[0].created_exact.endswith(("CET", "CEST"))


def test_clocks_that_differ_make_no_time_negative(cast: Cast) -> None:
    """A worker's clock may be behind that of who created the job (riverui#288)."""
    job = done_job(cast.alice)
    with system_scope() as scope:
        row = scope.get(Job, job.id)
        row.first_started_at = row.started_at = row.created_at - timedelta(minutes=3)
        row.finished_at = row.created_at - timedelta(minutes=5)
        (tried,) = scope.session.scalars(select(JobAttempt).where(JobAttempt.job_id == job.id))
        tried.ended_at = tried.started_at - timedelta(minutes=1)
        last = scope.session.scalars(select(JobEvent).where(JobEvent.job_id == job.id).order_by(JobEvent.id.desc()))
        next(last).at = row.created_at - timedelta(minutes=9)
    detail = admin.get_job(staff("read_only"), job.id)
    assert (detail.job.waited_seconds, detail.job.duration_seconds, detail.attempts[0].seconds) == (0, 0, 0)
    assert min(line.after_seconds or 0 for line in detail.timeline) == 0


def test_looks_that_were_folded_are_counted(cast: Cast) -> None:
    job = make_job(cast.alice)

    def wait(claimed: jobs.ClaimedJob) -> None:
        with claimed.tenant.begin() as scope:
            jobs.postpone(scope, claimed, until=now(), stage="building")

    for _ in range(5):
        jobs.work(job.id, wait)
    (attempt,) = admin.get_job(staff(), job.id).attempts
    assert (attempt.number, attempt.folded, attempt.outcome) == (5, 4, "postponed")


def test_staff_actions_are_listed(cast: Cast) -> None:
    actor = staff("operate")
    admin.act(actor, "cancel", make_job(cast.alice).id)
    newest = next(one for one in admin.actions(actor) if one.details.get("role") == "operate")
    assert (newest.by, newest.action) == ("Sam", "job.cancel")


def test_a_reader_does_not_see_arguments_in_what_staff_did(cast: Cast, kind: str) -> None:
    boss, operator, reader = staff("all"), staff("operate"), staff("read_only")
    job = failing_job(cast.alice, kind=kind, arguments={"size": 77000001})
    admin.retry_edited(boss, job.id, arguments={"size": 77000002})
    query = of(cast.alice, "args.size:77000002")
    admin.apply(boss, admin.plan(boss, "cancel", Selection(query=query)))
    with pytest.raises(Forbidden):
        admin.plan(operator, "delete", Selection(query=query))
    full = str(admin.actions(operator))
    assert "'changed': {'size': {'to': 77000002, 'from': 77000001}}" in full
    assert full.count("args.size:77000002") == 2
    seen = str(admin.actions(reader))
    assert "7700000" not in seen
    assert "'changed': {'size': '•••'}" in seen
    assert seen.count(of(cast.alice, "args.size:•••")) == 2


def test_a_changed_secret_is_masked_for_everybody(cast: Cast) -> None:
    kind = retryable_kind(api_key=ANY_SIZE)
    job = failing_job(cast.alice, kind=kind, arguments={"api_key": 77100001})
    boss = staff("all")
    admin.retry_edited(boss, job.id, arguments={"api_key": 77100002})
    assert "7710000" not in str(admin.actions(boss))
