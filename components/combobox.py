"""A typeahead field that collects chips, each included or excluded.

    combobox("titles", "Job titles", options=S.title_options, chips=S.titles,
             on_search=S.search_titles.debounce(200), on_add=S.add_title, on_remove=S.remove_title,
             on_toggle=S.toggle_title, placeholder="Add a title")

`options` are dicts with `value`, `label`, `note`; `chips` are dicts with `value`, `label`, `mode` ("include" or
"exclude"). `on_add(value)`, `on_remove(value)`, `on_toggle(value)`. With `on_search(text)` the server finds the options
(put what was typed among them to allow free text); without it they are all there and filtered in the browser.
Loop variables have long names because they become JavaScript names: this field is used inside other loops.
Keys: arrows and Enter choose, Backspace in the empty field removes the last chip, Esc leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reflex as rx

from components.binding import Flag, Items, Text, items, text
from components.icons import icon
from components.primitives import command as cmd


def combobox(
    control_id: Text,
    label: str,
    *,
    options: Items,
    chips: Items,
    on_add: Callable[[Any], Any],
    on_remove: Callable[[Any], Any],
    on_toggle: Callable[[Any], Any] | None = None,
    on_search: Any = None,
    searching: Flag = False,
    placeholder: Text = "Type to search",
    nothing: str = "No match. Try fewer letters.",
) -> rx.Component:
    """The field itself; put it in `form.field` with the same `control_id` for a label, hint and error."""
    typed: dict[str, Any] = {} if on_search is None else {"on_value_change": on_search}
    return cmd.CommandRoot.create(
        rx.el.div(
            rx.foreach(items(chips), lambda combobox_chip: _chip(combobox_chip, on_remove, on_toggle)),
            cmd.CommandInput.create(placeholder=placeholder, **typed),
            rx.cond(searching, icon("loader-circle", size=14, class_name="spin mr-1 text-ink-3"), rx.fragment()),
            class_name="input tokens",
            data_tokens="",
            data_combo=control_id,
        ),
        cmd.CommandList.create(
            cmd.CommandEmpty.create(rx.cond(searching, "Searching…", nothing)),
            *_options(control_id, options, on_add),
            label=f"{label}: suggestions",
            on_mouse_down=rx.prevent_default,
            class_name="float combo-list",
        ),
        label=label,
        should_filter=on_search is None,
        filter=cmd.BY_WORDS,
        loop=True,
        class_name="combo",
    )


def _options(control_id: Text, options: Items, on_add: Callable[[Any], Any]) -> list[Any]:
    clear = rx.call_script(text("window.cursive.clear('") + text(control_id) + "')")
    if isinstance(options, rx.Var):
        return [
            rx.foreach(
                options,
                lambda combobox_option: cmd.CommandItem.create(
                    rx.el.span(combobox_option["label"], class_name="min-w-0 truncate"),
                    rx.el.span(combobox_option["note"], class_name="num ml-auto pl-3 text-12 text-ink-3"),
                    value=combobox_option["value"],
                    keywords=[combobox_option["label"]],
                    on_select=[on_add(combobox_option["value"]), clear],
                    key=combobox_option["value"],
                    class_name="menu-item",
                ),
            )
        ]
    return [
        cmd.CommandItem.create(
            label, value=value, keywords=[label], on_select=[on_add(value), clear], class_name="menu-item"
        )
        for value, label in options
    ]


def _chip(chip: Any, on_remove: Callable[[Any], Any], on_toggle: Callable[[Any], Any] | None) -> rx.Component:
    excluded = chip["mode"] == "exclude"
    text = rx.el.span(chip["label"], class_name="truncate")
    word: rx.Component = rx.cond(excluded, rx.el.span("not ", class_name="font-normal"), rx.fragment())
    name = rx.fragment(word, text)
    if on_toggle is not None:
        name = rx.el.button(
            icon("arrow-left-right", size=11, class_name="flex-none opacity-70"),
            word,
            text,
            type="button",
            on_click=on_toggle(chip["value"]),
            title=rx.cond(excluded, "Excluded. Press to include.", "Included. Press to exclude."),
            aria_pressed=rx.cond(excluded, "true", "false"),
            aria_label=rx.Var.create("Exclude ") + chip["label"].to(str),
            class_name="chip-name",
        )
    return rx.el.span(
        name,
        rx.el.button(
            icon("x"),
            type="button",
            aria_label=rx.Var.create("Remove ") + chip["label"].to(str),
            on_click=on_remove(chip["value"]),
            data_chip_remove="",
        ),
        data_exclude=rx.cond(excluded, "true", "false"),
        key=chip["value"],
        class_name="chip",
    )


def filter_chip(label: Text, *, on_remove: Any) -> rx.Component:
    """An active filter above a table, with its own way out."""
    return rx.el.span(
        rx.el.span(label, class_name="truncate"),
        rx.el.button(
            icon("x"),
            type="button",
            aria_label=rx.Var.create("Remove filter ") + rx.Var.create(label).to(str),
            on_click=on_remove,
        ),
        class_name="chip h-8",
    )
