"""F21 for lists: any mixture of the provider's troubles delays a run, loses no row and buys no batch twice (P1, P5)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from cursive_app.integrations.audiencelab import AudienceLab
from db.engine import Database
from db.scope import Tenant
from tests.factories import make_cast
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import (
    Line,
    check,
    chunks_of_rows,
    list_row,
    make_list,
    mixed_lines,
    start_run,
    step,
    work_off,
)
from tests.sandbox_fixtures import Sandbox

pytestmark = pytest.mark.faults

Trials = Callable[[int, int], int]
MODES = ("down", "500", "429", "reset", "slow", "drip", "garbage", "schema", "oversize")
SECONDS = {"slow": 0.5, "429": 0.0, "drip": 0.002}  # enough for a deadline of 0.3, and no more of the tests' time
RESULTS = ("torn", "expired", "strangers")
ENDPOINTS = ("POST /enrichments", "GET /enrichments", "GET /files", "/")
KNOWN, UNKNOWN, BATCH = 9, 5, 5
BATCHES = 3
FUNDS, PRICE = 100, Decimal("0.25")


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    """Lists of any size, in batches of five rows: fourteen are three."""
    with chunks_of_rows(BATCH):
        yield


def mixture_of(chance: random.Random) -> list[dict[str, Any]]:
    """Two troubles of at most two times each: a batch is given up after more failures in a row than four."""
    made = []
    for _ in range(2):
        mode = chance.choice(MODES)
        made.append(
            {
                "mode": mode,
                "times": chance.randint(1, 2),
                "endpoints": [chance.choice(ENDPOINTS)],
                "after": chance.random() < 0.5,
                **({"delay_seconds": SECONDS[mode]} if mode in SECONDS else {}),
            }
        )
    return made


def run_through(lines: list[Line], sandbox: Sandbox, lab: AudienceLab, chance: random.Random) -> tuple[Tenant, UUID]:
    """A run that meets a mixture, in every third case with spoiled results in its first attempts beside it."""
    tenant = make_cast().alice
    fund(tenant.workspace_id, FUNDS)
    id = make_list(tenant, lines)
    start_run(tenant, id)
    mixture = mixture_of(chance)
    if chance.random() < 1 / 3:
        sandbox.faults(*mixture, {"mode": chance.choice(RESULTS)})
        for _ in range(3):
            step(id, lab)
        mixture = mixture_of(chance) if chance.random() < 0.5 else []
        mixture = [fault | {"times": 1} for fault in mixture[:1]]
    sandbox.faults(*mixture)
    if list_row(id).finished_at is None:
        work_off(id, lab)
    return tenant, id


def test_any_mixture_of_troubles_ends_with_every_row_answered_and_a_right_bill(
    database: Database, sandbox: Sandbox, trials: Trials
) -> None:
    chance = random.Random(20260202)
    lines = mixed_lines(sandbox.population, known=KNOWN, unknown=UNKNOWN)
    lab = sandbox.client(timeout_seconds=0.3)
    for number in range(trials(20, 200)):
        tenant, id = run_through(lines, sandbox, lab, chance)
        sandbox.reset()
        check(tenant, id)
        row = list_row(id)
        outcome = (row.status, row.matched_count, row.no_match_count, row.error_count)
        assert outcome == ("completed", KNOWN, UNKNOWN, 0), f"mixture {number}: {row.message}"
        assert balance_of(tenant) == (FUNDS - KNOWN * PRICE, 0), f"mixture {number}"


def test_no_mixture_buys_a_batch_twice(database: Database, sandbox: Sandbox, trials: Trials) -> None:
    """Answers that are lost after the order was taken, and looks for it that fail: the batch is found by its name in
    the end, and not ordered again."""
    chance = random.Random(20260303)
    lines = mixed_lines(sandbox.population, known=KNOWN, unknown=UNKNOWN)
    lab = sandbox.client(timeout_seconds=0.3)
    for _ in range(trials(5, 50)):
        tenant = make_cast().alice
        fund(tenant.workspace_id, FUNDS)
        id = make_list(tenant, lines)
        start_run(tenant, id)
        lost = {"mode": chance.choice(("500", "down", "reset", "garbage", "schema")), "after": True}
        sandbox.faults(
            lost | {"endpoints": ["POST /enrichments"], "times": chance.randint(1, 3)},
            {"mode": "down", "endpoints": ["GET /enrichments"], "times": chance.randint(1, 3)},
        )
        work_off(id, lab)
        names = [job.name for job in sandbox.client().enrichments(page_size=1000) if job.name and str(id) in job.name]
        assert (len(names), len(set(names))) == (BATCHES, BATCHES), lost
        check(tenant, id)
        sandbox.reset()
