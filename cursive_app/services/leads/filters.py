"""The quick filters of the leads list: what a URL or an API call may ask for, checked and turned into SQL.

Values of one field are alternatives, fields narrow each other. Everything arrives as text from outside, so everything
is checked here; nothing is ever put into SQL text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    false,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from cursive_app.errors import Invalid
from cursive_app.integrations.audiencelab import vocabulary
from db.models.leads import Lead, LeadSource
from db.scope import Scope

MAX_VALUES = 50
MAX_VALUE_LENGTH = 200
MAX_QUERY_LENGTH = 200
MAX_WORDS = 8
MAX_IDS = 5_000  # more matches of a search than this are found by walking the list

SOURCES = ("database", "upload", "pixel", "marketplace", "manual")
HAS = {
    "email": Lead.has_email,
    "verified_email": Lead.has_verified_email,
    "phone": Lead.has_phone,
    "linkedin": Lead.has_linkedin,
}
FIELDS = {
    "source": Lead.source,
    "seniority": Lead.seniority,
    "department": Lead.department,
    "state": Lead.state,
    "industry": Lead.industry,
    "company_size": Lead.company_size,
}
NOUNS = {
    "query": "search",
    "has": "contact details",
    "source": "source",
    "seniority": "seniority",
    "department": "department",
    "state": "state",
    "industry": "industry",
    "company_size": "company size",
    "run": "segment run",
    "segment": "segment",
}

_CLOSED = {
    "state": vocabulary.state_code,
    "seniority": vocabulary.seniority,
    "source": {name: name for name in SOURCES}.get,
}
# The provider's own words, which grow, and what it wrote where that is none of them: no value can be called wrong.
# Those that are known are found in any spelling.
_INDUSTRIES = {vocabulary.text_key(name): name for name in vocabulary.INDUSTRIES}
_OPEN: dict[str, Callable[[str], str | None]] = {
    "department": str.casefold,
    "industry": lambda value: _INDUSTRIES.get(vocabulary.text_key(value)),
    "company_size": vocabulary.company_size,
}
_EXAMPLES = {
    "state": "Use two letters, such as TX.",
    "seniority": f"Choose from {', '.join(vocabulary.SENIORITIES)}.",
    "source": f"Choose from {', '.join(SOURCES)}.",
}


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """A checked filter. Empty means "all leads". `has` holds keys of `HAS`; `run_id` keeps the leads a segment run
    delivered as new; `segment_id` the members of a saved segment."""

    query: str = ""
    has: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    seniority: tuple[str, ...] = ()
    department: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    industry: tuple[str, ...] = ()
    company_size: tuple[str, ...] = ()
    run_id: UUID | None = None
    segment_id: UUID | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts that narrow the list, in the order they are shown."""
        names = [name for name in ("query", "has", *FIELDS) if getattr(self, name)]
        names += [name for name in ("run", "segment") if getattr(self, f"{name}_id")]
        return tuple(names)

    @property
    def choices(self) -> tuple[Any, ...]:
        """What it asks for, the same however it was written: for what is bound to a filter."""
        return tuple(sorted(set(value)) if isinstance(value, tuple) else value for value in astuple(self))

    def without(self, part: str) -> LeadFilter:
        """The same filter with one part dropped."""
        if part in ("run", "segment"):
            return replace(self, **{f"{part}_id": None})
        return replace(self, **{part: "" if part == "query" else ()})


def parse_filter(given: Mapping[str, Any]) -> LeadFilter:
    """A filter from what came from outside: texts, or sequences of texts, by name (`query`, `has`, the names of
    `FIELDS`, `run`, `segment`). Names that are not ours are ignored. A state, a seniority or a source that does not
    exist is wrong; departments, industries and company sizes are open, and known ones are read in any spelling.

    Raises Invalid with one message per wrong name.
    """
    problems: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name in ("has", *FIELDS):
        values[name], problem = _values(name, given.get(name))
        if problem:
            problems[name] = problem
    for name in ("run", "segment"):
        try:
            values[f"{name}_id"] = UUID(str(given[name])) if given.get(name) else None
        except ValueError:
            problems[name] = f"This is not the id of a {NOUNS[name]}."
    query = " ".join(unicodedata.normalize("NFC", str(given.get("query") or "")).split())
    if len(query) > MAX_QUERY_LENGTH:
        problems["query"] = f"Search for at most {MAX_QUERY_LENGTH} characters."
    elif not _storable(query):
        problems["query"] = "Search for letters, digits and punctuation; control characters cannot be found."
    if problems:
        raise Invalid(fields=problems)
    return LeadFilter(query=query, **values)


def conditions(scope: Scope, wanted: LeadFilter) -> list[SQLColumnExpression[bool]]:
    """The SQL of a filter, the workspace and "not deleted" included. Asks the database when words are searched for."""
    found: list[SQLColumnExpression[bool]] = [scope.owned(Lead), Lead.deleted_at.is_(None)]
    found += [HAS[name] for name in wanted.has]
    for name, column in FIELDS.items():
        if chosen := getattr(wanted, name):
            found.append(column == chosen[0] if len(chosen) == 1 else column.in_(chosen))
    if patterns := search_patterns(wanted.query):
        found.append(_words(scope, patterns))
    if wanted.run_id:
        delivered = select(LeadSource.lead_id).where(
            scope.owned(LeadSource), LeadSource.segment_run_id == wanted.run_id, LeadSource.is_new
        )
        found.append(Lead.id.in_(delivered))
    if wanted.segment_id:
        # segments delivers through this room, so this room may ask it only when the question comes up
        from cursive_app.services.segments import membership

        found.append(membership(scope, wanted.segment_id))
    return found


def _words(scope: Scope, patterns: list[str]) -> ColumnElement[bool]:
    """The leads whose text has all the words.

    Few of them: their ids, found through the trigram index. Many: the words as a plain condition, because then walking
    the list in its order finds a page at once, and collecting all ids first would be the slow way.
    """
    search = func.search_leads(bindparam("patterns", patterns, ARRAY(Text)), MAX_IDS + 1)
    ids = list(scope.session.scalars(select(search.column_valued("match"))))
    if len(ids) <= MAX_IDS:
        return Lead.id == any_(bindparam("ids", ids, ARRAY(Uuid)))
    all_words = and_(*(Lead.search_text.like(pattern, escape="\\") for pattern in patterns))
    return case((all_words, true()), else_=false())  # under row-level security LIKE is taken for rare; a CASE is not


def search_patterns(query: str) -> list[str]:
    """LIKE patterns that must all match, the most selective first.

    A word of three letters or more is found anywhere; a shorter one only at the beginning of a word, which is what the
    trigram index can answer.
    """
    patterns = []
    for word in sorted(dict.fromkeys(query.lower().split()), key=len, reverse=True)[:MAX_WORDS]:
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        patterns.append(f"%{escaped}%" if len(word) > 2 else f"% {escaped}%")
    return patterns


def _storable(text: str) -> bool:
    """Neither control characters nor halves of surrogate pairs. Joiners stay: emoji and many scripts need them."""
    return not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text)


def _values(name: str, given: Any) -> tuple[tuple[str, ...], str | None]:
    if given is None or given == "":
        return (), None
    items = [given] if isinstance(given, str) else given
    if not isinstance(items, Sequence) or not all(isinstance(item, str) for item in items):
        return (), f"Give the {NOUNS[name]} as text."
    values = tuple(dict.fromkeys(item.strip() for item in items if item.strip()))
    if len(values) > MAX_VALUES:
        return (), f"Choose at most {MAX_VALUES} values."
    if any(len(value) > MAX_VALUE_LENGTH or not _storable(value) for value in values):
        return (), f"A {NOUNS[name]} has at most {MAX_VALUE_LENGTH} printable characters."
    if name == "has" and (unknown := [value for value in values if value not in HAS]):
        return (), f"Unknown: {unknown[0][:40]}. Choose from {', '.join(HAS)}."
    if name in _CLOSED:
        return _closed(name, values)
    if name in _OPEN:
        return tuple(dict.fromkeys(form for value in values for form in (value, _OPEN[name](value)) if form)), None
    return values, None


def _closed(name: str, values: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """Values of a closed vocabulary in its one form ("Texas" is "TX"); a word that is none of it would find nobody."""
    read = {value: _CLOSED[name](value) for value in values}
    unknown = next((value for value, code in read.items() if code is None), None)
    if unknown is not None:
        return (), f"“{unknown[:40]}” is no {NOUNS[name]} we know. {_EXAMPLES[name]}"
    return tuple(dict.fromkeys(code for code in read.values() if code)), None
