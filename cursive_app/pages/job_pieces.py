"""What the customer's list of jobs and the staff's show alike: a tab for each status, and how far a job has come."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import text
from components.feedback import JOB_STATUS, progress
from state.admin_rows import AdminRow
from state.job_rows import JobRow

_TABS = (("", "All", "all"), *((value, words[0], value) for value, words in JOB_STATUS.items()))


def status_tabs(counts: dict[str, str], chosen: str, *, on_choose: Any, label: str) -> rx.Component:
    """One button per status with its count, by `counts[status]` and `counts["all"]`; `on_choose` takes the status."""

    def tab(value: str, word: str, count: str) -> rx.Component:
        return rx.el.button(
            word,
            rx.el.span(counts[count], class_name="num ml-1.5 text-12 text-ink-3"),
            type="button",
            aria_pressed=rx.cond(text(chosen) == value, "true", "false"),
            on_click=on_choose(value),
            class_name="whitespace-nowrap",
        )

    return rx.el.div(
        rx.el.div(*[tab(*words) for words in _TABS], role="group", aria_label=label, class_name="toggle-group w-max"),
        class_name="max-w-full overflow-x-auto",
    )


def row_meter(row: JobRow | AdminRow, *, class_name: str) -> rx.Component:
    """The bar in a line of the list."""
    return rx.el.span(
        rx.el.span(style={"width": rx.Var.create(row.percent).to(str) + "%"}),
        role="progressbar",
        aria_label=row.title,
        aria_valuemin="0",
        aria_valuemax="100",
        aria_valuenow=rx.Var.create(row.percent).to_string(),
        data_indeterminate=rx.cond(row.open_ended, "true", "false"),
        class_name=f"meter block {class_name}",
    )


def moving_progress(row: JobRow | AdminRow, *, waits: str) -> rx.Component:
    """Stage, counts and time left in the drawer, while the job moves; `waits` when there is no pace yet."""
    return rx.cond(
        row.moving,
        progress(
            percent=rx.Var.create(row.percent),
            done=row.done,
            stage=row.stage,
            eta=rx.cond(row.pace, row.pace, waits),
            indeterminate=row.open_ended,
        ),
        rx.fragment(),
    )
