"""Makers for accounts: fresh addresses, people with passwords, and what was mailed to them."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

from sqlalchemy import select

from cursive_app.clock import now
from cursive_app.services.accounts import Principal, authenticate, log_in
from cursive_app.services.accounts.passwords import hash_password
from db.models.accounts import OutgoingMail, User
from db.scope import Tenant
from db.system import system_scope

PASSWORD = "copper-lantern-47-meadow"
OTHER_PASSWORD = "velvet-orchard-93-signal"
_hash = ""


def fresh_email(name: str = "pat") -> str:
    return f"{name}-{uuid4().hex[:12]}@example.com"


def fresh_ip() -> str:
    """An address of its own, so that tests do not slow each other down."""
    return f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"


def give_password(user_id: UUID | None, password: str = PASSWORD) -> str:
    """Set a person's password directly; returns their address."""
    global _hash
    if password == PASSWORD:
        _hash = _hash or hash_password(PASSWORD)
    with system_scope() as scope:
        user = scope.get(User, user_id)  # type: ignore[arg-type]
        user.password_hash = _hash if password == PASSWORD else hash_password(password)
        return user.email


def make_person(name: str = "Pat", *, verified: bool = True) -> tuple[UUID, str]:
    """Somebody with PASSWORD and no workspace: id and address."""
    email = fresh_email(name.lower())
    with system_scope() as scope:
        user = scope.add(User(email=email, email_norm=email, name=name, email_verified_at=now() if verified else None))
    give_password(user.id)
    return user.id, email


def signed_in(tenant: Tenant) -> Principal:
    """The principal of a new session of the tenant's person."""
    email = give_password(tenant.user_id)
    found = authenticate(log_in(email=email, password=PASSWORD, ip=fresh_ip()).token)
    assert found is not None
    return found


def mails_to(email: str) -> list[OutgoingMail]:
    """What was mailed to an address, oldest first."""
    with system_scope() as scope:
        statement = select(OutgoingMail).where(OutgoingMail.to_address == email).order_by(OutgoingMail.id)
        return list(scope.session.scalars(statement).all())


def mailed_token(email: str, kind: str) -> str:
    """The token in the newest mail of a kind."""
    newest = [mail for mail in mails_to(email) if mail.kind == kind][-1]
    found = re.search(r"token=([\w-]+)", newest.text_body)
    assert found is not None
    return found.group(1)
