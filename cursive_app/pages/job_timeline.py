"""A line of a job's timeline, as its customer sees it and, with more in it, staff."""

from __future__ import annotations

import reflex as rx

from components.feedback import relative_time
from components.icons import icon
from state.admin_drawer import AdminEvent
from state.job_rows import EventLine


def timeline_line(
    line: EventLine | AdminEvent,
    *,
    beside: rx.Component | rx.Var | str = "",
    below: rx.Component | rx.Var | None = None,
) -> rx.Component:
    """What happened, at which stage and when. `beside` stands behind the time, `below` under both."""
    mark = rx.match(
        line.level,
        ("error", icon("circle-alert", size=14, class_name="text-bad")),
        ("warning", icon("triangle-alert", size=14, class_name="text-warn")),
        icon("circle-dot", size=14, class_name="text-ink-3"),
    )
    when = relative_time(line.at, exact=line.at_exact)
    return rx.el.li(
        rx.el.span(mark, class_name="mt-0.5 flex-none"),
        rx.el.div(
            rx.el.p(line.message, class_name="text-13 text-ink break-words"),
            rx.el.p(
                rx.cond(line.stage != line.message, rx.fragment(line.stage, " · "), rx.fragment()),  # not said twice
                when,
                beside,
                class_name="text-12 text-ink-3",
            ),
            rx.fragment() if below is None else below,
            class_name="min-w-0 flex-1 border-b border-line pb-2.5",
        ),
        class_name="flex gap-2.5 pt-2.5",
        key=line.key,
    )
