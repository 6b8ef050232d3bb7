"""The dialog before retry, cancel and delete: how many jobs, how far it reaches, and what cannot be done."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import items, text
from components.buttons import danger, primary, secondary
from components.dialog import modal
from components.form import error_summary
from state.admin_actions import AdminActionState as A


def action_dialog(*, then: Any) -> rx.Component:
    """`then` loads the page again once it is done."""
    proven = (text(A.action) != "delete") | (text(A.typed) == A.count)
    blocked = ~A.possible | ~proven
    done = [A.apply, then]
    return modal(
        text(A.title),
        error_summary(A.error),
        rx.cond(A.reach, rx.el.p(A.reach, class_name="num text-13 text-ink"), rx.fragment()),
        _examples(),
        _refused(),
        rx.cond(text(A.action) == "delete", rx.cond(A.possible, _proof(), rx.fragment()), rx.fragment()),
        is_open=A.is_open,
        on_open_change=A.set_open,
        description=text(A.consequence),
        footer=[
            secondary(rx.cond(A.possible, "Keep as they are", "Close"), on_click=A.set_open(False)),
            rx.cond(
                A.possible,
                rx.cond(
                    text(A.action) == "retry",
                    primary(text(A.verb), on_click=done, pending=A.pending, disabled=blocked),
                    danger(text(A.verb), on_click=done, pending=A.pending, disabled=blocked),
                ),
                rx.fragment(),
            ),
        ],
    )


def _examples() -> rx.Component:
    return rx.cond(
        items(A.examples).length() > 0,
        rx.el.ul(
            rx.foreach(items(A.examples), lambda title: rx.el.li(title, class_name="truncate")),
            rx.cond(A.more_examples, rx.el.li(A.more_examples, class_name="text-ink-3"), rx.fragment()),
            aria_label="For example",
            class_name="mt-2 flex flex-col gap-0.5 text-13 text-ink-2",
        ),
        rx.fragment(),
    )


def _refused() -> rx.Component:
    return rx.cond(
        items(A.refused).length() > 0,
        rx.el.div(
            rx.el.p("Left as they are:", class_name="text-13 font-medium text-ink"),
            rx.el.ul(
                rx.foreach(
                    items(A.refused),
                    lambda one: rx.el.li(
                        rx.el.span(one["count"], class_name="num w-12 flex-none text-right text-ink"),
                        one["reason"],
                        class_name="flex gap-2",
                        key=one["reason"],
                    ),
                ),
                class_name="mt-1 flex flex-col gap-0.5 text-13 text-ink-2",
            ),
            class_name="mt-3",
        ),
        rx.fragment(),
    )


def _proof() -> rx.Component:
    """Deleting cannot be taken back, so the count is typed."""
    return rx.el.label(
        rx.el.span("Type ", rx.el.strong(A.count, class_name="num font-semibold text-ink"), " to confirm"),
        rx.el.input(
            default_value="",
            on_change=A.set_typed,
            auto_complete="off",
            input_mode="numeric",
            class_name="input num w-28",
        ),
        class_name="mt-4 flex flex-col gap-1.5 text-13 text-ink-2",
    )


__all__ = ["action_dialog"]
