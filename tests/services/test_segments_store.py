"""Saved segments: names, versions, rights, drafts, deleting and taking back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from cursive_app.clock import now
from cursive_app.errors import Conflict, CursiveError, Forbidden, Invalid, NotFound
from cursive_app.services import segments
from db.models.accounts import User
from db.models.segments import SavedSegment
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast, make_member, make_user
from tests.factories_segments import TEXANS, make_segment, where


def do(tenant: Tenant, use_case: Callable[..., Any], *arguments: Any, **values: Any) -> Any:
    with tenant.begin() as scope:
        return use_case(scope, *arguments, **values)


def test_a_segment_is_there_for_the_team_and_for_nobody_else(cast: Cast) -> None:
    made = make_segment(cast.alice, name="  Texans \n of  note ")
    assert made.name == "Texans of note"
    assert (made.last_count, made.last_run_at, made.version) == (None, None, 1)
    assert do(cast.bob, segments.get_segment, made.id).sentence == "People in the database whose state is Texas."
    for use_case, values in (
        (segments.get_segment, {}),
        (segments.update_segment, {"version": 1, "name": "mine"}),
        (segments.duplicate_segment, {}),
        (segments.set_status, {"status": "archived"}),
        (segments.delete_segment, {}),
        (segments.restore_segment, {}),
    ):
        with pytest.raises(NotFound):
            do(cast.charlie, use_case, made.id, **values)
    assert do(cast.charlie, segments.list_segments).segments == ()


def test_names_are_unique_while_they_live(cast: Cast) -> None:
    first = make_segment(cast.alice, name="Texans")
    with pytest.raises(Conflict) as taken:
        make_segment(cast.bob, name=" TEXANS ")
    assert taken.value.reason == "name_taken"
    make_segment(cast.charlie, name="Texans")  # another workspace's name is no news here
    do(cast.alice, segments.delete_segment, first.id)
    second = make_segment(cast.alice, name="Texans")
    third = make_segment(cast.alice, name="Californians")
    with pytest.raises(Conflict):
        do(cast.alice, segments.restore_segment, first.id)
    with pytest.raises(Conflict):
        do(cast.alice, segments.update_segment, third.id, version=1, name=second.name)


@pytest.mark.parametrize("name", ["", "   ", "x" * 10_000, "a\x00b", "\ud800", None, 7, ["a"]])
def test_bad_names_are_refused(cast: Cast, name: Any) -> None:
    with pytest.raises(Invalid) as refused:
        make_segment(cast.alice, name=name)
    assert "name" in refused.value.fields


def test_names_with_markup_emoji_and_sql_are_only_text(cast: Cast) -> None:
    for name in ("<script>alert(1)</script>", "👩‍💻 Größe", "'; DROP TABLE leads; --", "%_\\"):
        made = make_segment(cast.alice, name=name)
        assert do(cast.alice, segments.get_segment, made.id).name == name
        assert [row.id for row in do(cast.alice, segments.list_segments, query=name).segments] == [made.id]


def test_a_stale_write_is_refused_and_changes_nothing(cast: Cast) -> None:
    made = make_segment(cast.alice)
    renamed = do(cast.alice, segments.update_segment, made.id, version=1, name=f"New {made.name}")
    assert renamed.version == 2
    with pytest.raises(Conflict) as stale:
        do(
            cast.alice,
            segments.update_segment,
            made.id,
            version=1,
            filters=where({"field": "state", "include": ["NY"]}),
        )
    assert stale.value.reason == "stale_version"
    assert do(cast.alice, segments.get_segment, made.id).filters == made.filters


def test_of_many_writers_of_one_version_one_wins(cast: Cast) -> None:
    made = make_segment(cast.alice)

    def write(number: int) -> str:
        try:
            do(cast.alice, segments.update_segment, made.id, version=1, description=f"by {number}")
        except CursiveError as error:
            return error.code
        return "won"

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(write, range(12)))
    assert answers.count("won") == 1
    assert do(cast.alice, segments.get_segment, made.id).version == 2


def test_who_may_see_and_change(cast: Cast) -> None:
    viewer = make_member(cast.workspace_id, make_user("Vera"), Role.READ_ONLY)
    private = make_segment(cast.bob, is_shared=False)
    assert do(cast.alice, segments.get_segment, private.id).may_edit
    with pytest.raises(NotFound):
        do(viewer, segments.get_segment, private.id)
    shared = make_segment(cast.alice)
    seen = do(cast.bob, segments.get_segment, shared.id)
    assert (seen.may_edit, seen.is_mine) == (False, False)
    with pytest.raises(Forbidden):
        do(cast.bob, segments.update_segment, shared.id, version=1, name="x")
    copy = do(cast.bob, segments.duplicate_segment, shared.id)
    assert copy.name == f"{shared.name} copy"
    assert do(cast.bob, segments.duplicate_segment, shared.id).name == f"{shared.name} copy 2"
    with pytest.raises(Forbidden):
        do(viewer, segments.create_segment, name="x", filters=TEXANS)
    assert {row.id for row in do(viewer, segments.list_segments).segments}.isdisjoint({private.id})


def test_a_segment_outlives_its_author(cast: Cast) -> None:
    guest = make_member(cast.workspace_id, make_user("Gus"))
    made = make_segment(guest)
    with system_scope() as scope:
        scope.session.delete(scope.get(User, guest.user_id or ""))
    seen = do(cast.alice, segments.get_segment, made.id)
    assert (seen.author, seen.is_mine) == (made.author, False)
    assert seen.author


def test_states_and_their_lists(cast: Cast) -> None:
    made = make_segment(cast.alice)
    do(cast.alice, segments.set_status, made.id, status="archived")
    assert do(cast.alice, segments.list_segments).segments == ()
    page = do(cast.alice, segments.list_segments, status="archived")
    assert [row.id for row in page.segments] == [made.id]
    assert page.counts == {"active": 0, "paused": 0, "archived": 1}
    with pytest.raises(Invalid):
        do(cast.alice, segments.set_status, made.id, status="gone")
    with pytest.raises(Invalid):
        do(cast.alice, segments.list_segments, status="gone")


def test_pages_cover_everything_once_and_cursors_cannot_be_made_up(cast: Cast) -> None:
    made = {make_segment(cast.alice).id for _ in range(7)}
    pages = [do(cast.alice, segments.list_segments, limit=3)]
    while pages[-1].next_cursor:
        pages.append(do(cast.alice, segments.list_segments, cursor=pages[-1].next_cursor, limit=3))
    seen = [row.id for page in pages for row in page.segments]
    assert len(seen) == 7
    assert set(seen) == made
    assert pages[0].previous_cursor is None
    for page, before in zip(pages[:0:-1], pages[-2::-1], strict=True):  # and back again
        again = do(cast.alice, segments.list_segments, cursor=page.previous_cursor, limit=3)
        assert [row.id for row in again.segments] == [row.id for row in before.segments]
        assert (again.previous_cursor is None) == (before is pages[0])
    own = do(cast.alice, segments.list_segments, limit=3).next_cursor
    for bad in ("x", own + "x", own):
        with pytest.raises(Invalid):
            do(cast.charlie, segments.list_segments, cursor=bad)
    for limit in (0, -1, 10**9):
        with pytest.raises(Invalid):
            do(cast.alice, segments.list_segments, limit=limit)


def test_drafts_are_personal_and_end_with_the_save(cast: Cast) -> None:
    made = make_segment(cast.alice)
    other = where({"field": "state", "include": ["NY"]})
    do(cast.alice, segments.save_draft, segment_id=made.id, filters=other, base_version=1)
    do(cast.alice, segments.save_draft, segment_id=made.id, filters=other, base_version=1)
    assert do(cast.bob, segments.get_draft, segment_id=made.id) is None
    kept = do(cast.alice, segments.get_draft, segment_id=made.id)
    assert kept == segments.Draft(segments.parse(other), 1, None)
    limits = ("20", "many")  # what was typed is kept, also while it makes no price
    do(cast.alice, segments.save_draft_limits, segment_id=made.id, limits=limits)
    assert do(cast.alice, segments.get_draft, segment_id=made.id) == segments.Draft(segments.parse(other), 1, limits)
    assert do(cast.alice, segments.get_segment, made.id).filters == made.filters
    do(cast.alice, segments.update_segment, made.id, version=1, filters=other)
    assert do(cast.alice, segments.get_draft, segment_id=made.id) == segments.Draft(None, None, limits)
    do(cast.alice, segments.update_segment, made.id, version=2, max_leads=20, ceiling=None)
    assert do(cast.alice, segments.get_draft, segment_id=made.id) is None
    do(cast.alice, segments.save_draft_limits, segment_id=made.id, limits=limits)
    do(cast.alice, segments.save_draft, segment_id=made.id, filters=other, base_version=3)
    do(cast.alice, segments.save_draft_limits, segment_id=made.id, limits=None)
    assert do(cast.alice, segments.get_draft, segment_id=made.id) == segments.Draft(segments.parse(other), 3, None)
    do(cast.alice, segments.save_draft, segment_id=made.id, filters=None, base_version=None)
    assert do(cast.alice, segments.get_draft, segment_id=made.id) is None
    do(
        cast.alice,
        segments.save_draft,
        segment_id=None,
        filters={"version": 1, "scope": "leads", "where": {"all": []}},
        base_version=None,
    )
    assert do(cast.alice, segments.get_draft, segment_id=None) is not None
    do(cast.alice, segments.duplicate_segment, made.id)
    assert do(cast.alice, segments.get_draft, segment_id=None) is not None, "a copy is not what is being built"
    with pytest.raises(NotFound):
        do(cast.charlie, segments.save_draft, segment_id=made.id, filters=other, base_version=1)
    with pytest.raises(NotFound):
        do(cast.charlie, segments.save_draft_limits, segment_id=made.id, limits=limits)
    with pytest.raises(NotFound):
        do(cast.alice, segments.get_segment, uuid4())


def test_a_ceiling_reads_the_same_before_and_after_the_database(cast: Cast) -> None:
    made = make_segment(cast.alice, ceiling=Decimal("50"))
    assert str(made.ceiling) == str(do(cast.alice, segments.get_segment, made.id).ceiling) == "50.00"


def test_suggestions(cast: Cast) -> None:
    assert [one.value for one in do(cast.alice, segments.suggest, "state", "new y")] == ["NY"]
    assert "austin" in [one.value for one in do(cast.alice, segments.suggest, "city", "aust")]
    assert "CEO" in [one.value for one in do(cast.alice, segments.suggest, "job_title", "ceo")]
    for field, typed in (
        ("password_hash", "x"),
        ("has_phone", "x"),
        ("company_name", "' OR 1=1"),
        ("job_title", "a\x00b"),
    ):
        assert do(cast.alice, segments.suggest, field, typed) == ()


def test_a_deletion_is_told_with_counts_and_taken_back_for_thirty_days(cast: Cast) -> None:
    made = make_segment(cast.alice, name="Texans")
    assert do(cast.alice, segments.attached, made.id) == segments.Attached(scope="provider", runs=0, leads=0)
    private = make_segment(cast.alice, name="Secret", is_shared=False)
    do(cast.alice, segments.delete_segment, made.id)
    do(cast.alice, segments.delete_segment, private.id)
    listed = do(cast.alice, segments.list_segments, status="deleted").segments
    assert [(one.name, one.deleted_at is not None) for one in listed] == [("Secret", True), ("Texans", True)]
    assert [one.name for one in do(cast.bob, segments.list_segments, status="deleted").segments] == ["Texans"]
    assert do(cast.charlie, segments.list_segments, status="deleted").segments == ()
    assert do(cast.alice, segments.list_segments).segments == ()
    first = do(cast.alice, segments.list_segments, status="deleted", limit=1)
    second = do(cast.alice, segments.list_segments, status="deleted", limit=1, cursor=first.next_cursor)
    assert [first.segments[0].name, second.segments[0].name] == ["Secret", "Texans"]
    do(cast.alice, segments.restore_segment, made.id)
    assert [one.name for one in do(cast.alice, segments.list_segments).segments] == ["Texans"]
    with system_scope() as scope:
        scope.get(SavedSegment, private.id).deleted_at = now() - segments.RESTORABLE - timedelta(minutes=1)
    assert do(cast.alice, segments.list_segments, status="deleted").segments == ()
    with pytest.raises(Conflict) as late:
        do(cast.alice, segments.restore_segment, private.id)
    assert late.value.reason == "too_late"


def test_names_of_segments_are_told_to_those_who_may_see_them(cast: Cast) -> None:
    shared, private = make_segment(cast.alice, name="Shared"), make_segment(cast.alice, name="Mine", is_shared=False)
    ids = [shared.id, private.id, uuid4()]
    do(cast.alice, segments.delete_segment, shared.id)
    assert do(cast.alice, segments.segment_names, ids) == {shared.id: "Shared", private.id: "Mine"}
    assert do(cast.bob, segments.segment_names, ids) == {shared.id: "Shared"}
    assert do(cast.charlie, segments.segment_names, ids) == {}
    assert do(cast.alice, segments.segment_names, []) == {}
    opened = [do(tenant, segments.openable, ids) for tenant in (cast.alice, cast.bob, cast.charlie)]
    assert opened == [{private.id}, set(), set()], "the shared one was deleted"
