"""The chunks a list travels in: which rows go next, how many the hold still pays for, when to look at one again.

A chunk's rows are those that are sent and lie between its first and last number; they are settled together, once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from cursive_app.clock import now
from cursive_app.services.enrichment.pricing import cost_of, rows_to_send, rows_unanswered, whole_rows
from cursive_app.services.enrichment.stored import sent_records
from cursive_app.settings import settings
from db.models.enrichment import Enrichment, EnrichmentChunk, EnrichmentRow
from db.scope import Scope

IN_FLIGHT = 3  # chunks at the provider at once
SMALLEST_CHUNK = 10  # rows, or a fiftieth of what is held: what is less of a ceiling is not worth a provider job
MOST_SMALL_CHUNKS = 50
MOST_FAILURES = 8  # errors in a row, ten minutes in all, until a chunk is given up
FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=5)
OPEN = ("pending", "sent")
_AGAIN = re.compile(r"-r(\d+)$")


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """What a worker needs of a chunk while no transaction is open. `is_fresh`: nobody can have sent it yet."""

    number: int
    first_number: int
    last_number: int
    name: str
    status: str
    job_id: str | None
    is_fresh: bool


@dataclass(frozen=True, slots=True)
class Next:
    """What the run does next: send, find or look at a chunk, wait until a moment, pause, rest, or end."""

    act: Literal["send", "find", "look", "wait", "pause", "rest", "ceiling", "done"]
    chunk: ChunkPlan | None = None
    until: datetime | None = None


def next_act(scope: Scope, row: Enrichment) -> Next:
    """Decide by what is stored, and make the next chunk if there is room for one. The run's row is locked."""
    chunks = run_chunks(scope, row.id)
    out = [chunk for chunk in chunks if is_out(chunk)]
    due = [chunk for chunk in out if due_at(chunk) <= now()]
    if row.pause_requested_by is not None and (out or _has_more(row, chunks)):
        return _next_before_rest(out, due)
    for chunk in due:
        if chunk.status == "pending":
            return Next("send", _plan(chunk))
    waiting, left = _waiting(chunks), _left(row, chunks)
    size = _next_size(row, chunks, left=waiting.row_count if waiting else left) if len(out) < IN_FLIGHT else 0
    if size:
        chunk = _cut(scope, row, chunks, waiting, size=size) if waiting else _make(scope, row, chunks, size=size)
        chunk.sent_at = now()  # from here on the provider may have it
        return Next("send", _plan(chunk, is_fresh=waiting is None))
    if due:
        return Next("look", _plan(min(due, key=due_at)))
    if out:
        return Next("wait", until=min(map(due_at, out)))
    if waiting is None and left <= 0:
        return Next("done")
    return Next("pause" if may_hold_more(row) > 0 else "ceiling")


def _next_before_rest(out: Sequence[EnrichmentChunk], due: Sequence[EnrichmentChunk]) -> Next:
    """Nothing new is sent: what is at the provider is waited for, an order whose answer was lost is looked for."""
    if due:
        chunk = min(due, key=due_at)
        return Next("find" if chunk.status == "pending" else "look", _plan(chunk))
    return Next("wait", until=min(map(due_at, out))) if out else Next("rest")


def _has_more(row: Enrichment, chunks: Sequence[EnrichmentChunk]) -> bool:
    return _waiting(chunks) is not None or _left(row, chunks) > 0


def _waiting(chunks: Sequence[EnrichmentChunk]) -> EnrichmentChunk | None:
    """A chunk that is to be asked for again, as if it had never been sent."""
    return next((chunk for chunk in chunks if chunk.status == "pending" and chunk.sent_at is None), None)


def _left(row: Enrichment, chunks: Sequence[EnrichmentChunk]) -> int:
    """How many rows are in no chunk yet."""
    return rows_to_send(row, includes_owned=row.includes_owned) - sum(chunk.row_count for chunk in chunks)


def is_out(chunk: EnrichmentChunk) -> bool:
    """Whether the chunk is at the provider now, as far as we know: an order whose answer was lost may be there."""
    return chunk.status in OPEN and chunk.sent_at is not None


def run_chunks(scope: Scope, enrichment_id: UUID) -> Sequence[EnrichmentChunk]:
    """The chunks of the run in order, without the sample."""
    return scope.session.scalars(
        scope.select(EnrichmentChunk)
        .where(EnrichmentChunk.enrichment_id == enrichment_id, EnrichmentChunk.number > 0)
        .order_by(EnrichmentChunk.number)
    ).all()


def get_chunk(scope: Scope, enrichment_id: UUID, number: int) -> EnrichmentChunk:
    """One chunk, locked until the transaction ends."""
    return scope.session.execute(
        scope.select(EnrichmentChunk)
        .where(EnrichmentChunk.enrichment_id == enrichment_id, EnrichmentChunk.number == number)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()


def rows_of(row: Enrichment, chunk: EnrichmentChunk | ChunkPlan) -> ColumnElement[bool]:
    """The rows of a chunk, as SQL."""
    return sendable(row) & EnrichmentRow.number.between(chunk.first_number, chunk.last_number)


def sendable(row: Enrichment) -> ColumnElement[bool]:
    """The rows a run of this list sends, as SQL."""
    verdicts = ("valid", "owned") if row.includes_owned else ("valid",)
    return (
        (EnrichmentRow.workspace_id == row.workspace_id)
        & (EnrichmentRow.enrichment_id == row.id)
        & EnrichmentRow.verdict.in_(verdicts)
    )


def read_records(scope: Scope, row: Enrichment, chunk: ChunkPlan) -> list[tuple[int, dict[str, str]]]:
    """Number of every row of a chunk and what is sent of it, in file order."""
    return sent_records(scope, row, rows_of(row, chunk))


def due_at(chunk: EnrichmentChunk) -> datetime:
    """When this chunk is to be looked at (or sent) again: the pauses of the settings, longer ones after errors."""
    if chunk.looked_at is None:
        return chunk.sent_at or datetime.min.replace(tzinfo=now().tzinfo)
    if chunk.failures:
        return chunk.looked_at + min(FIRST_RETRY * 2 ** (chunk.failures - 1), LONGEST_RETRY)
    pauses = settings().enrichment_pauses
    return chunk.looked_at + timedelta(seconds=pauses[min(chunk.tries, len(pauses) - 1)])


def may_hold_more(row: Enrichment) -> Decimal:
    """The credits that the rest of the run may still need beyond what is held: none when the ceiling is reached."""
    most = rows_to_send(row, includes_owned=row.includes_owned) * row.price
    if row.ceiling is not None:
        most = min(most, row.ceiling)
    return max(most - (row.credits_held - row.credits_released), Decimal(0))


def still_needed(row: Enrichment) -> Decimal:
    """What the rows that were not settled yet may cost, within the ceiling: what resuming holds. Nothing where a pause
    by hand has kept the hold."""
    if row.hold_id is not None:
        return Decimal("0.00")
    return min(cost_of(rows_unanswered(row), row.price), may_hold_more(row))


def _next_size(row: Enrichment, chunks: Sequence[EnrichmentChunk], *, left: int) -> int:
    """Rows of the next chunk: what is left, what travels together, and what the hold pays for; 0: none now."""
    size = min(left, settings().enrichment_chunk_rows)
    if size <= 0 or row.price <= 0:
        return max(size, 0)
    in_flight = sum(chunk.row_count for chunk in chunks if is_out(chunk))
    free = row.credits_held - row.credits_captured - row.credits_released - in_flight * row.price
    paid = whole_rows(free, row.price)
    if paid >= size:
        return size
    total = rows_to_send(row, includes_owned=row.includes_owned)
    is_many = len(chunks) >= total // settings().enrichment_chunk_rows + MOST_SMALL_CHUNKS
    smallest = min(SMALLEST_CHUNK, max(whole_rows(row.credits_held, row.price) // 50, 1))
    return 0 if is_many or paid < smallest else paid


def _make(scope: Scope, row: Enrichment, chunks: Sequence[EnrichmentChunk], *, size: int) -> EnrichmentChunk:
    after = max((chunk.last_number or 0 for chunk in chunks), default=0)
    rows = select(EnrichmentRow.number).where(sendable(row), EnrichmentRow.number > after)
    taken = rows.order_by(EnrichmentRow.number).limit(size).subquery()
    first, last, count = scope.session.execute(
        select(func.min(taken.c.number), func.max(taken.c.number), func.count()).select_from(taken)
    ).one()
    number = max((chunk.number for chunk in chunks), default=0) + 1
    return scope.add(
        EnrichmentChunk(
            enrichment_id=row.id,
            number=number,
            first_number=first,
            last_number=last,
            row_count=count,
            provider_name=_name(row, number),
        )
    )


def _cut(
    scope: Scope, row: Enrichment, chunks: Sequence[EnrichmentChunk], chunk: EnrichmentChunk, *, size: int
) -> EnrichmentChunk:
    """A chunk that waits to be asked again, with as many of its rows as the hold pays for. The others wait in a
    chunk of their own; an order of other rows has another name."""
    if size >= chunk.row_count:
        return chunk
    rows = select(EnrichmentRow.number).where(rows_of(row, chunk)).order_by(EnrichmentRow.number)
    first_left = scope.session.scalars(rows.offset(size).limit(1)).one()
    number = max(one.number for one in chunks) + 1
    rest = EnrichmentChunk(
        enrichment_id=row.id,
        number=number,
        first_number=first_left,
        last_number=chunk.last_number,
        row_count=chunk.row_count - size,
        provider_name=_name(row, number),
    )
    chunk.row_count, chunk.last_number = size, first_left - 1
    chunk.provider_name = name_again(chunk.provider_name)
    scope.add(rest)
    return chunk


def _name(row: Enrichment, number: int) -> str:
    return f"cursive-{row.workspace_id.hex[:8]}-{row.id}-{number}"


def name_again(name: str) -> str:
    """The name of the next order of the same rows: "…-3" is followed by "…-3-r2", "…-3-r3" and so on."""
    found = _AGAIN.search(name)
    return f"{name}-r2" if found is None else f"{name[: found.start()]}-r{int(found[1]) + 1}"


def _plan(chunk: EnrichmentChunk, *, is_fresh: bool = False) -> ChunkPlan:
    return ChunkPlan(
        number=chunk.number,
        first_number=chunk.first_number or 0,
        last_number=chunk.last_number or 0,
        name=chunk.provider_name,
        status=chunk.status,
        job_id=chunk.provider_job_id,
        is_fresh=is_fresh,
    )
