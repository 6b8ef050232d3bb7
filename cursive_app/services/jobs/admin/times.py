"""Bounds of time: when something was, and when a job's tries failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, exists, or_

from cursive_app.errors import Invalid
from db.models.jobs import Job, JobAttempt

LOOK_BACK = timedelta(days=30)  # when no dates are given


def within(
    column: SQLColumnExpression[Any], since: datetime | None, until: datetime | None, *, field: str = ""
) -> list[ColumnElement[bool]]:
    """From `since` (inclusive) to `until` (exclusive). `field` stands before both names in what is said of them.

    Raises Invalid for times without a zone or out of order.
    """
    for name, moment in (("since", since), ("until", until)):
        if moment is not None and moment.tzinfo is None:
            raise Invalid(fields={f"{field}{name}": "Give the time with its zone, such as 2026-03-01T00:00:00Z."})
    if since is not None and until is not None and since >= until:
        raise Invalid(fields={f"{field}until": "The end must be later than the beginning."})
    bounds = [column >= since] if since is not None else []
    return bounds + ([column < until] if until is not None else [])


def failed_between(
    since: datetime | None, until: datetime | None, *, met: Sequence[ColumnElement[bool]] = ()
) -> ColumnElement[bool]:
    """Jobs one of whose tries failed in these times: with one of the errors `met`, predicates over the try, else with
    the error the job has now. Raises Invalid."""
    error = or_(*met) if met else JobAttempt.fingerprint == Job.error_fingerprint
    return of_tries(error, *within(JobAttempt.ended_at, since, until, field="failed_"))


def of_tries(*tests: ColumnElement[bool]) -> ColumnElement[bool]:
    """Jobs of which one try passes all of these."""
    mine = (JobAttempt.workspace_id == Job.workspace_id, JobAttempt.job_id == Job.id)
    return exists().where(*mine, *tests).correlate(Job)
