"""A filter as the provider's own filter object: what it can narrow by, which is never more than the filter asks for.

The provider knows one flat AND of members, each a list of accepted values. The object made here is *necessary*: whoever
satisfies the filter also satisfies it, so nobody is lost but people whose state only Cursive knows, from a ZIP code. It
is not sufficient: OR groups, all exclusions and fields the provider cannot filter by are checked by Cursive on every
record it returns (`match.py`), before anything is charged. Only members of the contract's table (§2.2) are sent; the
exclusion it has, of job titles, is not: see `phrases.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cursive_app.errors import Invalid
from cursive_app.services.segments.fields import FIELDS
from cursive_app.services.segments.filters import Condition, Filters, Group, Node
from cursive_app.services.segments.phrases import askable, longest_word, spellings
from cursive_app.services.segments.sentence import condition_text

MAX_MEMBER_VALUES = 500  # a union over OR branches larger than this is not worth sending


@dataclass(frozen=True, slots=True)
class Narrowing:
    """`filters`: the object for the provider. `sent`: the same as our grammar, to check that it was obeyed.

    `narrowed` names what the provider narrows by, `checked` the conditions that only Cursive checks, in words.
    """

    filters: dict[str, Any]
    sent: Filters
    narrowed: tuple[str, ...]
    checked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Needed:
    """What everybody who satisfies a node has in common."""

    include: dict[str, tuple[str, ...]]
    ages: tuple[int, int] | None
    flags: dict[str, bool]


_ANY_AGE = (0, 150)
_NOTHING = _Needed({}, None, {})


def narrowing(filters: Filters, *, without: Iterable[str] = ()) -> Narrowing:
    """The provider's part of a filter. `without`: members it has refused (they are then checked by Cursive instead).

    Raises Invalid when nothing is left to narrow by: the provider would return its whole database; and when rows on age
    contradict each other.
    """
    dropped = frozenset(without)
    needed = _needed(filters.where)
    sent = [
        _short_enough(condition)
        for condition in _conditions(needed)
        if (member := FIELDS[condition.field].member) is not None and member not in dropped
    ]
    if not any(condition.includes_something for condition in sent):
        usable = ", ".join(sorted(field.noun for field in FIELDS.values() if field.member))
        raise Invalid(
            fields={
                "where": "The provider needs at least one value to include that everybody in the segment must have "
                f"(outside OR groups, or in each of their branches): {usable}."
            }
        )
    members: dict[str, Any] = {}
    for condition in sent:
        _put(members, condition)
    held = Filters(filters.scope, Group("all", tuple(sent)))
    return Narrowing(
        filters=members,
        sent=held,
        narrowed=tuple(FIELDS[condition.field].noun for condition in sent),
        checked=_only_checked(filters, sent),
    )


def _needed(node: Node) -> _Needed:
    if isinstance(node, Condition):
        return _of_condition(node)
    parts = [_needed(child) for child in node.nodes]
    if not parts:
        return _NOTHING
    return _all_of(parts) if node.op == "all" else _any_of(parts)


def _of_condition(condition: Condition) -> _Needed:
    field = FIELDS[condition.field]
    if field.member is None:
        return _NOTHING
    asked = map(askable, condition.include) if field.kind == "phrase" else condition.include
    include = {condition.field: tuple(dict.fromkeys(asked))} if condition.include else {}
    flags = {condition.field: condition.flag} if condition.flag is not None else {}
    ages = None
    if field.key == "age" and (condition.low is not None or condition.high is not None):
        ages = (condition.low or _ANY_AGE[0], condition.high or _ANY_AGE[1])
    return _Needed(include, ages, flags)


def _all_of(parts: list[_Needed]) -> _Needed:
    include: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for key, values in part.include.items():
            # Two lists on one field must both hold; the shorter one alone is still necessary.
            if key not in include or len(values) < len(include[key]):
                include[key] = values
    ages = [part.ages for part in parts if part.ages]
    return _Needed(
        include,
        _common(ages) if ages else None,
        {key: flag for part in parts for key, flag in part.flags.items()},
    )


def _common(ages: list[tuple[int, int]]) -> tuple[int, int]:
    """The ages that fit all of these ranges. Raises Invalid when there are none: nobody could be in the segment."""
    low, high = max(low for low, _ in ages), min(high for _, high in ages)
    if low > high:
        told = f"Nobody is {low} or older and at the same time {high} or younger. Change or remove one of the age rows."
        raise Invalid(fields={"where": told})
    return low, high


def _any_of(parts: list[_Needed]) -> _Needed:
    include: dict[str, tuple[str, ...]] = {}
    for key in set.intersection(*(set(part.include) for part in parts)):
        union = tuple(dict.fromkeys(value for part in parts for value in part.include[key]))
        if len(union) <= MAX_MEMBER_VALUES:
            include[key] = union
    ages = [part.ages for part in parts if part.ages]
    return _Needed(
        include,
        (min(low for low, _ in ages), max(high for _, high in ages)) if len(ages) == len(parts) else None,
        {key: flag for key, flag in parts[0].flags.items() if all(part.flags.get(key) is flag for part in parts)},
    )


def _conditions(needed: _Needed) -> list[Condition]:
    """The needed values as rows of our grammar, in the order of the catalogue."""
    found: list[Condition] = []
    for key in FIELDS:
        if include := needed.include.get(key):
            found.append(Condition(key, include=include))
        elif key in needed.flags:
            found.append(Condition(key, flag=needed.flags[key]))
        elif key == "age" and needed.ages not in (None, _ANY_AGE):
            low, high = needed.ages or _ANY_AGE
            found.append(Condition(key, low=low or None, high=high if high < _ANY_AGE[1] else None))
    return found


def _short_enough(condition: Condition) -> Condition:
    """The condition as it can be sent: of too many phrases to spell, their longest words."""
    if FIELDS[condition.field].kind != "phrase" or len(_spelled(condition)) <= MAX_MEMBER_VALUES:
        return condition
    return Condition(condition.field, include=tuple(dict.fromkeys(map(longest_word, condition.include))))


def _spelled(condition: Condition) -> list[str]:
    field = FIELDS[condition.field]
    forms = spellings if field.kind == "phrase" else field.spellings
    return [field.to_provider(spelling) for value in condition.include for spelling in forms(value)]


def _put(members: dict[str, Any], condition: Condition) -> None:
    field = FIELDS[condition.field]
    if field.key == "age":
        ages = {"minAge": condition.low, "maxAge": condition.high}
        members["age"] = {key: value for key, value in ages.items() if value is not None}
    elif field.kind == "flag":
        _set(members, field.member or "", ["Homeowner" if condition.flag else "Renter"])
    else:
        _set(members, field.member or "", _spelled(condition))


def _set(members: dict[str, Any], path: str, values: list[str]) -> None:
    *parents, leaf = path.split(".")
    for parent in parents:
        members = members.setdefault(parent, {})
    members[leaf] = values


def _only_checked(filters: Filters, sent: list[Condition]) -> tuple[str, ...]:
    carried = set(sent)
    return tuple(condition_text(condition) for _, condition in filters.conditions() if condition not in carried)
