"""Secrets that stand for a person: made here, kept only as SHA-256."""

from __future__ import annotations

import hashlib
import re
import secrets

TOKEN_BYTES = 32
_PLAIN_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes as URL-safe text


def new_token() -> str:
    """256 random bits as URL-safe text."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> bytes:
    """What the database keeps of a token. A plain hash is enough: the input has 256 bits of entropy."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def looks_like_token(token: str) -> bool:
    """Whether text could be one of our tokens at all, so that garbage costs no query."""
    return 20 <= len(token) <= 128 and token.isascii()


def is_plain_token(token: str) -> bool:
    """Whether text has the shape of a token without a prefix, as cookies of sessions have it."""
    return _PLAIN_TOKEN.fullmatch(token) is not None
