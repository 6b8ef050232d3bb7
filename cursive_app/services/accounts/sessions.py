"""Signed-in browsers: opening, recognizing, listing and ending their sessions (D-17).

A session is looked up on every event and request, so ending one takes effect at the next event of an open tab. It ends
12 hours after its last use and 14 days after it began, whatever happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, delete, or_, select, update

from cursive_app.clock import now
from cursive_app.errors import Forbidden, NotFound
from cursive_app.services.accounts.principal import Principal, WorkspaceChoice
from cursive_app.services.accounts.statements import affected
from cursive_app.services.accounts.tokens import digest, looks_like_token, new_token
from cursive_app.settings import settings
from db.models.accounts import Membership, User, UserSession, Workspace
from db.roles import Role
from db.scope import Tenant, parse_id
from db.system import SystemScope, system_scope

TOUCH_AFTER = timedelta(seconds=60)
MAX_USER_AGENT = 300


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One signed-in browser of a person. `is_current` marks the one that asks."""

    id: UUID
    browser: str
    ip: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    is_current: bool


def open_session(
    scope: SystemScope, *, user_id: UUID, ip: str | None, user_agent: str | None, workspace_id: UUID | None = None
) -> str:
    """A new session; returns the token for the cookie. The workspace is checked again on every use."""
    token = new_token()
    scope.add(
        UserSession(
            user_id=user_id,
            workspace_id=workspace_id,
            token_hash=digest(token),
            last_seen_at=now(),
            expires_at=now() + timedelta(days=settings().session_absolute_days),
            ip=(ip or "")[:64] or None,
            user_agent=(user_agent or "").replace("\0", "")[:MAX_USER_AGENT] or None,
        )
    )
    return token


def authenticate(token: str, *, touch: bool = True) -> Principal | None:
    """The person behind a session cookie, or None when there is no living session under it.

    One indexed query. `touch=False` does not count as use: for background refreshes that nobody asked for.
    """
    if not looks_like_token(token):
        return None
    with system_scope() as scope:
        rows = scope.session.execute(
            select(UserSession, User, Membership, Workspace)
            .join(User, User.id == UserSession.user_id)
            .outerjoin(Membership, Membership.user_id == User.id)
            .outerjoin(Workspace, and_(Workspace.id == Membership.workspace_id, Workspace.deleted_at.is_(None)))
            .where(UserSession.token_hash == digest(token), *_alive(), User.deleted_at.is_(None))
            .order_by(Membership.created_at, Membership.workspace_id)
        ).all()
        if not rows:
            return None
        session, user = rows[0][0], rows[0][1]
        places = [(row[2], row[3]) for row in rows if row[3] is not None]
        here = next((place for place in places if place[1].id == session.workspace_id), None) or next(
            iter(places), None
        )
        _note_use(session, here[1].id if here else None, touch=touch)
        return _principal(session, user, here, places)


def _alive() -> tuple:
    moment = now()
    idle = moment - timedelta(hours=settings().session_idle_hours)
    return (
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > moment,
        UserSession.last_seen_at > idle,
    )


def _note_use(session: UserSession, workspace_id: UUID | None, *, touch: bool) -> None:
    if session.workspace_id != workspace_id:  # removed from the team, or the first use
        session.workspace_id = workspace_id
    if touch and now() - session.last_seen_at > TOUCH_AFTER:
        session.last_seen_at = now()


def _principal(
    session: UserSession,
    user: User,
    here: tuple[Membership, Workspace] | None,
    places: Sequence[tuple[Membership, Workspace]],
) -> Principal:
    role = Role(here[0].role) if here else None
    workspace = here[1] if here else None
    verified = user.email_verified_at is not None
    tenant = None
    if workspace is not None and role is not None and verified:
        tenant = Tenant(workspace_id=workspace.id, user_id=user.id, role=role)
    return Principal(
        tenant=tenant,
        user_id=user.id,
        email=user.email,
        name=user.name,
        is_staff=user.is_staff and verified,
        staff_role=user.staff_role if verified else None,
        session_id=session.id,
        workspace_id=workspace.id if workspace else None,
        workspace_name=workspace.name if workspace else "",
        role=role,
        timezone=user.timezone or (workspace.timezone if workspace else "UTC"),
        email_verified=verified,
        workspaces=tuple(WorkspaceChoice(id=w.id, name=w.name, role=Role(m.role)) for m, w in places),
        available=workspace.credits_balance if workspace else None,
        held=workspace.credits_held if workspace else None,
        is_demo=workspace.is_demo if workspace else False,
    )


def end_session_of(token: str) -> None:
    """Log out: the session under this cookie ends. An unknown token is no error."""
    if not looks_like_token(token):
        return
    with system_scope() as scope:
        scope.session.execute(
            update(UserSession)
            .where(UserSession.token_hash == digest(token), UserSession.revoked_at.is_(None))
            .values(revoked_at=now())
        )


def list_sessions(principal: Principal) -> tuple[SessionRow, ...]:
    """The person's living sessions, this browser first, then by last use."""
    with system_scope() as scope:
        rows = scope.session.scalars(
            select(UserSession)
            .where(UserSession.user_id == principal.user_id, *_alive())
            .order_by(UserSession.last_seen_at.desc())
        ).all()
    views = [
        SessionRow(
            id=row.id,
            browser=browser_name(row.user_agent or ""),
            ip=row.ip or "",
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
            is_current=row.id == principal.session_id,
        )
        for row in rows
    ]
    return tuple(sorted(views, key=lambda view: not view.is_current))


def end_session(principal: Principal, *, session_id: UUID | str) -> None:
    """End one of the person's own sessions. Raises NotFound for anyone else's."""
    with system_scope() as scope:
        row = scope.session.scalar(
            select(UserSession).where(
                UserSession.id == parse_id(session_id),
                UserSession.user_id == principal.user_id,
                UserSession.revoked_at.is_(None),
            )
        )
        if row is None:
            raise NotFound(
                "That session has already ended.", object_type="user_sessions", object_id=str(parse_id(session_id))
            )
        row.revoked_at = now()


def end_other_sessions(principal: Principal) -> int:
    """End every session of the person but this one; returns how many."""
    with system_scope() as scope:
        return revoke_sessions(scope, user_id=principal.user_id, but=principal.session_id)


def revoke_sessions(scope: SystemScope, *, user_id: UUID, but: UUID | None = None) -> int:
    """End a person's sessions inside the caller's transaction."""
    statement = (
        update(UserSession)
        .where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
        .values(revoked_at=now())
    )
    if but is not None:
        statement = statement.where(UserSession.id != but)
    return affected(scope.session, statement)


def switch_workspace(principal: Principal, *, workspace_id: UUID | str) -> None:
    """Let this session look at another workspace of the person. Raises NotFound when they are not on its team."""
    target = parse_id(workspace_id)
    if target not in {choice.id for choice in principal.workspaces}:
        raise NotFound("You are not a member of that workspace.", object_type="workspaces", object_id=str(target))
    with system_scope() as scope:
        changed = affected(
            scope.session,
            update(UserSession)
            .where(UserSession.id == principal.session_id, UserSession.revoked_at.is_(None))
            .values(workspace_id=target),
        )
        if not changed:
            raise Forbidden("This session has ended.")


def prune_sessions(scope: SystemScope, *, before: datetime) -> int:
    """Delete sessions that ended before a moment; returns how many."""
    ended = or_(UserSession.expires_at < before, UserSession.revoked_at < before)
    return affected(scope.session, delete(UserSession).where(ended))


def browser_name(user_agent: str) -> str:
    """“Firefox on Linux” from a User-Agent header; the plain word when it cannot be told."""
    systems = (
        ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
        ("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
    )  # fmt: skip
    browsers = (
        ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"),
        ("Chrome/", "Chrome"), ("CriOS/", "Chrome"), ("Safari/", "Safari"),
    )  # fmt: skip
    browser = next((name for mark, name in browsers if mark in user_agent), "Unknown browser")
    system = next((name for mark, name in systems if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser
