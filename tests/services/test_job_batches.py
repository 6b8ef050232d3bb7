"""The batches of a list's run on the page of its job: where each is, failed ones first, and what only staff see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from cursive_app.api.app import rest
from cursive_app.clock import now
from cursive_app.errors import NotFound
from cursive_app.services import jobs
from cursive_app.services.jobs import BATCHES_SHOWN, Batches, JobDetail, admin
from db.models.enrichment import Enrichment
from db.scope import Tenant
from db.system import system_scope
from state.admin_drawer import admin_drawer
from state.job_rows import job_drawer
from tests.api.client import browser
from tests.factories import Cast
from tests.factories_admin import staff
from tests.factories_credits import fund
from tests.factories_enrichment import chunks_of_rows, make_chunk, make_list, run_job_id, start_run, unknown_line
from tests.factories_jobs import make_job


@pytest.fixture(autouse=True)
def tens() -> Iterator[None]:
    """Lists of any size, in chunks of 10 rows."""
    with chunks_of_rows(10):
        yield


def begun(cast: Cast, *, rows: int = 60) -> UUID:
    """Alice's list with this many rows, whose run is queued."""
    fund(cast.workspace_id, 1_000)
    id = make_list(cast.alice, [unknown_line(number) for number in range(rows)])
    start_run(cast.alice, id)
    return id


def seen_by(tenant: Tenant, job_id: UUID) -> JobDetail:
    with tenant.begin() as scope:
        return jobs.get_job(scope, job_id)


def batches_of(tenant: Tenant, id: UUID) -> Batches:
    found = seen_by(tenant, run_job_id(id)).batches
    assert found is not None
    return found


def half_way(cast: Cast) -> UUID:
    """A run of seven batches, of which one is in each state and one is not made yet."""
    id = begun(cast, rows=70)
    at = now() - timedelta(minutes=5)
    make_chunk(id, 1, "settled", sent_at=at, settled_at=at, failures=1, matched=4, captured=Decimal("1.00"),
               provider_job_id="job-1")  # fmt: skip
    make_chunk(id, 2, "sent", sent_at=at, looked_at=at, tries=3, provider_job_id="job-2")
    make_chunk(id, 3, "pending")  # to be asked for again
    make_chunk(id, 4, "sent", sent_at=at, failures=2, error_code="ProviderTimeout", provider_job_id="job-4")
    make_chunk(id, 5, "failed", sent_at=at, settled_at=at, failures=8, error_code="ProviderServerError",
               error_message="Vendor says no", provider_job_id="job-5")  # fmt: skip
    make_chunk(id, 6, "sent", sent_at=at, error_code="overdue", provider_job_id="job-6")
    return id


def test_a_run_that_waits_for_a_worker_says_how_many_batches_are_to_come(cast: Cast) -> None:
    found = batches_of(cast.alice, begun(cast, rows=55))
    assert (found.by_status, found.total, found.done, found.shown) == ({"not_sent": 6}, 6, 0, ())
    assert seen_by(cast.alice, make_job(cast.alice, kind="csv_upload").id).batches is None


def test_failed_batches_come_first_and_answered_ones_last(cast: Cast) -> None:
    found = batches_of(cast.bob, half_way(cast))
    assert [(one.number, one.status) for one in found.shown] == [
        (5, "failed"), (2, "at_provider"), (4, "at_provider"), (6, "at_provider"), (3, "not_sent"), (1, "answered"),
    ]  # fmt: skip
    assert found.by_status == {"failed": 1, "at_provider": 3, "not_sent": 2, "answered": 1}
    assert (found.total, found.done) == (7, 2)
    first, last = found.shown[0], found.shown[-1]
    assert (first.rows, first.first_row, first.last_row, first.failures) == (10, 41, 50, 8)
    assert (last.matched, last.credits_captured, last.problem) == (4, Decimal("1.00"), None)


def test_the_page_says_it_in_words(cast: Cast) -> None:
    id = half_way(cast)
    card = job_drawer(seen_by(cast.alice, run_job_id(id)), timezone="UTC").batches
    assert card.all_of_it == "2 of 7 batches done, 1 failed, 3 at the provider, 2 not sent."
    assert card.left_out == ""
    assert [(line.name, line.rows, line.when, line.course, line.problem) for line in card.lines] == [
        (
            "Batch 5", "10 rows, 41 to 50", "Given up 5 minutes ago", "8 errors in a row",
            "The data provider could not look these rows up. They cost nothing and can be run again.",
        ),
        ("Batch 2", "10 rows, 11 to 20", "Sent 5 minutes ago", "asked about 3 times so far", ""),
        (
            "Batch 4", "10 rows, 31 to 40", "Sent 5 minutes ago", "2 errors in a row",
            "The provider did not answer well. It is asked again shortly.",
        ),
        (
            "Batch 6", "10 rows, 51 to 60", "Sent 5 minutes ago", "",
            "It has been with the provider for more than 24 hours; we have been told.",
        ),
        ("Batch 3", "10 rows, 21 to 30", "", "", ""),
    ]  # fmt: skip
    assert [(line.name, line.came_to, line.when, line.course) for line in card.answered] == [
        ("Batch 1", "4 matched, 1.00 credits", "Answered 5 minutes ago", "")
    ]
    assert (card.answered_word, card.left_out) == ("1 answered batch", "")


def test_what_was_there_when_the_run_was_stopped(cast: Cast) -> None:
    id = begun(cast)
    with system_scope() as scope:
        scope.get(Enrichment, id).status = "cancelled"
    make_chunk(id, 1, "dropped", sent_at=now(), provider_job_id="job-1")
    make_chunk(id, 2, "dropped")
    found = batches_of(cast.alice, id)
    assert found.by_status == {"not_sent": 1, "not_awaited": 1}, "what was never made is not to come any more"
    assert [one.problem for one in found.shown] == [None, "At the provider when the run ended. It cost nothing."]


def test_only_staff_who_operate_see_where_it_is_at_the_provider(cast: Cast) -> None:
    id = half_way(cast)
    job_id = run_job_id(id)
    full = admin.get_job(staff("operate"), job_id)
    assert full.batches == batches_of(cast.alice, id)
    assert [(one.number, one.provider_job_id, one.error_code) for one in full.batch_traces] == [
        (1, "job-1", None), (2, "job-2", None), (3, None, None), (4, "job-4", "ProviderTimeout"),
        (5, "job-5", "ProviderServerError"), (6, "job-6", "overdue"),
    ]  # fmt: skip
    lines = admin_drawer(full, timezone="UTC").batches.lines
    assert [(line.code, line.provider_job, line.ordered_as) for line in (lines[0], lines[-1])] == [
        ("ProviderServerError", "job-5", ""),
        ("", "", f"cursive-{id}-3"),
    ]
    assert admin.get_job(staff("read_only"), job_id).batch_traces == ()
    theirs = seen_by(cast.alice, job_id)
    answer = browser(rest(), cast.alice).get(f"/api/v1/jobs/{job_id}")
    for told in (repr(theirs), repr(job_drawer(theirs, timezone="UTC")), answer.text):
        for hidden in ("job-5", f"cursive-{id}", "ProviderServerError", "Vendor says no"):
            assert hidden not in told
    batches = answer.json()["batches"]
    assert (batches["total"], batches["done"], batches["by_status"]["failed"]) == (7, 2, 1)
    assert (batches["shown"][0]["number"], batches["shown"][0]["status"]) == (5, "failed")


def test_a_job_shows_the_batches_of_its_own_run_alone(cast: Cast) -> None:
    """Neither those of another job of the list, nor what a job of another workspace names."""
    id = half_way(cast)
    links = {"enrichment_id": str(id)}
    with pytest.raises(NotFound):
        seen_by(cast.charlie, run_job_id(id))
    for who in (cast.alice, cast.charlie):
        job_id = make_job(who, kind="enrichment", links=links).id
        assert seen_by(who, job_id).batches is None
        detail = admin.get_job(staff("operate"), job_id)
        assert (detail.batches, detail.batch_traces) == (None, ())


def test_however_many_batches_there_are_a_page_of_them_is_shown(cast: Cast) -> None:
    id = begun(cast, rows=1_000)
    for number in range(1, BATCHES_SHOWN + 11):
        status = "failed" if number == BATCHES_SHOWN + 10 else "settled"
        make_chunk(id, number, status, sent_at=now(), settled_at=now())
    detail = admin.get_job(staff("operate"), run_job_id(id))
    assert detail.batches is not None
    assert [one.number for one in detail.batches.shown] == [BATCHES_SHOWN + 10, *range(1, BATCHES_SHOWN)]
    assert len(detail.batch_traces) == BATCHES_SHOWN
    card = admin_drawer(detail, timezone="UTC").batches
    assert card.all_of_it == "60 of 100 batches done, 1 failed, 40 not sent."
    assert (card.answered_word, card.left_out) == ("59 answered batches", "10 more batches, not listed here.")
