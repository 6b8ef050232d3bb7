"""Counted nouns in sentences."""

from __future__ import annotations


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """ "1 lead", "1,204 leads"; `nouns` where the plural is no added s ("1 person", "2 people")."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
