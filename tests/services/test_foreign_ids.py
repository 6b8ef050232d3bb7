"""What another workspace has changes no answer here, and no job works with another workspace's ids (T9, T12, T13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from cursive_app.errors import CursiveError, NotFound
from cursive_app.services import accounts, credits, enrichment, jobs, leads, segments
from db.engine import Database
from db.models.jobs import Job
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import Line, make_list
from tests.factories_jobs import job_row
from tests.factories_leads import counted_queries, make_leads, make_person
from tests.factories_segments import lead_count, look, make_segment, run_row, start, where

MINE = where({"field": "state", "include": ["TX"]}, scope="leads")


def everything_counted(tenant: Tenant) -> dict[str, Any]:
    """Counts, suggestions, choices and names that could be influenced by what others have."""
    with tenant.begin() as scope:
        return {
            "leads": leads.count_leads(scope),
            "choices": {field: leads.choices(scope, field=field) for field in ("state", "industry", "seniority")},
            "matching": segments.count_leads(scope, MINE),
            "words": {
                (field, typed): segments.suggest(scope, field, typed)
                for field, typed in (("company_name", "com"), ("job_title", "vp"), ("company_domain", "acme"))
            },
            "segments": segments.list_segments(scope).counts,
            "quote": segments.quote(scope, max_leads=10),
            "balance": credits.balance(scope),
            "jobs": jobs.list_jobs(scope).jobs,
            "keys": accounts.list_api_keys(scope),
            "owned": leads.owned(scope, [make_person(email="shared@acme.example", linkedin_url=None)]),
        }


def test_what_others_have_changes_no_count_no_suggestion_and_no_name(cast: Cast) -> None:
    """T12: Charlie's answers with Alice's workspace empty, and full of the same names."""
    before = everything_counted(cast.charlie)
    fund(cast.workspace_id, 50)
    make_leads(cast.alice, 20)
    with cast.alice.begin() as scope:
        leads.intake(scope, [make_person(email="shared@acme.example", linkedin_url=None)], source="manual")
        accounts.create_api_key(scope, name="Sync", scopes=["leads:read"])
    start(cast.alice, make_segment(cast.alice, name="Taken").id, max_leads=5)
    assert everything_counted(cast.charlie) == before
    assert make_segment(cast.charlie, name="Taken").name == "Taken"
    with cast.charlie.begin() as scope:  # bought again: another workspace's person is new here
        assert len(leads.intake(scope, [make_person(email="shared@acme.example")], source="manual").new) == 1


LOOKED_UP: dict[str, tuple[str, Callable[[Tenant, Any], object]]] = {
    "segment": ("segment", lambda tenant, id: _in_scope(tenant, segments.get_segment, id)),
    "run": ("run", lambda tenant, id: _in_scope(tenant, segments.get_run, id)),
    "lead": ("lead", lambda tenant, id: _in_scope(tenant, leads.get_lead, id)),
    "job": ("job", lambda tenant, id: _in_scope(tenant, jobs.get_job, id)),
    "list": ("list", lambda tenant, id: _in_scope(tenant, enrichment.get_enrichment, id)),
    "rows of a list": ("list", lambda tenant, id: _in_scope(tenant, enrichment.list_rows, id)),
    "download of a list": ("list", enrichment.output),
    "line of the ledger": ("line", lambda tenant, id: _in_scope(tenant, credits.get_line, id)),
}
"""What is found by an id: whose id, and how it is asked for."""


@pytest.mark.parametrize("name", LOOKED_UP)
def test_looking_up_a_foreign_id_costs_what_an_unknown_one_costs(cast: Cast, database: Database, name: str) -> None:
    """T13: the same statements and the same words, whatever the id belongs to."""
    hers, look_up = _ids_of(cast.alice)[LOOKED_UP[name][0]], LOOKED_UP[name][1]
    look_up(cast.alice, hers)  # it is real: its owner finds it
    seen = []
    for id in (hers, uuid4()):
        with counted_queries(database) as statements, pytest.raises(NotFound) as refused:
            look_up(cast.charlie, id)
        seen.append((statements, refused.value.message))
    assert seen[0][0], "the database was asked"
    assert seen[0] == seen[1]


def _ids_of(tenant: Tenant) -> dict[str, Any]:
    line = fund(tenant.workspace_id, 50)
    segment = make_segment(tenant)
    run = start(tenant, segment.id, max_leads=5)
    listed = make_list(tenant, [Line(("dana@acme.example", "Dana", "Reyes", ""), {})], status="completed")
    (lead,) = make_leads(tenant, 1)
    return {"segment": segment.id, "run": run.id, "lead": lead, "job": run.job_id, "list": listed, "line": line.id}


def _in_scope(tenant: Tenant, use_case: Callable[..., object], id: UUID) -> object:
    with tenant.begin() as scope:
        return use_case(scope, id)


def test_a_job_with_another_workspaces_ids_changes_nothing_there(cast: Cast) -> None:
    """T9: the worker takes the workspace from the job's row, so a foreign run is an unknown one."""
    for tenant in (cast.alice, cast.charlie):
        fund(tenant.workspace_id, 50)
    hers = start(cast.alice, make_segment(cast.alice).id, max_leads=5)
    his = start(cast.charlie, make_segment(cast.charlie).id, max_leads=5)
    assert his.job_id is not None
    with system_scope() as scope:
        links = {"run_id": str(hers.id), "segment_id": str(hers.segment_id)}
        scope.session.execute(update(Job).where(Job.id == his.job_id).values(links=links))
    before = (look(cast.alice, hers), run_row(hers).audience_name, balance_of(cast.alice), lead_count(cast.alice))
    claimed = jobs.claim(his.job_id)
    assert claimed is not None
    assert claimed.tenant.workspace_id == cast.charlie.workspace_id
    with pytest.raises(NotFound):
        segments.run_segment(claimed, provider=Nobody())  # type: ignore[arg-type]  # must not be asked
    assert (look(cast.alice, hers), run_row(hers).audience_name, balance_of(cast.alice), lead_count(cast.alice)) == (
        before
    )


def test_a_task_for_an_unknown_job_does_nothing(cast: Cast) -> None:
    with pytest.raises(CursiveError):
        jobs.work(uuid4(), lambda claimed: pytest.fail("there is nothing to work on"))


def test_such_a_job_ends_instead_of_being_tried_for_ever(cast: Cast) -> None:
    fund(cast.charlie.workspace_id, 50)
    his = start(cast.charlie, make_segment(cast.charlie).id, max_leads=5)
    assert his.job_id is not None
    with system_scope() as scope:
        scope.session.execute(update(Job).where(Job.id == his.job_id).values(links={"run_id": str(uuid4())}))
    jobs.work(his.job_id, lambda claimed: segments.run_segment(claimed, provider=Nobody()), on_dead=segments.bury_run)  # type: ignore[arg-type]
    assert job_row(his.job_id).status == "failed"


class Nobody:
    """A provider that nobody may ask."""

    def for_workspace(self, workspace_id: UUID) -> Nobody:
        return self

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the provider was asked: {name}")
