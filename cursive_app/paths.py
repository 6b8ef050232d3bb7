"""Paths inside our own site."""

from __future__ import annotations

from urllib.parse import urlsplit


def local_path(target: str | None, default: str = "/") -> str:
    """`target` when it is a path of this site, else `default`: no open redirect (`//evil`, `/\\evil`, `https:evil`)."""
    text = (target or "").strip()
    if not text.startswith("/") or text.startswith(("//", "/\\", "/auth/")) or len(text) > 1000:
        return default
    if any(ord(char) < 32 or char == "\\" for char in text):
        return default
    try:
        parts = urlsplit(text)
    except ValueError:
        return default
    return default if parts.scheme or parts.netloc else text
