"""What staff see and do with jobs: search, detail, retry, cancel, delete; roles; and that all of it is written down."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from importlib import import_module
from uuid import UUID, uuid4

import pytest

from cursive_app.clock import now
from cursive_app.errors import Conflict, Forbidden, Invalid, NotFound
from cursive_app.services import credits, jobs
from cursive_app.services.accounts import make_admin
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import Again, RetryRule, Selection, listing
from cursive_app.services.jobs.admin.retries import register
from db.models.accounts import User
from db.models.jobs import Job
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_accounts import signed_in
from tests.factories_admin import actions_of, attempts_of, done_job, failing_job, staff, trail_of
from tests.factories_credits import fund
from tests.factories_jobs import forget_tasks, grow_stale, job_row, make_job, messages, waiting_tasks


def of(tenant: Tenant, words: str = "") -> str:
    return f"workspace:{tenant.workspace_id} {words}".strip()


@pytest.fixture
def kind() -> str:
    """A kind of work that can be taken up again, and whose argument `size` may be changed."""
    name = f"trial_{uuid4().hex[:8]}"

    def number(value: object) -> int:
        if not isinstance(value, int) or value < 1:
            raise Invalid(fields={"size": "Give a number of at least 1."})
        return value

    register(name, RetryRule(again=lambda *_: Again(), editable={"size": number}))
    return name


# Who may


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
    refusals = [
        (reader, lambda: admin.act(reader, "retry", job.id)),
        (reader, lambda: admin.act(reader, "cancel", job.id)),
        (reader, lambda: admin.plan(reader, "retry", chosen)),
        (reader, lambda: admin.apply(reader, "cancel", chosen, expected=1)),
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


# The list


def test_every_workspace_in_one_list_newest_first_and_back(cast: Cast) -> None:
    actor, title = staff("read_only"), f"w{uuid4().hex[:10]}"
    made = []
    for tenant in (cast.alice, cast.charlie, cast.bob, cast.alice, cast.charlie):
        with tenant.begin() as scope:
            made.append(jobs.open_job(scope, kind="trial", title=title, task="trial.run").id)
    first = admin.list_jobs(actor, query=title, limit=2)
    second = admin.list_jobs(actor, query=title, limit=2, cursor=first.next_cursor)
    third = admin.list_jobs(actor, query=title, limit=2, cursor=second.next_cursor)
    assert [row.id for page in (first, second, third) for row in page.jobs] == made[::-1]
    assert (first.previous_cursor, third.next_cursor, first.matching) == (None, None, 5)
    back = admin.list_jobs(actor, query=title, limit=2, cursor=third.previous_cursor)
    assert [row.id for row in back.jobs] == [row.id for row in second.jobs]
    assert {row.workspace_name for row in first.jobs} == {"Acme", "Other"}
    with pytest.raises(Invalid):
        admin.list_jobs(actor, cursor="nonsense")


def test_the_query_narrows(cast: Cast) -> None:
    actor = staff("read_only")
    failed = failing_job(cast.alice, arguments={"file": "leads_100%.csv"}, links={"run_id": "r-1"})
    done = done_job(cast.alice)
    waiting = make_job(cast.alice)
    other = make_job(cast.charlie)

    def found(words: str) -> set[UUID]:
        return {row.id for row in admin.list_jobs(actor, query=words).jobs}

    mine = {failed.id, done.id, waiting.id}
    assert found(of(cast.alice)) == mine
    assert found(of(cast.alice, "state:failed")) == {failed.id}
    assert found(of(cast.alice, "state:failed,completed")) == {failed.id, done.id}
    assert found(of(cast.alice, "-state:failed")) == mine - {failed.id}
    assert found(of(cast.alice, "error:invalid")) == {failed.id}
    assert found(of(cast.alice, f"error:{job_row(failed.id).error_fingerprint}")) == {failed.id}
    assert found(of(cast.alice, "-error:invalid")) == {done.id, waiting.id}
    assert found(of(cast.alice, "args.file:leads_100%.csv")) == {failed.id}
    assert found(of(cast.alice, "args.file:leads*")) == {failed.id}
    assert found(of(cast.alice, "args.file:leadsX100*")) == set()
    assert found(of(cast.alice, "args.run_id:r-1")) == {failed.id}
    assert found(f"id:{failed.id}") == {failed.id}
    assert found(of(cast.alice, f"id:job_{failed.id.hex[-8:]}")) == {failed.id}
    assert found(of(cast.alice, "kind:nothing")) == set()
    assert found(of(cast.alice, "actor:alice")) == mine
    assert found(of(cast.charlie)) == {other.id}
    assert found(of(cast.alice, '"rows is empty"')) == {failed.id}


def test_the_state_tabs_stay_while_a_state_is_chosen(cast: Cast) -> None:
    failing_job(cast.alice)
    make_job(cast.alice)
    page = admin.list_jobs(staff("read_only"), query=of(cast.alice, "state:failed"))
    assert (page.by_status["failed"], page.by_status["pending"], page.matching) == (1, 1, 1)


def test_dates_bound_the_list(cast: Cast) -> None:
    actor = staff("read_only")
    make_job(cast.alice)
    soon, before = now() + timedelta(minutes=1), now() - timedelta(minutes=1)
    assert admin.list_jobs(actor, query=of(cast.alice), since=before, until=soon).matching == 1
    assert admin.list_jobs(actor, query=of(cast.alice), until=before).matching == 0
    with pytest.raises(Invalid):
        admin.list_jobs(actor, since=soon, until=before)


def test_the_search_is_bounded_and_says_so(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        make_job(cast.alice)
    monkeypatch.setattr(listing, "SEARCHED_JOBS", 3)
    page = admin.list_jobs(staff("read_only"), query=of(cast.alice))
    assert (page.is_bounded, page.matching) == (True, 3)
    assert page.oldest_searched is not None


def test_a_refresh_keeps_rows_and_counts_newer_ones(cast: Cast) -> None:
    actor = staff("read_only")
    shown = [make_job(cast.alice).id for _ in range(2)]
    make_job(cast.alice)
    fresh = admin.refresh(actor, [*shown, uuid4()], query=of(cast.alice))
    assert {row.id for row in fresh.jobs} == set(shown)
    assert (fresh.newer, fresh.matching) == (1, 3)


def test_suggestions(cast: Cast) -> None:
    actor = staff("read_only")
    failing_job(cast.alice, kind="rare_kind")
    assert [one.text for one in admin.suggestions(actor, "kind:x sta")] == ["state:", "stage:"]
    assert "state:failed" in [one.text for one in admin.suggestions(actor, "state:f")]
    assert "kind:rare_kind" in [one.text for one in admin.suggestions(actor, "-x kind:RARE_")]
    found = [one.text for one in admin.suggestions(actor, "workspace:acm")]  # other tests have theirs too
    assert "workspace:Acme" in found
    assert all("acm" in text.lower() for text in found)
    assert admin.suggestions(actor, "nonsense:x") == ()


# The detail


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


def test_looks_that_were_folded_are_counted(cast: Cast) -> None:
    job = make_job(cast.alice)

    def wait(claimed: jobs.ClaimedJob) -> None:
        with claimed.tenant.begin() as scope:
            jobs.postpone(scope, claimed, until=now(), stage="building")

    for _ in range(5):
        jobs.work(job.id, wait)
    (attempt,) = admin.get_job(staff(), job.id).attempts
    assert (attempt.number, attempt.folded, attempt.outcome) == (5, 4, "postponed")


# Actions


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
    assert "Started again by Cursive support" in messages(job.id)
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
    assert [one.is_editable for one in admin.get_job(actor, job.id).arguments if one.name == "size"] == [True]
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
    with pytest.raises(Conflict, match="not 50"):
        admin.apply(actor, "retry", chosen, expected=50)
    done = admin.apply(actor, "retry", chosen, expected=dry.possible)
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
    assert admin.apply(actor, "cancel", Selection(ids=(waiting.id, ended.id)), expected=1).done == 1
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
    assert "Cancel requested by Cursive support" in [line.message for line in seen.events]


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


# Failures, queues, schedules, stuck, totals


def test_failures_are_grouped_with_their_reach(cast: Cast, kind: str) -> None:
    code = f"Broken {uuid4().hex[:6].translate(str.maketrans('0123456789', 'ghijklmnop'))}: row "
    for number, tenant in enumerate((cast.alice, cast.alice, cast.charlie)):
        job = make_job(tenant, kind=kind)
        claimed = jobs.claim(job.id)
        assert claimed is not None
        with tenant.begin() as scope:
            jobs.fail(scope, claimed, code="bad_rows", message=f"{code}{number}")
    actor = staff("operate")
    (group,) = [one for one in admin.failures(actor).groups if one.message.startswith(code)]
    assert (group.attempts, group.jobs, group.failed_jobs, group.retryable, group.workspace_count) == (3, 3, 3, 3, 2)
    assert [(hit.name, hit.jobs) for hit in group.workspaces] == [("Acme", 2), ("Other", 1)]
    assert group.kinds == (kind,)
    assert group.first_seen <= group.last_seen
    again = Selection(query=group.query)
    dry = admin.plan(actor, "retry", again)
    assert (dry.possible, dry.workspaces) == (3, 2)
    assert admin.apply(actor, "retry", again, expected=3).done == 3


def test_a_queue_is_paused_and_resumed(cast: Cast) -> None:
    actor, queue = staff("operate"), f"trial-{uuid4().hex[:8]}"
    job = make_job(cast.alice, queue=queue)
    with pytest.raises(NotFound):
        admin.pause_queue(actor, "no-such-queue", reason="because")
    with pytest.raises(Invalid):
        admin.pause_queue(actor, queue, reason=" ")
    admin.pause_queue(actor, queue, reason="The provider is down")
    with pytest.raises(Conflict):
        admin.pause_queue(actor, queue, reason="again")
    view = next(one for one in admin.queues(actor).queues if one.name == queue)
    assert (view.waiting, view.running) == (1, 0)
    assert view.paused is not None
    assert (view.paused.reason, view.paused.by) == ("The provider is down", "Sam")
    assert jobs.claim(job.id) is None
    forget_tasks(job.id)
    admin.resume_queue(actor, queue, reason="It is back")
    assert waiting_tasks(job.id) == [f"job:{job.id}"]
    assert jobs.claim(job.id) is not None
    running = next(one for one in admin.queues(actor).queues if one.name == queue)
    assert (running.waiting, running.running, running.paused) == (0, 1, None)
    assert [one.action for one in actions_of(actor)] == ["queue.pause", "queue.resume"]


def test_what_ended_is_counted_per_minute(cast: Cast) -> None:
    queue = f"trial-{uuid4().hex[:8]}"
    done = [done_job(cast.alice, queue=queue) for _ in range(3)]
    with system_scope() as scope:
        scope.get(Job, done[0].id).finished_at = now() - timedelta(minutes=10, seconds=30)
    view = next(one for one in admin.queues(staff("read_only")).queues if one.name == queue)
    assert view.per_minute is not None
    assert (len(view.per_minute), view.per_minute[-1], view.per_minute[-11], sum(view.per_minute)) == (60, 2, 1, 3)
    assert view.oldest_seconds is None
    quiet = f"quiet-{uuid4().hex[:8]}"
    with cast.alice.begin() as scope:
        scope.defer("nothing", queue=quiet)
    tasks = next(one for one in admin.queues(staff()).queues if one.name == quiet)
    assert (tasks.waiting, tasks.per_minute) == (1, None)  # nobody counts tasks without a job; that is not zero


def test_a_stuck_job_is_seen_and_rescued(cast: Cast) -> None:
    actor = staff("operate")
    job = make_job(cast.alice)
    old = jobs.claim(job.id)
    assert old is not None
    grow_stale(job.id, seconds=600)
    found = next(one for one in admin.stuck(actor).jobs if one.job.id == job.id)
    assert found.still_seconds >= 600
    assert "silent" in found.why
    forget_tasks(job.id)
    assert admin.rescue(actor, job.id).heartbeat_seconds is None
    assert waiting_tasks(job.id) == [f"job:{job.id}:rescue"]
    assert attempts_of(job.id)[0].outcome == "lost"
    with pytest.raises(jobs.LostClaim), cast.alice.begin() as scope:
        jobs.advance(scope, old, processed=1)  # the old holder can change nothing
    assert jobs.claim(job.id) is not None
    with pytest.raises(Conflict):
        admin.rescue(actor, done_job(cast.alice).id)


def test_totals(cast: Cast) -> None:
    kind = f"kind_{uuid4().hex[:8]}"
    before = now()
    for processed in (10, 20):
        done_job(cast.alice, kind=kind, processed=processed)
    failing_job(cast.charlie, kind=kind)
    make_job(cast.alice, kind=kind)
    view = admin.totals(staff("read_only"), since=before)
    (mine,) = [one for one in view.by_kind if one.kind == kind]
    assert (mine.jobs, mine.completed, mine.failed, mine.processed) == (4, 2, 1, 30)
    assert mine.success_rate == pytest.approx(2 / 3)
    assert mine.p95_seconds is not None
    assert len(view.hours) == 72
    assert view.hours[-1].completed >= 2
    assert [one.days for one in view.retention] == [None, None, 30, None, 14]
    empty = admin.totals(staff("read_only"), since=now() + timedelta(days=1))
    assert (empty.jobs, empty.success_rate, empty.average_seconds) == (0, None, None)


def test_the_history_is_a_file_no_spreadsheet_runs(cast: Cast) -> None:
    actor = staff("read_only")
    with cast.alice.begin() as scope:
        jobs.open_job(scope, kind="trial", title='=HYPERLINK("x")', task="trial.run")
    failing_job(cast.alice)
    text = b"".join(admin.history_csv(actor, query=of(cast.alice))).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["title"] for row in rows] == ["A trial", '\'=HYPERLINK("x")']
    assert (rows[0]["state"], rows[0]["error_code"], rows[1]["finished_at"]) == ("failed", "invalid", "")
    assert actions_of(actor)[-1].action == "jobs.export"
    with pytest.raises(Invalid):
        admin.history_csv(actor, query="nonsense:x")


def test_staff_actions_are_listed(cast: Cast) -> None:
    actor = staff("operate")
    admin.act(actor, "cancel", make_job(cast.alice).id)
    newest = next(one for one in admin.actions(actor) if one.details.get("role") == "operate")
    assert (newest.by, newest.action) == ("Sam", "job.cancel")
