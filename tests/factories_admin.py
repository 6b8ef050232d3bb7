"""Makers for the staff's side of jobs: people with a role, jobs that failed, and what was written down."""

from __future__ import annotations

from typing import Literal
from uuid import UUID, uuid4

from sqlalchemy import select

from cursive_app.errors import CursiveError, Invalid
from cursive_app.services import jobs
from cursive_app.services.jobs import JobView
from cursive_app.services.jobs.admin import Again, RetryRule, StaffActor
from cursive_app.services.jobs.admin.editing import Editable, Whole
from cursive_app.services.jobs.admin.retries import register
from db.models.accounts import AuditEntry, User
from db.models.jobs import JobAttempt, StaffAction
from db.scope import Tenant
from db.system import system_scope
from tests.factories import make_user
from tests.factories_jobs import make_job

StaffRole = Literal["read_only", "operate", "all"]


def staff(role: StaffRole = "all") -> StaffActor:
    """A fresh person with a staff role."""
    user_id = make_user("Sam")
    with system_scope() as scope:
        scope.get(User, user_id).staff_role = role
    return StaffActor(user_id=user_id, label="Sam", role=role)


def failing_job(tenant: Tenant, *, error: CursiveError | None = None, kind: str = "trial", **options) -> JobView:
    """A job that failed for good at its first try."""

    def flow(_: object) -> None:
        raise error or Invalid("The list of 12 rows is empty.")

    job = make_job(tenant, kind=kind, **options)
    jobs.work(job.id, flow)
    return job


def done_job(tenant: Tenant, *, processed: int = 3, **options) -> JobView:
    job = make_job(tenant, **options)
    end_job(job, processed=processed)
    return job


def end_job(job: JobView, *, processed: int = 3) -> None:
    def flow(claimed: jobs.ClaimedJob) -> None:
        with claimed.tenant.begin() as scope:
            jobs.advance(scope, claimed, processed=processed)
            jobs.finish(scope, claimed)

    jobs.work(job.id, flow)


def of(tenant: Tenant, words: str = "") -> str:
    """A query for the jobs of one workspace: tests share a database."""
    return f"workspace:{tenant.workspace_id} {words}".strip()


ANY_SIZE = Whole("Size", minimum=1, maximum=10**30)


def retryable_kind(**editable: Editable) -> str:
    """A kind of work that can be taken up again, and whose arguments of these names may be changed."""
    name = f"trial_{uuid4().hex[:8]}"
    fixed = "" if editable else "There is nothing to change."
    register(name, RetryRule(again=lambda *_: Again(), editable=editable, why_fixed=fixed))
    return name


def kind_with_refusals(code: str) -> str:
    """A kind of work that ends with this code when what the customer gave cannot be used."""
    name = f"trial_{uuid4().hex[:8]}"
    rule = RetryRule(
        again=lambda *_: Again(),
        refused=frozenset({code}),
        why_refused="Their file cannot be used.",
        why_fixed="There is nothing to change.",
    )
    register(name, rule)
    return name


def attempts_of(job_id: UUID) -> list[JobAttempt]:
    """Every recorded try, oldest first."""
    with system_scope() as scope:
        found = select(JobAttempt).where(JobAttempt.job_id == job_id).order_by(JobAttempt.number)
        return list(scope.session.scalars(found))


def actions_of(actor: StaffActor) -> list[StaffAction]:
    """What the person did or was refused, oldest first."""
    with system_scope() as scope:
        found = select(StaffAction).where(StaffAction.actor_user_id == actor.user_id).order_by(StaffAction.id)
        return list(scope.session.scalars(found))


def trail_of(tenant: Tenant, job_id: UUID) -> list[AuditEntry]:
    """What the customer's own audit trail says about a job."""
    with tenant.begin() as scope:
        found = scope.select(AuditEntry).where(AuditEntry.object_id == str(job_id)).order_by(AuditEntry.created_at)
        return list(scope.session.scalars(found))
