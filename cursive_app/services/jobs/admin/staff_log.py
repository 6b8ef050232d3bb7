"""What all staff did and were refused, page by page and as a file (JOB-13)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any

from sqlalchemy import select

from cursive_app.services.csv_cells import plain_cell
from cursive_app.services.jobs.admin.masking import masked
from cursive_app.services.jobs.admin.query import without_arguments
from cursive_app.services.jobs.admin.staff import has_role, record_action, require_staff
from cursive_app.services.jobs.admin.views import StaffActionView, StaffActor
from db.models.jobs import StaffAction
from db.system import system_scope

LARGEST_PAGE = 200
BATCH = 1_000
HEADER = ("id", "time_utc", "by", "role", "action", "object_type", "object_id", "details")


def actions(actor: StaffActor, *, before: int | None = None, limit: int = 50) -> tuple[StaffActionView, ...]:
    """Actions and refusals of all staff, newest first, at most 200: the newest, or those older than the action with the
    id `before`. Values of arguments are masked as they are in the jobs themselves. Raises Forbidden."""
    require_staff(actor, "read_only", attempted="actions", object_type="history")
    return _read(actor, before=before, limit=max(1, min(limit, LARGEST_PAGE)))


def actions_csv(actor: StaffActor) -> Iterator[bytes]:
    """All of them, newest first, as UTF-8 with a header, in batches read in short transactions; masked alike.

    Raises Forbidden before the first byte.
    """
    require_staff(actor, "read_only", attempted="actions.export", object_type="history")
    with system_scope() as scope:
        record_action(scope, actor, action="actions.export", object_type="history")

    def lines() -> Iterator[bytes]:
        yield _csv([HEADER])
        before: int | None = None
        while found := _read(actor, before=before, limit=BATCH):
            yield _csv([_cells(one) for one in found])
            before = found[-1].id

    return lines()


def _read(actor: StaffActor, *, before: int | None, limit: int) -> tuple[StaffActionView, ...]:
    older = [StaffAction.id < before] if before is not None else []
    with system_scope() as scope:
        rows = scope.session.scalars(select(StaffAction).where(*older).order_by(StaffAction.id.desc()).limit(limit))
        return tuple(_action_view(row, everything=not has_role(actor, "operate")) for row in rows)


def _cells(one: StaffActionView) -> tuple[str, ...]:
    rest = {name: value for name, value in one.details.items() if name != "role"}
    texts = (one.by, str(one.details.get("role", "")), one.action, one.object_type, one.object_id or "")
    details = json.dumps(rest, ensure_ascii=False, default=str)
    at = one.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (str(one.id), at, *map(plain_cell, texts), plain_cell(details))


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def _action_view(row: StaffAction, *, everything: bool) -> StaffActionView:
    return StaffActionView(
        id=row.id,
        at=row.created_at,
        by=row.actor_label,
        action=row.action,
        object_type=row.object_type,
        # A refused action on what a query finds is named by that query.
        object_id=without_arguments(row.object_id) if everything and row.object_id else row.object_id,
        details={name: _detail(name, value, everything=everything) for name, value in row.details.items()},
    )


def _detail(name: str, value: Any, *, everything: bool) -> Any:
    """Changed arguments, and a query that names some, hold values that not everybody sees (JOB-12)."""
    if name == "changed" and isinstance(value, Mapping):
        return masked(value, everything=everything)
    if name == "query" and everything:
        return without_arguments(str(value))
    return value
