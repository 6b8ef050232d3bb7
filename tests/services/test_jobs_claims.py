"""P5 inside one process: one live claim at a time, and a lost claim changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from cursive_app.clock import now
from cursive_app.errors import NotFound
from cursive_app.services import jobs
from cursive_app.services.jobs import LostClaim
from db.models.accounts import ApiKey, Membership
from db.models.jobs import Job
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_jobs import forget_tasks, grow_stale, job_row, make_job, messages, waiting_tasks


def test_a_job_and_its_task_exist_together_or_not_at_all(cast: Cast) -> None:
    job = make_job(cast.alice, total=10, arguments={"a": 1}, links={"segment": "x"})
    assert job.status == "pending"
    assert waiting_tasks(job.id) == [f"job:{job.id}"]

    with pytest.raises(ZeroDivisionError), cast.alice.begin() as scope:
        lost = jobs.open_job(scope, kind="trial", title="t", task="trial.run")
        raise ZeroDivisionError
    with pytest.raises(NotFound):
        job_row(lost.id)
    assert waiting_tasks(lost.id) == []


def test_the_same_key_gives_the_first_job(cast: Cast) -> None:
    first = make_job(cast.alice, idempotency_key="once")
    again = make_job(cast.alice, idempotency_key="once")
    other_kind = make_job(cast.alice, kind="other", idempotency_key="once")
    elsewhere = make_job(cast.charlie, idempotency_key="once")
    assert again.id == first.id
    assert len({first.id, other_kind.id, elsewhere.id}) == 3


def test_twenty_racing_opens_with_one_key_make_one_job(cast: Cast) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = {view.id for view in pool.map(lambda _: make_job(cast.alice, idempotency_key="race"), range(20))}
    assert len(ids) == 1
    assert len(waiting_tasks(ids.pop())) == 1


def test_only_one_of_many_claims_wins(cast: Cast) -> None:
    job = make_job(cast.alice)
    with ThreadPoolExecutor(8) as pool:
        won = [claimed for claimed in pool.map(lambda _: jobs.claim(job.id), range(8)) if claimed]
    assert len(won) == 1
    assert won[0].attempt == 1
    assert won[0].tenant == cast.alice
    assert job_row(job.id).status == "processing"


def test_a_live_claim_is_not_taken_over_and_a_stale_one_is(cast: Cast) -> None:
    job = make_job(cast.alice)
    first = jobs.claim(job.id)
    assert first is not None
    assert jobs.claim(job.id) is None
    grow_stale(job.id, seconds=18)
    assert jobs.claim(job.id) is None
    grow_stale(job.id)
    second = jobs.claim(job.id)
    assert second is not None
    assert second.attempt == 2
    assert messages(job.id) == ["Queued", "Started", "Resumed, attempt 2"]


@pytest.mark.parametrize("ending", ["advance", "finish", "fail", "cancelled", "pause", "postpone"])
def test_everything_a_lost_claim_tries_is_refused_with_its_effects(cast: Cast, ending: str) -> None:
    job = make_job(cast.alice)
    zombie = jobs.claim(job.id)
    grow_stale(job.id)
    alive = jobs.claim(job.id)
    assert zombie is not None
    assert alive is not None
    arguments = {
        "advance": {"processed": 99, "captured": Decimal(5)},
        "fail": {"code": "x", "message": "x"},
        "pause": {"code": "x", "message": "x"},
        "postpone": {"until": now()},
    }
    with pytest.raises(LostClaim), cast.alice.begin() as scope:
        scope.add(Job(kind="effect", title="of the zombie", task="none", queue="none"))
        getattr(jobs, ending)(scope, zombie, **arguments.get(ending, {}))

    row = job_row(job.id)
    assert (row.status, row.processed, row.credits_captured, row.attempt_token) == ("processing", 0, 0, alive.token)
    with cast.alice.begin() as scope:
        assert jobs.list_jobs(scope, kinds=["effect"]).jobs == ()
    with pytest.raises(LostClaim):
        jobs.heartbeat(zombie)
    jobs.heartbeat(alive)


def test_progress_is_recorded_and_forgives_earlier_tries(cast: Cast) -> None:
    job = make_job(cast.alice, total=100)
    for _ in range(4):
        claimed = jobs.claim(job.id)
        grow_stale(job.id)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    assert claimed.attempt == 5
    with cast.alice.begin() as scope:
        jobs.advance(
            scope, claimed, stage="charging", processed=40, failed=2, held=Decimal("50.00"), captured=Decimal("20.00"),
            links={"run": "r1"}, message="40 of 100",
        )  # fmt: skip
    row = job_row(job.id)
    assert (row.stage, row.processed, row.failed, row.attempts) == ("charging", 40, 2, 1)
    assert (row.credits_held, row.credits_captured) == (Decimal("50.00"), Decimal("20.00"))
    assert row.links == {"run": "r1"}
    assert messages(job.id)[-1] == "40 of 100"


def test_a_rate_needs_two_measurements(cast: Cast) -> None:
    job = make_job(cast.alice, total=9_010)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.advance(scope, claimed, processed=10)
        assert jobs.get_job(scope, job.id).job.per_second is None
    with system_scope() as system:  # so long ago that what the test itself takes does not show
        system.get(Job, job.id).moving_since = now() - timedelta(seconds=1_000)
    with cast.alice.begin() as scope:
        jobs.advance(scope, claimed, processed=2_010)
        view = jobs.get_job(scope, job.id).job
    assert view.per_second == Decimal("2.0")
    assert view.seconds_left == pytest.approx(3_500, rel=0.02)


def test_a_postponed_job_waits_without_a_claim_and_without_counting(cast: Cast) -> None:
    job = make_job(cast.alice)
    claimed = jobs.claim(job.id)
    forget_tasks(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.postpone(scope, claimed, until=now() + timedelta(hours=1), stage="building", message="Building")
    assert jobs.claim(job.id) is None
    assert waiting_tasks(job.id) == [f"job:{job.id}"]
    row = job_row(job.id)
    assert (row.status, row.stage, row.attempts, row.attempt_token) == ("processing", "building", 0, None)


def test_finish_closes_the_claim(cast: Cast) -> None:
    job = make_job(cast.alice)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.finish(scope, claimed, message="12 new leads")
    row = job_row(job.id)
    assert (row.status, row.stage, row.attempt_token) == ("completed", "done", None)
    assert row.finished_at is not None
    assert jobs.claim(job.id) is None


def test_texts_are_cut(cast: Cast) -> None:
    job = make_job(cast.alice)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    with cast.alice.begin() as scope:
        jobs.fail(scope, claimed, code="x", message="m" * 9999, internal="i" * 99_999)
        detail = jobs.get_job(scope, job.id)
    assert len(detail.job.error_message or "") == 500
    assert len(detail.events[-1].message) == 500


def test_a_claim_of_an_unknown_job_is_not_found(cast: Cast) -> None:
    with pytest.raises(NotFound):
        jobs.claim(uuid4())


def test_an_actor_who_left_is_noticed_at_the_claim_and_between_chunks(cast: Cast) -> None:
    job = make_job(cast.bob)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    assert claimed.access_lost is None
    assert jobs.access_lost(claimed) is None
    with system_scope() as scope:
        scope.session.delete(scope.session.get(Membership, (cast.workspace_id, cast.bob.user_id)))
    assert "no longer in the workspace" in (jobs.access_lost(claimed) or "")
    grow_stale(job.id)
    again = jobs.claim(job.id)
    assert again is not None
    assert again.access_lost
    assert again.tenant.role is Role.READ_ONLY


def test_a_revoked_key_is_noticed_too(cast: Cast) -> None:
    with system_scope() as scope:
        key = scope.add(
            ApiKey(
                workspace_id=cast.workspace_id, name="k", prefix="x", key_hash=uuid4().bytes, scopes=["segments:run"],
                created_by=cast.alice.user_id,
            )
        )  # fmt: skip
    tenant = Tenant(cast.workspace_id, None, Role.ADMIN, scopes=frozenset({"segments:run"}), api_key_id=key.id)
    job = make_job(tenant)
    claimed = jobs.claim(job.id)
    assert claimed is not None
    assert claimed.tenant.scopes == {"segments:run"}
    with system_scope() as scope:
        scope.get(ApiKey, key.id).revoked_at = now()
    assert jobs.access_lost(claimed) == "The API key “k” has been revoked."
