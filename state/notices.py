"""The bell: one's own notices, kept current while a page is open."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import reflex as rx

from cursive_app.errors import CursiveError, NotFound
from cursive_app.paths import local_path
from cursive_app.services import notices
from cursive_app.services.notices import NoticePage, NoticeView
from state.base import allow, person, principal, transact
from state.times import ago, exact

LOOK_SECONDS = 4.0
SHOWN = 20


@dataclass(frozen=True)
class NoticeLine:
    """One notice in words; `level` is info, success, warning or error."""

    id: str = ""
    level: str = "info"
    title: str = ""
    body: str = ""
    link: str = ""
    unread: bool = False
    when: str = ""
    when_exact: str = ""


class NoticesState(rx.State):
    """What the bell shows. `unread` is text for its badge, empty when everything was read."""

    lines: list[NoticeLine] = []
    unread: str = ""
    is_open: bool = False

    _newest: str = ""
    _looked: bool = False

    @rx.event(background=True)
    @allow("account")
    async def follow(self):
        """Look for new notices while a page is open; one that arrives meanwhile is also said aloud."""
        while True:
            fresh: list[NoticeView] = []
            try:
                page = await _inbox()
            except CursiveError:
                page = None  # the reconnect banner, or the end of the session, is told elsewhere
            if page is not None:
                async with self:
                    fresh = self._show(page)
            for one in fresh:
                yield _toast(one)
            await _pause()

    @rx.event
    @allow("signed_in")
    async def set_open(self, is_open: bool):
        """Open or close the list; opening reads it anew."""
        self.is_open = is_open
        if is_open:
            self._show(await transact(notices.list_notices, limit=SHOWN))

    @rx.event
    @allow("signed_in")
    async def open(self, notice_id: str):
        """Follow a notice to what it tells about; that also marks it as read."""
        try:
            notice = await transact(notices.mark_read, notice_id)
        except NotFound:
            return
        self.is_open = False
        self._show(await transact(notices.list_notices, limit=SHOWN))
        if notice.link:
            yield rx.redirect(local_path(notice.link))

    @rx.event
    @allow("signed_in")
    async def mark_read(self, notice_id: str):
        await transact(notices.mark_read, notice_id)
        self._show(await transact(notices.list_notices, limit=SHOWN))

    @rx.event
    @allow("signed_in")
    async def mark_all_read(self):
        await transact(notices.mark_all_read)
        self._show(await transact(notices.list_notices, limit=SHOWN))

    def _show(self, page: NoticePage) -> list[NoticeView]:
        """Show the page; the unread notices that have come since the last look, oldest first."""
        lines = [_line(one, person().timezone) for one in page.notices]
        if lines != self.lines:
            self.lines = lines
        unread = "" if not page.unread else "99+" if page.unread > 99 else str(page.unread)
        if unread != self.unread:
            self.unread = unread
        newest, self._newest = self._newest, str(page.notices[0].id) if page.notices else self._newest
        first, self._looked = not self._looked, True
        if first:
            return []
        return [one for one in reversed(page.notices) if str(one.id) > newest and one.read_at is None]


async def _inbox() -> NoticePage | None:
    who = principal()
    return None if who is None or who.tenant is None else await transact(notices.list_notices, limit=SHOWN)


async def _pause() -> None:
    await asyncio.sleep(LOOK_SECONDS)


def _line(notice: NoticeView, timezone: str) -> NoticeLine:
    return NoticeLine(
        id=str(notice.id),
        level=notice.level,
        title=notice.title,
        body=notice.body,
        link=notice.link or "",
        unread=notice.read_at is None,
        when=ago(notice.created_at),
        when_exact=exact(notice.created_at, timezone),
    )


def _toast(notice: NoticeView):
    say = {"success": rx.toast.success, "warning": rx.toast.warning, "error": rx.toast.error}
    return say.get(notice.level, rx.toast.info)(notice.title, description=notice.body)
