"""Saying what a file means and correcting its cells: revisions, duplicates that move, remembered mappings, tenancy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from cursive_app.errors import Conflict, CursiveError, Forbidden, Invalid, NotFound
from cursive_app.integrations.audiencelab import normalize
from cursive_app.services import enrichment, jobs, leads
from cursive_app.services.enrichment import replacing
from cursive_app.services.enrichment.views import EnrichmentView
from db.models.enrichment import Enrichment, EnrichmentFilePart, EnrichmentRow
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast, make_member, make_user
from tests.factories_jobs import grow_stale, job_row
from tests.services.test_enrichment_reading import PEOPLE, do, look, read, rows, upload, verdicts

LIST = "E-mail,Phone,Note\na@acme.example,,one\nb@acme.example,,two\nA@acme.example,,three\n,,four\n"


@pytest.fixture
def ready(cast: Cast, tmp_path: Path) -> EnrichmentView:
    return read(cast.alice, upload(cast.alice, LIST, tmp_path))


def edit(tenant: Tenant, view: EnrichmentView, number: int, column: int, value: str) -> Any:
    now = look(tenant, view.id)
    return do(
        tenant, enrichment.edit_cell, view.id, revision=now.revision, number=number, column=column, value=value
    )  # fmt: skip


def counts(tenant: Tenant, view: EnrichmentView) -> tuple[int | None, ...]:
    found = look(tenant, view.id).counts
    return found.total, found.valid, found.invalid, found.duplicate, found.owned


def test_an_edit_mends_a_row_and_is_undone_by_writing_the_original_back(cast: Cast, ready: EnrichmentView) -> None:
    assert counts(cast.alice, ready) == (4, 2, 1, 1, 0)
    row = edit(cast.bob, ready, 4, 0, "d@acme.example")
    assert (row.verdict, row.problems, row.edited) == ("valid", (), (0,))
    assert counts(cast.alice, ready) == (4, 3, 0, 1, 0)
    assert look(cast.alice, ready.id).revision == ready.revision + 1
    row = edit(cast.alice, ready, 4, 0, "")
    assert (row.verdict, row.edited) == ("invalid", ())
    assert counts(cast.alice, ready) == (4, 2, 1, 1, 0)


def test_duplicates_follow_an_edit_of_the_first_one(cast: Cast, ready: EnrichmentView) -> None:
    assert verdicts(cast.alice, ready.id) == ["valid", "valid", "duplicate", "invalid"]
    edit(cast.alice, ready, 1, 0, "new@acme.example")
    assert verdicts(cast.alice, ready.id) == ["valid", "valid", "valid", "invalid"]
    edit(cast.alice, ready, 2, 0, "a@acme.example")
    found = rows(cast.alice, ready.id).rows
    assert [(row.verdict, row.duplicate_of) for row in found] == [
        ("valid", None), ("valid", None), ("duplicate", 2), ("invalid", None)
    ]  # fmt: skip
    edit(cast.alice, ready, 1, 0, " A@ACME.example ")
    found = rows(cast.alice, ready.id).rows
    assert [(row.verdict, row.duplicate_of) for row in found] == [
        ("valid", None), ("duplicate", 1), ("duplicate", 1), ("invalid", None)
    ]  # fmt: skip
    assert counts(cast.alice, ready) == (4, 1, 1, 2, 0)
    shown = rows(cast.alice, ready.id, view="duplicate")
    assert (shown.total, [row.number for row in shown.rows]) == (2, [2, 3])
    assert "row 1" in shown.rows[0].problems[-1].message


def test_find_and_replace(cast: Cast, ready: EnrichmentView) -> None:
    changed = do(
        cast.alice, enrichment.replace_in_column, ready.id,
        revision=ready.revision, column=0, find="acme", replace="beta",
    )  # fmt: skip
    assert changed == 3
    found = rows(cast.alice, ready.id).rows
    assert [row.cells[0] for row in found] == ["a@beta.example", "b@beta.example", "A@beta.example", ""]
    assert [row.verdict for row in found] == ["valid", "valid", "duplicate", "invalid"]
    assert look(cast.alice, ready.id).revision == ready.revision + 1
    again = do(
        cast.alice, enrichment.replace_in_column, ready.id,
        revision=ready.revision + 1, column=0, find="%", replace="x",
    )  # fmt: skip
    assert again == 0
    assert look(cast.alice, ready.id).revision == ready.revision + 1


@pytest.mark.parametrize(
    ("find", "replace", "match_case", "cells"),
    [
        ("A@", "x@", True, ["a@acme.example", "b@acme.example", "x@acme.example", ""]),
        ("A@", "x@", False, ["x@acme.example", "b@acme.example", "x@acme.example", ""]),
        (".", "$1", False, ["a@acme$1example", "b@acme$1example", "A@acme$1example", ""]),
        ("ACME", "", True, ["a@acme.example", "b@acme.example", "A@acme.example", ""]),
    ],
)
def test_what_is_counted_is_what_changes(
    cast: Cast, ready: EnrichmentView, find: str, replace: str, match_case: bool, cells: list[str]
) -> None:
    wanted = {"column": 0, "find": find, "replace": replace, "match_case": match_case}
    before = [row.cells[0] for row in rows(cast.alice, ready.id).rows]
    count = do(cast.alice, enrichment.count_in_column, ready.id, revision=1, **wanted)
    assert [row.cells[0] for row in rows(cast.alice, ready.id).rows] == before, "counting writes nothing"
    assert do(cast.alice, enrichment.replace_in_column, ready.id, revision=1, **wanted) == count
    assert [row.cells[0] for row in rows(cast.alice, ready.id).rows] == cells
    assert count == sum(old != new for old, new in zip(before, cells, strict=True))


def test_a_replacement_is_an_edit_that_writing_back_undoes(cast: Cast, tmp_path: Path) -> None:
    ragged = "E-mail,Note\na@acme.example,one\nb(at)acme.example,two,more\nc(at)acme.example\n,four\n"
    view = read(cast.alice, upload(cast.alice, ragged, tmp_path))
    before = rows(cast.alice, view.id).rows

    def replace(revision: int, find: str, by: str) -> int:
        wanted = {"revision": revision, "column": 0, "find": find, "replace": by}
        return do(cast.alice, enrichment.replace_in_column, view.id, **wanted)

    assert replace(1, "(at)", "@") == 2
    mended = rows(cast.alice, view.id).rows
    assert [row.cells[0] for row in mended] == ["a@acme.example", "b@acme.example", "c@acme.example", ""]
    assert [row.edited for row in mended] == [(), (0,), (0,), ()]
    assert [row.verdict for row in mended] == ["valid", "invalid", "valid", "invalid"], "one still has a cell too many"
    assert replace(2, "acme", "beta") == 3
    assert replace(3, "beta", "acme") == 3
    assert [row.edited for row in rows(cast.alice, view.id).rows] == [(), (0,), (0,), ()]
    edit(cast.alice, view, 2, 0, "b(at)acme.example")
    edit(cast.alice, view, 3, 0, "c(at)acme.example")
    assert [(row.cells, row.edited, row.verdict) for row in rows(cast.alice, view.id).rows] == [
        (row.cells, row.edited, row.verdict) for row in before
    ]


def test_a_replacement_in_many_rows_tells_duplicates_anew(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacing, "BLOCK", 7)
    monkeypatch.setattr(replacing, "_FEW", 5)
    text = "E-mail\n" + "".join(f"p{n}@{'old' if n % 2 else 'new'}.example\np{n}@new.example\n" for n in range(30))
    view = read(cast.alice, upload(cast.alice, text, tmp_path))
    assert counts(cast.alice, view) == (60, 45, 0, 15, 0)
    wanted = {"revision": 1, "column": 0, "find": "old", "replace": "new"}
    assert do(cast.alice, enrichment.replace_in_column, view.id, **wanted) == 15
    assert counts(cast.alice, view) == (60, 30, 0, 30, 0)
    again = read(cast.alice, upload(cast.alice, text.replace("old", "new"), tmp_path))
    assert verdicts(cast.alice, view.id) == verdicts(cast.alice, again.id), "as if the file had said so"


def test_a_cell_too_many_is_moved_and_removed(cast: Cast, tmp_path: Path) -> None:
    view = read(cast.alice, upload(cast.alice, "E-mail,Note\nd@a.example,Smith, Sam\ne@a.example,x\n", tmp_path))
    assert verdicts(cast.alice, view.id) == ["invalid", "valid"]
    edit(cast.alice, view, 1, 1, "Smith, Sam")
    row = edit(cast.alice, view, 1, 2, "")
    assert (row.cells, row.verdict, row.problems) == (("d@a.example", "Smith, Sam"), "valid", ())
    row = edit(cast.alice, view, 1, 2, " Sam")
    assert (row.cells, row.verdict) == (("d@a.example", "Smith, Sam", " Sam"), "invalid")


def test_the_second_tab_is_told_that_it_is_behind(cast: Cast, ready: EnrichmentView) -> None:
    edit(cast.alice, ready, 4, 0, "d@acme.example")
    for use_case, values in (
        (enrichment.edit_cell, {"number": 1, "column": 0, "value": "x@y.example"}),
        (enrichment.replace_in_column, {"column": 0, "find": "a", "replace": "b"}),
        (enrichment.count_in_column, {"column": 0, "find": "a", "replace": "b"}),
        (enrichment.map_columns, {"mapping": {0: "email"}}),
        (enrichment.choose_layout, {"header_row": None}),
    ):
        with pytest.raises(Conflict) as behind:
            do(cast.bob, use_case, ready.id, revision=ready.revision, **values)
        assert behind.value.reason == "stale_version"
    assert verdicts(cast.alice, ready.id) == ["valid", "valid", "duplicate", "valid"]


def test_of_two_edits_at_once_one_is_refused(cast: Cast, ready: EnrichmentView) -> None:
    def one(value: str) -> str:
        try:
            do(
                cast.alice, enrichment.edit_cell, ready.id,
                revision=ready.revision, number=4, column=0, value=f"{value}@acme.example",
            )  # fmt: skip
        except Conflict as error:
            return error.reason
        return "written"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, "wxyz")) == ["stale_version"] * 3 + ["written"]
    assert counts(cast.alice, ready) == (4, 3, 0, 1, 0)


@pytest.mark.parametrize(
    "values",
    [
        {"number": 0}, {"number": -1}, {"number": 5}, {"number": 2**40}, {"column": 3}, {"column": -1},
        {"value": "a\x00b"}, {"value": "\ud800"}, {"value": "x" * 30_000}, {"value": 7}, {"column": True},
    ],
)  # fmt: skip
def test_nonsense_is_refused(cast: Cast, ready: EnrichmentView, values: dict[str, Any]) -> None:
    given = {"number": 1, "column": 0, "value": "x"} | values
    with pytest.raises((Invalid, NotFound)):
        do(cast.alice, enrichment.edit_cell, ready.id, revision=ready.revision, **given)
    assert look(cast.alice, ready.id).revision == ready.revision


def test_a_chosen_mapping_checks_the_rows_again_and_keeps_edits(cast: Cast, ready: EnrichmentView) -> None:
    edit(cast.alice, ready, 4, 2, "d@acme.example")
    edited = look(cast.alice, ready.id)
    mapped = do(cast.alice, enrichment.map_columns, ready.id, revision=edited.revision, mapping={2: "email"})
    assert mapped.status == "received"
    assert [(column.field, column.guess) for column in mapped.columns] == [
        (None, None), (None, None), ("email", "chosen")
    ]  # fmt: skip
    again = read(cast.alice, mapped)
    assert counts(cast.alice, again) == (4, 1, 3, 0, 0)
    assert rows(cast.alice, again.id).rows[3].cells[2] == "d@acme.example"


def test_a_mapping_is_remembered_for_the_same_header_in_its_workspace(cast: Cast, tmp_path: Path) -> None:
    body = "who,contact,note\nDana T,d@acme.example,x\n"
    first = read(cast.alice, upload(cast.alice, body, tmp_path))
    do(cast.alice, enrichment.map_columns, first.id, revision=first.revision, mapping={0: "full_name", 1: "email"})
    second = upload(cast.bob, body.replace("Dana", "Sam"), tmp_path)
    assert [(column.field, column.guess) for column in second.columns] == [
        ("full_name", "remembered"), ("email", "remembered"), (None, None)
    ]  # fmt: skip
    other = upload(cast.charlie, body, tmp_path)
    assert [column.guess for column in other.columns] == [None, "content", None]


def test_a_list_nobody_can_be_named_by_says_so_and_can_be_mapped(cast: Cast, tmp_path: Path) -> None:
    view = read(cast.alice, upload(cast.alice, "Symbol,Security\nMMM,3M\nAOS,A. O. Smith\n", tmp_path))
    assert (view.status, view.counts.valid, view.counts.invalid) == ("ready", 0, 2)
    assert view.why_not == ("No column identifies a person: add an e-mail, phone, LinkedIn or name + company domain.")


def test_another_header_row_is_read_anew(cast: Cast, tmp_path: Path) -> None:
    body = "Exported in May,,\nE-mail,First,Last\nd@acme.example,Dana,T\n"
    view = read(cast.alice, upload(cast.alice, body, tmp_path))
    assert view.layout is not None
    assert (view.layout.header_row, view.counts.total) == (2, 1)
    assert do(cast.alice, enrichment.head_rows, view.id)[0] == ("Exported in May", "", "")
    chosen = do(cast.alice, enrichment.choose_layout, view.id, revision=view.revision, header_row=None)
    again = read(cast.alice, chosen)
    assert again.layout is not None
    assert (again.layout.header_row, again.counts.total) == (None, 3)
    assert again.columns[0].name == "Column 1"
    for wrong in (
        {"header_row": 0},
        {"header_row": 99},
        {"delimiter": "#"},
        {"encoding": "klingon"},
        {"sheet": "x"},
        {},
    ):
        with pytest.raises(Invalid):
            do(cast.alice, enrichment.choose_layout, again.id, revision=again.revision, **wrong)


def test_a_reading_that_was_overtaken_writes_nothing(cast: Cast, tmp_path: Path) -> None:
    first = upload(cast.alice, LIST, tmp_path)
    second = do(cast.alice, enrichment.choose_layout, first.id, revision=first.revision, header_row=None)
    assert second.read_job_id != first.read_job_id
    done = read(cast.alice, second)
    late = read(cast.alice, first)
    assert (done.counts, late.counts, late.status) == (late.counts, done.counts, "ready")
    assert late.counts.total == 5
    assert first.read_job_id is not None
    assert job_row(first.read_job_id).status == "completed"


def test_a_killed_reading_begins_again_and_a_zombie_changes_nothing(cast: Cast, tmp_path: Path) -> None:
    view = upload(cast.alice, LIST, tmp_path)
    assert view.read_job_id is not None
    zombie = jobs.claim(view.read_job_id)
    assert zombie is not None
    grow_stale(view.read_job_id)
    ready = read(cast.alice, view)
    assert ready.counts.total == 4
    with pytest.raises(jobs.LostClaim):
        enrichment.read_list(zombie)
    assert look(cast.alice, view.id).counts == ready.counts
    assert len(rows(cast.alice, view.id).rows) == 4


def test_a_canceled_reading_leaves_no_row(cast: Cast, tmp_path: Path) -> None:
    view = upload(cast.alice, LIST, tmp_path)
    assert view.read_job_id is not None
    do(cast.alice, jobs.request_cancel, view.read_job_id)
    ended = read(cast.alice, view)
    assert (ended.status, ended.refusal_code) == ("refused", "cancelled")
    assert job_row(view.read_job_id).status == "cancelled"


def test_people_who_are_leads_already_are_told_apart_by_any_address(cast: Cast, tmp_path: Path) -> None:
    personal = "old@b.example, dana@acme.example"
    records = [
        {"UUID": str(uuid4()), "BUSINESS_EMAIL": "sam@acme.example", "PERSONAL_EMAILS": personal},
        {"UUID": str(uuid4()), "LINKEDIN_URL": "https://www.linkedin.com/in/kim-example"},
    ]
    do(cast.alice, leads.intake, [normalize(record) for record in records], source="database")
    body = "E-mail,LinkedIn\nDana@acme.example,\n,linkedin.com/in/Kim-Example/\nnew@acme.example,\ndana@acme.example,\n"
    view = read(cast.alice, upload(cast.alice, body, tmp_path))
    assert verdicts(cast.alice, view.id) == ["owned", "owned", "valid", "duplicate"]
    assert rows(cast.alice, view.id, view="owned").total == 2
    assert rows(cast.alice, view.id).rows[0].lead_id is not None
    edit(cast.alice, view, 1, 0, "nobody@acme.example")
    assert verdicts(cast.alice, view.id) == ["valid", "owned", "valid", "owned"]
    stranger = read(cast.charlie, upload(cast.charlie, body, tmp_path))
    assert verdicts(cast.charlie, stranger.id) == ["valid", "valid", "valid", "duplicate"]


def test_rows_are_paged_both_ways(cast: Cast, tmp_path: Path) -> None:
    body = "E-mail\n" + "".join(f"p{n}@acme.example\n" for n in range(1, 26))
    view = read(cast.alice, upload(cast.alice, body, tmp_path))
    first = rows(cast.alice, view.id, limit=10)
    assert ([row.number for row in first.rows], first.total, first.previous_cursor) == (list(range(1, 11)), 25, None)
    second = rows(cast.alice, view.id, limit=10, cursor=first.next_cursor)
    third = rows(cast.alice, view.id, limit=10, cursor=second.next_cursor)
    assert ([row.number for row in third.rows], third.next_cursor) == (list(range(21, 26)), None)
    back = rows(cast.alice, view.id, limit=10, cursor=third.previous_cursor)
    assert [row.number for row in back.rows] == list(range(11, 21))
    start = rows(cast.alice, view.id, limit=10, cursor=back.previous_cursor)
    assert ([row.number for row in start.rows], start.previous_cursor) == (list(range(1, 11)), None)
    for wrong in ({"view": "x"}, {"limit": 0}, {"limit": 1_000}, {"cursor": "made-up"}):
        with pytest.raises(Invalid):
            rows(cast.alice, view.id, **wrong)
    with pytest.raises(Invalid):
        rows(cast.alice, view.id, view="valid", cursor=first.next_cursor)


def test_lists_are_paged_filtered_and_found_by_name(cast: Cast, tmp_path: Path) -> None:
    made = [upload(cast.alice, LIST + f"n{n}@acme.example,,\n", tmp_path, filename=f"may {n}%.csv") for n in range(5)]
    read(cast.alice, made[0])
    first = do(cast.bob, enrichment.list_enrichments, limit=2)
    assert [item.id for item in first.items] == [made[4].id, made[3].id]
    second = do(cast.bob, enrichment.list_enrichments, limit=2, cursor=first.next_cursor)
    third = do(cast.bob, enrichment.list_enrichments, limit=2, cursor=second.next_cursor)
    assert ([item.id for item in third.items], third.next_cursor) == ([made[0].id], None)
    back = do(cast.bob, enrichment.list_enrichments, limit=2, cursor=third.previous_cursor)
    assert [item.id for item in back.items] == [made[2].id, made[1].id]
    assert [item.id for item in do(cast.bob, enrichment.list_enrichments, statuses=["ready"]).items] == [made[0].id]
    assert [item.id for item in do(cast.bob, enrichment.list_enrichments, search="MAY 3%").items] == [made[3].id]
    for wrong in ({"statuses": ["x"]}, {"limit": 0}, {"cursor": "x"}):
        with pytest.raises(Invalid):
            do(cast.bob, enrichment.list_enrichments, **wrong)


def test_nobody_else_sees_or_touches_a_list(cast: Cast, ready: EnrichmentView) -> None:
    attacks: tuple[tuple[Any, dict[str, Any]], ...] = (
        (enrichment.get_enrichment, {}),
        (enrichment.list_rows, {}),
        (enrichment.head_rows, {}),
        (enrichment.edit_cell, {"revision": 1, "number": 1, "column": 0, "value": "x"}),
        (enrichment.replace_in_column, {"revision": 1, "column": 0, "find": "a", "replace": "b"}),
        (enrichment.count_in_column, {"revision": 1, "column": 0, "find": "a", "replace": "b"}),
        (enrichment.map_columns, {"revision": 1, "mapping": {0: "email"}}),
        (enrichment.choose_layout, {"revision": 1, "header_row": None}),
    )
    for use_case, values in attacks:
        for target in (ready.id, uuid4(), "no id"):
            with pytest.raises(NotFound) as refused:
                do(cast.charlie, use_case, target, **values)
            assert refused.value.message == NotFound.default_message
    assert do(cast.charlie, enrichment.list_enrichments).items == ()
    page = rows(cast.alice, ready.id, limit=1)
    with pytest.raises(CursiveError):
        rows(cast.charlie, ready.id, cursor=page.next_cursor)
    with cast.charlie.begin() as scope:
        assert scope.session.scalars(select(EnrichmentRow)).all() == []
        assert scope.session.scalars(select(EnrichmentFilePart)).all() == []
    assert verdicts(cast.alice, ready.id) == ["valid", "valid", "duplicate", "invalid"]


def test_who_may_only_look_changes_nothing(cast: Cast, ready: EnrichmentView) -> None:
    reader = make_member(cast.workspace_id, make_user("Rita"), Role.READ_ONLY)
    seen = look(reader, ready.id)
    assert (seen.may_edit, seen.may_run, seen.may_download) == (False, False, False)
    assert len(rows(reader, ready.id).rows) == 4
    with pytest.raises(Forbidden):
        edit(reader, ready, 1, 0, "x@y.example")
    billing = make_member(cast.workspace_id, make_user("Bill"), Role.BILLING)
    with pytest.raises(Forbidden):
        look(billing, ready.id)


def test_a_started_list_cannot_be_changed(cast: Cast, ready: EnrichmentView) -> None:
    with system_scope() as scope:
        scope.get(Enrichment, ready.id).status = "running"
    with pytest.raises(Conflict) as started:
        edit(cast.alice, ready, 1, 0, "x@y.example")
    assert started.value.reason == "started"


def test_the_file_is_kept_as_it_was(cast: Cast, tmp_path: Path) -> None:
    body = (PEOPLE + "x" * 80 + "\n" * 3).encode() * 9_000
    view = upload(cast.alice, body, tmp_path)
    with cast.alice.begin() as scope:
        parts = scope.session.scalars(
            scope.select(EnrichmentFilePart)
            .where(EnrichmentFilePart.enrichment_id == view.id)
            .order_by(EnrichmentFilePart.position)
        ).all()
    assert len(parts) > 3
    assert b"".join(bytes(part.body) for part in parts) == body
    assert view.byte_size == len(body)
