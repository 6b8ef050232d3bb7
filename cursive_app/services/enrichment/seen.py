"""A list as who asks sees it: the view of its row with today's rights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from cursive_app.services import accounts
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment.chunks import still_needed
from cursive_app.services.enrichment.finds import counts_view
from cursive_app.services.enrichment.pricing import rows_to_send, sampled_matching, why_not_start
from cursive_app.services.enrichment.progress import chunks_by_list, rerunnable, run_progress
from cursive_app.services.enrichment.views import ColumnView, Counts, EnrichmentView, Layout, Rate, SampleView, Status
from db.models.enrichment import Enrichment, EnrichmentChunk
from db.scope import Scope

UNSTARTED = ("received", "reading", "ready", "refused")


def enrichment_view(
    scope: Scope,
    row: Enrichment,
    *,
    same_file_as: UUID | None = None,
    chunks: Sequence[EnrichmentChunk] | None = None,
) -> EnrichmentView:
    """The view of a row. `same_file_as`: an earlier list with the same file, when the caller has looked for it;
    `chunks`: those of its run, when the caller has read them."""
    tenant = scope.tenant
    if chunks is None:
        chunks = chunks_by_list(scope, [row]).get(row.id, [])
    is_kept = row.purged_at is None
    return EnrichmentView(
        id=row.id,
        filename=row.filename,
        source=row.source,  # type: ignore[arg-type]  # the table's CHECK allows no other
        byte_size=row.byte_size,
        status=seen_status(row),
        refusal_code=row.refusal_code,
        refusal_message=row.refusal_message,
        layout=layout_view(row.layout),
        columns=column_views(row),
        revision=row.revision,
        counts=Counts(row.row_count, row.valid_count, row.invalid_count, row.duplicate_count, row.owned_count),
        matching=row.matching,  # type: ignore[arg-type]  # the same
        includes_owned=row.includes_owned,
        price=row.price,
        ceiling=row.ceiling,
        sample=sample_view(row),
        credits_held=row.credits_held,
        credits_captured=row.credits_captured,
        credits_released=row.credits_released,
        matched=row.matched_count,
        no_match=row.no_match_count,
        skipped=row.skipped_count,
        errors=row.error_count,
        found_fields=counts_view(row),
        outcome=row.outcome,
        message=row.message,
        read_job_id=row.read_job_id,
        sample_job_id=row.sample_job_id,
        run_job_id=row.run_job_id,
        rerun_of=row.rerun_of,
        same_file_as=same_file_as,
        author=row.created_by_label,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
        purged_at=row.purged_at,
        may_edit=is_kept and accounts.allows(tenant, Permission.EDIT_ENRICHMENTS),
        may_run=is_kept and accounts.allows(tenant, Permission.RUN_ENRICHMENTS),
        may_download=is_kept and accounts.allows(tenant, Permission.DOWNLOAD_ENRICHMENTS),
        why_not=why_not_start(row, rows=rows_to_send(row, includes_owned=row.includes_owned)),
        to_resume=still_needed(row) if row.status == "paused" else None,
        pausing=row.pause_requested_by is not None,
        progress=run_progress(row, chunks),
        rerunnable=rerunnable(row),
    )


def seen_status(row: Enrichment) -> Status:
    """Where a list stands. One whose files were deleted before a run has ended: there is nothing left to start."""
    if row.purged_at is not None and row.status in UNSTARTED:
        return "deleted"
    return row.status  # type: ignore[return-value]  # the table's CHECK allows no other


def layout_view(layout: dict[str, Any]) -> Layout | None:
    """How the file was understood; None before it was."""
    if not layout.get("kind"):
        return None
    return Layout(
        kind=layout["kind"],
        compression=layout.get("compression"),
        encoding=layout.get("encoding"),
        delimiter=layout.get("delimiter"),
        sheet=layout.get("sheet"),
        sheets=tuple(layout.get("sheets") or ()),
        header_row=layout.get("header_row"),
        notes=tuple(layout.get("notes") or ()),
    )


def column_views(row: Enrichment) -> tuple[ColumnView, ...]:
    """The columns in file order with what each is mapped to."""
    return tuple(
        ColumnView(
            position=position,
            name=column.get("name") or "",
            samples=tuple(column.get("samples") or ()),
            field=row.mapping.get(str(position)),
            guess=column.get("guess"),
        )
        for position, column in enumerate(row.columns)
    )


def sample_view(row: Enrichment) -> SampleView | None:
    """The free dry run of the list as it stands now; None when there was none since it last changed."""
    sample = row.sample
    if not sample or sample.get("revision") != row.revision:
        return None
    return SampleView(
        status=sample["status"],
        size=sample["size"],
        matching="strict" if sampled_matching(sample) == "strict" else "balanced",
        matched=Rate(**sample["matched"]) if sample.get("matched") else None,
        fields=tuple(Rate(**one) for one in sample.get("fields") or ()),
        message=sample.get("message"),
        at=datetime.fromisoformat(sample["at"]) if sample.get("at") else None,
    )
