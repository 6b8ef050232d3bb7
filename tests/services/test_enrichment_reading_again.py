"""A reading that is overtaken, killed or canceled leaves nothing half done."""

from __future__ import annotations

from pathlib import Path

import pytest

from cursive_app.services import enrichment, jobs
from tests.factories import Cast
from tests.factories_jobs import grow_stale, job_row
from tests.services.lists import LIST, ready
from tests.services.test_enrichment_reading import do, look, read, rows, upload

__all__ = ["ready"]


def test_a_reading_that_was_overtaken_writes_nothing(cast: Cast, tmp_path: Path) -> None:
    first = upload(cast.alice, LIST, tmp_path)
    second = do(cast.alice, enrichment.choose_layout, first.id, revision=first.revision, header_row=None)
    assert second.read_job_id != first.read_job_id
    done = read(cast.alice, second)
    late = read(cast.alice, first)
    assert (done.counts, late.counts, late.status) == (late.counts, done.counts, "ready")
    assert late.counts.total == 5
    assert first.read_job_id is not None
    assert job_row(first.read_job_id).status == "completed"


def test_a_killed_reading_begins_again_and_a_zombie_changes_nothing(cast: Cast, tmp_path: Path) -> None:
    view = upload(cast.alice, LIST, tmp_path)
    assert view.read_job_id is not None
    zombie = jobs.claim(view.read_job_id)
    assert zombie is not None
    grow_stale(view.read_job_id)
    ready = read(cast.alice, view)
    assert ready.counts.total == 4
    with pytest.raises(jobs.LostClaim):
        enrichment.read_list(zombie)
    assert look(cast.alice, view.id).counts == ready.counts
    assert len(rows(cast.alice, view.id).rows) == 4


def test_a_canceled_reading_leaves_no_row(cast: Cast, tmp_path: Path) -> None:
    view = upload(cast.alice, LIST, tmp_path)
    assert view.read_job_id is not None
    do(cast.alice, jobs.request_cancel, view.read_job_id)
    ended = read(cast.alice, view)
    assert (ended.status, ended.refusal_code) == ("refused", "cancelled")
    assert job_row(view.read_job_id).status == "cancelled"
