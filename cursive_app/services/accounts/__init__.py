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
from cursive_app.services.accounts.fields import timezones
from cursive_app.services.accounts.invitations import (
    InvitationView,
    accept_invitation,
    invite,
    join_by_invitation,
    look_at_invitation,
    resend_invitation,
    revoke_invitation,
)
from cursive_app.services.accounts.key_rights import KeyRights, rights_of_key
from cursive_app.services.accounts.key_rotation import DEFAULT_OVERLAP, OVERLAPS, rotate_api_key
from cursive_app.services.accounts.login import SignedIn, log_in
from cursive_app.services.accounts.permissions import KEY_SCOPES, PERMISSIONS, Permission, allows, require
from cursive_app.services.accounts.principal import Principal, WorkspaceChoice
from cursive_app.services.accounts.profile import (
    WorkspaceDetails,
    create_workspace,
    own_timezone,
    update_profile,
    update_workspace,
    workspace_details,
)
from cursive_app.services.accounts.recovery import (
    change_password,
    confirm_password,
    request_password_reset,
    reset_password,
)
from cursive_app.services.accounts.refusals import record_refusal
from cursive_app.services.accounts.session_tokens import NewToken, renew_token, was_replaced
from cursive_app.services.accounts.sessions import (
    SessionRow,
    authenticate,
    end_other_sessions,
    end_session,
    end_session_of,
    list_sessions,
    switch_workspace,
)
from cursive_app.services.accounts.signup import resend_verification, sign_up, verify_email
from cursive_app.services.accounts.staff import make_admin
from cursive_app.services.accounts.standing import tenant_today
from cursive_app.services.accounts.team import (
    InvitationRow,
    MemberRow,
    Team,
    change_role,
    list_team,
    remove_member,
)

__all__ = [
    "DEFAULT_OVERLAP",
    "KEY_SCOPES",
    "LIFETIMES",
    "OVERLAPS",
    "PERMISSIONS",
    "ApiKeyRow",
    "InvitationRow",
    "InvitationView",
    "KeyRights",
    "MemberRow",
    "NewApiKey",
    "NewToken",
    "Permission",
    "Principal",
    "SessionRow",
    "SignedIn",
    "Team",
    "WorkspaceChoice",
    "WorkspaceDetails",
    "accept_invitation",
    "actor_label",
    "allows",
    "authenticate",
    "authenticate_key",
    "change_password",
    "change_role",
    "confirm_password",
    "create_api_key",
    "create_workspace",
    "end_other_sessions",
    "end_session",
    "end_session_of",
    "invite",
    "join_by_invitation",
    "list_api_keys",
    "list_sessions",
    "list_team",
    "log_in",
    "look_at_invitation",
    "make_admin",
    "own_timezone",
    "record_audit",
    "record_refusal",
    "remove_member",
    "renew_token",
    "request_password_reset",
    "require",
    "resend_invitation",
    "resend_verification",
    "reset_password",
    "revoke_api_key",
    "revoke_invitation",
    "rights_of_key",
    "rotate_api_key",
    "sign_up",
    "switch_workspace",
    "tenant_today",
    "timezones",
    "update_profile",
    "update_workspace",
    "verify_email",
    "was_replaced",
    "workspace_details",
]
