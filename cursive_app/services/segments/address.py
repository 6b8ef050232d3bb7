"""A whole filter in one URL parameter (SEG-11): compressed, URL-safe, bounded, read as strictly as any other input."""

from __future__ import annotations

import base64
import json
import zlib

from cursive_app.errors import Invalid
from cursive_app.services.segments.filters import Filters, parse

MAX_PARAMETER = 8_000  # characters; longer addresses are cut by browsers and proxies
MAX_JSON = 200_000  # bytes after unpacking: the largest filter the grammar allows, with room


def encode(filters: Filters) -> str | None:
    """The value of `?f=`, or None when the filter is too large for an address (save it to share it)."""
    packed = zlib.compress(json.dumps(filters.to_json(), separators=(",", ":"), ensure_ascii=False).encode(), 9)
    text = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    return text if len(text) <= MAX_PARAMETER else None


def decode(parameter: str) -> Filters:
    """Read `?f=` of a pasted address. Raises Invalid for one that was cut, changed or made by hand."""
    broken = Invalid(fields={"f": "The filter in this link is damaged. Ask for the link again, or start a new filter."})
    if len(parameter) > MAX_PARAMETER:
        raise broken
    try:
        packed = base64.urlsafe_b64decode(parameter + "=" * (-len(parameter) % 4))
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(packed, MAX_JSON)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise broken
        data = json.loads(text)
    except (ValueError, zlib.error, RecursionError):
        raise broken from None
    return parse(data, lenient=True)
