"""A run of a list that failed for good is taken up again by staff: the unanswered rows only, each charged once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cursive_app.errors import Conflict, InsufficientCredits, Invalid
from cursive_app.integrations.audiencelab import AudienceLab
from cursive_app.integrations.audiencelab import Enrichment as ProviderJob
from cursive_app.services import credits, enrichment, jobs
from cursive_app.services.enrichment import running
from cursive_app.services.jobs import admin
from cursive_app.settings import settings
from db.models.enrichment import Enrichment
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import staff
from tests.factories_credits import balance_of
from tests.factories_enrichment import (
    check,
    chunks_of,
    list_row,
    rows_of,
    run_job_id,
    start_mixed,
    step,
    work_off,
)
from tests.sandbox_fixtures import Sandbox

pytestmark = pytest.mark.usefixtures("tens")

PRICE = Decimal("0.25")
KNOWN, UNKNOWN = 32, 18


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
    id = start_mixed(cast.alice, sandbox.population, known=KNOWN, unknown=UNKNOWN)
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


def test_a_refused_file_is_not_read_again(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    id = uploaded(cast, tmp_path / "people.csv")
    monkeypatch.setenv("ENRICHMENT_MAXIMUM_ROWS", "1")
    settings.cache_clear()
    read(id)
    assert (list_row(id).status, list_row(id).refusal_code) == ("refused", "too_many_rows")
    with pytest.raises(Conflict, match="customer’s file was refused"):
        admin.act(staff("operate"), "retry", read_job_id(id))
    assert admin.get_job(staff("operate"), read_job_id(id)).job.why_no_retry is not None


# What the provider could not look up


def answered_by_nobody(cast: Cast, sandbox: Sandbox, fault: dict[str, Any], **options: Any) -> UUID:
    """A list of 50 rows whose run failed because every batch came to nothing at the provider, which is well again."""
    id = start_mixed(cast.alice, sandbox.population, known=KNOWN, unknown=UNKNOWN, **options)
    sandbox.faults(fault)
    ended = work_off(id, sandbox.client())
    sandbox.faults()
    assert (ended.status, ended.error_count, balance_of(cast.alice)) == ("failed", 50, (100, 0))
    check(cast.alice, id)
    return id


def orders(id: UUID, sandbox: Sandbox) -> list[str]:
    """The names under which the provider was asked about this list, sorted."""
    return sorted(
        one.name for one in sandbox.client().enrichments(page_size=1000) if one.name and f"-{id}-" in one.name
    )


def test_batches_that_failed_at_the_provider_are_ordered_again_under_another_name(cast: Cast, sandbox: Sandbox) -> None:
    id = answered_by_nobody(cast, sandbox, {"mode": "job_failed"})
    first = {chunk.number: (chunk.provider_name, chunk.provider_job_id) for chunk in chunks_of(id)}
    admin.act(staff("operate"), "retry", run_job_id(id))
    assert balance_of(cast.alice)[1] == 50 * PRICE
    check(cast.alice, id)
    done = work_off(id, sandbox.client())
    check(cast.alice, id)
    assert (done.status, done.matched_count, done.no_match_count, done.error_count) == ("completed", KNOWN, UNKNOWN, 0)
    assert balance_of(cast.alice) == (100 - KNOWN * PRICE, 0)
    again = {chunk.number: (chunk.provider_name, chunk.provider_job_id) for chunk in chunks_of(id)}
    assert [name for name, _ in again.values()] == [f"{name}-r2" for name, _ in first.values()]
    assert not {job for _, job in again.values()} & {job for _, job in first.values()}
    assert orders(id, sandbox) == sorted(name for name, _ in [*first.values(), *again.values()])


def test_it_can_fail_at_the_provider_more_than_once(cast: Cast, sandbox: Sandbox) -> None:
    id = answered_by_nobody(cast, sandbox, {"mode": "job_failed"})
    admin.act(staff("operate"), "retry", run_job_id(id))
    sandbox.faults({"mode": "job_failed"})
    assert work_off(id, sandbox.client()).status == "failed"
    sandbox.faults()
    check(cast.alice, id)
    admin.act(staff("operate"), "retry", run_job_id(id))
    assert work_off(id, sandbox.client()).status == "completed"
    check(cast.alice, id)
    assert balance_of(cast.alice) == (100 - KNOWN * PRICE, 0)
    assert all(chunk.provider_name.endswith("-r3") for chunk in chunks_of(id))


def second_fails(job: ProviderJob) -> ProviderJob:
    """The second batch comes to nothing at the provider, the others go on."""
    return replace(job, status="failed") if (job.name or "").endswith("-2") else job


def test_what_was_settled_stays_and_what_failed_is_asked_again(cast: Cast, sandbox: Sandbox) -> None:
    id = start_mixed(cast.alice, sandbox.population, known=KNOWN, unknown=UNKNOWN)
    lab = sandbox.client()
    whole = AudienceLab.enrichment
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AudienceLab, "enrichment", lambda self, job_id: second_fails(whole(self, job_id)))
        break_down(id, lab, after=1)
    check(cast.alice, id)
    before = {chunk.number: chunk for chunk in chunks_of(id)}
    assert {chunk.status for chunk in before.values()} == {"settled", "failed", "dropped"}
    answered = {one.number: (one.outcome, one.charged) for one in rows_of(id) if one.outcome in ("matched", "no_match")}
    captured = list_row(id).credits_captured
    admin.act(staff("operate"), "retry", run_job_id(id))
    assert balance_of(cast.alice)[1] == (50 - len(answered)) * PRICE
    check(cast.alice, id)
    work_off(id, lab)
    check(cast.alice, id)
    assert balance_of(cast.alice) == (100 - KNOWN * PRICE, 0)
    assert list_row(id).credits_captured > captured
    assert {one.number: (one.outcome, one.charged) for one in rows_of(id) if one.number in answered} == answered
    for chunk in chunks_of(id):
        is_new = before[chunk.number].status == "failed"
        assert (chunk.provider_name != before[chunk.number].provider_name) == is_new, chunk.number
        assert (chunk.provider_job_id != before[chunk.number].provider_job_id) == is_new, chunk.number


def test_what_the_provider_has_is_not_ordered_again(cast: Cast, sandbox: Sandbox) -> None:
    """It took the orders and could not be asked about them: they are found by their names."""
    id = answered_by_nobody(cast, sandbox, {"mode": "500", "endpoints": ["GET /enrichments"]})
    names = orders(id, sandbox)
    assert len(names) == 5
    admin.act(staff("operate"), "retry", run_job_id(id))
    assert work_off(id, sandbox.client()).status == "completed"
    check(cast.alice, id)
    assert orders(id, sandbox) == names
    assert balance_of(cast.alice) == (100 - KNOWN * PRICE, 0)


def test_no_more_is_asked_again_than_the_ceiling_pays_for(cast: Cast, sandbox: Sandbox) -> None:
    """Every batch that came to nothing freed its credits for the next one; together they are more than the ceiling."""
    id = answered_by_nobody(cast, sandbox, {"mode": "job_failed"}, ceiling="2.50")
    admin.act(staff("operate"), "retry", run_job_id(id))
    assert balance_of(cast.alice)[1] == Decimal("2.50")
    lab = sandbox.client()
    while list_row(id).finished_at is None:
        step(id, lab)
        row = list_row(id)
        out = sum(chunk.row_count for chunk in chunks_of(id) if chunk.status == "sent")
        assert row.credits_captured + out * PRICE <= Decimal("2.50")
    check(cast.alice, id)
    ended = list_row(id)
    assert (ended.status, ended.outcome) == ("completed", "ceiling")
    assert ended.credits_captured >= Decimal("2.25"), "and it is used, but for less than the smallest batch"
    covered = [number for chunk in chunks_of(id) for number in range(chunk.first_number, chunk.last_number + 1)]  # type: ignore[operator,arg-type]
    assert sorted(covered) == list(range(1, 51)), "no row is in two batches or in none"
    assert all(chunk.row_count == chunk.last_number - chunk.first_number + 1 for chunk in chunks_of(id))  # type: ignore[operator]


def test_three_batches_at_a_time_also_when_all_are_asked_again(cast: Cast, sandbox: Sandbox) -> None:
    id = answered_by_nobody(cast, sandbox, {"mode": "job_failed"})
    admin.act(staff("operate"), "retry", run_job_id(id))
    sandbox.faults({"mode": "job_unknown"})
    step(id, sandbox.client())
    sandbox.faults()
    assert [chunk.status for chunk in chunks_of(id)] == ["sent", "sent", "sent", "pending", "pending"]
