"""What the customer's list of jobs and the staff's show alike: a tab for each status, and how far a job has come."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import items, text
from components.feedback import JOB_STATUS, progress, relative_time, status_pill
from state.admin_rows import AdminRow
from state.job_rows import JobRow, RelatedLine

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


def two_lines(first: Any, second: Any, *, title: Any = "") -> rx.Component:
    """A cell of two lines: what is looked for, and what belongs to it."""
    return rx.el.span(
        rx.el.span(first, class_name="block truncate"),
        rx.el.span(second, class_name="block truncate text-12 font-normal text-ink-3"),
        title=title,
        class_name="block min-w-0 sm:py-1.5",
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


def related_jobs(lines: list[RelatedLine], all_of_it: str, *, on_open: Any) -> rx.Component:
    """What belongs to the open job, failed ones first; `all_of_it` is what they came to. Nothing without any."""

    def line(one: RelatedLine) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                status_pill(one.status, JOB_STATUS),
                rx.el.button(
                    one.title, type="button", on_click=on_open(one.id), class_name="link min-w-0 truncate text-left"
                ),
                rx.el.span(one.came_to, class_name="num ml-auto text-12 text-ink-2"),
                class_name="flex flex-wrap items-center gap-x-2.5 gap-y-0.5 text-13",
            ),
            rx.el.p(
                one.kind,
                rx.cond(one.relation, rx.el.span(" · ", one.relation), ""),
                " · ",
                relative_time(one.created, exact=one.created_exact),
                class_name="mt-0.5 text-12 text-ink-3",
            ),
            rx.cond(one.why, rx.el.p(one.why, class_name="mt-0.5 text-12 text-bad break-words"), rx.fragment()),
            class_name="border-b border-line py-2",
            key=one.id,
        )

    return rx.cond(
        items(lines).length() > 0,
        rx.el.section(
            rx.el.h3("Belongs together", class_name="mb-1 text-13 font-semibold text-ink"),
            rx.el.p(all_of_it, class_name="num text-13 text-ink-2"),
            rx.el.ul(rx.foreach(items(lines), line), class_name="flex flex-col"),
        ),
        rx.fragment(),
    )
