"""A filter as lines of the builder, and the edits a line offers. Pure: a path ("0.1") in, another filter out.

The screen draws two levels: rows, and boxes of rows. What lies deeper (made through the API) is shown as one sentence
that can be kept or removed, never silently dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from dataclasses import field as fresh

from cursive_app.errors import Invalid
from cursive_app.services import segments
from cursive_app.services.segments import FIELDS, Condition, Filters, Group, Node
from cursive_app.services.segments.fields import AGE_HIGHS, AGE_LOWS, options_of
from cursive_app.services.segments.sentence import node_text

LOCAL_LISTS = ("enum",)  # all values are in the browser; others are searched on the server


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """One row. `kind` is the field's, or "deep" for a group below the second level, whose words are in `label`."""

    id: str = ""
    field: str = ""
    label: str = ""
    kind: str = ""
    hint: str = ""
    unit: str = ""
    chips: list[dict[str, str]] = fresh(default_factory=list)
    low: str = ""
    high: str = ""
    flag: str = ""
    note: str = ""
    checked: bool = False


@dataclass(frozen=True, slots=True)
class FilterItem:
    """One member of the root: a row, or a box of rows (`kind` "group")."""

    id: str = ""
    kind: str = "condition"
    op: str = "any"
    row: ConditionRow = fresh(default_factory=ConditionRow)
    rows: list[ConditionRow] = fresh(default_factory=list)


def lines(filters: Filters, notes: dict[str, str]) -> list[FilterItem]:
    """The root's members. `notes`: what to say beside a row, by path."""
    sent = _sent_fields(filters)
    return [_item(node, str(position), notes, sent) for position, node in enumerate(filters.where.nodes)]


def vocabulary() -> dict[str, list[dict[str, str]]]:
    """The values of every closed list, for choosing without asking the server."""
    return {
        key: [{"value": option.value, "label": option.label, "note": ""} for option in options_of(key)]
        for key, known in FIELDS.items()
        if known.kind in LOCAL_LISTS
    }


AGE_CHOICES = {
    "low": [{"value": "", "label": "Any"}, *({"value": str(age), "label": str(age)} for age in AGE_LOWS)],
    "high": [{"value": "", "label": "Any"}, *({"value": str(age), "label": str(age)} for age in AGE_HIGHS)],
}


def add_condition(filters: Filters, group: str, key: str) -> Filters:
    """A new empty row at the end of a group ("" is the root). Raises Invalid."""
    if key not in FIELDS or filters.scope not in FIELDS[key].scopes:
        raise Invalid("There is no such field.")
    flag = True if FIELDS[key].kind == "flag" else None
    return _at(filters, _path(group), lambda node: _with(node, Condition(key, flag=flag)))


def last_row(filters: Filters, group: str) -> str:
    """The path of the last row of a group, "" when it has none. Raises Invalid for a path that is none."""
    node: Node = filters.where
    for position in _path(group):
        node = node.nodes[position] if isinstance(node, Group) and position < len(node.nodes) else Group("all", ())
    if not isinstance(node, Group) or not node.nodes:
        return ""
    return ".".join(str(position) for position in (*_path(group), len(node.nodes) - 1))


def add_group(filters: Filters) -> Filters:
    """A new box at the end of the root; it says OR, because AND is what the root says already."""
    return _at(filters, (), lambda node: _with(node, Group("any" if filters.where.op == "all" else "all", ())))


def remove(filters: Filters, path: str) -> Filters:
    """Without the row or box at this path. Raises Invalid for a path that is none."""
    place = _path(path)
    if not place:
        raise Invalid("The filter itself cannot be removed.")
    *parent, last = place

    def cut(node: Node) -> Node:
        if not isinstance(node, Group) or not 0 <= last < len(node.nodes):
            raise Invalid("This row is gone already.")
        return replace(node, nodes=(*node.nodes[:last], *node.nodes[last + 1 :]))

    return _at(filters, tuple(parent), cut)


def set_op(filters: Filters, path: str, op: str) -> Filters:
    """All or any, for the root ("") or a box."""

    def turn(node: Node) -> Node:
        if not isinstance(node, Group) or op not in ("all", "any"):
            raise Invalid("Choose all or any.")
        return Group("all" if op == "all" else "any", node.nodes)

    return _at(filters, _path(path), turn)


def add_value(filters: Filters, path: str, value: str, side: str = "include") -> Filters:
    """Include or exclude ("exclude") one more value; one that is on the other side changes over.

    Raises Invalid for a value the field does not have.
    """

    def add(row: Condition) -> Condition:
        include, exclude = (tuple(one for one in values if one != value) for values in (row.include, row.exclude))
        if side == "exclude":
            return replace(row, include=include, exclude=(*exclude, value))
        kept = row.include if value in row.include else (*include, value)
        return replace(row, include=kept, exclude=exclude)

    return _checked(_at(filters, _path(path), _on_row(add)))


def remove_value(filters: Filters, path: str, value: str) -> Filters:
    """Without one value, on whichever side it is."""
    return _at(
        filters,
        _path(path),
        _on_row(
            lambda row: replace(
                row,
                include=tuple(one for one in row.include if one != value),
                exclude=tuple(one for one in row.exclude if one != value),
            )
        ),
    )


def toggle_value(filters: Filters, path: str, value: str) -> Filters:
    """Move a value from included to excluded, or back."""

    def turn(row: Condition) -> Condition:
        if value in row.include:
            return replace(row, include=tuple(v for v in row.include if v != value), exclude=(*row.exclude, value))
        if value in row.exclude:
            return replace(row, exclude=tuple(v for v in row.exclude if v != value), include=(*row.include, value))
        return row

    return _at(filters, _path(path), _on_row(turn))


def set_bound(filters: Filters, path: str, end: str, text: str) -> Filters:
    """The minimum ("low") or maximum of a range; empty text takes it away. Raises Invalid."""
    cleaned = text.strip()
    if cleaned and not (cleaned.isascii() and cleaned.isdigit() and len(cleaned) <= 9):
        raise Invalid("Enter a whole number.")
    number = int(cleaned) if cleaned else None
    change = _on_row(lambda row: replace(row, low=number) if end == "low" else replace(row, high=number))
    return _checked(_at(filters, _path(path), change))


def set_flag(filters: Filters, path: str, answer: str) -> Filters:
    """Yes or no."""
    return _at(filters, _path(path), _on_row(lambda row: replace(row, flag=answer == "yes")))


def to_scope(filters: Filters, scope: str) -> tuple[Filters, int]:
    """The same filter over the other scope, and how many rows had to go because it does not have their field."""
    target: segments.Filters = segments.empty("leads" if scope == "leads" else "provider")
    gone = sum(1 for _, row in filters.conditions() if target.scope not in FIELDS[row.field].scopes)
    return Filters(target.scope, _keep(filters.where, target.scope)), gone


def _keep(group: Group, scope: str) -> Group:
    kept: list[Node] = []
    for node in group.nodes:
        if isinstance(node, Group):
            kept.append(_keep(node, scope))
        elif scope in FIELDS[node.field].scopes:
            kept.append(node)
    return Group(group.op, tuple(kept))


def _checked(filters: Filters) -> Filters:
    return segments.parse(filters.to_json(), lenient=True)


def _path(path: str) -> tuple[int, ...]:
    parts = path.split(".") if path else []
    if len(parts) > 6 or not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        raise Invalid("This row is gone already.")
    return tuple(int(part) for part in parts)


def _at(filters: Filters, path: tuple[int, ...], change: Callable[[Node], Node]) -> Filters:
    where = _changed(filters.where, path, change)
    if not isinstance(where, Group):
        raise Invalid("This row is gone already.")
    return Filters(filters.scope, where)


def _changed(node: Node, path: tuple[int, ...], change: Callable[[Node], Node]) -> Node:
    if not path:
        return change(node)
    position, rest = path[0], path[1:]
    if not isinstance(node, Group) or position >= len(node.nodes):
        raise Invalid("This row is gone already.")
    nodes = list(node.nodes)
    nodes[position] = _changed(nodes[position], rest, change)
    return Group(node.op, tuple(nodes))


def _with(node: Node, more: Node) -> Node:
    if not isinstance(node, Group):
        raise Invalid("This group is gone already.")
    return Group(node.op, (*node.nodes, more))


def _on_row(change: Callable[[Condition], Condition]) -> Callable[[Node], Node]:
    def on(node: Node) -> Node:
        if not isinstance(node, Condition):
            raise Invalid("This row is gone already.")
        return change(node)

    return on


def _item(node: Node, path: str, notes: dict[str, str], sent: frozenset[str]) -> FilterItem:
    if isinstance(node, Condition):
        return FilterItem(id=path, row=_row(node, path, notes, sent))
    rows = [_inner(inner, f"{path}.{position}", notes, sent) for position, inner in enumerate(node.nodes)]
    return FilterItem(id=path, kind="group", op=node.op, rows=rows)


def _inner(node: Node, path: str, notes: dict[str, str], sent: frozenset[str]) -> ConditionRow:
    if isinstance(node, Condition):
        return _row(node, path, notes, sent)
    return ConditionRow(id=path, kind="deep", label=f"Everybody {node_text(node)}")


def _row(row: Condition, path: str, notes: dict[str, str], sent: frozenset[str]) -> ConditionRow:
    known = FIELDS[row.field]
    sides = (("include", row.include), ("exclude", row.exclude))
    label = (lambda value: value.title()) if known.key == "city" else known.label_of
    return ConditionRow(
        id=path,
        field=row.field,
        label=known.label,
        kind="age" if known.key == "age" else known.kind,
        hint=known.hint,
        unit=known.unit,
        chips=[{"value": value, "label": label(value), "mode": mode} for mode, values in sides for value in values],
        low="" if row.low is None else str(row.low),
        high="" if row.high is None else str(row.high),
        flag="" if row.flag is None else "yes" if row.flag else "no",
        note=notes.get(path, ""),
        checked=bool(sent) and not row.says_nothing and row.field not in sent,
    )


def _sent_fields(filters: Filters) -> frozenset[str]:
    """The fields the provider narrows by; empty when it cannot, or for own leads."""
    if filters.scope != "provider":
        return frozenset()
    try:
        return frozenset(row.field for _, row in segments.narrowing(filters.complete()).sent.conditions())
    except Invalid:
        return frozenset()
