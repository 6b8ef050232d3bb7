"""How addresses are compared."""

from __future__ import annotations


def normalize_email(email: str) -> str:
    """The form under which an address is unique and looked up; what no address can hold is dropped."""
    return email[:400].encode("utf-8", "ignore").decode().replace("\0", "").strip().casefold()
