"""/admin/jobs/failures: what goes wrong, how often, whom it hits, and trying all of a group again."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import items, text
from components.buttons import copyable_id, primary, secondary
from components.feedback import failure, list_states, nothing_matches, nothing_yet, relative_time, skeleton_lines
from components.table import toolbar
from cursive_app.pages.admin.actions import action_dialog
from cursive_app.pages.admin.staff_page import clear_dates, date_range, may_operate, staff_page
from state.admin_actions import AdminActionState as A
from state.admin_failures import AdminFailuresState as S
from state.admin_failures import FailureLine


def admin_failures() -> rx.Component:
    """The page."""
    return staff_page(
        toolbar(
            rx.el.p(
                rx.cond(
                    text(S.status) == "ready",
                    rx.el.span(S.shown, class_name="num font-medium text-ink"),
                    rx.cond(_dated(), "", "Failures"),
                ),
                rx.cond(_dated(), "", " of the last 30 days. One group is one cause, however often it struck."),
                class_name="text-13 text-ink-3",
            ),
            right=[
                clear_dates(when=_dated(), on_click=S.clear_filters),
                date_range(
                    since=S.since, until=S.until, on_since=S.choose_since, on_until=S.choose_until, zone=S.timezone
                ),
            ],
        ),
        list_states(
            S.status,
            ready=rx.el.ol(rx.foreach(items(S.groups), _group), class_name="flex flex-col gap-3"),
            loading=rx.el.div(skeleton_lines(8), class_name="card p-5"),
            empty=rx.el.div(
                nothing_yet(
                    "Nothing has failed", "No try of any job has failed in the last 30 days.", icon_name="circle-check"
                ),
                class_name="card",
            ),
            no_match=rx.el.div(
                nothing_matches("Nothing failed then", "No try failed on these days.", on_clear=S.clear_filters),
                class_name="card",
            ),
            failed=rx.el.div(failure(S.error, on_retry=S.clear_filters), class_name="card"),
        ),
        action_dialog(then=S.load),
        section="failures",
    )


def _dated() -> rx.Var[bool]:
    return (text(S.since) != "") | (text(S.until) != "")


def _group(group: FailureLine) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.div(
                rx.el.h2(group.message, class_name="text-14 font-semibold text-ink break-words"),
                rx.el.p(
                    rx.el.code(group.code, class_name="text-12 text-bad"),
                    " · ",
                    group.kinds,
                    " · ",
                    copyable_id(group.fingerprint),
                    class_name="mt-0.5 flex flex-wrap items-center gap-x-1.5 text-12 text-ink-3",
                ),
                class_name="min-w-0 basis-full sm:flex-1 sm:basis-0",
            ),
            rx.el.div(
                secondary("Show jobs", size="sm", href=group.href),
                rx.cond(
                    may_operate() & group.retryable,
                    primary(
                        group.retry_word, size="sm", icon_name="rotate-cw", on_click=A.ask_query("retry", group.query)
                    ),
                    rx.el.span(group.why_no_retry, class_name="max-w-[32ch] text-12 text-ink-3"),
                ),
                class_name="flex flex-none flex-wrap items-center gap-2",
            ),
            class_name="flex flex-wrap items-start gap-3 px-4 pt-3.5 pb-3",
        ),
        rx.el.dl(
            _fact("Struck", rx.el.span(group.attempts, rx.el.br(), group.jobs, class_name="num")),
            _fact(
                "First and last",
                rx.el.span(
                    relative_time(group.first, exact=group.first_exact),
                    rx.el.br(),
                    relative_time(group.last, exact=group.last_exact),
                ),
            ),
            _fact(
                "Credits of these jobs",
                rx.el.span(
                    group.held, " still held", rx.el.br(), group.captured, " charged, ", group.released, " released",
                    class_name="num",
                ),
            ),
            _fact(group.workspace_count, _workspaces(group)),
            class_name="grid grid-cols-1 gap-x-6 gap-y-3 border-t border-line px-4 py-3 sm:grid-cols-2 xl:grid-cols-4",
        ),
        class_name="card",
        key=group.fingerprint,
    )  # fmt: skip


def _fact(name: str | rx.Var[str], value: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name, class_name="text-12 text-ink-3"), rx.el.dd(value, class_name="mt-0.5 text-13 text-ink")
    )


def _workspaces(group: FailureLine) -> rx.Component:
    def one(hit: Any) -> rx.Component:
        return rx.el.li(
            rx.el.a(hit["name"], href=hit["href"], class_name="link"),
            rx.el.span(" ", hit["jobs"], class_name="num text-ink-3"),
            key=hit["id"],
        )

    return rx.el.div(
        rx.el.ul(rx.foreach(items(group.workspaces), one), class_name="flex flex-wrap gap-x-3"),
        rx.cond(
            group.more_workspaces,
            rx.el.span(group.more_workspaces, class_name="num text-12 text-ink-3"),
            rx.fragment(),
        ),
    )
