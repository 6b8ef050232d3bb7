"""A filter as SQL over the leads a workspace owns: the same answers as `match.py`, decided by the database.

Values travel as parameters and columns come from the catalogue, so nothing a person types becomes SQL. NULL means "not
known": including leaves it out, excluding keeps it in.
"""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, and_, false, not_, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from cursive_app.integrations.audiencelab.vocabulary import AGE_RANGES
from cursive_app.services.segments.fields import FIELDS, Field
from cursive_app.services.segments.filters import Condition, Filters, Group, Node
from cursive_app.services.segments.match import age_band, phrase_words
from db.models.leads import Lead


def lead_predicate(filters: Filters) -> ColumnElement[bool]:
    """The condition a lead's row must satisfy. The caller adds the workspace and that the lead is not deleted."""
    return _group(filters.where)


def _node(node: Node) -> ColumnElement[bool]:
    return _group(node) if isinstance(node, Group) else condition_predicate(node)


def _group(group: Group) -> ColumnElement[bool]:
    parts = [_node(node) for node in group.nodes]
    return and_(true(), *parts) if group.op == "all" else or_(false(), *parts)


def condition_predicate(condition: Condition) -> ColumnElement[bool]:
    """One row as SQL."""
    field = FIELDS[condition.field]
    column: InstrumentedAttribute[object] = getattr(Lead, field.column)
    if field.kind == "flag":
        return true() if condition.flag is None else column.is_(condition.flag)
    if field.key == "age":
        return column.in_([band for band in AGE_RANGES if _fits(condition, band)])
    if field.kind == "range":
        return and_(
            column.is_not(None),
            true() if condition.low is None else column >= condition.low,
            true() if condition.high is None else column <= condition.high,
        )
    parts: list[ColumnElement[bool]] = []
    if condition.include:
        parts.append(_hits(field, column, condition.include))
    if condition.exclude:
        parts.append(or_(column.is_(None), not_(_hits(field, column, condition.exclude))))
    return and_(true(), *parts)


def _fits(condition: Condition, band: str) -> bool:
    first, last = age_band(band) or (0, 0)
    return (condition.low is None or first >= condition.low) and (condition.high is None or last <= condition.high)


def _hits(field: Field, column: InstrumentedAttribute[object], values: tuple[str, ...]) -> ColumnElement[bool]:
    if field.kind != "phrase":
        stored = [spelling for value in values for spelling in field.spellings(value)]
        return column == stored[0] if len(stored) == 1 else column.in_(stored)
    return or_(*(_phrase(column, value) for value in values))


def _phrase(column: InstrumentedAttribute[object], value: str) -> ColumnElement[bool]:
    """Whole words in order. LIKE on the longest word decides almost every row before the costlier pattern is tried."""
    words = phrase_words(value)
    pattern = r"[^[:alnum:]]+".join(map(re.escape, words))
    longest = max(words, key=len)
    return and_(
        column.contains(longest, autoescape=True),
        column.regexp_match(f"(?<![[:alnum:]]){pattern}(?![[:alnum:]])"),
    )
