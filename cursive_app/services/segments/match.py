"""Whether a person satisfies a filter: the re-check of every record before it is charged, and why-in / why-out.

Three answers: True, False and None for "cannot tell", because a record that does not say its industry neither is nor is
not in the industry asked for. Only True is ever delivered and charged. Excluding keeps the unknown ones: a person whose
industry is not known is not known to be in the excluded one. `compile_leads` says the same in SQL; a test holds the two
together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from cursive_app.integrations.audiencelab import Person
from cursive_app.integrations.audiencelab.vocabulary import AGE_RANGES
from cursive_app.services.leads.identity import identity_keys
from cursive_app.services.segments.fields import FIELDS, Field, read_value
from cursive_app.services.segments.filters import Condition, Filters, Group, Node
from cursive_app.services.segments.sentence import condition_text

Values = Mapping[str, object]
"""Field key to value; None or absent means "not known"."""

_FLAGS = ("has_email", "has_verified_email", "has_phone", "has_linkedin")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One condition held against one person. `holds` None: the record does not say."""

    path: tuple[int, ...]
    field: str
    text: str
    holds: bool | None
    actual: str


def person_values(person: Person, *, slim: bool = False) -> dict[str, object]:
    """A provider's person by field key. `slim`: a preview row, in which a missing contact point says nothing."""
    found: dict[str, object] = {
        key: getattr(person, field.attribute, None) for key, field in FIELDS.items() if key not in _FLAGS
    }
    flags: dict[str, bool] = {
        "has_email": any(email.verification != "invalid" for email in person.emails),
        "has_verified_email": any(email.verification == "verified" for email in person.emails),
        "has_phone": bool(person.phones),
        "has_linkedin": identity_keys(person).linkedin_norm is not None,
    }
    return found | {key: value or (None if slim else False) for key, value in flags.items()}


def matches(filters: Filters, values: Values) -> bool | None:
    """True, False or None (cannot tell) for the whole filter."""
    return _node(filters.where, values)


def obeys(condition: Condition, values: Values) -> bool | None:
    """Whether a provider that was sent this condition's includes took it into account.

    It finds a phrase anywhere in a text ("cto" in "director"), where we ask for whole words: such a record obeys, and
    `matches` leaves it out all the same.
    """
    field = FIELDS[condition.field]
    value = values.get(condition.field)
    if field.kind == "phrase" and value:
        text = " ".join(str(value).lower().split())
        return any(wanted.lower() in text or _has_phrase(text, wanted) for wanted in condition.include)
    return _condition(replace(condition, exclude=()), values)


def explain(filters: Filters, values: Values) -> tuple[Verdict, ...]:
    """Each condition on its own, in order."""
    return tuple(
        Verdict(
            path=path,
            field=condition.field,
            text=condition_text(condition),
            holds=_condition(condition, values),
            actual=actual_text(FIELDS[condition.field], values.get(condition.field)),
        )
        for path, condition in filters.conditions()
    )


def actual_text(field: Field, value: object) -> str:
    """What the record says, in words."""
    if value is None or value == "":
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return field.label_of(str(value))


def _node(node: Node, values: Values) -> bool | None:
    if isinstance(node, Group):
        return _group(node, values)
    return _condition(node, values)


def _group(group: Group, values: Values) -> bool | None:
    answers = [_node(node, values) for node in group.nodes]
    decisive = group.op == "any"
    if decisive in answers:
        return decisive
    return None if None in answers else not decisive


def _condition(condition: Condition, values: Values) -> bool | None:
    field = FIELDS[condition.field]
    value = values.get(condition.field)
    if field.kind == "flag":
        return None if value is None else value is condition.flag
    if field.key == "age":
        return _age(condition, value)
    if field.kind == "range":
        return _between(condition, value)
    text = _text(field, value)
    if text is None:
        return None if condition.include else True
    hits = _hits(field)
    if any(hits(text, wanted) for wanted in condition.exclude):
        return False
    return not condition.include or any(hits(text, wanted) for wanted in condition.include)


def _text(field: Field, value: object) -> str | None:
    if value is None or value == "":
        return None
    text = str(value)
    return text if field.kind == "phrase" else read_value(field, text)


def _hits(field: Field) -> Callable[[str, str], bool]:
    return _has_phrase if field.kind == "phrase" else _equal


def _equal(text: str, wanted: str) -> bool:
    return text == wanted


def _has_phrase(text: str, wanted: str) -> bool:
    return _phrase(wanted).search(text.lower()) is not None


@lru_cache(maxsize=2048)
def _phrase(wanted: str) -> re.Pattern[str]:
    inner = r"[\W_]+".join(map(re.escape, phrase_words(wanted)))
    return re.compile(rf"(?<![^\W_]){inner}(?![^\W_])")


def phrase_words(wanted: str) -> list[str]:
    """The words of a phrase: runs of letters and digits, lower case."""
    return re.findall(r"[^\W_]+", wanted.lower())


def _between(condition: Condition, value: object) -> bool | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return (condition.low is None or value >= condition.low) and (condition.high is None or value <= condition.high)


def age_band(value: object) -> tuple[int, int] | None:
    """First and last year of one of the provider's bands ("35-44", "65 and older"); None for anything else."""
    if value not in AGE_RANGES:
        return None
    numbers = [int(found) for found in re.findall(r"\d+", str(value))]
    return numbers[0], numbers[1] if len(numbers) > 1 else 150


def _age(condition: Condition, value: object) -> bool | None:
    band = age_band(value)
    if band is None:
        return None
    return (condition.low is None or band[0] >= condition.low) and (condition.high is None or band[1] <= condition.high)
