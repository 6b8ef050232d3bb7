"""The filter as boxes: rows of one field each, AND or OR between them, and boxes of rows (SEG-01, SEG-02).

    filter_builder(items=S.items, root_op=S.root_op, actions=FilterActions(…), fields=(FieldGroup("Role", (…)), …), …)

`items` are FilterItem vars: id, kind ("condition" or "group"), op, row, rows. A row: id, field, label, kind (phrase,
enum, exact, range, age, flag, deep), hint, unit, chips, low, high, flag, note, checked. Knows no state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from components.binding import Flag, Items, Text, items, text
from components.buttons import classes, icon_button
from components.combobox import combobox
from components.dialog import item, menu, menu_label
from components.feedback import pill
from components.form import number_input
from components.icons import icon

Call = Callable[..., Any]
REMOVE = "order-2 sm:order-3 sm:mt-0.5"  # beside the label on a phone, at the end of the row elsewhere


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """One field in the menu; `only_leads`: not offered over the people database."""

    key: str
    label: str
    only_leads: bool = False


@dataclass(frozen=True, slots=True)
class FieldGroup:
    label: str
    fields: tuple[FieldChoice, ...]


@dataclass(frozen=True, slots=True)
class FilterActions:
    """What edits do. `path` is a row's or box's id, "" the root."""

    set_op: Call  # (path, "all" | "any")
    add_row: Call  # (group path, field key)
    add_group: Any  # ()
    remove: Call  # (path)
    add_value: Call  # (path, value)
    remove_value: Call  # (path, value)
    toggle_value: Call  # (path, value)
    set_side: Call  # (path, "include" | "exclude")
    set_bound: Call  # (path, "low" | "high", text)
    set_flag: Call  # (path, "yes" | "no")
    suggest: Call  # (path, field, text)


@dataclass(frozen=True, slots=True)
class FilterData:
    """The vars the builder shows. `errors` by path; `vocabulary` by field; `options` belong to the row `typing`;
    `excluding`: paths of the rows whose next value is excluded."""

    items: Items
    root_op: Text
    over_leads: Flag
    errors: Any
    vocabulary: Any
    options: Items
    typing: Text
    excluding: Items
    age_low: Sequence[dict[str, str]]
    age_high: Sequence[dict[str, str]]


def filter_builder(data: FilterData, actions: FilterActions, fields: Sequence[FieldGroup]) -> rx.Component:
    """The whole filter. (Names of loop variables differ from the combobox's: an inner one would hide an outer one.)"""

    def member(part: Any) -> rx.Component:
        return rx.el.li(
            rx.cond(
                part.kind == "group",
                _box(part, data, actions, fields),
                _row(part.row, data, actions, boxed=False),
            ),
            key=part.id.to(str) + part.kind + part.row.field,
            class_name="flex flex-col",
        )

    return rx.el.section(
        rx.el.div(
            _op_switch("", data.root_op, actions, label="Between the conditions"),
            class_name="flex flex-wrap items-center justify-between gap-3 px-4 py-3 border-b border-line",
        ),
        rx.cond(
            items(data.items).length() > 0,
            rx.el.ul(rx.foreach(items(data.items), member), class_name="flex flex-col divide-y divide-line"),
            rx.el.p(
                "No condition yet. Start with what defines these people: a job title, a place, an industry.",
                class_name="px-4 py-8 text-center text-13 text-ink-2",
            ),
        ),
        rx.el.div(
            field_menu("Add condition", "", data.over_leads, actions, fields),
            rx.el.button(
                icon("group", size=15), "Add a box", type="button", on_click=actions.add_group,
                title="A box of conditions joined by OR (or AND)", class_name=classes("ghost", "sm"),
            ),
            class_name="flex flex-wrap items-center gap-2 px-4 py-3 border-t border-line",
        ),
        aria_label="Filter",
        class_name="card",
    )  # fmt: skip


def field_menu(
    label: str,
    group: Text,
    over_leads: Flag,
    actions: FilterActions,
    fields: Sequence[FieldGroup],
) -> rx.Component:
    """The menu of fields; choosing one adds its row to the group."""
    lines: list[rx.Component] = []
    for number, one in enumerate(fields):
        lines.append(menu_label(one.label))
        for choice in one.fields:
            entry = item(choice.label, on_select=actions.add_row(group, choice.key))
            lines.append(rx.cond(over_leads, entry, rx.fragment()) if choice.only_leads else entry)
        if number + 1 < len(fields):
            lines.append(rx.fragment())
    trigger = [icon("plus", size=15), label]
    return menu(label, lines, trigger=trigger, look="secondary", size="sm", align="start")


def _op_switch(path: Any, op: Text, actions: FilterActions, *, label: str) -> rx.Component:
    return rx.el.div(
        rx.el.span("Match", class_name="text-13 text-ink-2"),
        rx.el.div(
            *[
                rx.el.button(
                    word,
                    type="button",
                    aria_pressed=rx.cond(op == value, "true", "false"),
                    on_click=actions.set_op(path, value),
                )
                for value, word in (("all", "all (AND)"), ("any", "any (OR)"))
            ],
            role="group",
            aria_label=label,
            class_name="toggle-group",
        ),
        class_name="flex items-center gap-2",
    )


def _box(part: Any, data: FilterData, actions: FilterActions, fields: Sequence[FieldGroup]) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            _op_switch(part.id, part.op, actions, label="Inside the box"),
            icon_button("x", "Remove the box", size="sm", on_click=actions.remove(part.id)),
            class_name="flex items-center justify-between gap-2 px-3 py-2",
        ),
        rx.el.ul(
            rx.foreach(
                part.rows,
                lambda row: rx.el.li(
                    rx.cond(row.kind == "deep", _deep(row, actions), _row(row, data, actions, boxed=True)),
                    key=row.id.to(str) + row.field,
                ),
            ),
            class_name="flex flex-col divide-y divide-line border-y border-line bg-surface empty:hidden",
        ),
        rx.el.div(
            field_menu("Add to the box", part.id, data.over_leads, actions, fields),
            class_name="px-3 py-2",
        ),
        class_name="m-3 overflow-visible rounded-lg border border-line bg-sunken",
    )


def _deep(row: Any, actions: FilterActions) -> rx.Component:
    return rx.el.div(
        icon("layers", size=15, class_name="mt-0.5 flex-none text-ink-3"),
        rx.el.div(
            rx.el.p(row.label, class_name="text-13 text-ink"),
            rx.el.p(
                "A box inside a box, made through the API. It counts as it reads and stays as it is; "
                "here it can only be removed.",
                class_name="text-12 text-ink-3",
            ),
            class_name="min-w-0 flex-1",
        ),
        icon_button("x", "Remove this nested box", size="sm", on_click=actions.remove(row.id)),
        class_name="flex items-start gap-2 px-3 py-2",
    )


def _row(row: Any, data: FilterData, actions: FilterActions, *, boxed: bool) -> rx.Component:
    pad = "px-3 py-2.5" if boxed else "px-4 py-3"
    return rx.el.div(
        rx.el.div(
            rx.el.span(row.label, class_name="text-13 font-medium text-ink"),
            rx.cond(row.note != "", rx.el.span(row.note, class_name="num text-12 text-ink-3"), rx.fragment()),
            rx.cond(row.checked, _checked_here(), rx.fragment()),
            class_name="flex min-h-7 flex-1 flex-wrap items-center gap-x-2 gap-y-1 sm:w-44 sm:flex-none sm:flex-col "
            "sm:items-start sm:pt-1.5",
        ),
        rx.el.div(
            rx.match(
                row.kind,
                ("range", _range(row, actions)),
                ("age", _age(row, data, actions)),
                ("flag", _flag(row, actions)),
                ("enum", _chips(row, data, actions, local=True)),
                _chips(row, data, actions, local=False),
            ),
            rx.cond(
                data.errors[row.id].to(str),
                rx.el.p(data.errors[row.id], role="alert", class_name="text-12 text-bad"),
                rx.cond(row.hint != "", rx.el.p(row.hint, class_name="text-12 text-ink-3"), rx.fragment()),
            ),
            class_name="order-3 flex min-w-0 flex-1 basis-full flex-col gap-1.5 sm:order-2 sm:basis-0",
            data_condition=row.id,
        ),
        icon_button("x", "Remove this condition", size="sm", on_click=actions.remove(row.id), class_name=REMOVE),
        role="group",
        aria_label=row.label,
        class_name=f"flex flex-wrap sm:flex-nowrap items-start justify-between gap-x-3 gap-y-2 {pad}",
    )


def _checked_here() -> rx.Component:
    return rx.el.span(
        pill("Checked by Cursive", "neutral", dot=False),
        title="The provider cannot narrow by this. Cursive checks it on every record before anything is charged.",
    )


def _chips(row: Any, data: FilterData, actions: FilterActions, *, local: bool) -> rx.Component:
    shared: dict[str, Any] = {
        "chips": row.chips,
        "on_add": lambda value: actions.add_value(row.id, value),
        "on_remove": lambda value: actions.remove_value(row.id, value),
        "on_toggle": lambda value: actions.toggle_value(row.id, value),
    }
    excludes = items(data.excluding).contains(row.id)
    if local:
        box = combobox(
            _id(row, "values"), row.label, options=data.vocabulary[row.field].to(list[dict[str, str]]),
            placeholder=rx.cond(excludes, "Choose what to exclude", "Choose"), **shared,
        )  # fmt: skip
    else:
        box = combobox(
            _id(row, "values"),
            row.label,
            options=rx.cond(text(data.typing) == row.id, data.options, []).to(list[dict[str, str]]),
            on_search=lambda typed: actions.suggest(row.id, row.field, typed).debounce(150),
            placeholder=rx.cond(excludes, "Type what to exclude", "Type and choose"),
            nothing="Type to see suggestions.",
            **shared,
        )
    return rx.el.div(
        _side_switch(row, excludes, actions),
        rx.el.div(box, class_name="min-w-0 flex-1"),
        class_name="flex flex-col gap-1.5 sm:flex-row sm:items-start sm:gap-2",
    )


def _side_switch(row: Any, excludes: Any, actions: FilterActions) -> rx.Component:
    """Whether the next value is included or excluded; a chip changes over with its own button."""
    return rx.el.div(
        rx.el.button(
            "Include",
            type="button",
            aria_pressed=rx.cond(excludes, "false", "true"),
            on_click=actions.set_side(row.id, "include"),
        ),
        rx.el.button(
            "Exclude",
            type="button",
            aria_pressed=rx.cond(excludes, "true", "false"),
            on_click=actions.set_side(row.id, "exclude"),
        ),
        role="group",
        aria_label=text(row.label) + ": add values to",
        class_name="toggle-group",
    )


def _range(row: Any, actions: FilterActions) -> rx.Component:
    def end(side: str, word: str, value: Any) -> rx.Component:
        return number_input(
            _id(row, side),
            placeholder=word,
            aria_label=word,
            default_value=value,
            key=text(row.id) + side + text(value),
            class_name="!w-24",
            on_blur=lambda typed: actions.set_bound(row.id, side, typed),
        )

    return rx.el.div(
        end("low", "From", row.low),
        rx.el.span("–", class_name="text-ink-3", custom_attrs={"aria-hidden": "true"}),
        end("high", "To", row.high),
        rx.el.span(row.unit, class_name="text-13 text-ink-3"),
        class_name="flex items-center gap-2",
    )


def _age(row: Any, data: FilterData, actions: FilterActions) -> rx.Component:
    def end(side: str, word: str, value: Any, options: Sequence[dict[str, str]]) -> rx.Component:
        return rx.el.div(
            rx.el.select(
                *[rx.el.option(one["label"], value=one["value"]) for one in options],
                value=value,
                on_change=lambda chosen: actions.set_bound(row.id, side, chosen),
                aria_label=word,
                class_name="input",
            ),
            icon("chevron-down"),
            class_name="select-wrap w-24",
        )

    return rx.el.div(
        end("low", "Youngest", row.low, data.age_low),
        rx.el.span("to", class_name="text-13 text-ink-3"),
        end("high", "Oldest", row.high, data.age_high),
        rx.el.span(row.unit, class_name="text-13 text-ink-3"),
        class_name="flex items-center gap-2",
    )


def _id(row: Any, part: str) -> Any:
    """The id of a control of this row."""
    return text(row.id) + f"-{part}"


def _flag(row: Any, actions: FilterActions) -> rx.Component:
    return rx.el.div(
        *[
            rx.el.button(
                word,
                type="button",
                aria_pressed=rx.cond(row.flag == value, "true", "false"),
                on_click=actions.set_flag(row.id, value),
            )
            for value, word in (("yes", "Yes"), ("no", "No"))
        ],
        role="group",
        aria_label=row.label,
        class_name="toggle-group",
    )
