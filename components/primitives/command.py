"""cmdk: a filterable list worked with the keyboard, for the command palette and for typeahead fields."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.components.component import Component


def _value(value: rx.Var[str]) -> list[rx.Var[str]]:
    return [value]


class _Command(Component):
    library = "cmdk@1.1.1"


UNSOUGHT = "recent: "
"""A line whose value begins with this goes away as soon as something is typed: it stands in another group, too."""

# cmdk's own ranking is fuzzy ("se" finds "Use the light theme"); people expect words that begin with what they typed.
BY_WORDS = rx.Var(
    """(value, search, keywords) => {
  if (value.startsWith("recent: ")) return 0;
  const text = [value, ...(keywords || [])].join(" ").toLowerCase();
  const words = search.toLowerCase().split(/\\s+/).filter(Boolean);
  const starts = (word) => text.startsWith(word) || text.includes(" " + word);
  if (words.every(starts)) return text.startsWith(words[0] || "") ? 1 : 0.8;
  return words.every((word) => text.includes(word)) ? 0.3 : 0;
}"""
)


class CommandRoot(_Command):
    tag = "Command"

    filter: rx.Var[Any]

    label: rx.Var[str]
    should_filter: rx.Var[bool]
    loop: rx.Var[bool]


class CommandInput(_Command):
    tag = "CommandInput"

    placeholder: rx.Var[str]
    value: rx.Var[str]
    on_value_change: rx.EventHandler[_value]
    auto_focus: rx.Var[bool]


class CommandList(_Command):
    tag = "CommandList"

    label: rx.Var[str]


class CommandEmpty(_Command):
    tag = "CommandEmpty"


class CommandGroup(_Command):
    tag = "CommandGroup"

    heading: rx.Var[str]


class CommandItem(_Command):
    tag = "CommandItem"

    value: rx.Var[str]
    keywords: rx.Var[list[str]]
    disabled: rx.Var[bool]
    on_select: rx.EventHandler[_value]
