"""What the jobs of a list are found by."""

from __future__ import annotations

from db.models.enrichment import Enrichment


def job_links(row: Enrichment) -> dict[str, str]:
    """The links of a job that works on this list: itself and, when it was made of the rows of an earlier run, that."""
    earlier = {"rerun_of": str(row.rerun_of)} if row.rerun_of is not None else {}
    return {"enrichment_id": str(row.id), **earlier}
