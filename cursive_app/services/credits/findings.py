"""What the proof of the ledger found to be off, in words for the people who must look at it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select

from cursive_app.services.credits.reconcile import MEANING, Proof
from db.models.accounts import Workspace
from db.models.credits import LedgerFinding
from db.system import system_scope


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A sum that was off when it was last looked at. `words` say which and by how much."""

    workspace_id: UUID
    workspace_name: str
    words: str
    found_at: datetime


def open_findings(*, limit: int) -> tuple[tuple[OpenFinding, ...], int]:
    """The newest findings that still hold, and how many there are in all."""
    is_open = LedgerFinding.resolved_at.is_(None)
    with system_scope() as scope:
        rows = scope.session.execute(
            select(LedgerFinding, Workspace.name)
            .join(Workspace, Workspace.id == LedgerFinding.workspace_id)
            .where(is_open)
            .order_by(LedgerFinding.id.desc())
            .limit(limit)
        ).all()
        total = scope.session.scalar(select(func.count()).select_from(LedgerFinding).where(is_open)) if rows else 0
    found = tuple(
        OpenFinding(
            workspace_id=row.workspace_id,
            workspace_name=name,
            words=_words(row.message, row.expected, row.actual),
            found_at=row.found_at,
        )
        for row, name in rows
    )
    return found, total or 0


def proof_in_words(proof: Proof, *, most: int) -> tuple[str, ...]:
    """One line for each difference, at most so many: which workspace, which sum, and by how much."""
    told = proof.differences[:most]
    names = _names({one.workspace_id for one in told})
    return tuple(
        f"{names.get(one.workspace_id, 'Unknown')} ({one.workspace_id}): "
        f"{_words(MEANING[one.check], one.expected, one.actual)}"
        for one in told
    )


def _names(ids: Iterable[UUID]) -> dict[UUID, str]:
    with system_scope() as scope:
        found = select(Workspace.id, Workspace.name).where(Workspace.id.in_(list(ids)))
        return {row.id: row.name for row in scope.session.execute(found)}


def _words(message: str, expected: Decimal | None, actual: Decimal | None) -> str:
    if expected is None or actual is None:
        return message
    return f"{message} Expected {expected:,f}, found {actual:,f}: off by {actual - expected:+,f}."
