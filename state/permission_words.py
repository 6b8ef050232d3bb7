"""What each permission is called on pages: in the matrix of the team page and as the scopes of an API key."""

from __future__ import annotations

from cursive_app.services.accounts import KEY_SCOPES, Permission

PERMISSION_WORDS: dict[Permission, str] = {
    Permission.VIEW_LEADS: "See leads",
    Permission.EXPORT_LEADS: "Export leads",
    Permission.VIEW_RAW_RECORDS: "See raw records",
    Permission.EDIT_LEADS: "Change leads",
    Permission.VIEW_SEGMENTS: "See segments",
    Permission.EDIT_SEGMENTS: "Create and change segments",
    Permission.RUN_SEGMENTS: "Run segments (spends credits)",
    Permission.VIEW_ENRICHMENTS: "See lists",
    Permission.EDIT_ENRICHMENTS: "Upload and change lists",
    Permission.RUN_ENRICHMENTS: "Enrich lists (spends credits)",
    Permission.DOWNLOAD_ENRICHMENTS: "Download enriched lists",
    Permission.VIEW_JOBS: "See jobs",
    Permission.CANCEL_JOBS: "Stop jobs",
    Permission.VIEW_CREDITS: "See credits and statement",
    Permission.VIEW_TEAM: "See the team",
    Permission.MANAGE_TEAM: "Invite, change roles, remove",
    Permission.MANAGE_API_KEYS: "Manage API keys",
    Permission.MANAGE_WORKSPACE: "Change workspace settings",
}

SCOPE_WORDS: dict[str, str] = {scope.value: PERMISSION_WORDS[scope] for scope in KEY_SCOPES}
"""The scopes the form of a new key offers: all there are."""
