"""CSV as an attachment. A person's begins with the mark by which spreadsheets know UTF-8, a program's does not
(docs/adr/0034)."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from starlette.responses import StreamingResponse

from db.scope import Tenant

MEDIA_TYPE = "text/csv; charset=utf-8"
ANSWER = {
    "description": "UTF-8, RFC 4180. To a session it begins with a byte order mark, to a key it does not.",
    "content": {"text/csv": {"schema": {"type": "string"}}},
}


def is_for_a_person(tenant: Tenant) -> bool:
    """Whether a session asks, or a link that one has made; a key is a program's."""
    return tenant.api_key_id is None


def marked(content: Iterator[bytes]) -> Iterator[bytes]:
    """CSV that Excel opens in the right encoding; without the mark it takes UTF-8 for the system's code page."""
    yield codecs.BOM_UTF8
    yield from content


def csv_attachment(
    content: Iterator[bytes], *, filename: str, for_a_person: bool, headers: Mapping[str, str] = MappingProxyType({})
) -> StreamingResponse:
    """A download. `filename` is plain ASCII without quotes; `headers` are added."""
    return StreamingResponse(
        marked(content) if for_a_person else content,
        media_type=MEDIA_TYPE,
        headers={
            "Content-Disposition": f'attachment; filename="{filename}"',
            "X-Content-Type-Options": "nosniff",
            **headers,
        },
    )
