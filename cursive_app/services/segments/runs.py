"""Asking for a run, and what there is to read about runs (SEG-14). The work itself is `run.py`.

A run spends, so it is asked for with its most: how many leads, how many credits. That most is held in the transaction
that writes the run and its job; nothing is delivered beyond it, and what is not needed goes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, exc, func, select
from uuid_utils.compat import uuid7

from cursive_app.errors import Conflict, InsufficientCredits, Invalid
from cursive_app.services import accounts, credits, jobs
from cursive_app.services.accounts import Permission, require
from cursive_app.services.cursors import page_by_time
from cursive_app.services.segments.compile_provider import narrowing
from cursive_app.services.segments.filters import Filters, require_runnable
from cursive_app.services.segments.rights import StaleVersion, changed_by, visible
from cursive_app.services.segments.rules import MAX_RUN_LEADS, read_ceiling, read_max_leads
from cursive_app.services.segments.views import ACTIVE, RunPage, RunView, readable_filter, run_view
from cursive_app.settings import settings
from db.models.segments import SavedSegment, SegmentRun
from db.scope import Scope

TASK = "segments.run"
KIND = "segment_run"
DEFAULT_MAX_LEADS = 100
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Quote:
    """What a run may cost at most, before it is asked for. `missing` credits stand between the balance and the hold; 0
    for somebody who may not see the balance, who hears of it only when the run is refused."""

    price_each: Decimal
    max_leads: int
    ceiling: Decimal
    most_leads: int
    most_credits: Decimal
    available: Decimal
    missing: Decimal


def quote(scope: Scope, *, max_leads: int | None = None, ceiling: Decimal | None = None) -> Quote:
    """The price before (SEG-07). `max_leads` defaults to 100, `ceiling` to the price of all of them. Raises Invalid."""
    require(scope, Permission.VIEW_SEGMENTS)
    price = settings().database_lead_price
    leads, most = _bounds(max_leads, ceiling, price)
    deliverable = min(leads, int((most / price).to_integral_value(ROUND_FLOOR))) if price else leads
    cost = (deliverable * price).quantize(CENT)
    if not accounts.allows(scope.tenant, Permission.VIEW_CREDITS):
        return Quote(price, leads, most, deliverable, cost, available=Decimal(0), missing=Decimal(0))
    available = credits.balance(scope).available
    return Quote(price, leads, most, deliverable, cost, available, max(cost - available, Decimal(0)))


def start_run(
    scope: Scope,
    segment_id: UUID | str,
    *,
    max_leads: int | None = None,
    ceiling: Decimal | None = None,
    version: int | None = None,
    idempotency_key: str | None = None,
) -> RunView:
    """Hold the most it may cost, write the run and its job, and queue it; all of it or nothing.

    The same `idempotency_key` returns the run it started. Raises Conflict (`running`, `not_active`, `stale_version`),
    Invalid (nothing to include, ceiling below one lead), InsufficientCredits, NotFound, Forbidden.
    """
    require(scope, Permission.RUN_SEGMENTS)
    segment = visible(scope, segment_id, lock=True)
    if idempotency_key:
        first = _by_key(scope, idempotency_key)
        if first is not None:
            return _same_run(first, segment)
    filters = _runnable(scope, segment, version)
    needed = narrowing(filters)
    price = settings().database_lead_price
    leads, most = _bounds(
        max_leads if max_leads is not None else segment.max_leads,
        ceiling if ceiling is not None else segment.ceiling,
        price,
    )
    deliverable = min(leads, int((most / price).to_integral_value(ROUND_FLOOR))) if price else leads
    run_id = uuid7()
    run = SegmentRun(
        id=run_id,
        segment_id=segment.id,
        segment_version=segment.version,
        filters=filters.to_json(),
        provider_filters=needed.filters,
        idempotency_key=idempotency_key,
        max_leads=deliverable,
        ceiling=most,
        price=price,
        actor_user_id=scope.tenant.user_id,
        actor_label=accounts.actor_label(scope),
    )
    try:
        with scope.session.begin_nested():
            scope.add(run)
    except exc.IntegrityError:
        raise Conflict("This segment is running already. Watch it, or stop it first.", reason="running") from None
    job = jobs.open_job(
        scope,
        kind=KIND,
        title=segment.name,
        task=TASK,
        links={"segment_id": str(segment.id), "run_id": str(run_id)},
        idempotency_key=str(run_id),
    )
    run.job_id = job.id
    _hold(scope, run, segment)
    scope.session.flush()
    return run_view(run)


def get_run(scope: Scope, run_id: UUID | str) -> RunView:
    """Raises NotFound, Forbidden."""
    require(scope, Permission.VIEW_SEGMENTS)
    row = scope.get(SegmentRun, run_id)
    visible(scope, row.segment_id)
    return run_view(row, delta=_deltas(scope, row.segment_id).get(row.id))


def list_runs(scope: Scope, segment_id: UUID | str, *, cursor: str | None = None, limit: int = 20) -> RunPage:
    """A segment's runs, newest first. Raises NotFound, Forbidden, Invalid for a bad cursor or limit."""
    require(scope, Permission.VIEW_SEGMENTS)
    if not 1 <= limit <= 100:
        raise Invalid(fields={"limit": "Ask for 1 to 100 runs."})
    segment = visible(scope, segment_id)
    binding = f"runs:{segment.id}"
    statement = scope.select(SegmentRun).where(SegmentRun.segment_id == segment.id)
    page = page_by_time(scope, statement, by=SegmentRun.created_at, cursor=cursor, binding=binding, limit=limit)
    deltas = _deltas(scope, segment.id)
    return RunPage(
        runs=tuple(run_view(row, delta=deltas.get(row.id)) for row in page.rows),
        next_cursor=page.next_cursor,
        previous_cursor=page.previous_cursor,
    )


def cancel_run(scope: Scope, run_id: UUID | str) -> RunView:
    """Ask the run to stop after the page it works on; leads delivered so far stay and stay paid.

    Raises Conflict when it has ended, NotFound, Forbidden.
    """
    require(scope, Permission.RUN_SEGMENTS)
    row = scope.get(SegmentRun, run_id)
    visible(scope, row.segment_id)
    if row.status not in ACTIVE or row.job_id is None:
        raise Conflict("This run has ended already.", reason="ended")
    jobs.request_cancel(scope, row.job_id)
    return run_view(row)


def _bounds(max_leads: int | None, ceiling: Decimal | None, price: Decimal) -> tuple[int, Decimal]:
    leads = read_max_leads(max_leads)
    most = read_ceiling(ceiling)
    if leads is None:
        afforded = int((most / price).to_integral_value(ROUND_FLOOR)) if most is not None and price else None
        leads = min(afforded, MAX_RUN_LEADS) if afforded is not None else DEFAULT_MAX_LEADS
    if most is None:
        most = max((leads * price).quantize(CENT), CENT)
    return leads, most


def _runnable(scope: Scope, segment: SavedSegment, version: int | None) -> Filters:
    if segment.status != "active":
        word = "archived. Restore" if segment.status == "archived" else "paused. Resume"
        raise Conflict(f"This segment is {word} it before running it.", reason="not_active")
    if version is not None and version != segment.version:
        raise StaleVersion(f"{changed_by(scope, segment)} since you looked.", "Reload before you run it.")
    filters = readable_filter(segment)
    if filters.scope != "provider":
        raise Invalid(
            fields={"scope": "A segment over your own leads needs no run: it is always up to date and costs nothing."}
        )
    require_runnable(filters)
    return filters


def _hold(scope: Scope, run: SegmentRun, segment: SavedSegment) -> None:
    amount = min(run.ceiling, run.max_leads * run.price).quantize(CENT)
    if not amount:
        return
    available = credits.balance(scope).available if accounts.allows(scope.tenant, Permission.VIEW_CREDITS) else None
    if available is not None and available < amount:
        raise InsufficientCredits(needed=amount, available=available)
    line = credits.hold(
        scope,
        amount=amount,
        key=f"run:{run.id}:hold",
        description=f"Held for a run of “{segment.name}”",
        job_id=run.job_id,
        reference=f"segment_run:{run.id}",
    )
    run.hold_id, run.credits_held = line.id, amount


def _by_key(scope: Scope, key: str) -> SegmentRun | None:
    return scope.session.scalar(scope.select(SegmentRun).where(SegmentRun.idempotency_key == key))


def _same_run(run: SegmentRun, segment: SavedSegment) -> RunView:
    if run.segment_id != segment.id:
        raise Conflict("This Idempotency-Key was used for a run of another segment.", reason="key_reused")
    return run_view(run)


def _deltas(scope: Scope, segment_id: UUID) -> dict[UUID, int]:
    """New leads of each completed run minus those of the completed run before it."""
    before: ColumnElement[int] = func.lag(SegmentRun.new_leads).over(order_by=(SegmentRun.created_at, SegmentRun.id))
    found = scope.session.execute(
        select(SegmentRun.id, SegmentRun.new_leads - before).where(
            scope.owned(SegmentRun), SegmentRun.segment_id == segment_id, SegmentRun.status == "completed"
        )
    ).all()
    return {run_id: delta for run_id, delta in found if delta is not None}
