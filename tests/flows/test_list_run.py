"""The run of a customer's list at the sandbox provider: what is matched is paid for, once, and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cursive_app.services import enrichment
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import (
    COLUMNS,
    Line,
    check,
    chunks_of,
    make_list,
    mixed_lines,
    read_csv,
    rows_of,
    set_chunk_rows,
    start_run,
    work_off,
)
from tests.sandbox_fixtures import Sandbox

PRICE = Decimal("0.25")


def test_matched_rows_are_paid_and_nothing_else(cast: Cast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    set_chunk_rows(monkeypatch, 50)
    fund(cast.workspace_id, 100)
    lines = mixed_lines(sandbox.population, known=90, unknown=60)
    lines.insert(3, Line(("dana@@", "D", "T", ""), {}, "invalid", ({"level": "error", "message": "No address"},)))
    lines.insert(7, Line(lines[0].cells, {}, "duplicate", duplicate_of=1))
    lines.append(Line(("own@acme.example", "O", "W", ""), {"email": "own@acme.example"}, "owned"))
    id = make_list(cast.alice, lines)
    with cast.alice.begin() as scope:
        quote = enrichment.quote(scope, id, includes_owned=False)
    assert (quote.rows, quote.worst, quote.why_not) == (150, 150 * PRICE, None)
    started = start_run(cast.alice, id)
    assert started.status == "queued"
    assert balance_of(cast.alice) == (100 - 150 * PRICE, 150 * PRICE)
    ended = work_off(id, sandbox.client())
    check(cast.alice, id)
    assert (ended.status, ended.outcome) == ("completed", "matched"), ended.message
    assert (ended.matched_count, ended.no_match_count, ended.skipped_count, ended.error_count) == (90, 60, 3, 0)
    assert balance_of(cast.alice) == (100 - 90 * PRICE, 0)
    assert [chunk.row_count for chunk in chunks_of(id)] == [50, 50, 50]
    rows = rows_of(id)
    assert [rows[3].reason, rows[7].reason, rows[-1].reason] == [
        "No address", "Duplicate of row 1", "Already in your leads",
    ]  # fmt: skip
    downloaded = read_csv(cast.alice, id)
    assert len(downloaded) == len(lines)
    for line, given, stored in zip(lines, downloaded, rows, strict=True):
        assert tuple(given[name] for name in COLUMNS) == line.cells
        assert given["cursive_outcome"] == stored.outcome
        if stored.outcome == "matched":
            assert line.record["email"] in given["BUSINESS_EMAIL"]
            assert given["FIRST_NAME"] == line.record["first_name"]
