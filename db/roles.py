"""The roles of the product: of people inside a workspace, and of the two logins inside Postgres."""

from __future__ import annotations

from enum import StrEnum

APP_ROLE = "cursive_app"  # under row-level security: everything a person or an API key does
SYSTEM_ROLE = "cursive_system"  # sees all workspaces: claims, accounts, reconcile, staff use cases


class Role(StrEnum):
    """What a member may be in a workspace (ADM-01). The permission table is in `services/accounts/permissions.py`."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    BILLING = "billing"
    READ_ONLY = "read_only"
