"""How far a run has come, told from its chunks: answered, at the provider, not sent (ENR-10, ENR-12)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from cursive_app.services.enrichment.chunks import due_at, is_out
from cursive_app.services.enrichment.pricing import rows_answered, rows_to_send, rows_unanswered
from cursive_app.services.enrichment.views import Rerunnable, RunProgress
from cursive_app.settings import settings
from db.models.enrichment import Enrichment, EnrichmentChunk
from db.scope import Scope

ENDED = ("completed", "failed", "cancelled")


def run_progress(row: Enrichment, chunks: Sequence[EnrichmentChunk]) -> RunProgress | None:
    """Where the rows of a run are; None for a list that was not started or whose rows were deleted. `chunks` are those
    of the run. Once it has ended, what was at the provider then is what no answer was waited for."""
    if row.run_job_id is None or row.purged_at is not None:
        return None
    has_ended = row.status in ENDED
    total = rows_to_send(row, includes_owned=row.includes_owned)
    answered = rows_answered(row)
    out = [chunk for chunk in chunks if (was_out(chunk) if has_ended else is_out(chunk))]
    at_provider = sum(chunk.row_count for chunk in out)
    sent = [chunk.sent_at for chunk in out if chunk.status == "sent" and chunk.sent_at is not None]
    return RunProgress(
        answered=answered,
        at_provider=at_provider,
        not_sent=max(total - answered - at_provider, 0),
        batches_answered=sum(chunk.status in ("settled", "failed") for chunk in chunks),
        batches=len(chunks) + batches_to_come(row, in_batches=sum(chunk.row_count for chunk in chunks)),
        sent_at=min(sent, default=None),
        looks_at=min(map(due_at, out), default=None) if not has_ended else None,
    )


def batches_to_come(row: Enrichment, *, in_batches: int) -> int:
    """How many more batches a run makes of its rows that are in none yet, if the hold lets them be full; `in_batches`
    rows are in one. None once it has ended."""
    if row.status in ENDED:
        return 0
    left = max(rows_to_send(row, includes_owned=row.includes_owned) - in_batches, 0)
    return math.ceil(left / settings().enrichment_chunk_rows)


def was_out(chunk: EnrichmentChunk) -> bool:
    """Whether the chunk was at the provider, as far as we know, when the run ended without its answer."""
    return chunk.status == "dropped" and chunk.sent_at is not None


def rerunnable(row: Enrichment) -> Rerunnable:
    """How many rows of an ended run a new list can be made of, by outcome; none while it runs and after deletion."""
    if row.status not in ENDED or row.purged_at is not None:
        return Rerunnable(error=0, no_match=0, skipped=0)
    skipped = max(rows_unanswered(row), 0)
    return Rerunnable(error=row.error_count, no_match=row.no_match_count, skipped=skipped)


def chunks_by_list(scope: Scope, rows: Sequence[Enrichment]) -> dict[UUID, list[EnrichmentChunk]]:
    """The chunks of the runs of these lists, without samples."""
    ids = [row.id for row in rows if row.run_job_id is not None and row.purged_at is None]
    found: dict[UUID, list[EnrichmentChunk]] = defaultdict(list)
    if ids:
        mine = scope.select(EnrichmentChunk).where(EnrichmentChunk.enrichment_id.in_(ids), EnrichmentChunk.number > 0)
        for chunk in scope.session.scalars(mine.order_by(EnrichmentChunk.enrichment_id, EnrichmentChunk.number)):
            found[chunk.enrichment_id].append(chunk)
    return found
