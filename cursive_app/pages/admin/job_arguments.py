"""The arguments of a job for staff: exact values, the whole as JSON, and a retry with others where it is allowed."""

from __future__ import annotations

import reflex as rx

from components.binding import items, text
from components.buttons import copy_button, submit
from components.form import error_summary
from components.icons import icon
from cursive_app.pages.admin.staff_page import fold, may_all
from state.admin_drawer import AdminArgument
from state.admin_jobs import AdminJobsState as S


def arguments() -> rx.Component:
    return rx.fragment(
        rx.cond(
            items(S.drawer.arguments).length() > 0,
            rx.el.dl(rx.foreach(items(S.drawer.arguments), _argument), class_name="flex flex-col gap-1"),
            rx.el.p("This job has no arguments; what it works on is linked above.", class_name="text-13 text-ink-3"),
        ),
        rx.cond(
            items(S.drawer.arguments).length() > 0,
            rx.el.div(stack(S.drawer.arguments_json, "As JSON")),
            rx.fragment(),
        ),
        rx.cond(
            may_all(),
            rx.cond(
                S.drawer.can_edit,
                _edit(),
                rx.cond(
                    (text(S.drawer.row.status) == "failed") & (text(S.drawer.row.why_no_retry) == ""),
                    rx.el.p(
                        "A retry changes no argument. ",
                        S.drawer.why_no_edit,
                        class_name="mt-2 text-12 text-ink-3",
                    ),
                    rx.fragment(),
                ),
            ),
            rx.fragment(),
        ),
    )


def _argument(one: AdminArgument) -> rx.Component:
    """A value with a structure of its own is closed until somebody wants it."""
    nested = fold(
        "Structure", rx.el.pre(one.value, class_name="stack", tab_index=0, role="region", aria_label=one.name)
    )
    plain = rx.el.code(one.value, class_name="break-all text-12")
    value = rx.cond(
        one.masked,
        rx.el.span("•••", rx.el.span(" masked", class_name="sr-only"), title="Masked for your role"),
        rx.cond(one.nested, nested, plain),
    )
    shown = rx.el.div(
        rx.el.dt(
            one.name,
            rx.cond(one.kept, rx.el.span("noted by the work", class_name="block text-12"), rx.fragment()),
            class_name="w-40 flex-none truncate text-13 text-ink-3",
        ),
        rx.el.dd(value, class_name="min-w-0 flex-1 text-13"),
        class_name="flex gap-4 py-0.5",
        key=one.name,
    )
    return rx.cond(one.has_value, shown, rx.fragment(key=one.name))


def _edit() -> rx.Component:
    """Retry with other values: another act than Retry, for the role all, and written down with both values."""
    return rx.el.div(
        fold(
            "Retry with other arguments",
            rx.el.form(
                error_summary(S.editing_error),
                rx.foreach(items(S.drawer.arguments), _control),
                rx.el.p("Who changed what, from what to what, is written down.", class_name="text-12 text-ink-3"),
                rx.el.div(submit("Retry with these", look="secondary")),
                on_submit=S.retry_edited,
                class_name="mt-2 flex flex-col gap-3",
            ),
        ),
        class_name="mt-3",
    )


def _control(one: AdminArgument) -> rx.Component:
    """What the kind of work lets be changed, each by a control of its type."""
    line = rx.el.input(name=one.name, default_value=one.typed, auto_complete="off", class_name="input")
    number = rx.el.input(
        name=one.name, default_value=one.typed, auto_complete="off", input_mode="numeric", class_name="input num w-40"
    )
    option = rx.foreach(
        items(one.options), lambda other: rx.el.option(other["label"], value=other["value"], key=other["value"])
    )
    choice = rx.el.div(
        rx.el.select(option, name=one.name, default_value=one.typed, class_name="input"),
        icon("chevron-down"),
        class_name="select-wrap",
    )
    switch = rx.el.input(
        type="checkbox", name=one.name, default_checked=text(one.typed) == "true", class_name="check block"
    )
    asked = rx.el.label(
        rx.el.span(one.label, class_name="text-13 font-medium text-ink"),
        rx.match(one.control, ("number", number), ("choice", choice), ("switch", switch), line),
        rx.cond(one.hint, rx.el.span(one.hint, class_name="text-12 text-ink-3"), rx.fragment()),
        class_name="flex flex-col gap-1.5",
        key=one.name,
    )
    return rx.cond(one.control, asked, rx.fragment(key=one.name))


def stack(content: rx.Var[str] | str, name: str) -> rx.Component:
    return rx.el.div(
        fold(
            name,
            rx.el.div(
                rx.el.div(copy_button(content, f"Copy {name.lower()}"), class_name="absolute top-1 right-1"),
                rx.el.pre(content, class_name="stack", tab_index=0, role="region", aria_label=name),
                class_name="relative mt-2",
            ),
        ),
        class_name="mt-2",
    )


__all__ = ["arguments", "stack"]
