"""The bell in the top bar: how many notices are unread, the newest of them, and the way to what they tell about."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import items
from components.buttons import classes, ghost
from components.dialog import popover
from components.feedback import relative_time
from components.icons import icon
from state.notices import NoticesState as S


def bell() -> rx.Component:
    """The button and its list."""
    count = rx.Var.create(S.unread)
    return popover(
        "Notices",
        rx.el.div(
            rx.el.h2("Notices", class_name="text-14 font-semibold text-ink"),
            rx.cond(S.unread != "", ghost("Mark all as read", size="sm", on_click=S.mark_all_read), rx.fragment()),
            class_name="flex min-h-7 items-center justify-between gap-3 pb-2",
        ),
        rx.cond(
            items(S.lines).length() > 0,
            rx.el.ul(rx.foreach(S.lines, _line), class_name="-mx-1 flex max-h-[60vh] flex-col overflow-y-auto"),
            rx.el.p("Nothing has happened while you were away.", class_name="py-6 text-center text-13 text-ink-2"),
        ),
        trigger=[
            icon("bell"),
            rx.el.span(
                rx.cond(S.unread != "", rx.Var.create("Notices, ") + count.to(str) + " unread", "Notices"),
                class_name="sr-only",
                custom_attrs={"aria-live": "polite"},
            ),
            rx.cond(
                S.unread != "",
                rx.el.span(S.unread, class_name="bell-count num", custom_attrs={"aria-hidden": "true"}),
                rx.fragment(),
            ),
        ],
        trigger_class=classes("ghost", extra="btn-icon bell"),
        align="end",
        width="w-[min(380px,calc(100vw-24px))]",
        is_open=S.is_open,
        on_open_change=S.set_open,
    )


def _line(notice: Any) -> rx.Component:
    mark = rx.match(
        notice.level,
        ("success", icon("circle-check", size=15, class_name="text-good")),
        ("warning", icon("triangle-alert", size=15, class_name="text-warn")),
        ("error", icon("circle-alert", size=15, class_name="text-bad")),
        icon("info", size=15, class_name="text-info"),
    )
    return rx.el.li(
        rx.el.button(
            rx.el.span(mark, class_name="mt-0.5 flex-none"),
            rx.el.span(
                rx.el.span(
                    notice.title,
                    class_name=rx.cond(
                        notice.unread, "block text-13 font-semibold text-ink", "block text-13 text-ink-2"
                    ),
                ),
                rx.cond(notice.body, rx.el.span(notice.body, class_name="block text-12 text-ink-2"), rx.fragment()),
                relative_time(notice.when, exact=notice.when_exact, class_name="text-12 text-ink-3"),
                class_name="min-w-0 flex-1 break-words text-left",
            ),
            rx.cond(notice.unread, rx.el.span("Unread", class_name="pill plain", data_tone="info"), rx.fragment()),
            type="button",
            on_click=S.open(notice.id),
            class_name="flex w-full items-start gap-2.5 rounded-lg px-2 py-2 hover:bg-hover",
        ),
        key=notice.id,
    )
