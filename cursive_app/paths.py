"""Paths inside our own site."""

from __future__ import annotations

from urllib.parse import urlsplit

LONGEST_TARGET = 1_000  # characters of a path to go on to, such as `next=`
LONGEST_ADDRESS = 16_000  # of a page's own: a filter alone has up to 8,000 (SEG-11), and longer ones are refused


def local_path(target: str | None, default: str = "/", *, longest: int = LONGEST_TARGET) -> str:
    """`target` when it is a path of this site, else `default`: no open redirect (`//evil`, `/\\evil`, `https:evil`)."""
    text = (target or "").strip()
    if not text.startswith("/") or text.startswith(("//", "/\\", "/auth/")) or len(text) > longest:
        return default
    if any(ord(char) < 32 or char == "\\" for char in text):
        return default
    try:
        parts = urlsplit(text)
    except ValueError:
        return default
    return default if parts.scheme or parts.netloc else text
