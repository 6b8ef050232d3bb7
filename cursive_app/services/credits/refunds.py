"""What was given back after a job had been charged, which no counter of the job tells."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import ScalarSelect, func, or_, select
from sqlalchemy.orm import aliased

from db.models.credits import CreditLine


def refunded(*, workspace_id: Any, job_id: Any) -> ScalarSelect[Decimal]:
    """The credits refunded to a job: the sum of the ledger's refunds of its lines, 0 without any.

    `workspace_id`, `job_id`: values, or columns of the statement around it.
    """
    taken = aliased(CreditLine)
    return (
        select(func.coalesce(func.sum(CreditLine.amount), Decimal("0.00")))
        .join(taken, (taken.workspace_id == CreditLine.workspace_id) & (taken.id == CreditLine.answers_id))
        .where(
            CreditLine.workspace_id == workspace_id,
            CreditLine.kind == "refund",
            or_(taken.job_id == job_id, CreditLine.job_id == job_id),
        )
        .correlate_except(CreditLine, taken)
        .scalar_subquery()
    )
