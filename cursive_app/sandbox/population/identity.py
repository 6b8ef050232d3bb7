"""Addresses that name a person uniquely and can be read back: e-mail, profile link, provider id.

Each carries the person's index, so that a look-up among ten million people needs no index of its own. Reading back
gives a candidate; the caller compares what that person really has.
"""

from __future__ import annotations

import re
from uuid import UUID

from cursive_app.sandbox.population.companies import COMPANIES_PER_BLOCK, PEOPLE_PER_BLOCK, base36, number_of

_PERSONAL_DOMAINS = ("example.com", "example.net", "example.org")
_LOW_48 = 1 << 48
_SPREAD = 0x9E3779B97F4B  # odd, so multiplying by it modulo 2**48 can be undone
_GATHER = pow(_SPREAD, -1, _LOW_48)


def business_email(first: str, last: str, *, index: int, domain: str) -> str:
    """ "dana.lee417@garnerlegal-3f.example": the number is the person's place in the block of the domain's company."""
    return f"{_plain(first)}.{_plain(last)}{index % PEOPLE_PER_BLOCK}@{domain}"


def personal_email(first: str, last: str, *, index: int) -> str:
    """ "dana.lee.1a7@example.net"."""
    return f"{_plain(first)}.{_plain(last)}.{base36(index)}@{_PERSONAL_DOMAINS[index % 3]}"


def linkedin_slug(first: str, last: str, *, index: int) -> str:
    return f"{_plain(first)}-{_plain(last)}-x{base36(index)}"


def provider_uuid(high: int, *, index: int) -> str:
    """A uuid that looks random; its last 48 bits hold the index."""
    low = (high & 0x3FFF) << 48 | (index + 1) * _SPREAD % _LOW_48
    return str(UUID(int=(high << 64 | low) & ((1 << 128) - 1), version=5))


def index_of_email(address: str) -> int | None:
    """The index written in one of our addresses, or None for any other address."""
    local, _, domain = address.casefold().partition("@")
    company = number_of(domain)
    slot = re.fullmatch(r"[a-z]+\.[a-z]+(\d{1,4})", local)
    if company is not None and slot:
        return company // COMPANIES_PER_BLOCK * PEOPLE_PER_BLOCK + int(slot[1])
    tail = re.fullmatch(r"[a-z]+\.[a-z]+\.([0-9a-z]{1,8})", local)
    return int(tail[1], 36) if tail and domain in _PERSONAL_DOMAINS else None


def index_of_link(url: str) -> int | None:
    found = re.search(r"/in/[a-z]+-[a-z]+-x([0-9a-z]{1,8})/?$", url.casefold())
    return int(found[1], 36) if found else None


def index_of_uuid(value: str) -> int | None:
    try:
        return UUID(value).int % _LOW_48 * _GATHER % _LOW_48 - 1
    except ValueError:
        return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.casefold())
