"""Reading one's own notices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, update

from cursive_app.clock import now
from cursive_app.errors import Forbidden, NotFound
from db.models.notices import Notice
from db.scope import Scope, parse_id

LARGEST_PAGE = 50


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One notice. `link` is a path of this site, or None; `read_at` None means unread."""

    id: UUID
    level: str
    title: str
    body: str
    link: str | None
    created_at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class NoticePage:
    """The newest notices of one person in this workspace, and how many of all are unread."""

    notices: tuple[NoticeView, ...]
    unread: int


def list_notices(scope: Scope, *, limit: int = 20) -> NoticePage:
    """One's own notices, newest first. Raises Forbidden for an API key, which is nobody."""
    mine = _mine(scope)
    rows = scope.session.scalars(
        select(Notice).where(mine).order_by(Notice.created_at.desc(), Notice.id.desc()).limit(min(limit, LARGEST_PAGE))
    )
    notices = tuple(_view(row) for row in rows)
    unread = select(func.count()).select_from(Notice).where(mine, Notice.read_at.is_(None))
    return NoticePage(notices=notices, unread=scope.session.scalar(unread) or 0)


def mark_read(scope: Scope, id: UUID | str) -> NoticeView:
    """Mark one of one's own notices as read; a second time changes nothing.

    Raises NotFound for an unknown id and for another person's notice alike, Forbidden for an API key.
    """
    wanted = parse_id(id)
    row = scope.session.scalar(select(Notice).where(_mine(scope), Notice.id == wanted))
    if row is None:
        raise NotFound(object_type=Notice.__tablename__, object_id=str(wanted))
    if row.read_at is None:
        row.read_at = now()
    return _view(row)


def mark_all_read(scope: Scope) -> int:
    """Mark all of one's own notices as read. Returns how many were unread. Raises Forbidden for an API key."""
    changed = scope.session.scalars(
        update(Notice).where(_mine(scope), Notice.read_at.is_(None)).values(read_at=now()).returning(Notice.id)
    )
    return len(changed.all())


def _mine(scope: Scope) -> ColumnElement[bool]:
    if scope.tenant.user_id is None:
        raise Forbidden("Notices belong to people; an API key has none.")
    return and_(scope.owned(Notice), Notice.user_id == scope.tenant.user_id)


def _view(row: Notice) -> NoticeView:
    return NoticeView(
        id=row.id,
        level=row.level,
        title=row.title,
        body=row.body,
        link=row.link,
        created_at=row.created_at,
        read_at=row.read_at,
    )
