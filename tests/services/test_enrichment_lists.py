"""Lists and their rows as their workspace sees them, page by page, and as nobody else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from cursive_app.errors import CursiveError, Forbidden, Invalid, NotFound
from cursive_app.integrations.audiencelab import normalize
from cursive_app.services import enrichment, leads
from cursive_app.services.enrichment.views import EnrichmentView
from db.models.enrichment import EnrichmentFilePart, EnrichmentRow
from db.roles import Role
from tests.factories import Cast, make_member, make_user
from tests.services.lists import LIST, edit, ready
from tests.services.test_enrichment_reading import PEOPLE, do, look, read, rows, upload, verdicts

__all__ = ["ready"]


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
