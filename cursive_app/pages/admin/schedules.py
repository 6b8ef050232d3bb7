"""/admin/jobs/schedules: what happens on time, when next in the reader's zone, how it went; run now, pause."""

from __future__ import annotations

import reflex as rx

from components.binding import items, text
from components.buttons import primary, secondary
from components.feedback import failure, list_states, nothing_yet, pill, relative_time
from components.table import Column, data_table, skeleton_table, table_card
from cursive_app.pages.admin.reason import pause_dialog
from cursive_app.pages.admin.staff_page import may_operate, staff_page
from state.admin_schedules import AdminSchedulesState as S
from state.admin_schedules import ScheduleLine, TickLine


def admin_schedules() -> rx.Component:
    """The page."""
    return staff_page(
        rx.el.p(
            "Lines are in UTC; the next time is shown in your zone, ",
            S.timezone,
            ". A missed time is caught up once.",
            class_name="text-13 text-ink-3",
        ),
        rx.cond(
            S.kept,
            rx.el.p(S.kept, " ", rx.el.span(S.pruned, class_name="num"), class_name="text-13 text-ink-3"),
            rx.fragment(),
        ),
        table_card(
            list_states(
                S.status,
                ready=data_table(COLUMNS, rows=S.schedules, key=lambda one: text(one.name), caption="Schedules"),
                loading=skeleton_table(COLUMNS, rows=9),
                empty=nothing_yet("Nothing is scheduled", "This installation runs nothing on time."),
                failed=failure(S.error, on_retry=S.load),
            )
        ),
        _dialog(),
        section="schedules",
    )


def _name(one: ScheduleLine) -> rx.Component:
    return rx.el.span(
        rx.el.span(one.name, class_name="block"),
        rx.el.span(one.queue, " queue", class_name="block text-12 font-normal text-ink-3"),
        class_name="block py-1.5",
    )


def _when(one: ScheduleLine) -> rx.Component:
    return rx.el.span(
        rx.el.span(one.words, class_name="block"),
        rx.el.code(one.cron, class_name="block text-12 text-ink-3"),
        class_name="block",
    )


def _next(one: ScheduleLine) -> rx.Component:
    running = rx.el.span(
        rx.el.span(one.next_exact, class_name="num block"),
        rx.el.span(one.next, class_name="num block text-12 text-ink-3"),
        class_name="block",
    )
    paused = rx.el.span(
        pill("Paused", "warn"),
        rx.el.span(one.reason, class_name="block truncate text-12 text-ink-2 sm:max-w-64", title=one.reason),
        rx.el.span(one.paused_by, ", ", one.paused_at, class_name="block text-12 text-ink-3"),
        class_name="block py-1.5",
    )
    return rx.cond(one.paused, paused, running)


def _last(one: ScheduleLine) -> rx.Component:
    return rx.el.span(
        pill(one.last, text(one.last_tone)),
        rx.cond(
            one.last_when,
            relative_time(one.last_when, exact=one.last_exact, class_name="ml-2 text-12 text-ink-3"),
            rx.fragment(),
        ),
        class_name="inline-flex items-center",
    )


def _history(one: ScheduleLine) -> rx.Component:
    def tick(run: TickLine) -> rx.Component:
        return rx.el.li(rx.el.span(run.words, class_name="sr-only"), title=run.words, data_tone=run.tone, key=run.key)

    return rx.el.ol(rx.foreach(items(one.ticks), tick), aria_label="Last runs, oldest first", class_name="ticks")


def _do(one: ScheduleLine) -> rx.Component:
    return rx.cond(
        may_operate(),
        rx.el.span(
            secondary(
                "Run now",
                size="sm",
                icon_name="play",
                on_click=S.run_now(one.name),
                pending=text(S.running) == one.name,
            ),
            rx.cond(
                one.paused,
                primary("Resume", size="sm", on_click=S.ask(one.name, "resume")),
                secondary("Pause", size="sm", on_click=S.ask(one.name, "pause")),
            ),
            class_name="inline-flex gap-2",
        ),
        rx.fragment(),
    )


COLUMNS = (
    Column("name", "Task", _name, lead=True),
    Column("when", "When", _when),
    Column("next", "Next", _next),
    Column("last", "Last run", _last),
    Column("history", "Last ten", _history),
    Column("do", "", _do, right=True),
)


def _dialog() -> rx.Component:
    return pause_dialog(
        S,
        noun="schedule",
        pausing="Its times pass without a run until it is resumed. It can still be run by hand.",
        resuming="It runs again from its next time on; what was skipped is not caught up.",
    )
