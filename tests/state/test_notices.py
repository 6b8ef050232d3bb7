"""The bell: a notice arrives without a reload, is read once, and belongs to one person."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from cursive_app.services import notices
from db.scope import Tenant
from state import notices as bell
from state.notices import NoticesState as S
from tests.factories import Cast
from tests.state.driver import sign_in


def tell(who: Tenant, title: str, link: str | None = "/enrichments") -> None:
    with who.begin() as scope:
        notices.notify(scope, user_id=who.user_id, level="success", title=title, body="12 matched", link=link)


async def follow(tab, monkeypatch: pytest.MonkeyPatch, *between) -> None:
    """Let the bell look once, then once more after each step."""
    steps = iter(between)

    async def pause() -> None:
        step = next(steps, None)
        if step is None:
            raise asyncio.CancelledError  # as when the page is left
        await asyncio.to_thread(step)

    monkeypatch.setattr(bell, "_pause", pause)
    with suppress(asyncio.CancelledError):
        await tab.send(S.follow, path="/leads")


async def test_what_happened_before_is_counted_and_what_happens_now_is_said(
    driver, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(cast.alice, "Before")
    tab = driver(sign_in(cast.alice))
    await follow(tab, monkeypatch, lambda: tell(cast.alice, "Now"), lambda: tell(cast.bob, "For Bob"))
    assert tab.var(S, "unread") == "2"
    assert [line["title"] for line in tab.var(S, "lines")] == ["Now", "Before"]
    assert "Now" in tab.text()
    assert "Before" not in tab.text()
    assert "For Bob" not in str(tab.state) + tab.text()


async def test_following_a_notice_marks_it_and_leads_there(driver, cast: Cast) -> None:
    tell(cast.alice, "One")
    tell(cast.alice, "Two")
    tab = driver(sign_in(cast.alice))
    await tab.send(S.set_open, path="/leads", is_open=True)
    newest = tab.var(S, "lines")[0]
    await tab.send(S.open, path="/leads", notice_id=newest["id"])
    assert "/enrichments" in tab.text()
    assert tab.var(S, "unread") == "1"
    await tab.send(S.mark_all_read, path="/leads")
    assert tab.var(S, "unread") == ""
    assert not any(line["unread"] for line in tab.var(S, "lines"))


async def test_another_persons_notice_cannot_be_opened(driver, cast: Cast) -> None:
    tell(cast.alice, "Hers")
    with cast.alice.begin() as scope:
        (hers,) = notices.list_notices(scope).notices
    for other in (cast.bob, cast.charlie):
        tab = driver(sign_in(other))
        await tab.send(S.open, path="/leads", notice_id=str(hers.id))
        assert "/enrichments" not in tab.text()
    with cast.alice.begin() as scope:
        assert notices.list_notices(scope).unread == 1
