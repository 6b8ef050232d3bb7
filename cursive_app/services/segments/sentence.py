"""A filter read aloud: one plain sentence that follows every edit (SEG-02)."""

from __future__ import annotations

from collections.abc import Sequence

from cursive_app.services.segments.fields import FIELDS, Field
from cursive_app.services.segments.filters import Condition, Filters, Group, Node

_FLAG_TEXT = {
    "has_email": ("have an e-mail", "have no e-mail"),
    "has_verified_email": ("have a verified e-mail", "have no verified e-mail"),
    "has_phone": ("have a phone number", "have no phone number"),
    "has_linkedin": ("have a LinkedIn profile", "have no LinkedIn profile"),
    "is_homeowner": ("own their home", "rent their home"),
}
_POSSESSIVE = {"state": "state", "city": "city", "postal_code": "ZIP code"}
MAX_NAMED = 6  # values spelled out before "and 12 more"


def sentence(filters: Filters) -> str:
    """ "People in the database whose job title contains “ceo”, and whose state is Texas or California." """
    who = "People in the database" if filters.scope == "provider" else "My leads"
    complete = filters.complete()
    if not complete.where.nodes:
        return f"{who}: add a condition to narrow them down." if filters.scope == "provider" else "All of my leads."
    return f"{who} {_group(complete.where, top=True)}."


def condition_text(condition: Condition) -> str:
    """One condition as a clause: "whose seniority is VP or Director"."""
    field = FIELDS[condition.field]
    if field.kind == "flag":
        yes, no = _FLAG_TEXT[field.key]
        return "who …" if condition.flag is None else f"who {yes if condition.flag else no}"
    if field.kind == "range":
        return f"{_whose(field)} {_range(condition)}"
    parts = []
    if condition.include:
        parts.append(f"{_verb(field)} {_listed(field, condition.include, 'or')}")
    if condition.exclude:
        parts.append(f"{_verb_not(field)} {_listed(field, condition.exclude, 'or')}")
    return f"{_whose(field)} {' but '.join(parts) or '…'}"


def _group(group: Group, *, top: bool = False) -> str:
    parts = [node_text(node) for node in group.nodes]
    if len(parts) == 1:
        return parts[0]
    if group.op == "any":
        joined = " or ".join(parts)
        return f"either {joined}" if top else f"(either {joined})"
    joined = ", and ".join(parts) if top else " and ".join(parts)
    return joined if top else f"({joined})"


def node_text(node: Node) -> str:
    """A condition or a group as a clause."""
    return condition_text(node) if isinstance(node, Condition) else _group(node)


def _whose(field: Field) -> str:
    return f"whose {_subject(field)}"


def _subject(field: Field) -> str:
    if field.key in _POSSESSIVE:
        return _POSSESSIVE[field.key]
    return field.noun


def _verb(field: Field) -> str:
    return "contains" if field.kind == "phrase" else "is"


def _verb_not(field: Field) -> str:
    return "does not contain" if field.kind == "phrase" else "is not"


def _listed(field: Field, values: Sequence[str], word: str) -> str:
    named = [f"“{value}”" if field.kind == "phrase" else _label(field, value) for value in values[:MAX_NAMED]]
    if len(values) > MAX_NAMED:
        return f"{', '.join(named)} {word} {len(values) - MAX_NAMED} more"
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} {word} {named[-1]}"


def _label(field: Field, value: str) -> str:
    return value.title() if field.key == "city" else field.label_of(value)


def _range(condition: Condition) -> str:
    if condition.low is not None and condition.high is not None:
        return f"is {condition.low} to {condition.high}"
    if condition.low is not None:
        return f"is {condition.low} or more"
    if condition.high is not None:
        return f"is {condition.high} or less"
    return "is …"
