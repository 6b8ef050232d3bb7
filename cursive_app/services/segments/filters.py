"""The filter grammar: JSON that people, pages and programs share (SEG-01, SEG-02), read into frozen nodes.

    {"version": 1, "scope": "provider" | "leads", "where": GROUP}
    GROUP      {"all": [NODE, ...]}  every one must hold   |   {"any": [NODE, ...]}  at least one must hold
    NODE       GROUP | CONDITION
    CONDITION  {"field": "job_title", "include": ["ceo"], "exclude": ["assistant"]}
             | {"field": "years_experience", "min": 5, "max": 10}
             | {"field": "has_phone", "is": true}

`parse` refuses everything else with one message per wrong place, under its dotted path ("where.all.0.include.3").
`Filters.to_json` is the canonical form: values cleaned, in order of entry, each once. Nothing here reads a database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cursive_app.errors import Invalid
from cursive_app.services.segments.fields import AGE_HIGHS, AGE_LOWS, FIELDS, Field, ScopeName, read_value

VERSION = 1
MAX_DEPTH = 5  # groups inside groups
MAX_CONDITIONS = 50
MAX_VALUES = 100  # per list
MAX_TEXT = 100  # characters per value
MAX_PROBLEMS = 20  # reported at once

Op = Literal["all", "any"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One row. A list field uses `include` / `exclude`, a range `low` / `high` (both inclusive), a flag `flag`."""

    field: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None
    flag: bool | None = None

    @property
    def says_nothing(self) -> bool:
        return not (self.includes_something or self.exclude)

    @property
    def includes_something(self) -> bool:
        return bool(self.include) or self.low is not None or self.high is not None or self.flag is not None

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"field": self.field}
        for key, value in (("include", list(self.include)), ("exclude", list(self.exclude))):
            if value:
                out[key] = value
        for key, number in (("min", self.low), ("max", self.high), ("is", self.flag)):
            if number is not None:
                out[key] = number
        return out


@dataclass(frozen=True, slots=True)
class Group:
    op: Op
    nodes: tuple[Node, ...]

    def to_json(self) -> dict[str, Any]:
        return {self.op: [node.to_json() for node in self.nodes]}


Node = Condition | Group


@dataclass(frozen=True, slots=True)
class Filters:
    scope: ScopeName
    where: Group

    def to_json(self) -> dict[str, Any]:
        return {"version": VERSION, "scope": self.scope, "where": self.where.to_json()}

    def conditions(self) -> Iterator[tuple[tuple[int, ...], Condition]]:
        """Every condition with the positions that lead to it."""
        yield from _walk(self.where, ())

    def complete(self) -> Filters:
        """Without rows and groups that say nothing yet (a row just added in the builder)."""
        return Filters(self.scope, _pruned(self.where) or Group(self.where.op, ()))

    @property
    def is_empty(self) -> bool:
        return not any(not condition.says_nothing for _, condition in self.conditions())


def empty(scope: ScopeName = "provider") -> Filters:
    return Filters(scope, Group("all", ()))


def parse(data: object, *, lenient: bool = False) -> Filters:
    """Read a filter from JSON values or JSON text. `lenient` accepts rows and groups that are still empty (drafts).

    Raises Invalid with `fields` keyed by dotted path; nothing is guessed and nothing is dropped.
    """
    if isinstance(data, str | bytes):
        data = _json(data)
    if not isinstance(data, Mapping):
        raise Invalid(fields={"filters": "A filter is an object with version, scope and where."})
    reader = _Reader(lenient=lenient)
    found = reader.filters(data)
    if reader.problems or found is None:
        raise Invalid("The filter has a problem: " + next(iter(reader.problems.values())), fields=reader.problems)
    return found


def readable_part(data: object) -> Filters:
    """What of a stored filter is still understood, when `parse` refuses it: a condition over a field that is gone is
    left out, and so is a value that is none any more; what is left of its row stays, also when that is nothing."""
    reader = _Reader(lenient=True)
    found = reader.filters(data) if isinstance(data, Mapping) else None
    return found or empty(reader.scope)


def require_runnable(filters: Filters) -> None:
    """At least one include before running (SEG-01). Raises Invalid."""
    if not any(condition.includes_something for _, condition in filters.conditions()):
        raise Invalid(fields={"where": "Add at least one value to include before running this segment."})


class _Reader:
    """One reading; collects problems instead of stopping at the first."""

    def __init__(self, *, lenient: bool) -> None:
        self.lenient = lenient
        self.problems: dict[str, str] = {}
        self.conditions = 0
        self.scope: ScopeName = "provider"

    def problem(self, path: str, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.setdefault(path, message)

    def filters(self, data: Mapping[Any, Any]) -> Filters | None:
        for key in data:
            if key not in ("version", "scope", "where"):
                self.problem(_name(key), "A filter has no such part; it has version, scope and where.")
        if isinstance(data.get("version"), bool) or data.get("version") != VERSION:
            self.problem("version", f"This version of the filter grammar is not known; use {VERSION}.")
        scope = data.get("scope")
        if scope not in ("provider", "leads"):
            self.problem("scope", "The scope must be “provider” (the people database) or “leads” (leads you own).")
        else:
            self.scope = scope
        where = data.get("where")
        if not isinstance(where, Mapping) or not _is_group(where):
            self.problem("where", "“where” must be a group: {“all”: […]} or {“any”: […]}.")
            return None
        group = self.group(where, "where", 1)
        return Filters(self.scope, group) if group else None

    def group(self, data: Mapping[Any, Any], path: str, depth: int) -> Group | None:
        if depth > MAX_DEPTH:
            self.problem(path, f"Groups may be nested {MAX_DEPTH} deep at most.")
            return None
        op: Op = "all" if "all" in data else "any"
        if len(data) != 1:
            self.problem(path, "A group has exactly one key, “all” or “any”.")
            return None
        nodes = data[op]
        path = f"{path}.{op}"
        if not isinstance(nodes, list):
            self.problem(path, "A group holds a list of conditions and groups.")
            return None
        if not nodes and not self.lenient:
            self.problem(path, "This group is empty: add a condition or remove the group.")
        if len(nodes) > MAX_CONDITIONS:
            self.problem(path, f"A filter may have {MAX_CONDITIONS} conditions at most; this group has {len(nodes):,}.")
            return None
        read = [self.node(node, f"{path}.{position}", depth) for position, node in enumerate(nodes)]
        return Group(op, tuple(node for node in read if node is not None))

    def node(self, data: object, path: str, depth: int) -> Node | None:
        if not isinstance(data, Mapping):
            self.problem(path, "Expected a condition or a group here.")
            return None
        if _is_group(data) and "field" not in data:
            return self.group(data, path, depth + 1)
        return self.condition(data, path)

    def condition(self, data: Mapping[Any, Any], path: str) -> Condition | None:
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            self.problem("where", f"A filter may have {MAX_CONDITIONS} conditions at most.")
            return None
        key = data.get("field")
        field = FIELDS.get(key) if isinstance(key, str) else None
        if field is None:
            self.problem(f"{path}.field", f"There is no field “{_name(key)}” to filter by.")
            return None
        if self.scope not in field.scopes:
            self.problem(f"{path}.field", f"“{field.label}” works in “My leads” only.")
            return None
        allowed = {"range": ("min", "max"), "flag": ("is",)}.get(field.kind, ("include", "exclude"))
        for extra in data:
            if extra != "field" and extra not in allowed:
                self.problem(f"{path}.{_name(extra)}", f"“{field.label}” takes {' and '.join(allowed)} only.")
                return None
        known = len(self.problems)
        found = self.body(field, data, path)
        if found is not None and found.says_nothing and not self.lenient and len(self.problems) == known:
            self.problem(path, f"“{field.label}” has no value yet: add one or remove the row.")
        return found

    def body(self, field: Field, data: Mapping[Any, Any], path: str) -> Condition | None:
        if field.kind == "flag":
            flag = data.get("is")
            if flag is not None and not isinstance(flag, bool):
                self.problem(f"{path}.is", f"“{field.label}” is either true or false.")
                return None
            return Condition(field.key, flag=flag)
        if field.kind == "range":
            return self.range(field, data, path)
        include = self.values(field, data.get("include", []), f"{path}.include")
        exclude = self.values(field, data.get("exclude", []), f"{path}.exclude")
        both = set(include) & set(exclude)
        if both:
            self.problem(f"{path}.exclude", f"“{field.label_of(sorted(both)[0])}” is both included and excluded.")
        return Condition(field.key, include=include, exclude=exclude)

    def range(self, field: Field, data: Mapping[Any, Any], path: str) -> Condition | None:
        low, high = (self.number(field, data.get(key), f"{path}.{key}") for key in ("min", "max"))
        if low is not None and high is not None and low > high:
            self.problem(f"{path}.min", f"“{field.label}”: the minimum {low} is above the maximum {high}.")
            return None
        return Condition(field.key, low=low, high=high)

    def number(self, field: Field, value: object, path: str) -> int | None:
        if value is None:
            return None
        low, high = field.bounds
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.problem(path, f"“{field.label}” takes whole numbers from {low} to {high}.")
            return None
        steps = {"min": AGE_LOWS, "max": AGE_HIGHS}[path.rsplit(".", 1)[1]] if field.key == "age" else None
        if steps and value not in steps:
            self.problem(path, f"The provider knows age in bands; choose one of {', '.join(map(str, steps))}.")
            return None
        return value

    def values(self, field: Field, data: object, path: str) -> tuple[str, ...]:
        if not isinstance(data, list):
            self.problem(path, "Expected a list of values.")
            return ()
        if len(data) > MAX_VALUES:
            self.problem(path, f"A list may have {MAX_VALUES} values at most; this one has {len(data):,}.")
            return ()
        found = [self.value(field, value, f"{path}.{position}") for position, value in enumerate(data)]
        return tuple(dict.fromkeys(value for value in found if value is not None))

    def value(self, field: Field, value: object, path: str) -> str | None:
        if not isinstance(value, str):
            self.problem(path, "Expected text.")
            return None
        if len(value) > MAX_TEXT:
            self.problem(path, f"A value may have {MAX_TEXT} characters at most; this one has {len(value):,}.")
            return None
        if not _storable(value):
            self.problem(path, "Text must not contain control characters.")
            return None
        read = read_value(field, value)
        if read is None:
            self.problem(path, f"“{value.strip()[:40]}” is no {field.noun}: {field.wrong}")
        return read


def _json(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid(fields={"filters": "The filter is not valid JSON."}) from None


def _is_group(data: Mapping[Any, Any]) -> bool:
    return "all" in data or "any" in data


def _storable(value: str) -> bool:
    """Neither control characters nor halves of surrogate pairs, which no database text can hold."""
    return not any(ord(letter) < 32 or ord(letter) == 127 or 0xD800 <= ord(letter) <= 0xDFFF for letter in value)


def _name(key: object) -> str:
    text = str(key)[:40]
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _walk(group: Group, path: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Condition]]:
    for position, node in enumerate(group.nodes):
        if isinstance(node, Condition):
            yield (*path, position), node
        else:
            yield from _walk(node, (*path, position))


def _pruned(group: Group) -> Group | None:
    kept = [
        node if isinstance(node, Condition) else _pruned(node)
        for node in group.nodes
        if not (isinstance(node, Condition) and node.says_nothing)
    ]
    nodes = tuple(node for node in kept if node is not None)
    return Group(group.op, nodes) if nodes else None
