"""The address of the leads page: what it asks for, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cursive_app.services import leads

PATH = "/leads"
MAX_PARTS = 500
LISTS = ("has", "source", "seniority", "department", "state", "industry", "company_size")


@dataclass(frozen=True, slots=True)
class Address:
    """What the page's address asks for."""

    query: str = ""
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    run: str = ""
    segment: str = ""
    sort: str = "-created"
    cursor: str = ""
    lead: str = ""

    def url(self, path: str = PATH) -> str:
        pairs: list[tuple[str, str]] = [("q", self.query)] if self.query else []
        pairs += [(name, value) for name, values in self.lists.items() for value in values]
        for name in ("run", "segment", "cursor", "lead"):
            if value := getattr(self, name):
                pairs.append((name, value))
        if self.sort != "-created":
            pairs.append(("sort", self.sort))
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def filter(self) -> leads.LeadFilter:
        return leads.parse_filter({"query": self.query, "run": self.run, "segment": self.segment, **self.lists})


def read_address(path: str) -> Address:
    """What an address asks for; what it does not know is left out. One with absurdly many parts asks for nothing."""
    try:
        given = parse_qs(urlsplit(path).query, max_num_fields=MAX_PARTS)
    except ValueError:
        given = {}
    return Address(
        query=given.get("q", [""])[0],
        lists={name: tuple(dict.fromkeys(given[name])) for name in LISTS if name in given},
        sort=given.get("sort", ["-created"])[0],
        **{name: given.get(name, [""])[0] for name in ("run", "segment", "cursor", "lead")},
    )


def changed(address: Address, *, keep_page: bool = False, **changes: Any) -> Address:
    """The address with something changed; any change of the list starts at its first page."""
    return replace(address, **({} if keep_page else {"cursor": ""}) | changes)
