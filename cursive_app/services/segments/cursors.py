"""Cursors of this room's lists: signed, and bound to one workspace and list, so that a made-up one is refused."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from itsdangerous import BadSignature, URLSafeSerializer

from cursive_app.errors import Invalid
from cursive_app.settings import settings


def write_cursor(at: datetime, id: UUID, *, binding: str) -> str:
    """The place after the row with this time and id, in the list `binding` names."""
    return _signer(binding).dumps([at.isoformat(), id.hex])


def read_cursor(cursor: str, *, binding: str) -> tuple[datetime, UUID]:
    """Raises Invalid unless we wrote it for this very list."""
    try:
        at, id = _signer(binding).loads(cursor)
        return datetime.fromisoformat(at), UUID(id)
    except (BadSignature, ValueError, TypeError):
        raise Invalid(fields={"cursor": "This page link no longer works. Go back to the first page."}) from None


def _signer(binding: str) -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key.get_secret_value(), salt=f"segments.cursor:{binding}")
