"""/admin/jobs/stuck: jobs that should move and do not, how long they have been so, and rescue."""

from __future__ import annotations

import reflex as rx

from components.binding import text
from components.buttons import secondary
from components.feedback import JOB_STATUS, banner, failure, list_states, nothing_yet, status_pill
from components.icons import icon
from components.table import Column, data_table, skeleton_table, table_card
from cursive_app.pages.admin.rescue import TITLE, rescue_dialog
from cursive_app.pages.admin.staff_page import may_operate, staff_page
from cursive_app.pages.job_pieces import two_lines
from state.admin_stuck import AdminStuckState as S
from state.admin_stuck import StuckLine


def admin_stuck() -> rx.Component:
    """The page."""
    return staff_page(
        rx.cond(
            S.clock_late,
            banner(S.clock, tone="bad", icon_name="circle-alert"),
            rx.cond(
                S.clock,
                rx.el.p(
                    icon("heart-pulse", size=14, class_name="flex-none self-start mt-0.5 text-good"),
                    rx.el.span(S.clock, " ", S.rule, class_name="min-w-0"),
                    class_name="num flex items-baseline gap-x-1.5 text-13 text-ink-3",
                ),
                rx.fragment(),
            ),
        ),
        table_card(
            list_states(
                S.status,
                ready=rx.el.div(
                    data_table(
                        COLUMNS,
                        rows=S.lines,
                        key=lambda one: text(one.id),
                        caption="Stuck jobs",
                        on_open=lambda one: S.open(one.id),
                        row_menu=_rescue,
                    ),
                    class_name="steady-table",
                ),
                loading=skeleton_table(COLUMNS, rows=4),
                empty=nothing_yet(
                    "Nothing is stuck",
                    "Every job that should move is in living hands or has its turn in a queue.",
                    icon_name="circle-check",
                ),
                failed=failure(S.error, on_retry=S.load),
            )
        ),
        rescue_dialog(S),
        section="stuck",
    )


def _lead(one: StuckLine) -> rx.Component:
    row = one.row
    return two_lines(row.title, rx.fragment(rx.el.code(row.short_id), " · ", row.kind_word), title=row.title)


def _since(one: StuckLine) -> rx.Component:
    heartbeat = rx.cond(one.row.heartbeat, rx.fragment("heartbeat ", one.row.heartbeat), "no worker")
    return two_lines(rx.el.span(one.still, class_name="num"), rx.el.span(heartbeat, class_name="num"))


def _rescue(one: StuckLine) -> rx.Component:
    return rx.cond(
        may_operate(),
        secondary(
            "Rescue",
            size="sm",
            icon_name="life-buoy",
            on_click=S.rescue(one.id),
            pending=text(S.rescuing) == one.id,
            title=TITLE,
        ),
        rx.fragment(),
    )


COLUMNS = (  # what they leave is the place of the button
    Column("job", "Job", _lead, lead=True, class_name="sm:w-[26%]"),
    Column(
        "workspace", "Workspace",
        lambda one: rx.el.span(one.row.workspace, title=one.row.workspace, class_name="sm:block sm:truncate"),
        class_name="sm:w-[16%]",
    ),
    Column("state", "State", lambda one: status_pill(one.row.status, JOB_STATUS), class_name="sm:w-[9%]"),
    Column(
        "why", "What is seen", lambda one: rx.el.span(one.why, class_name="sm:block sm:whitespace-normal"),
        class_name="sm:w-[20%]",
    ),
    Column("still", "For", _since, right=True, class_name="sm:w-[13%]"),
    Column(
        "tries", "Tries", lambda one: rx.el.span(one.row.tries, title=one.row.tries_exact, class_name="num"),
        right=True, class_name="sm:w-[6%]",
    ),
)  # fmt: skip
