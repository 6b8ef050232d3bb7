"""F4 for lists: Postgres crashes while a run goes on. The worker stays, the run ends, and money and rows agree."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from cursive_app.errors import Unavailable
from cursive_app.services import credits
from cursive_app.settings import settings
from db.embedded import EmbeddedPostgres
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import check, chunks_of, list_row, make_list, mixed_lines, set_chunk_rows, start_run
from tests.faults.processes import Process, wait_until
from tests.faults.test_worker_database import crash, own_cast, own_postgres
from tests.sandbox_fixtures import Sandbox

__all__ = ["own_cast", "own_postgres"]
pytestmark = pytest.mark.faults

WORKER = "cursive_app.jobs.worker"
KNOWN, UNKNOWN = 70, 30


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        set_chunk_rows(patch, 10)
        yield
    settings.cache_clear()


def test_a_run_outlives_a_crash_of_the_database(
    spawn: Callable[..., Process],
    own_postgres: EmbeddedPostgres,
    own_cast: Cast,
    sandbox: Sandbox,
    trials: Callable[[int, int], int],
) -> None:
    chance = random.Random(20260104)
    worker = spawn(
        WORKER,
        DATABASE_URL=own_postgres.url,
        AUDIENCELAB_BASE_URL=sandbox.url,
        AUDIENCELAB_PAGE_PAUSE_SECONDS="0.05",
        ENRICHMENT_CHUNK_ROWS="10",
    )
    price = Decimal("0.25")
    for number in range(1, trials(1, 6) + 1):
        fund(own_cast.workspace_id, 100)
        id = make_list(own_cast.alice, mixed_lines(sandbox.population, known=KNOWN, unknown=UNKNOWN))
        start_run(own_cast.alice, id)
        settled = chance.randint(1, 6)

        def has_settled(count: int) -> bool:
            return sum(chunk.status == "settled" for chunk in chunks_of(id)) >= count  # noqa: B023

        wait_until(lambda: has_settled(settled), seconds=60, what="some chunks")  # noqa: B023
        crash(own_postgres)
        own_postgres.start()
        wait_until(lambda: _has_ended(id), seconds=90, what="the end of the run")  # noqa: B023
        assert worker.is_alive
        check(own_cast.alice, id)
        assert credits.prove().holds
        row = list_row(id)
        assert (row.status, row.matched_count, row.no_match_count) == ("completed", KNOWN, UNKNOWN)
        assert balance_of(own_cast.alice) == (number * (100 - KNOWN * price), 0)


def _has_ended(id: object) -> bool:
    try:
        return list_row(id).finished_at is not None  # type: ignore[arg-type]
    except Unavailable:
        return False
