"""A run of a list that failed for good is taken up again by staff: the unanswered rows only, each charged once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cursive_app.errors import Conflict, InsufficientCredits, Invalid
from cursive_app.integrations.audiencelab import AudienceLab
from cursive_app.services import credits, enrichment, jobs
from cursive_app.services.enrichment import running
from cursive_app.services.jobs import admin
from cursive_app.settings import settings
from db.models.enrichment import Enrichment
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import staff
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import (
    check,
    chunks_of,
    list_row,
    make_list,
    mixed_lines,
    rows_of,
    run_job_id,
    set_chunk_rows,
    start_run,
    work_off,
)
from tests.sandbox_fixtures import Sandbox

PRICE = Decimal("0.25")
KNOWN, UNKNOWN = 32, 18


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    """Lists of any size, in chunks of 10 rows: 50 rows are five, of which three travel at once."""
    with pytest.MonkeyPatch.context() as patch:
        set_chunk_rows(patch, 10, ENRICHMENT_MINIMUM_ROWS="1")
        yield
    settings.cache_clear()


def break_down(id: UUID, lab: AudienceLab, *, after: int) -> None:
    """Attempts until so many more chunks are settled; the next one fails the job for good."""
    settle, settled = running.settle, 0

    def breaking(*args: Any, **options: Any) -> bool:
        nonlocal settled
        if settled == after:
            raise Invalid("It broke off.")
        settled += 1
        return settle(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "settle", breaking)
        assert work_off(id, lab).status == "failed"


def broken(cast: Cast, sandbox: Sandbox, *, settled: int) -> UUID:
    """A list of 50 rows whose run broke off when so many chunks were settled."""
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=KNOWN, unknown=UNKNOWN))
    start_run(cast.alice, id)
    break_down(id, sandbox.client(), after=settled)
    assert sum(chunk.status == "settled" for chunk in chunks_of(id)) == settled
    return id


@pytest.mark.parametrize("settled", [0, 1, 3])
def test_the_unanswered_rows_are_looked_up_and_nothing_is_paid_twice(
    cast: Cast, sandbox: Sandbox, settled: int
) -> None:
    id = broken(cast, sandbox, settled=settled)
    check(cast.alice, id)
    answered = {one.number: one.outcome for one in rows_of(id) if one.outcome in ("matched", "no_match")}
    assert balance_of(cast.alice)[1] == 0
    row = admin.act(staff("operate"), "retry", run_job_id(id))
    assert (row.status, row.credits_held) == ("pending", list_row(id).credits_held)
    assert balance_of(cast.alice)[1] == (50 - len(answered)) * PRICE
    check(cast.alice, id)
    done = work_off(id, sandbox.client())
    check(cast.alice, id)
    assert (done.status, done.matched_count, done.no_match_count, done.skipped_count) == (
        "completed", KNOWN, UNKNOWN, 0,
    )  # fmt: skip
    assert balance_of(cast.alice) == (100 - KNOWN * PRICE, 0)
    assert all(one.outcome == answered.get(one.number, one.outcome) for one in rows_of(id))
    assert len({chunk.provider_job_id for chunk in chunks_of(id)}) == len(chunks_of(id)) == 5


def test_it_can_break_and_go_on_more_than_once(cast: Cast, sandbox: Sandbox) -> None:
    id = broken(cast, sandbox, settled=1)
    for _ in range(2):
        admin.act(staff("operate"), "retry", run_job_id(id))
        break_down(id, sandbox.client(), after=1)
        check(cast.alice, id)
    admin.act(staff("operate"), "retry", run_job_id(id))
    work_off(id, sandbox.client())
    check(cast.alice, id)
    assert balance_of(cast.alice) == (100 - KNOWN * PRICE, 0)


def spend_all(tenant: Tenant) -> None:
    with tenant.begin() as scope:
        credits.debit(scope, amount=credits.balance(scope).available, key="elsewhere", description="Elsewhere")


def test_without_the_credits_nothing_changes(cast: Cast, sandbox: Sandbox) -> None:
    id = broken(cast, sandbox, settled=1)
    spend_all(cast.alice)
    before = [(one.number, one.outcome, one.reason) for one in rows_of(id)]
    with pytest.raises(InsufficientCredits):
        admin.act(staff("operate"), "retry", run_job_id(id))
    assert [(one.number, one.outcome, one.reason) for one in rows_of(id)] == before
    assert list_row(id).status == "failed"
    check(cast.alice, id)


def test_a_deleted_list_stays_ended(cast: Cast, sandbox: Sandbox) -> None:
    id = broken(cast, sandbox, settled=0)
    with system_scope() as scope:
        row = scope.get(Enrichment, id)
        row.purged_at = row.created_at
    with pytest.raises(Conflict, match="deleted"):
        admin.act(staff("operate"), "retry", run_job_id(id))


def break_reading(job_id: UUID) -> None:
    claimed = jobs.claim(job_id)
    assert claimed is not None
    with claimed.tenant.begin() as scope:
        enrichment.bury_read(scope, claimed)
        jobs.fail(scope, claimed, code="internal", message="A fault")


def read_job_id(id: UUID) -> UUID:
    job_id = list_row(id).read_job_id
    assert job_id is not None
    return job_id


def uploaded(cast: Cast, path: Path) -> UUID:
    path.write_text("email,name\ndana@acme.example,Dana\nkim@acme.example,Kim\n")
    return enrichment.open_upload(cast.alice, path=path, filename="people.csv").id


def read(id: UUID) -> None:
    jobs.work(read_job_id(id), enrichment.read_list, on_dead=enrichment.bury_read)


def test_a_reading_that_broke_off_is_read_again(cast: Cast, tmp_path: Path) -> None:
    id = uploaded(cast, tmp_path / "people.csv")
    break_reading(read_job_id(id))
    assert list_row(id).status == "refused"
    admin.act(staff("operate"), "retry", read_job_id(id))
    read(id)
    assert (list_row(id).status, list_row(id).valid_count) == ("ready", 2)


def test_a_check_of_rows_that_are_gone_is_retried_from_the_file(cast: Cast, tmp_path: Path) -> None:
    id = uploaded(cast, tmp_path / "people.csv")
    read(id)
    with cast.alice.begin() as scope:
        enrichment.map_columns(scope, id, revision=list_row(id).revision, mapping={0: "email", 1: None})
    job_id = read_job_id(id)
    break_reading(job_id)
    with pytest.raises(Conflict, match="from the file instead"):
        admin.act(staff("operate"), "retry", job_id)
    with pytest.raises(Invalid):
        admin.retry_edited(staff("all"), job_id, arguments={"from": "elsewhere"})
    admin.retry_edited(staff("all"), job_id, arguments={"from": "file"})
    read(id)
    assert (list_row(id).status, list_row(id).valid_count) == ("ready", 2)


def test_a_refused_file_is_not_read_again(cast: Cast, tmp_path: Path) -> None:
    path = tmp_path / "header.csv"
    path.write_text("email,name\n")
    try:
        view = enrichment.open_upload(cast.alice, path=path, filename="header.csv")
    except enrichment.Refused:
        return  # seen before anything was stored
    assert view.read_job_id is not None
    jobs.work(view.read_job_id, enrichment.read_list, on_dead=enrichment.bury_read)
    with pytest.raises(Conflict, match="file itself was refused"):
        admin.act(staff("operate"), "retry", view.read_job_id)
