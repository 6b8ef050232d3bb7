"""A run that somebody pauses: nothing more is sent, what is out comes back, the hold stays, and it can go on."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select

from cursive_app.errors import Conflict, Forbidden, InsufficientCredits, NotFound
from cursive_app.integrations.audiencelab import AudienceLab
from cursive_app.integrations.audiencelab.errors import ProviderServerError
from cursive_app.services import accounts, enrichment, jobs, notices
from db.models.accounts import AuditEntry
from db.models.jobs import JobEvent
from db.roles import Role
from db.system import system_scope
from tests.factories import Cast, make_member, make_user
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import (
    check,
    chunks_of,
    list_row,
    make_list,
    mixed_lines,
    run_job_id,
    start_mixed,
    start_run,
    step,
    work_off,
)
from tests.flows.use_cases import do
from tests.sandbox_fixtures import Sandbox

pytestmark = pytest.mark.usefixtures("tens")


def begin(cast: Cast, sandbox: Sandbox, *, known: int = 60) -> UUID:
    return start_mixed(cast.alice, sandbox.population, known=known, unknown=0)


def send(id: UUID, sandbox: Sandbox) -> AudienceLab:
    """The first chunks go to the provider, which is at work on them."""
    lab = sandbox.client()
    sandbox.faults({"mode": "job_unknown"})
    step(id, lab)
    sandbox.faults()
    return lab


def orders(id: UUID) -> int:
    """How many chunks were ever sent."""
    return sum(chunk.sent_at is not None for chunk in chunks_of(id))


def test_what_is_out_comes_back_the_hold_stays_and_it_goes_on(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    lab = send(id, sandbox)
    assert orders(id) == 3
    asked = do(cast.alice, enrichment.pause, id)
    assert (asked.status, asked.pausing) == ("running", True)
    assert do(cast.alice, enrichment.pause, id).pausing, "asking twice changes nothing"
    paused = work_off(id, lab)
    check(cast.alice, id)
    assert (paused.status, paused.matched_count, orders(id)) == ("paused", 30, 3)
    assert paused.message == "Paused by Alice, with 30 rows to go."
    assert balance_of(cast.alice) == (85, Decimal("7.50")), "what the rest may cost stays held"
    seen = do(cast.alice, enrichment.get_enrichment, id)
    assert (seen.to_resume, seen.pausing) == (0, False)
    assert seen.progress is not None
    assert (seen.progress.answered, seen.progress.at_provider, seen.progress.not_sent) == (30, 0, 30)
    assert do(cast.alice, notices.list_notices).notices == (), "nobody is told what they did themselves"
    assert not enrichment.mail_run(run_job_id(id)), "nor mailed, by a task that waited since an earlier pause either"
    job = do(cast.alice, jobs.get_job, run_job_id(id)).job
    assert (job.status, job.error_code) == ("paused", None)
    resumed = do(cast.alice, enrichment.resume, id)
    assert (resumed.status, resumed.message) == ("queued", None)
    ended = work_off(id, lab)
    check(cast.alice, id)
    assert (ended.status, ended.matched_count, balance_of(cast.alice)) == ("completed", 60, (85, 0))
    with system_scope() as scope:
        actions = select(AuditEntry.action).where(AuditEntry.object_id == str(id)).order_by(AuditEntry.id)
        assert list(scope.session.scalars(actions)) == ["enrichment.started", "enrichment.paused", "enrichment.resumed"]
        told = scope.session.scalars(select(JobEvent.message).where(JobEvent.job_id == run_job_id(id)))
        assert {"Pause requested by Alice", paused.message, "Resumed by Alice"} <= set(told)


def test_a_run_nobody_has_taken_up_rests_without_sending(cast: Cast, sandbox: Sandbox) -> None:
    id, lab = begin(cast, sandbox), sandbox.client()
    do(cast.alice, enrichment.pause, id)
    assert (work_off(id, lab).status, chunks_of(id)) == ("paused", [])
    assert balance_of(cast.alice) == (85, 15)


def test_a_pause_can_be_taken_back_before_it_takes_effect(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    lab = send(id, sandbox)
    do(cast.alice, enrichment.pause, id)
    back = do(cast.alice, enrichment.resume, id)
    assert (back.status, back.pausing) == ("running", False)
    assert work_off(id, lab).status == "completed"
    check(cast.alice, id)


def test_a_paused_run_is_stopped_and_gives_its_hold_back(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    lab = send(id, sandbox)
    do(cast.alice, enrichment.pause, id)
    work_off(id, lab)
    do(cast.alice, enrichment.cancel, id)
    with pytest.raises(Conflict) as stopped:
        do(cast.alice, enrichment.pause, id)
    assert stopped.value.reason == "not_running"
    step(id, lab)
    check(cast.alice, id)
    assert (list_row(id).status, balance_of(cast.alice)) == ("cancelled", (Decimal("92.50"), 0))


def test_a_run_with_nothing_left_to_send_ends_instead(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox, known=20)
    lab = send(id, sandbox)
    do(cast.alice, enrichment.pause, id)
    ended = work_off(id, lab)
    assert (ended.status, ended.matched_count, ended.pause_requested_by) == ("completed", 20, None)
    check(cast.alice, id)


def test_what_was_spent_of_a_partial_hold_is_not_asked_for_again(cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 10)  # 40 of 60 rows
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=60, unknown=0))
    start_run(cast.alice, id, spend_available=True)
    lab = send(id, sandbox)
    do(cast.alice, enrichment.pause, id)
    work_off(id, lab)
    assert do(cast.alice, enrichment.resume, id).status == "queued"
    assert work_off(id, lab).message == "Out of credits: top up and resume the remaining 20 rows."
    check(cast.alice, id)


def test_an_order_whose_answer_was_lost_is_looked_for_and_not_made_again(
    cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, lab = begin(cast, sandbox), sandbox.client()
    real = AudienceLab.create_enrichment
    lost: list[str] = []

    def create(self: AudienceLab, **order: object) -> object:
        """The first order reaches the provider and its answer is lost; the second never gets there."""
        lost.append(str(order["name"]))
        if len(lost) == 1:
            real(self, **order)  # type: ignore[arg-type]
        raise ProviderServerError("the line is dead")

    monkeypatch.setattr(AudienceLab, "create_enrichment", create)
    step(id, lab)
    assert len(lost) >= 2
    do(cast.alice, enrichment.pause, id)
    asked = len(lost)
    monkeypatch.setattr(AudienceLab, "create_enrichment", lambda *_a, **_o: pytest.fail("nothing new is sent"))
    paused = work_off(id, lab)
    check(cast.alice, id)
    assert (paused.status, paused.matched_count, paused.error_count, len(lost)) == ("paused", 10, 0, asked)
    monkeypatch.setattr(AudienceLab, "create_enrichment", real)
    do(cast.alice, enrichment.resume, id)
    assert (work_off(id, lab).matched_count, balance_of(cast.alice)) == (60, (85, 0))
    check(cast.alice, id)


def test_who_may_pause_and_when(cast: Cast, sandbox: Sandbox) -> None:
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=20, unknown=0))
    with pytest.raises(Conflict) as early:
        do(cast.alice, enrichment.pause, id)
    assert early.value.reason == "not_running"
    fund(cast.workspace_id, 100)
    start_run(cast.alice, id)
    reader = make_member(cast.workspace_id, make_user("Ray"), Role.READ_ONLY)
    with pytest.raises(Forbidden):
        do(reader, enrichment.pause, id)
    with pytest.raises(NotFound):
        do(cast.charlie, enrichment.pause, id)
    assert list_row(id).pause_requested_by is None
    work_off(id, sandbox.client())
    with pytest.raises(Conflict):
        do(cast.alice, enrichment.pause, id)


def test_what_the_worker_wrote_meanwhile_decides(cast: Cast, sandbox: Sandbox) -> None:
    """Who asks waits for the worker's transaction and must not go by what the list said before it."""
    id = begin(cast, sandbox)
    lab = send(id, sandbox)
    do(cast.alice, enrichment.pause, id)
    with cast.alice.begin() as scope:
        assert enrichment.get_enrichment(scope, id).pausing
        assert work_off(id, lab).status == "paused"
        assert enrichment.resume(scope, id).status == "queued", "it rests by now, so there is nothing to take back"
    with cast.alice.begin() as scope:
        assert enrichment.get_enrichment(scope, id).status == "queued"
        assert work_off(id, lab).status == "completed"
        with pytest.raises(Conflict):
            enrichment.pause(scope, id)
    assert list_row(id).pause_requested_by is None
    check(cast.alice, id)


def test_a_run_that_is_being_stopped_does_not_go_on(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, sandbox)
    lab = send(id, sandbox)
    do(cast.alice, enrichment.pause, id)
    work_off(id, lab)
    do(cast.alice, enrichment.cancel, id)
    for again in (lambda: do(cast.alice, enrichment.resume, id), lambda: do(cast.alice, jobs.resume, run_job_id(id))):
        with pytest.raises(Conflict):
            again()
    step(id, lab)
    assert list_row(id).status == "cancelled"
    check(cast.alice, id)


def test_its_job_is_resumed_as_the_list_is(cast: Cast, sandbox: Sandbox) -> None:
    """Whoever resumes on the page of jobs holds the credits again; a job alone would pause again at once."""
    id = start_mixed(cast.alice, sandbox.population, known=60, unknown=0, credits=5, spend_available=True)
    lab = sandbox.client()
    assert work_off(id, lab).status == "paused"
    with pytest.raises(InsufficientCredits):
        do(cast.alice, jobs.resume, run_job_id(id))
    assert do(cast.alice, jobs.get_job, run_job_id(id)).job.status == "paused"
    fund(cast.workspace_id, 100)
    assert do(cast.alice, jobs.resume, run_job_id(id)).credits_held > 5
    assert (list_row(id).status, list_row(id).message) == ("queued", None)
    assert work_off(id, lab).status == "completed"
    check(cast.alice, id)


def test_a_run_whose_starter_left_goes_on_in_the_name_of_who_resumes_it(cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 100)
    bob = make_user("Bo")
    starter = make_member(cast.workspace_id, bob, Role.MEMBER)
    id = make_list(starter, mixed_lines(sandbox.population, known=20, unknown=0))
    start_run(starter, id)
    do(starter, enrichment.pause, id)
    lab = sandbox.client()
    assert work_off(id, lab).status == "paused"
    accounts.remove_member(cast.alice, user_id=bob)
    do(cast.alice, enrichment.resume, id)
    ended = work_off(id, lab)
    assert (ended.status, ended.matched_count) == ("completed", 20)
    assert do(cast.alice, jobs.get_job, run_job_id(id)).job.actor_label == "Alice"
    check(cast.alice, id)
