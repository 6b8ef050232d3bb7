"""The last changes of a list's cells, as far as they can be undone.

Each is kept with what it wrote over until the list is started, mapped or read anew, or deleted: afterwards the cells
it speaks of are not what it left. They are undone from the last one back, so a change counts only as long as its
revision is the list's.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from uuid import UUID

import polars as pl
from sqlalchemy import delete, select, update

from cursive_app.services.accounts import Permission, require
from cursive_app.services.enrichment.views import ChangeView
from db.models.enrichment import Enrichment, EnrichmentChange
from db.scope import Scope

MOST_CHANGES = 20
MOST_BYTES = 16 * 1024 * 1024  # of texts, beside the last change, which is always kept: a column of the list at most


def record_change(
    scope: Scope, parent: Enrichment, *, column: int, before: pl.DataFrame, flaws: Mapping[int, str]
) -> None:
    """Keep what a change has just written over. `before`: `number` and `text` of each cell; `parent` has the revision
    that the change gave it, and is locked."""
    scope.add(
        EnrichmentChange(
            enrichment_id=parent.id,
            number=_make_room(scope, parent),
            revision=parent.revision,
            place=column,
            cell_count=before.height,
            first_row=before["number"][0],
            byte_size=int(before["text"].str.len_bytes().sum()),
            before={
                "numbers": before["number"].to_list(),
                "texts": before["text"].to_list(),
                "flaws": {str(number): code for number, code in flaws.items()},
            },
        )
    )


def _make_room(scope: Scope, parent: Enrichment) -> int:
    """Forget what is too old or too much, or was overtaken; the number of the next change."""
    mine = scope.owned(EnrichmentChange) & (EnrichmentChange.enrichment_id == parent.id)
    kept = scope.session.execute(
        select(EnrichmentChange.number, EnrichmentChange.revision, EnrichmentChange.byte_size)
        .where(mine)
        .order_by(EnrichmentChange.number.desc())
    ).all()
    if not kept:
        return 1
    following = kept[0].number + 1
    totals = accumulate(one.byte_size for one in kept)
    fit = [one.number for one, total in zip(kept, totals, strict=True) if total <= MOST_BYTES][: MOST_CHANGES - 1]
    overtaken = kept[0].revision != parent.revision - 1
    oldest = following if overtaken or not fit else fit[-1]
    scope.session.execute(delete(EnrichmentChange).where(mine, EnrichmentChange.number < oldest))
    return following


def last_change(scope: Scope, id: UUID | str) -> ChangeView | None:
    """The change that `undo` would take back now; None when there is none. Raises NotFound, Forbidden."""
    require(scope, Permission.VIEW_ENRICHMENTS)
    parent = scope.get(Enrichment, id)
    if parent.status != "ready" or parent.purged_at is not None:
        return None
    found = scope.session.execute(
        select(
            EnrichmentChange.place, EnrichmentChange.cell_count, EnrichmentChange.first_row, EnrichmentChange.made_at
        ).where(
            scope.owned(EnrichmentChange),
            EnrichmentChange.enrichment_id == parent.id,
            EnrichmentChange.revision == parent.revision,
        )
    ).one_or_none()
    if found is None:
        return None
    name = parent.columns[found.place].get("name") if found.place < len(parent.columns) else None
    return ChangeView(
        revision=parent.revision,
        column=found.place,
        name=name,
        cells=found.cell_count,
        row=found.first_row if found.cell_count == 1 else None,
        at=found.made_at,
    )


def take_change(scope: Scope, parent: Enrichment) -> EnrichmentChange | None:
    """The change that is undone now; the one before it is the last one again once `parent` has its next revision."""
    mine = EnrichmentChange.enrichment_id == parent.id
    wanted = scope.select(EnrichmentChange).where(mine, EnrichmentChange.revision == parent.revision)
    found = scope.session.scalar(wanted)
    if found is None:
        return None
    scope.session.delete(found)
    scope.session.flush()
    shifted = update(EnrichmentChange).where(scope.owned(EnrichmentChange), mine)
    scope.session.execute(shifted.values(revision=EnrichmentChange.revision + 2))  # the undone one, and its undoing
    return found


def forget_changes(scope: Scope, enrichment_id: UUID) -> None:
    """What was written over is not needed any more: nothing of it can be undone from now on."""
    scope.session.execute(
        delete(EnrichmentChange).where(scope.owned(EnrichmentChange), EnrichmentChange.enrichment_id == enrichment_id)
    )
