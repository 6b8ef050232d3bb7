"""How addresses are compared."""

from __future__ import annotations


def normalize_email(email: str) -> str:
    """The form under which an address is unique and looked up."""
    return email.strip().casefold()
