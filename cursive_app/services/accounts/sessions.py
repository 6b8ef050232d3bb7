"""Signed-in browsers: opening, recognizing, listing and ending their sessions (D-17).

A session is looked up on every event and request, so ending one takes effect at the next event of an open tab. It ends
12 hours after its last use and 14 days after it began, whatever happens. How its token is replaced while it lives:
`session_tokens`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, or_, select, update

from cursive_app.clock import now
from cursive_app.errors import Forbidden, NotFound
from cursive_app.services.accounts.principal import Principal, TokenStanding, WorkspaceChoice
from cursive_app.services.accounts.session_tokens import alive, current_hash, of_token
from cursive_app.services.accounts.statements import affected
from cursive_app.services.accounts.tokens import digest, is_plain_token, new_token
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


# Asked on every event and request: built once, and plain columns instead of objects, which is half of the price.
_RECOGNIZED = (
    select(
        UserSession.id.label("session_id"), UserSession.workspace_id.label("chosen"), UserSession.last_seen_at,
        UserSession.renewal_due_at, UserSession.next_token_hash,
        User.id.label("user_id"), User.email, User.name, User.staff_role, User.email_verified_at, User.timezone,
        Membership.role, Workspace.id.label("workspace_id"), Workspace.name.label("workspace_name"),
        Workspace.timezone.label("workspace_timezone"), Workspace.credits_balance, Workspace.credits_held,
        Workspace.is_demo,
    )
    .join(User, User.id == UserSession.user_id)
    .outerjoin(Membership, Membership.user_id == User.id)
    .outerjoin(Workspace, and_(Workspace.id == Membership.workspace_id, Workspace.deleted_at.is_(None)))
    .where(
        UserSession.token_hash == bindparam("digest"), UserSession.revoked_at.is_(None),
        UserSession.expires_at > bindparam("moment"), UserSession.last_seen_at > bindparam("idle"),
        or_(UserSession.renewal_due_at.is_(None), UserSession.renewal_due_at > bindparam("idle")),
        User.deleted_at.is_(None),
    )
    .order_by(Membership.created_at, Membership.workspace_id)
)  # fmt: skip


def authenticate(token: str, *, touch: bool = True) -> Principal | None:
    """The person behind a session cookie, or None when there is no living session under it.

    One indexed query, two more when the token is not the session's current one. `touch=False` does not count as use:
    for background refreshes that nobody asked for.
    """
    if not is_plain_token(token):
        return None
    moment = now()
    wanted: dict[str, Any] = {
        "digest": digest(token),
        "moment": moment,
        "idle": moment - timedelta(hours=settings().session_idle_hours),
    }
    with system_scope() as scope:
        rows = scope.session.execute(_RECOGNIZED, wanted).all()
        if not rows and (current := current_hash(scope, wanted["digest"])) is not None:
            rows = scope.session.execute(_RECOGNIZED, wanted | {"digest": current}).all()
        else:
            current = wanted["digest"]
        if not rows:
            return None
        places = [row for row in rows if row.workspace_id is not None]
        here = next((place for place in places if place.workspace_id == rows[0].chosen), None) or next(
            iter(places), None
        )
        _note_use(scope, rows[0], here.workspace_id if here else None, touch=touch)
        return _principal(rows[0], here, places, _standing(rows[0], is_current=current == wanted["digest"]))


def _standing(session: Any, *, is_current: bool) -> TokenStanding:
    if not is_current or session.next_token_hash is not None:
        return "replaced"
    return "due" if session.renewal_due_at is not None else "current"


def _note_use(scope: SystemScope, session: Any, workspace_id: UUID | None, *, touch: bool) -> None:
    changes: dict[str, Any] = {}
    if session.chosen != workspace_id:  # removed from the team, or the first use
        changes["workspace_id"] = workspace_id
    if touch and now() - session.last_seen_at > TOUCH_AFTER:
        changes["last_seen_at"] = now()
    if changes:
        scope.session.execute(update(UserSession).where(UserSession.id == session.session_id).values(changes))


def _principal(person: Any, here: Any | None, places: Sequence[Any], standing: TokenStanding) -> Principal:
    role = Role(here.role) if here else None
    verified = person.email_verified_at is not None
    tenant = None
    if here is not None and role is not None and verified:
        tenant = Tenant(workspace_id=here.workspace_id, user_id=person.user_id, role=role)
    return Principal(
        tenant=tenant,
        user_id=person.user_id,
        email=person.email,
        name=person.name,
        is_staff=person.staff_role is not None and verified,
        staff_role=person.staff_role if verified else None,
        session_id=person.session_id,
        workspace_id=here.workspace_id if here else None,
        workspace_name=here.workspace_name if here else "",
        role=role,
        timezone=person.timezone or (here.workspace_timezone if here else "UTC"),
        email_verified=verified,
        workspaces=tuple(
            WorkspaceChoice(id=one.workspace_id, name=one.workspace_name, role=Role(one.role)) for one in places
        ),
        available=here.credits_balance if here else None,
        held=here.credits_held if here else None,
        is_demo=here.is_demo if here else False,
        standing=standing,
    )


def end_session_of(token: str) -> None:
    """Log out: the session under this cookie ends. An unknown token is no error."""
    if not is_plain_token(token):
        return
    with system_scope() as scope:
        scope.session.execute(
            update(UserSession).where(of_token(token), UserSession.revoked_at.is_(None)).values(revoked_at=now())
        )


def list_sessions(principal: Principal) -> tuple[SessionRow, ...]:
    """The person's living sessions, this browser first, then by last use."""
    with system_scope() as scope:
        rows = scope.session.scalars(
            select(UserSession)
            .where(UserSession.user_id == principal.user_id, *alive())
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
