"""The platform's own people. Staff is a mark on a person, given from the command line of the installation only."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select

from cursive_app.errors import NotFound
from cursive_app.services.accounts.emails import normalize_email
from cursive_app.services.accounts.session_tokens import require_renewal
from db.models.accounts import User
from db.system import system_scope

StaffRole = Literal["read_only", "operate", "all"]
"""read_only sees every job, arguments masked; operate also sees stacks, retries, cancels and pauses; all also deletes
and retries with other arguments."""


def make_admin(email: str, *, role: StaffRole | None = "all") -> None:
    """Make the person with this address platform staff; with role None they are no longer.

    Raises NotFound when nobody has an account under it.
    """
    with system_scope() as scope:
        user = scope.session.scalar(
            select(User).where(User.email_norm == normalize_email(email), User.deleted_at.is_(None)).with_for_update()
        )
        if user is None:
            raise NotFound(f"Nobody has an account under {email.strip()}. They must sign up first.")
        if user.staff_role != role:
            require_renewal(scope, user_id=user.id)
        user.staff_role = role
