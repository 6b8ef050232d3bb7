"""Which arguments of a failed job staff may change for a retry, of what type and within which limits (JOB-06).

A room declares them with the rule of its kind; nothing else can be changed, and nothing that decides what a customer
ordered or pays is ever declared:

    RetryRule(again=retry_leads, editable={"after": Whole("Go on after row", minimum=0, maximum=50_000, rises=True)})

`check(name, value, present)` returns the value to store and raises Invalid that says what would be right. `present` is
what the job has now, None when it has none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from cursive_app.errors import Invalid

Control = Literal["number", "choice", "text", "switch"]


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `minimum` to `maximum`; `rises`: not below what the job has now."""

    label: str
    minimum: int
    maximum: int
    hint: str = ""
    rises: bool = False
    control: ClassVar[Control] = "number"

    def check(self, name: str, value: object, present: object) -> int:
        least = max(self.minimum, present) if self.rises and isinstance(present, int) else self.minimum
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= self.maximum:
            raise _wrong(name, f"{self.label}: give a whole number from {least:,} to {self.maximum:,}.")
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some texts; `options` maps each to its words."""

    label: str
    options: Mapping[str, str] = field(hash=False)
    hint: str = ""
    control: ClassVar[Control] = "choice"

    def check(self, name: str, value: object, present: object) -> str:  # noqa: ARG002  (all kinds are asked alike)
        if not isinstance(value, str) or value not in self.options:
            raise _wrong(name, f"{self.label}: choose {' or '.join(f'“{one}”' for one in self.options)}.")
        return value


@dataclass(frozen=True, slots=True)
class Words:
    """A text of 1 to `longest` characters that fits `pattern` as a whole; `shape` says so in words."""

    label: str
    longest: int
    pattern: str = r"[^\x00-\x1f]+"
    shape: str = "a text in one line"
    hint: str = ""
    control: ClassVar[Control] = "text"

    def check(self, name: str, value: object, present: object) -> str:  # noqa: ARG002  (all kinds are asked alike)
        if not isinstance(value, str) or len(value) > self.longest or not re.fullmatch(self.pattern, value):
            raise _wrong(name, f"{self.label}: give {self.shape}, at most {self.longest:,} characters.")
        return value


@dataclass(frozen=True, slots=True)
class Switch:
    """Yes or no."""

    label: str
    hint: str = ""
    control: ClassVar[Control] = "switch"

    def check(self, name: str, value: object, present: object) -> bool:  # noqa: ARG002  (all kinds are asked alike)
        if not isinstance(value, bool):
            raise _wrong(name, f"{self.label}: say true or false.")
        return value


Editable = Whole | Choice | Words | Switch


def checked(
    editable: Mapping[str, Editable],
    given: Mapping[str, Any],
    *,
    present: Mapping[str, Any],
    kind: str,
    why_fixed: str | None = None,
) -> dict[str, Any]:
    """The values to store. Raises Invalid with a message for every name that is wrong, and for nothing given.

    `why_fixed` is told where nothing is editable.
    """
    wrong: dict[str, str] = {}
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in editable:
            wrong[name[:60]] = "This argument cannot be changed."
            continue
        try:
            found[name] = editable[name].check(name, value, present.get(name))
        except Invalid as error:
            wrong |= error.fields
    if wrong or not found:
        which = f"Arguments of {kind} that can be changed: {', '.join(editable) or 'none'}."
        raise Invalid(f"{which} {why_fixed}" if why_fixed and not editable else which, fields=wrong)
    if all(name in present and present[name] == value for name, value in found.items()):
        raise Invalid("Nothing would change; retry it as it is.")
    return found


def _wrong(name: str, message: str) -> Invalid:
    return Invalid(fields={name: message})
