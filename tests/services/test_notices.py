"""In-app notices: once per key, only for the person they are for, only in their workspace."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from cursive_app.errors import Forbidden, Invalid, NotFound
from cursive_app.services import notices
from db.scope import Tenant
from tests.factories import Cast


def tell(to: Tenant, title: str = "Your list is done", *, key: str | None = None, by: Tenant | None = None) -> bool:
    with (by or to).begin() as scope:
        return notices.notify(
            scope, user_id=to.user_id, level="success", title=title, body="12 matched", link="/enrichments/1",
            dedupe_key=key,
        )  # fmt: skip


def titles(who: Tenant) -> list[str]:
    with who.begin() as scope:
        return [one.title for one in notices.list_notices(scope).notices]


def test_a_notice_with_a_key_is_written_once_per_person(cast: Cast) -> None:
    assert [tell(cast.alice, key="enrichment:1:done") for _ in range(3)] == [True, False, False]
    assert tell(cast.bob, key="enrichment:1:done") is True
    assert [tell(cast.alice, "Without a key") for _ in range(2)] == [True, True]
    assert titles(cast.alice) == ["Without a key", "Without a key", "Your list is done"]


def test_a_rolled_back_transaction_tells_nobody(cast: Cast) -> None:
    with pytest.raises(RuntimeError), cast.alice.begin() as scope:
        notices.notify(scope, user_id=cast.alice.user_id, level="info", title="Never happened")
        raise RuntimeError
    assert titles(cast.alice) == []


def test_only_the_person_it_is_for_reads_and_marks_it(cast: Cast) -> None:
    tell(cast.alice, by=cast.bob)
    with cast.alice.begin() as scope:
        (mine,) = notices.list_notices(scope).notices
    for other in (cast.bob, cast.charlie):
        assert titles(other) == []
        with other.begin() as scope:
            assert notices.mark_all_read(scope) == 0
            with pytest.raises(NotFound):
                notices.mark_read(scope, mine.id)
    with cast.alice.begin() as scope:
        assert notices.list_notices(scope).unread == 1
        first = notices.mark_read(scope, mine.id)
        again = notices.mark_read(scope, str(mine.id))
    assert first.read_at is not None
    assert again == first
    with cast.alice.begin() as scope:
        assert notices.list_notices(scope).unread == 0


def test_mark_all_and_the_limit(cast: Cast) -> None:
    for number in range(5):
        tell(cast.alice, f"Number {number}")
    with cast.alice.begin() as scope:
        page = notices.list_notices(scope, limit=2)
        assert ([one.title for one in page.notices], page.unread) == (["Number 4", "Number 3"], 5)
        assert notices.mark_all_read(scope) == 5
        assert notices.list_notices(scope).unread == 0


def test_nobody_is_told_and_an_api_key_has_no_inbox(cast: Cast) -> None:
    key = replace(cast.alice, user_id=None)
    with key.begin() as scope:
        assert notices.notify(scope, user_id=None, level="info", title="For nobody") is False
        for ask in (notices.list_notices, notices.mark_all_read):
            with pytest.raises(Forbidden):
                ask(scope)


@pytest.mark.parametrize("link", ["https://evil.example/x", "//evil.example", "/auth/logout", "javascript:alert(1)"])
def test_a_notice_links_only_to_our_pages(cast: Cast, link: str) -> None:
    with cast.alice.begin() as scope, pytest.raises(Invalid):
        notices.notify(scope, user_id=cast.alice.user_id, level="info", title="x", link=link)


@pytest.mark.parametrize("id", ["none", "00000000-0000-7000-8000-000000000001", UUID(int=0)])
def test_an_unknown_notice_reads_the_same_as_a_foreign_one(cast: Cast, id: object) -> None:
    with cast.alice.begin() as scope, pytest.raises(NotFound):
        notices.mark_read(scope, id)  # type: ignore[arg-type]
