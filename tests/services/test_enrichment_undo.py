"""Undoing what was corrected or replaced last: exactly those cells say again what they said, and nothing else moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select

from cursive_app.errors import Conflict, Forbidden, NotFound
from cursive_app.services import enrichment
from cursive_app.services.enrichment import changes, rewriting
from cursive_app.services.enrichment.views import EnrichmentView
from db.engine import Database
from db.models.enrichment import Enrichment, EnrichmentChange
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast, make_cast, make_member, make_user
from tests.factories_credits import fund
from tests.factories_enrichment import make_list, start_run, unknown_line
from tests.services.lists import counts, edit, ready
from tests.services.test_enrichment_reading import do, look, read, rows, upload

__all__ = ["ready"]
RAGGED = 'E-mail,Note\na@acme.example,one\nb(at)acme.example,two,more\nc(at)acme.example\n"d(at)acme.example,four\n'


def undo(tenant: Tenant, view: EnrichmentView, **more: Any) -> int:
    return do(tenant, enrichment.undo, view.id, **{"revision": look(tenant, view.id).revision, **more})


def replace(tenant: Tenant, view: EnrichmentView, find: str, by: str, column: int = 0) -> int:
    wanted = {"revision": look(tenant, view.id).revision, "column": column, "find": find, "replace": by}
    return do(tenant, enrichment.replace_in_column, view.id, **wanted)


def kept(view: EnrichmentView) -> list[EnrichmentChange]:
    with system_scope() as scope:
        mine = select(EnrichmentChange).where(EnrichmentChange.enrichment_id == view.id)
        return list(scope.session.scalars(mine.order_by(EnrichmentChange.number)))


def refused(tenant: Tenant, view: EnrichmentView, **more: Any) -> str:
    with pytest.raises(Conflict) as error:
        undo(tenant, view, **more)
    assert error.value.message
    return error.value.reason


def test_a_replacement_is_undone_with_all_that_followed_from_it(cast: Cast, ready: EnrichmentView) -> None:
    before, counted = rows(cast.alice, ready.id).rows, counts(cast.alice, ready)
    assert replace(cast.alice, ready, "a@", "b@") == 1
    assert counts(cast.alice, ready) == (4, 2, 1, 1, 0)
    assert [row.verdict for row in rows(cast.alice, ready.id).rows] == ["valid", "duplicate", "valid", "invalid"]
    last = do(cast.bob, enrichment.last_change, ready.id)
    assert (last.name, last.cells, last.row, last.revision) == ("E-mail", 1, 1, 2)
    assert undo(cast.bob, ready) == 1
    assert rows(cast.alice, ready.id).rows == before
    assert counts(cast.alice, ready) == counted
    assert look(cast.alice, ready.id).revision == ready.revision + 2
    assert do(cast.alice, enrichment.last_change, ready.id) is None
    assert refused(cast.alice, ready) == "nothing_to_undo"
    assert kept(ready) == []


def test_only_cells_that_were_replaced_are_put_back(cast: Cast, tmp_path: Path) -> None:
    """What said the new text before says it still, and what was corrected before stays corrected."""
    text = "E-mail,Note\n" + "".join(f"p{n}@{'old' if n % 3 else 'new'}.example,{n}\n" for n in range(9))
    view = read(cast.alice, upload(cast.alice, text, tmp_path))
    edit(cast.alice, view, 2, 0, "by-hand@old.example")
    before = rows(cast.alice, view.id).rows
    assert replace(cast.alice, view, "old", "new") == 6
    assert undo(cast.alice, view) == 6
    found = rows(cast.alice, view.id).rows
    assert found == before
    assert [row.edited for row in found][:3] == [(), (0,), ()], "an edit before the replacement is still one"


def test_rows_of_another_width_get_their_problems_back(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "BLOCK", 2)
    view = read(cast.alice, upload(cast.alice, RAGGED, tmp_path))
    before = rows(cast.alice, view.id).rows
    assert {problem.code for row in before for problem in row.problems} >= {"too_few_cells", "unclosed_quote"}
    assert replace(cast.alice, view, '"', "") == 1
    assert replace(cast.alice, view, "(at)", "@") == 3
    mended = {problem.code for row in rows(cast.alice, view.id).rows for problem in row.problems}
    assert not mended & {"too_few_cells", "unclosed_quote"}
    assert (undo(cast.alice, view), undo(cast.alice, view)) == (3, 1)
    assert rows(cast.alice, view.id).rows == before


def test_edits_are_undone_one_after_the_other_cells_beyond_the_columns_too(cast: Cast, tmp_path: Path) -> None:
    view = read(cast.alice, upload(cast.alice, RAGGED, tmp_path))
    states = [rows(cast.alice, view.id).rows]
    for number, column, value in ((3, 1, "x"), (2, 2, ""), (2, 2, "again"), (1, 0, "new@acme.example"), (4, 0, "q")):
        edit(cast.alice, view, number, column, value)
        states.append(rows(cast.alice, view.id).rows)
    assert replace(cast.alice, view, "new@", "newer@") == undo(cast.alice, view) == 1
    for state in reversed(states[:-1]):
        assert undo(cast.alice, view) == 1
        assert rows(cast.alice, view.id).rows == state
    assert refused(cast.alice, view) == "nothing_to_undo"


def test_a_change_after_an_undo_can_be_undone_to_where_it_began(cast: Cast, ready: EnrichmentView) -> None:
    assert replace(cast.alice, ready, "acme", "beta") == 3
    state = rows(cast.alice, ready.id).rows
    edit(cast.alice, ready, 4, 2, "five")
    undo(cast.alice, ready)
    edit(cast.alice, ready, 1, 0, "z@beta.example")
    undo(cast.alice, ready)
    assert rows(cast.alice, ready.id).rows == state
    assert undo(cast.alice, ready) == 3
    assert refused(cast.alice, ready) == "nothing_to_undo"


def test_the_second_tab_undoes_nothing(cast: Cast, ready: EnrichmentView) -> None:
    replace(cast.alice, ready, "acme", "beta")
    edit(cast.bob, ready, 4, 0, "d@acme.example")
    assert refused(cast.alice, ready, revision=2) == "stale_version", "the list was changed meanwhile"
    assert undo(cast.alice, ready, revision=3) == 1
    assert refused(cast.bob, ready, revision=3) == "stale_version", "somebody else has undone it"
    assert rows(cast.alice, ready.id).rows[0].cells[0] == "a@beta.example"


def test_nothing_is_undone_once_the_list_is_mapped_started_or_deleted(cast: Cast, ready: EnrichmentView) -> None:
    replace(cast.alice, ready, "acme", "beta")
    mapped = do(cast.alice, enrichment.map_columns, ready.id, revision=2, mapping={0: "email"})
    assert kept(ready) == []
    read(cast.alice, mapped)
    assert refused(cast.alice, ready) == "nothing_to_undo"
    replace(cast.alice, ready, "beta", "acme")
    with system_scope() as scope:
        scope.get(Enrichment, ready.id).status = "running"
    assert refused(cast.alice, ready) == "started"
    assert do(cast.alice, enrichment.last_change, ready.id) is None, "and it is not offered"
    with system_scope() as scope:
        scope.get(Enrichment, ready.id).status = "ready"
    assert len(kept(ready)) == 1
    do(cast.alice, enrichment.delete_files, ready.id)
    assert kept(ready) == [], "what the cells said goes with the list's files"
    assert refused(cast.alice, ready) == "purged"
    assert do(cast.alice, enrichment.last_change, ready.id) is None


def test_what_was_written_over_goes_when_the_list_is_started(cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, [unknown_line(number) for number in range(101)])
    view = look(cast.alice, id)
    edit(cast.alice, view, 1, 3, "a note")
    assert len(kept(view)) == 1
    start_run(cast.alice, id, revision=2)
    assert kept(view) == []
    assert refused(cast.alice, view) == "started"


def test_who_may_undo(cast: Cast, ready: EnrichmentView) -> None:
    replace(cast.alice, ready, "acme", "beta")
    before = rows(cast.alice, ready.id).rows
    reader = make_member(cast.workspace_id, make_user("Rita"), Role.READ_ONLY)
    with pytest.raises(Forbidden):
        undo(reader, ready)
    for use_case, values in ((enrichment.undo, {"revision": 2}), (enrichment.last_change, {})):
        with pytest.raises(NotFound) as hidden:
            do(cast.charlie, use_case, ready.id, **values)
        assert hidden.value.message == NotFound.default_message
    with cast.charlie.begin() as scope:
        assert scope.session.scalars(scope.select(EnrichmentChange)).all() == []
    assert rows(cast.alice, ready.id).rows == before


def test_what_is_kept_is_bounded(cast: Cast, ready: EnrichmentView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MOST_CHANGES", 3)
    for number in range(5):
        edit(cast.alice, ready, 4, 2, f"note {number}")
    assert [change.number for change in kept(ready)] == [3, 4, 5]
    assert [undo(cast.alice, ready) for _ in range(3)] == [1, 1, 1]
    assert rows(cast.alice, ready.id).rows[3].cells[2] == "note 1"
    assert refused(cast.alice, ready) == "nothing_to_undo"
    monkeypatch.setattr(changes, "MOST_BYTES", 60)
    edit(cast.alice, ready, 4, 2, "x" * 50)
    edit(cast.alice, ready, 4, 2, "y" * 100)
    edit(cast.alice, ready, 4, 2, "z")
    assert [change.byte_size for change in kept(ready)] == [6, 50, 100], "the last one is kept whatever its size"
    edit(cast.alice, ready, 4, 2, "zz")
    assert [change.byte_size for change in kept(ready)] == [1]


_NOTE = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=5)


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_NOTE, min_size=1, max_size=6), st.lists(st.tuples(_NOTE, _NOTE), min_size=1, max_size=3))
def test_whatever_was_replaced_comes_back(
    database: Database, notes: list[str], replacements: list[tuple[str, str]]
) -> None:
    tenant = make_cast().alice
    records = [{"email": f"a{n}@acme.example", "note": note} for n, note in enumerate(notes)]
    view = read(tenant, enrichment.open_records(tenant, records=records, filename="x"))
    states = [rows(tenant, view.id).rows]
    for find, by in replacements:
        if find and replace(tenant, view, find, by, column=1):
            states.append(rows(tenant, view.id).rows)
    for state in reversed(states[:-1]):
        undo(tenant, view)
        assert rows(tenant, view.id).rows == state
