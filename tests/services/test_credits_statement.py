"""The statement: filters, pages that stay put, days in the workspace's zone, and a CSV no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import event, text

from cursive_app.clock import now
from cursive_app.errors import Forbidden, Invalid, NotFound
from cursive_app.services import credits
from cursive_app.services.credits import StatementFilter, make_filter
from db.engine import Database
from db.roles import Role
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast, make_member, make_user
from tests.factories_credits import fund, make_job


@pytest.fixture
def ledger(cast: Cast) -> Cast:
    """Seven lines by two people: grant, hold, two captures, a release, a debit, a refund."""
    fund(cast.workspace_id, 100)
    with cast.alice.begin() as scope:
        job = make_job(scope)
        held = credits.hold(scope, amount=10, key="h", description="Held for “Founders”", job_id=job.id)
        for page in (1, 2):
            credits.capture(scope, hold_id=held.id, amount=2, key=f"c{page}", description=f"Page {page}")
        credits.release(scope, hold_id=held.id, key="r", description="Rest")
    with cast.bob.begin() as scope:
        spent = credits.debit(scope, amount=5, key="d", description="100% of_it", reference="export:1")
        credits.refund(scope, line_id=spent.id, amount=1, key="f", description="=cmd|' /C calc'!A1")
    return cast


def numbers(tenant: Tenant, chosen: StatementFilter | None = None, **page: Any) -> list[int]:
    with tenant.begin() as scope:
        return [line.seq for line in credits.list_lines(scope, filter=chosen, **page).lines]


def test_lines_stand_newest_first(ledger: Cast) -> None:
    assert numbers(ledger.bob) == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"kinds": ["capture", "hold"]}, [4, 3, 2]),
        ({"text": "page"}, [4, 3]),
        ({"text": "100%"}, [6]),
        ({"text": "of_it"}, [6]),
        ({"text": "EXPORT:1"}, [7, 6]),
        ({"text": "founders"}, [2]),
        ({"text": "%"}, [6]),
        ({"since": now().date().isoformat()}, [7, 6, 5, 4, 3, 2, 1]),
        ({"until": "2020-01-01"}, []),
        ({"kinds": ["refund"], "text": "nothing"}, []),
    ],
)
def test_filters_narrow(ledger: Cast, chosen: dict[str, Any], expected: list[int]) -> None:
    assert numbers(ledger.alice, make_filter(**chosen)) == expected


def test_filters_by_person_and_job(ledger: Cast) -> None:
    assert numbers(ledger.alice, make_filter(user_id=str(ledger.bob.user_id))) == [7, 6]
    assert numbers(ledger.alice, make_filter(user_id=str(ledger.charlie.user_id))) == []
    with ledger.alice.begin() as scope:
        job_id = credits.find_line(scope, key="h").job_id  # type: ignore[union-attr]
        assert [one.label for one in credits.list_actors(scope)] == ["Alice", "Bob"]
    assert numbers(ledger.alice, make_filter(job_id=job_id)) == [5, 4, 3, 2]


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"kinds": ["password"]}, "kind"),
        ({"since": "30/02/2026"}, "since"),
        ({"until": "2026-02-30"}, "until"),
        ({"since": "0001-01-01"}, "since"),
        ({"until": "9999-12-31"}, "until"),
        ({"since": "2026-02-02", "until": "2026-02-01"}, "since"),
        ({"text": "x" * 201}, "text"),
        ({"text": "nul\x00"}, "text"),
    ],
)
def test_a_filter_that_is_none_says_why(chosen: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        make_filter(**chosen)
    assert set(refused.value.fields) == {field}


@pytest.mark.parametrize("cursor", ["x", "-", "1.5", "'; DROP", "9" * 30, "²"])
def test_a_cursor_that_is_none_is_refused(ledger: Cast, cursor: str) -> None:
    with pytest.raises(Invalid):
        numbers(ledger.alice, cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 201, 10**9])
def test_a_page_size_that_is_none_is_refused(ledger: Cast, limit: int) -> None:
    with pytest.raises(Invalid):
        numbers(ledger.alice, limit=limit)


def test_pages_go_on_and_back_while_new_lines_arrive(ledger: Cast) -> None:
    with ledger.alice.begin() as scope:
        first = credits.list_lines(scope, limit=3)
        assert (first.total, first.previous_cursor) == (7, None)
        credits.debit(scope, amount=1, key="later", description="Later")
        second = credits.list_lines(scope, limit=3, cursor=first.next_cursor)
        third = credits.list_lines(scope, limit=3, cursor=second.next_cursor)
        back = credits.list_lines(scope, limit=3, cursor=third.previous_cursor)
        front = credits.list_lines(scope, limit=3, cursor=second.previous_cursor)
    assert [line.seq for line in second.lines] == [4, 3, 2]
    assert [line.seq for line in third.lines] == [1]
    assert third.next_cursor is None
    assert back.lines == second.lines
    assert [line.seq for line in front.lines] == [7, 6, 5]
    assert front.previous_cursor is not None  # the later line is above


def test_days_are_those_of_the_workspace(ledger: Cast, postgres: Any) -> None:
    """23:30 on the 3rd in New York is the 4th in UTC."""
    with psycopg.connect(postgres.url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE credit_ledger SET created_at = %s WHERE workspace_id = %s AND seq = 6",
            (datetime(2025, 3, 4, 4, 30, tzinfo=UTC), ledger.workspace_id),
        )
        connection.execute("UPDATE workspaces SET timezone = 'America/New_York' WHERE id = %s", (ledger.workspace_id,))
    assert numbers(ledger.alice, make_filter(since="2025-03-03", until="2025-03-03")) == [6]
    assert numbers(ledger.alice, make_filter(since="2025-03-04", until="2025-03-04")) == []
    with ledger.alice.begin() as scope:
        march = credits.month_summary(scope, year=2025, month=3)
    assert (march.lines, march.spent, march.opening, march.closing) == (1, Decimal("5.00"), 0, Decimal("-5.00"))


def test_a_month_in_sums(ledger: Cast) -> None:
    today = now().date()
    with ledger.alice.begin() as scope:
        month = credits.month_summary(scope, year=today.year, month=today.month)
        lines = credits.month_lines(scope, first=month.first_day, last=month.last_day, limit=100)
        assert month.closing == credits.balance(scope).available
    assert (month.opening, month.added, month.spent, month.returned) == (0, 100, 9, 1)
    assert (month.held_at_end, month.lines, len(lines)) == (0, 7, 7)
    assert month.opening + month.added - month.spent + month.returned == month.closing
    with pytest.raises(Invalid), ledger.alice.begin() as scope:
        credits.month_summary(scope, year=2026, month=13)


def test_the_csv_holds_every_line_and_no_formula(ledger: Cast) -> None:
    rows = _csv(ledger.alice)
    assert [row["number"] for row in rows] == list("1234567")
    assert rows[6]["description"].startswith("'=cmd")
    assert rows[1]["change"] == "-10.00"
    assert rows[6]["balance_after"] == "92.00"
    assert [row["number"] for row in _csv(ledger.alice, make_filter(kinds=["capture"]))] == ["3", "4"]


def test_the_csv_goes_in_batches(ledger: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cursive_app.services.credits.statement_csv.CSV_BATCH", 2)
    assert [row["number"] for row in _csv(ledger.alice)] == list("1234567")


def test_charlie_finds_nothing(ledger: Cast) -> None:
    fund(ledger.charlie.workspace_id, 1)
    with ledger.alice.begin() as scope:
        line = credits.find_line(scope, key="d")
    assert line is not None
    with ledger.charlie.begin() as scope:
        page = credits.list_lines(scope)
        assert (len(page.lines), page.total) == (1, 1)
        assert credits.find_line(scope, key="d") is None
        assert credits.open_holds(scope) == ()
        assert credits.list_actors(scope) == ()
    for wrong in (line.id, uuid4(), "x", ""):
        with pytest.raises(NotFound), ledger.charlie.begin() as scope:
            credits.get_line(scope, wrong)
    for call in (
        lambda scope: credits.refund(scope, line_id=line.id, amount=1, key="x", description="x"),
        lambda scope: credits.capture(scope, hold_id=line.id, amount=1, key="y", description="x"),
        lambda scope: credits.release(scope, hold_id=line.id, key="z", description="x"),
    ):
        with pytest.raises(NotFound), ledger.charlie.begin() as scope:
            call(scope)
    assert len(_csv(ledger.charlie)) == 1


def test_a_key_without_the_scope_sees_nothing(ledger: Cast) -> None:
    narrow = Tenant(
        workspace_id=ledger.workspace_id,
        user_id=None,
        role=Role.OWNER,
        scopes=frozenset({"leads:read"}),
        api_key_id=uuid4(),
    )
    for call in (
        credits.balance,
        credits.list_lines,
        credits.list_actors,
        credits.open_holds,
        credits.count_lines,
        lambda scope: credits.month_summary(scope, year=2026, month=1),
        lambda scope: credits.month_lines(scope, first=date(2026, 1, 1), last=date(2026, 1, 2), limit=1),
    ):
        with pytest.raises(Forbidden), narrow.begin() as scope:
            call(scope)
    with pytest.raises(Forbidden):
        credits.export_csv(narrow)


def test_a_name_is_kept_when_the_person_goes(cast: Cast) -> None:
    fund(cast.workspace_id, 10)
    carol = make_user("Carol")
    tenant = make_member(cast.workspace_id, carol)
    with tenant.begin() as scope:
        credits.debit(scope, amount=1, key="k", description="x")
    with system_scope() as scope:
        scope.session.execute(text("DELETE FROM memberships WHERE user_id = :u"), {"u": carol})
        scope.session.execute(text("DELETE FROM users WHERE id = :u"), {"u": carol})
    with cast.alice.begin() as scope:
        assert credits.list_lines(scope).lines[0].actor_label == "Carol"


def test_a_page_takes_as_many_statements_as_it_did(ledger: Cast, database: Database) -> None:
    seen: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(database.app, "before_cursor_execute", count)
    try:
        numbers(ledger.alice)
    finally:
        event.remove(database.app, "before_cursor_execute", count)
    assert len(seen) == 2  # the lines, their count


def _csv(tenant: Tenant, chosen: StatementFilter | None = None) -> list[dict[str, str]]:
    whole = b"".join(credits.export_csv(tenant, filter=chosen)).decode()
    return list(csv.DictReader(io.StringIO(whole)))
