"""One job for staff: what it cost, its timeline with waits, every try with its error, its arguments, and the way on."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import items, text
from components.buttons import button, copy_button, copyable_id, primary, quiet_danger, secondary
from components.dialog import drawer
from components.feedback import (
    JOB_STATUS,
    banner,
    definition,
    pill,
    relative_time,
    skeleton_lines,
    status_pill,
)
from cursive_app.pages.admin.job_arguments import arguments, stack
from cursive_app.pages.admin.rescue import TITLE
from cursive_app.pages.admin.staff_page import fold, may_all, may_operate
from cursive_app.pages.job_batches import job_batches
from cursive_app.pages.job_pieces import moving_progress, related_jobs
from cursive_app.pages.job_timeline import timeline_line
from state.admin_actions import AdminActionState as A
from state.admin_drawer import AdminAttempt, AdminEvent
from state.admin_jobs import AdminJobsState as S
from state.admin_rows import AdminRow


def job_drawer() -> rx.Component:
    row = S.drawer.row
    return drawer(
        rx.cond(S.drawer.found, row.title, "Job"),
        rx.cond(
            S.drawer.found,
            _details(row),
            rx.cond(S.drawer_missing, rx.el.p("There is no such job.", class_name="text-13"), skeleton_lines(8)),
        ),
        is_open=text(S.open_id) != "",
        on_open_change=S.set_open,
        subtitle=rx.cond(
            S.drawer.found,
            rx.el.span(
                row.kind_word, " · ", row.workspace, " · ", copyable_id(row.short_id),
                class_name="inline-flex flex-wrap items-center gap-x-1.5",
            ),
            rx.el.span("Loading", class_name="text-ink-3"),
        ),
        footer=[_footer(row)],
    )  # fmt: skip


def _details(row: AdminRow) -> rx.Component:
    return rx.el.div(
        rx.cond(row.error, _error(row), rx.fragment()),
        moving_progress(row, waits=row.resumes),
        _facts(row),
        _ways(row),
        job_batches(S.drawer.batches),
        _section("Timeline", _timeline()),
        _section("Tries", _attempts()),
        _section("Arguments", arguments()),
        related_jobs(S.drawer.related, S.drawer.related_sum, on_open=S.open),
        class_name="flex flex-col gap-6",
    )


def _section(title: str, *content: Any) -> rx.Component:
    return rx.el.section(rx.el.h3(title, class_name="mb-2 text-13 font-semibold text-ink"), *content)


def _error(row: AdminRow) -> rx.Component:
    same = rx.el.a(
        "Others with it",
        href=rx.Var.create("/admin/jobs?q=error%3A") + text(row.fingerprint),
        class_name="font-medium underline underline-offset-4 whitespace-nowrap",
    )
    return banner(
        rx.el.p(row.error, class_name="break-words"),
        rx.el.p(rx.el.code(row.error_code, class_name="text-12"), class_name="mt-0.5"),
        tone="bad",
        icon_name="circle-alert",
        action=rx.cond(row.fingerprint, same, rx.fragment()),
    )


def _facts(row: AdminRow) -> rx.Component:
    def number(value: Any) -> rx.Component:
        return rx.el.span(value, class_name="num")

    return definition(
        [
            ("State", rx.el.span(status_pill(row.status, JOB_STATUS), class_name="flex items-center gap-2")),
            ("Done", rx.el.span(row.done, rx.cond(row.failed, rx.el.span(", ", row.failed), ""), class_name="num")),
            ("Credits held now", number(row.held)),
            ("Credits charged", number(row.captured)),
            ("Credits released", number(row.released)),
            ("Credits refunded", number(row.refunded), row.refunded),
            ("Tries", number(row.tries_exact)),
            ("Heartbeat", rx.cond(row.heartbeat, number(row.heartbeat), "No worker holds it")),
            ("Created", number(row.created_exact)),
            (
                "Started",
                rx.cond(
                    row.started_exact,
                    rx.el.span(row.started_exact, ", after waiting ", row.queued, _again(row), class_name="num"),
                    rx.el.span("Not yet; queued for ", row.queued, class_name="num"),
                ),
            ),
            (
                "Ended",
                rx.cond(
                    row.finished_exact,
                    rx.el.span(row.finished_exact, ", took ", row.took, class_name="num"),
                    "Not yet",
                ),
            ),
            ("Started by", row.by),
            ("Tags", _tags(row)),
            (
                "Queue",
                rx.cond(S.drawer.queue_paused, rx.el.span(row.queue, " ", pill("Paused", "warn")), text(row.queue)),
            ),
            ("Job ID", copyable_id(row.id)),
            (
                "Idempotency key",
                rx.cond(S.drawer.idempotency_key, copyable_id(S.drawer.idempotency_key), "None, or masked"),
            ),
        ]
    )


def _again(row: AdminRow) -> rx.Component:
    """A retry begins its time anew; what was before stays told."""
    again = rx.el.span("again ", row.again_exact, class_name="block")
    waits = rx.el.span(row.waits_again, class_name="block")
    return rx.cond(row.waits_again, waits, rx.cond(row.again_exact, again, rx.fragment()))


def _tags(row: AdminRow) -> rx.Component:
    """Each opens the jobs that have it, too."""

    def tag(one: Any) -> rx.Component:
        return rx.el.a(one["name"], href=one["href"], title=one["words"], class_name="link", key=one["name"])

    some = rx.el.span(rx.foreach(items(row.tags), tag), class_name="inline-flex flex-wrap gap-x-2.5")
    return rx.cond(items(row.tags).length() > 0, some, "None")


def _ways(row: AdminRow) -> rx.Component:
    """To what the job is about, and the customer's twin of this page."""
    return rx.el.div(
        rx.el.div(
            rx.foreach(
                items(S.drawer.links),
                lambda one: button(
                    one["label"], size="sm", icon_name="external-link", href=one["href"], key=one["href"]
                ),
            ),
            button("Customer’s view", size="sm", icon_name="user-round", href=S.drawer.customer_href),
            rx.el.span(
                copy_button(S.drawer.customer_url, "Copy the customer’s link"),
                class_name="inline-flex",
            ),
            rx.el.a(
                "Other jobs of ",
                row.workspace,
                href=rx.Var.create("/admin/jobs?q=workspace%3A") + text(row.workspace_id),
                class_name="link text-13",
            ),
            class_name="flex flex-wrap items-center gap-2",
        ),
        rx.el.p(
            "The customer’s pages open for members of the workspace only; the link is safe to send to them.",
            class_name="mt-2 text-12 text-ink-3",
        ),
    )


def _timeline() -> rx.Component:
    return rx.fragment(
        rx.cond(
            S.drawer.earlier_events,
            rx.el.p(S.drawer.earlier_events, class_name="mb-2 text-12 text-ink-3"),
            rx.fragment(),
        ),
        rx.el.ol(rx.foreach(items(S.drawer.events), _event), class_name="flex flex-col"),
    )


def _event(line: AdminEvent) -> rx.Component:
    return timeline_line(
        line,
        beside=rx.cond(line.wait, rx.el.span(" · ", line.wait, class_name="num"), ""),
        below=rx.cond(line.internal, stack(line.internal, "Internals"), rx.fragment()),
    )


def _attempts() -> rx.Component:
    return rx.cond(
        items(S.drawer.attempts).length() > 0,
        rx.el.div(
            rx.cond(
                S.drawer.earlier_attempts,
                rx.el.p(S.drawer.earlier_attempts, class_name="text-12 text-ink-3"),
                rx.fragment(),
            ),
            rx.el.ol(rx.foreach(items(S.drawer.attempts), _attempt), class_name="flex flex-col gap-2.5"),
            class_name="flex flex-col gap-2",
        ),
        rx.el.p(S.drawer.no_attempts, class_name="text-13 text-ink-3"),
    )


def _attempt(one: AdminAttempt) -> rx.Component:
    return rx.el.li(
        rx.cond(one.folded, rx.el.p(one.folded, class_name="mb-1.5 text-12 text-ink-3"), rx.fragment()),
        rx.el.div(
            rx.el.div(
                rx.el.span(one.number, class_name="num text-13 font-medium text-ink"),
                pill(one.outcome, text(one.tone)),
                rx.el.span(one.stage, class_name="text-12 text-ink-3"),
                rx.el.span(one.took, class_name="num ml-auto text-12 text-ink-3"),
                class_name="flex flex-wrap items-center gap-2",
            ),
            rx.el.p(
                relative_time(one.started, exact=one.started_exact),
                " on ",
                rx.el.code(one.worker, class_name="break-all"),
                class_name="mt-1 text-12 text-ink-3",
            ),
            rx.cond(
                one.error,
                rx.el.p(
                    rx.el.code(one.error_code, class_name="mr-2 text-12 text-bad"),
                    one.error,
                    class_name="mt-1.5 text-13 text-ink break-words",
                ),
                rx.fragment(),
            ),
            rx.cond(one.internal, stack(one.internal, "Stack"), rx.fragment()),
            rx.cond(one.log_word, _log(one), rx.fragment()),
            class_name="rounded-lg border border-line px-3 py-2.5",
        ),
        key=one.number,
    )


def _log(one: AdminAttempt) -> rx.Component:
    def line(said: AdminEvent) -> rx.Component:
        return rx.el.li(
            rx.el.span(said.at_exact, class_name="num flex-none text-ink-3"),
            rx.el.span(said.message, class_name="min-w-0 break-words text-ink-2"),
            class_name="flex flex-wrap gap-x-3 text-12",
            key=said.key,
        )

    lines = rx.el.ol(rx.foreach(items(one.log), line), class_name="mt-2 flex flex-col gap-1")
    return rx.el.div(fold(text(one.log_word), lines), class_name="mt-2")


def _footer(row: AdminRow) -> rx.Component:
    """Only what is possible for this job and this role."""

    def possible(why_no: Any, shown: rx.Component, *, role: rx.Var[bool] | None = None) -> rx.Component:
        allowed = text(why_no) == ""
        return rx.cond(allowed if role is None else allowed & role, shown, rx.fragment())

    failed = text(row.status) == "failed"
    anything = failed | (text(row.why_no_cancel) == "") | (text(S.drawer.stuck) != "")
    anything = anything | ((text(row.why_no_delete) == "") & may_all())
    return rx.cond(
        S.drawer.found & may_operate() & anything,
        rx.el.div(
            rx.cond(
                failed & (text(row.why_no_retry) != ""),
                rx.el.p(row.why_no_retry, class_name="mr-auto max-w-[36ch] text-12 text-ink-3"),
                rx.fragment(),
            ),
            possible(row.why_no_delete, quiet_danger("Delete", on_click=A.ask_one("delete", row.id)), role=may_all()),
            rx.cond(
                S.drawer.stuck,
                secondary("Rescue", icon_name="life-buoy", on_click=S.rescue(row.id), title=TITLE,
                          pending=text(S.rescuing) == row.id),
                rx.fragment(),
            ),
            possible(row.why_no_cancel, quiet_danger("Stop job", on_click=A.ask_one("cancel", row.id))),
            possible(row.why_no_retry, primary("Retry", icon_name="rotate-cw", on_click=A.ask_one("retry", row.id))),
            class_name="flex w-full flex-wrap items-center justify-end gap-2",
        ),
        rx.fragment(),
    )  # fmt: skip


__all__ = ["job_drawer"]
