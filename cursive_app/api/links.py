"""Private links to a list's output: made for one person or key, good for some minutes, rights asked again on use (T10).

A link carries what it opens and for whom, signed; no row is stored. Whoever has left the workspace meanwhile, or may no
longer download, finds what an unknown link finds: nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from cursive_app.clock import now
from cursive_app.errors import CursiveError, NotFound
from cursive_app.services import accounts
from cursive_app.settings import settings
from db.scope import Tenant

OPEN_PREFIX = "/api/v1/downloads/"  # asked without a session or key: the link is the proof
LIFETIME = timedelta(minutes=10)
NOTHING = "There is nothing at this link. Ask for a new one on the page of the list."


class LinkExpired(CursiveError):
    status = 410
    code = "link_expired"
    default_message = "This download link has expired. Open the list and download it again; that is free."


@dataclass(frozen=True, slots=True)
class Download:
    """What a link opens."""

    enrichment_id: UUID
    kind: Literal["csv", "xlsx"]
    only: Literal["all", "matched", "problems"]
    fields: tuple[str, ...] | None
    fill: tuple[str, ...] = ()
    overwrite: tuple[str, ...] = ()


def make_link(tenant: Tenant, download: Download) -> tuple[str, datetime]:
    """The path of a link for this tenant, and when it expires."""
    token = _signer().dumps(
        [
            tenant.workspace_id.hex,
            tenant.user_id.hex if tenant.user_id else None,
            tenant.api_key_id.hex if tenant.api_key_id else None,
            download.enrichment_id.hex,
            download.kind,
            download.only,
            list(download.fields) if download.fields is not None else None,
            list(download.fill),
            list(download.overwrite),
        ]
    )
    return OPEN_PREFIX + (token if isinstance(token, str) else token.decode()), now() + LIFETIME


def open_link(token: str) -> tuple[Tenant, Download]:
    """Whose link it is, with today's rights, and what it opens. Raises LinkExpired, NotFound."""
    try:
        found = _signer().loads(token, max_age=int(LIFETIME.total_seconds()))
        workspace, user, key, enrichment_id, kind, only, fields, fill, overwrite = found
        names = tuple(fields) if fields is not None else None
        download = Download(UUID(enrichment_id), kind, only, names, tuple(fill), tuple(overwrite))
        workspace_id = UUID(workspace)
        user_id, api_key_id = (UUID(id) if id else None for id in (user, key))
    except SignatureExpired:
        raise LinkExpired from None
    except (BadData, ValueError, TypeError, AttributeError):
        raise NotFound(NOTHING) from None
    tenant = accounts.tenant_today(workspace_id=workspace_id, user_id=user_id, api_key_id=api_key_id)
    if tenant is None or not accounts.allows(tenant, accounts.Permission.DOWNLOAD_ENRICHMENTS):
        raise NotFound(NOTHING)
    return tenant, download


def names_of(given: str) -> tuple[str, ...]:
    return tuple(name for name in (part.strip() for part in given.split(",")) if name)


def chosen_output(wanted: Download) -> dict[str, Any]:
    """The choices as `enrichment.output` takes them."""
    return {
        "kind": wanted.kind,
        "only": wanted.only,
        "fields": wanted.fields,
        "fill": wanted.fill,
        "overwrite": wanted.overwrite,
    }


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().secret_key.get_secret_value(), salt="enrichment.download")
