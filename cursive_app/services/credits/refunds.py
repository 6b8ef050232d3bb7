"""What was given back after a job had been charged, which no counter of the job tells."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import aliased

from db.models.credits import CreditLine


def refunded(*, workspace_id: Any, job_id: Any) -> ScalarSelect[Decimal]:
    """The credits refunded of what a job was charged, 0 without any.

    `workspace_id`, `job_id`: values, or columns of the statement around it. It walks from the job's lines to what
    answers them, both by an index: the statement around it may have many jobs.
    """
    taken = aliased(CreditLine)
    return (
        select(func.coalesce(func.sum(CreditLine.amount), Decimal("0.00")))
        .join(taken, (taken.workspace_id == CreditLine.workspace_id) & (taken.id == CreditLine.answers_id))
        .where(taken.workspace_id == workspace_id, taken.job_id == job_id, CreditLine.kind == "refund")
        .correlate_except(CreditLine, taken)
        .scalar_subquery()
    )
