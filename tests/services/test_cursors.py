"""Bad input 42, T11: a cursor works in the list it was given out for, and in no other place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from cursive_app.errors import Invalid
from cursive_app.services import credits, enrichment, jobs, leads, segments
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import JobSearch
from cursive_app.settings import settings
from db.models.segments import SegmentRun
from db.scope import Tenant
from tests.factories import Cast
from tests.factories_admin import staff
from tests.factories_credits import fund
from tests.factories_enrichment import Line, make_list
from tests.factories_jobs import make_job
from tests.factories_leads import make_leads
from tests.factories_segments import make_segment, start
from tests.flows.use_cases import do


@dataclass(frozen=True)
class Paged:
    """A list of both workspaces: how a page of it is asked for, and the same list filtered or sorted otherwise."""

    page: Callable[..., Any]
    theirs: Callable[..., Any] | None
    otherwise: tuple[Callable[..., Any], ...]


def _lead_list(alice: Tenant, charlie: Tenant) -> Paged:
    for tenant in (alice, charlie):
        make_leads(tenant, 4)
    page = partial(do, alice, leads.list_leads, limit=1)
    filters = (leads.parse_filter({"seniority": "vp"}), leads.parse_filter({"query": "a"}))
    others = (*(partial(page, filter=one) for one in filters), partial(page, sort=leads.parse_sort("name")))
    return Paged(page, partial(do, charlie, leads.list_leads, limit=1), others)


def _segment_list(alice: Tenant, charlie: Tenant) -> Paged:
    for tenant in (alice, charlie):
        for number in range(3):
            make_segment(tenant, name=f"Segment {number}")
    page = partial(do, alice, segments.list_segments, limit=1)
    others = tuple(partial(page, **one) for one in ({"status": "active"}, {"status": "deleted"}, {"query": "segment"}))
    return Paged(page, partial(do, charlie, segments.list_segments, limit=1), others)


def _run_list(alice: Tenant, charlie: Tenant) -> Paged:
    made: dict[Tenant, list[UUID]] = {}
    for tenant in (alice, charlie):
        fund(tenant.workspace_id, 100)
        made[tenant] = [make_segment(tenant, name=f"S{number}").id for number in range(2)]
        for _ in range(3):
            run = start(tenant, made[tenant][0], max_leads=1)
            with tenant.begin() as scope:
                scope.session.execute(update(SegmentRun).where(SegmentRun.id == run.id).values(status="cancelled"))
    page = partial(do, alice, segments.list_runs, made[alice][0], limit=1)
    other = partial(do, alice, segments.list_runs, made[alice][1], limit=1)
    return Paged(page, partial(do, charlie, segments.list_runs, made[charlie][0], limit=1), (other,))


def _three_lines() -> list[Line]:
    return [Line((f"p{n}@acme.example", "Pat", f"N{n}", ""), {}) for n in range(3)]


def _list_of_lists(alice: Tenant, charlie: Tenant) -> Paged:
    for tenant in (alice, charlie):
        for number in range(3):
            make_list(tenant, _three_lines(), filename=f"list{number}.csv", status="completed")
    page = partial(do, alice, enrichment.list_enrichments, limit=1)
    others = (partial(page, statuses=["completed"]), partial(page, search="list"))
    return Paged(page, partial(do, charlie, enrichment.list_enrichments, limit=1), others)


def _rows(alice: Tenant, charlie: Tenant) -> Paged:
    mine, second = (make_list(alice, _three_lines(), filename=f"{n}.csv", status="completed") for n in "ab")
    hers = make_list(charlie, _three_lines(), status="completed")
    page = partial(do, alice, enrichment.list_rows, mine, limit=1)
    others = (partial(page, view="valid"), partial(do, alice, enrichment.list_rows, second, limit=1))
    return Paged(page, partial(do, charlie, enrichment.list_rows, hers, limit=1), others)


def _job_list(alice: Tenant, charlie: Tenant) -> Paged:
    for tenant in (alice, charlie):
        for _ in range(3):
            make_job(tenant)
    page = partial(do, alice, jobs.list_jobs, limit=1)
    others = (partial(page, kinds=["trial"]), partial(page, statuses=["pending"]))
    return Paged(page, partial(do, charlie, jobs.list_jobs, limit=1), others)


def _statement(alice: Tenant, charlie: Tenant) -> Paged:
    for tenant in (alice, charlie):
        for _ in range(3):
            fund(tenant.workspace_id, 5)
    page = partial(do, alice, credits.list_lines, limit=1)
    filters = (credits.make_filter(kinds=["grant"]), credits.make_filter(text="g"))
    others = tuple(partial(page, filter=one) for one in filters)
    return Paged(page, partial(do, charlie, credits.list_lines, limit=1), others)


def _staffs_jobs(alice: Tenant, charlie: Tenant) -> Paged:
    for tenant in (alice, charlie):
        for _ in range(2):
            make_job(tenant)
    page = partial(admin.list_jobs, staff("read_only"), limit=1)
    others = tuple(partial(page, JobSearch(query=words)) for words in ("state:pending", "trial"))
    return Paged(page, None, others)


LISTS = (_lead_list, _segment_list, _run_list, _list_of_lists, _rows, _job_list, _statement, _staffs_jobs)


@pytest.fixture(params=LISTS, ids=lambda make: make.__name__.strip("_"))
def paged(request: pytest.FixtureRequest, cast: Cast) -> Paged:
    return request.param(cast.alice, cast.charlie)


def refused(page: Callable[..., Any], cursor: str) -> str:
    with pytest.raises(Invalid) as error:
        page(cursor=cursor)
    return error.value.fields["cursor"]


def test_a_cursor_leads_on_and_back(paged: Paged) -> None:
    first = paged.page()
    second = paged.page(cursor=first.next_cursor)
    assert second != first
    assert paged.page(cursor=second.previous_cursor).next_cursor == first.next_cursor
    for name in (first.next_cursor, second.previous_cursor):
        assert name.replace("_", "a").replace("-", "a").replace(".", "a").isalnum(), "it needs no quoting in an address"
        assert len(name) <= 500, "the API takes no longer one"


def test_a_changed_one_is_refused(paged: Paged) -> None:
    cursor = paged.page().next_cursor
    said = set()
    for at in (0, len(cursor) // 3, len(cursor) - 2):
        letter = "A" if cursor[at] != "A" else "B"
        said.add(refused(paged.page, cursor[:at] + letter + cursor[at + 1 :]))
    for wrong in (
        cursor[:-2],
        cursor + "A",
        cursor.rpartition(".")[0],
        "x",
        "1",
        "-1",
        "newer-x",
        "\x00",
        "²",
        "' OR 1",
    ):
        said.add(refused(paged.page, wrong))
    assert len(said) == 1, "nothing is said of what was wrong with it"


def test_that_of_another_workspace_is_refused_with_the_same_words(paged: Paged) -> None:
    if paged.theirs is None:
        pytest.skip("a list of all workspaces")
    hers = paged.theirs().next_cursor
    assert hers
    assert refused(paged.page, hers) == refused(paged.page, "made-up")
    assert refused(paged.theirs, paged.page().next_cursor) == refused(paged.page, "made-up")


def test_that_of_another_filter_or_order_is_refused(paged: Paged) -> None:
    cursor = paged.page().next_cursor
    for otherwise in paged.otherwise:
        assert refused(otherwise, cursor) == refused(paged.page, "made-up")
        if (theirs := otherwise().next_cursor) is not None:
            refused(paged.page, theirs)


def test_that_of_a_former_key_is_refused(paged: Paged, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = paged.page().next_cursor
    changed = settings().model_copy(update={"secret_key": SecretStr("another-key-of-sixty-four-letters-" * 2)})
    monkeypatch.setattr("cursive_app.services.cursors.settings", lambda: changed)
    refused(paged.page, cursor)


def test_that_of_another_list_is_refused(cast: Cast) -> None:
    """Jobs and leads of one workspace: what both sign with is one key."""
    lists = [make(cast.alice, cast.charlie) for make in (_job_list, _lead_list, _statement, _list_of_lists)]
    cursors = [one.page().next_cursor for one in lists]
    for one, own in zip(lists, cursors, strict=True):
        for cursor in cursors:
            if cursor != own:
                refused(one.page, cursor)
