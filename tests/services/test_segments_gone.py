"""Bad input 46: a saved segment whose field, or one of whose values, was removed from the catalogue later."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from cursive_app.errors import Invalid
from cursive_app.services import leads, segments
from cursive_app.services.credits import balance
from db.models.segments import SavedSegment, SegmentRun
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_credits import fund
from tests.factories_segments import TEXANS, look, make_segment, start, where, work_off
from tests.flows.use_cases import do
from tests.sandbox_fixtures import sandbox, sandbox_server

__all__ = ["sandbox", "sandbox_server"]

GONE = where({"field": "shoe_size", "include": ["44"]}, {"field": "state", "include": ["TX"]})
VALUE_GONE = where({"field": "seniority", "include": ["grand_vizier", "vp"]}, {"field": "state", "include": ["TX"]})
ALL_GONE = where({"field": "seniority", "include": ["grand_vizier"]})
NO_FILTER = {"version": 99, "scope": "provider"}
WORDS = {"field": "shoe_size", "value": "grand_vizier", "everything": "grand_vizier", "grammar": "version"}
STORED = {"field": GONE, "value": VALUE_GONE, "everything": ALL_GONE, "grammar": NO_FILTER}


def stored(segment_id: UUID, filters: Any, model: Any = SavedSegment) -> None:
    """As an earlier release had saved it."""
    with system_scope() as scope:
        scope.session.execute(update(model).where(model.id == segment_id).values(filters=filters))


def broken(tenant: Tenant, kind: str) -> UUID:
    made = make_segment(tenant, name=f"Broken {kind}")
    stored(made.id, STORED[kind])
    return made.id


@pytest.mark.parametrize("kind", STORED)
def test_it_is_listed_and_says_what_is_gone_and_what_to_do(cast: Cast, kind: str) -> None:
    whole = make_segment(cast.alice, name="Whole")
    view = do(cast.alice, segments.get_segment, broken(cast.alice, kind))
    assert view.filters is None
    assert WORDS[kind] in (view.problem or "")
    assert "Open the segment" in (view.problem or "")
    listed = {one.id: one for one in do(cast.bob, segments.list_segments).segments}
    assert listed[view.id].problem == view.problem
    assert listed[view.id].sentence == "This filter can no longer be read."
    assert listed[whole.id].problem is None


@pytest.mark.parametrize("kind", STORED)
def test_it_neither_runs_nor_is_copied_and_nothing_is_held(cast: Cast, kind: str) -> None:
    fund(cast.workspace_id, 50)
    id = broken(cast.alice, kind)
    for use_case in (segments.start_run, segments.duplicate_segment):
        with pytest.raises(Invalid) as refused:
            do(cast.alice, use_case, id)
        assert WORDS[kind] in refused.value.message
        assert "Open the segment" in refused.value.message
    assert (do(cast.alice, balance).available, do(cast.alice, balance).held) == (50, 0)
    with system_scope() as scope:
        runs = select(func.count()).select_from(SegmentRun).where(SegmentRun.segment_id == id)
        assert scope.session.scalar(runs) == 0


def test_what_is_left_of_it_can_still_be_read(cast: Cast) -> None:
    def left(kind: str) -> Any:
        found = do(cast.alice, segments.get_segment, broken(cast.alice, kind)).readable
        assert found is not None
        return found.to_json()["where"]

    texans = {"field": "state", "include": ["TX"]}
    assert left("field") == {"all": [texans]}
    assert left("value") == {"all": [{"field": "seniority", "include": ["vp"]}, texans]}
    assert [row["field"] for row in left("everything")["all"]] == ["seniority"], "an empty row must be looked at"
    assert left("grammar") == {"all": []}


@pytest.mark.parametrize("kind", STORED)
def test_nothing_of_it_is_lost_until_somebody_saves(cast: Cast, kind: str) -> None:
    id = broken(cast.alice, kind)
    named = do(cast.alice, segments.update_segment, id, version=1, name=f"Named {kind}", max_leads=7)
    assert (named.name, named.max_leads, named.filters) == (f"Named {kind}", 7, None)
    do(cast.alice, segments.set_status, id, status="archived")
    do(cast.alice, segments.delete_segment, id)
    do(cast.alice, segments.restore_segment, id)
    with system_scope() as scope:
        kept = scope.session.scalar(select(SavedSegment.filters).where(SavedSegment.id == id))
    assert kept == STORED[kind]
    version = do(cast.alice, segments.set_status, id, status="active").version
    mended = do(cast.alice, segments.update_segment, id, version=version, filters=TEXANS)
    assert (mended.problem, mended.sentence) == (None, "People in the database whose state is Texas.")


def test_leads_by_such_a_segment_say_so(cast: Cast) -> None:
    own = make_segment(cast.alice, where({"field": "state", "include": ["TX"]}, scope="leads"))
    stored(own.id, where({"field": "shoe_size", "include": ["44"]}, scope="leads"))
    with pytest.raises(Invalid, match=r"shoe_size.*Open the segment"):
        do(cast.alice, leads.count_leads, filter=leads.parse_filter({"segment": str(own.id)}))


def test_a_run_that_waits_while_its_field_goes_ends_and_gives_everything_back(cast: Cast, sandbox: Any) -> None:
    fund(cast.workspace_id, 50)
    run = start(cast.alice, make_segment(cast.alice).id, max_leads=10)
    stored(run.id, GONE, SegmentRun)
    ended = work_off(cast.alice, run, sandbox.client())
    assert (ended.status, ended.new_leads) == ("failed", 0)
    assert "shoe_size" in (look(cast.alice, run).message or "")
    assert (do(cast.alice, balance).available, do(cast.alice, balance).held) == (50, 0)
