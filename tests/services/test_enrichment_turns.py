"""Large lists are read one at a time in a process; small ones never wait, and who waits can be stopped."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import xlsxwriter

from cursive_app.services import jobs
from cursive_app.services.enrichment import turns
from tests.factories import Cast
from tests.factories_jobs import job_row
from tests.faults.processes import wait_until
from tests.services.test_enrichment_reading import PEOPLE, look, read, upload


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Another list has the turn; called, it gives it back."""
    monkeypatch.setattr(turns, "_LOOK_SECONDS", 0.05)
    assert turns._TURN.acquire(blocking=False)
    yield turns._TURN.release
    if turns._TURN.locked():
        turns._TURN.release()


def workbook() -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    book.add_worksheet().write_column(0, 0, ["E-mail", "dana@acme.example", "lee@acme.example"])
    book.close()
    return out.getvalue()


def test_a_small_list_does_not_wait(cast: Cast, tmp_path: Path, taken: Callable[[], None]) -> None:
    assert read(cast.alice, upload(cast.alice, PEOPLE, tmp_path)).status == "ready"


@pytest.mark.parametrize("large", [False, True], ids=["workbook", "large text"])
def test_a_workbook_and_a_large_list_wait_for_their_turn(
    cast: Cast, tmp_path: Path, taken: Callable[[], None], monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    monkeypatch.setattr(turns, "LARGE_BYTES", 100 if large else turns.LARGE_BYTES)
    opened = upload(cast.alice, PEOPLE if large else workbook(), tmp_path)
    reader = threading.Thread(target=read, args=[cast.alice, opened])
    reader.start()
    wait_until(lambda: look(cast.alice, opened.id).status == "reading", seconds=10, what="the reading to begin")
    reader.join(0.3)
    assert reader.is_alive(), "it waits"
    assert look(cast.alice, opened.id).status == "reading"
    taken()
    reader.join(20)
    assert look(cast.alice, opened.id).status == "ready"
    assert not turns._TURN.locked()


def test_who_waits_can_be_stopped(cast: Cast, tmp_path: Path, taken: Callable[[], None]) -> None:
    opened = upload(cast.alice, workbook(), tmp_path)
    assert opened.read_job_id is not None
    reader = threading.Thread(target=read, args=[cast.alice, opened])
    reader.start()
    wait_until(lambda: look(cast.alice, opened.id).status == "reading", seconds=10, what="the reading to begin")
    with cast.alice.begin() as scope:
        jobs.request_cancel(scope, opened.read_job_id)
    reader.join(20)
    assert not reader.is_alive(), "although the turn never came"
    assert job_row(opened.read_job_id).status == "cancelled"
    assert look(cast.alice, opened.id).status == "refused"
