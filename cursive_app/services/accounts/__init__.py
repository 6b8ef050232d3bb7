"""Accounts: people, workspaces, roles, sessions, invitations, API keys, the audit trail.

Owns users, workspaces (their balances belong to credits), memberships, user_sessions, mailed_tokens, invitations,
api_keys, audit_entries, throttles. Promise: nobody acts in a workspace they are not in, from the event on at which
they stop being in it, and nobody learns here who has an account.
"""

from __future__ import annotations

from cursive_app.services.accounts.api_keys import (
    LIFETIMES,
    ApiKeyRow,
    NewApiKey,
    authenticate_key,
    create_api_key,
    list_api_keys,
    revoke_api_key,
)
from cursive_app.services.accounts.audit import actor_label, record_audit
from cursive_app.services.accounts.login import SignedIn, log_in
from cursive_app.services.accounts.permissions import KEY_SCOPES, PERMISSIONS, Permission, allows, require
from cursive_app.services.accounts.principal import Principal, WorkspaceChoice
from cursive_app.services.accounts.sessions import (
    SessionRow,
    authenticate,
    end_other_sessions,
    end_session,
    end_session_of,
    list_sessions,
    switch_workspace,
)
from cursive_app.services.accounts.staff import make_admin

__all__ = [
    "KEY_SCOPES",
    "LIFETIMES",
    "PERMISSIONS",
    "ApiKeyRow",
    "NewApiKey",
    "Permission",
    "Principal",
    "SessionRow",
    "SignedIn",
    "WorkspaceChoice",
    "actor_label",
    "allows",
    "authenticate",
    "authenticate_key",
    "create_api_key",
    "end_other_sessions",
    "end_session",
    "end_session_of",
    "list_api_keys",
    "list_sessions",
    "log_in",
    "make_admin",
    "record_audit",
    "require",
    "revoke_api_key",
    "switch_workspace",
]
