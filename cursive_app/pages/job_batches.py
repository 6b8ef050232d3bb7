"""The batches of a job, as its customer sees them and, with the provider's ids, staff: failed ones first (JOB-15)."""

from __future__ import annotations

import reflex as rx

from components.binding import items, text
from components.buttons import copyable_id
from components.dialog import fold
from components.feedback import relative_time, status_pill
from components.tokens import Tone
from state.job_batches import BatchCard, BatchLine

BATCH_STATUS: dict[str, tuple[str, Tone]] = {
    "failed": ("Failed", "bad"),
    "at_provider": ("At the provider", "info"),
    "not_sent": ("Not sent", "neutral"),
    "not_awaited": ("Not waited for", "neutral"),
    "answered": ("Answered", "good"),
}


def job_batches(card: BatchCard) -> rx.Component:
    """How many are done, those that need a look, and behind a fold those that were answered. Nothing without any."""
    answered = fold(
        text(card.answered_word),
        rx.el.ul(rx.foreach(items(card.answered), _line), class_name="flex flex-col"),
    )
    return rx.cond(
        card.all_of_it,
        rx.el.section(
            rx.el.h3("Batches", class_name="mb-1 text-13 font-semibold text-ink"),
            rx.el.p(card.all_of_it, class_name="num text-13 text-ink-2"),
            rx.el.ul(rx.foreach(items(card.lines), _line), class_name="flex flex-col"),
            rx.cond(items(card.answered).length() > 0, rx.el.div(answered, class_name="mt-2"), rx.fragment()),
            rx.cond(card.left_out, rx.el.p(card.left_out, class_name="mt-2 text-12 text-ink-3"), rx.fragment()),
        ),
        rx.fragment(),
    )


def _line(one: BatchLine) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            status_pill(one.status, BATCH_STATUS),
            rx.el.span(one.name, class_name="num font-medium text-ink"),
            rx.el.span(one.rows, class_name="num text-12 text-ink-3"),
            rx.el.span(one.came_to, class_name="num ml-auto text-12 text-ink-2"),
            class_name="flex flex-wrap items-center gap-x-2.5 gap-y-0.5 text-13",
        ),
        rx.el.p(
            rx.cond(one.when, relative_time(one.when, exact=one.when_exact), rx.fragment()),
            rx.cond(one.course, rx.el.span(" · ", one.course, class_name="num"), rx.fragment()),
            class_name="mt-0.5 text-12 text-ink-3 empty:hidden",
        ),
        rx.cond(
            one.problem,
            rx.el.p(
                one.problem,
                class_name=rx.cond(
                    text(one.status) == "failed",
                    "mt-0.5 text-12 text-bad break-words",
                    "mt-0.5 text-12 text-ink-2 break-words",
                ),
            ),
            rx.fragment(),
        ),
        rx.cond(text(one.provider_job) + text(one.ordered_as), _trace(one), rx.fragment()),
        class_name="border-b border-line py-2",
        key=one.key,
    )


def _trace(one: BatchLine) -> rx.Component:
    """Where staff find it at the provider: by its job, or before there is one known by the name it is ordered under."""
    return rx.el.div(
        rx.cond(one.code, rx.el.code(one.code, class_name="text-12 text-bad break-all"), rx.fragment()),
        rx.cond(
            one.provider_job,
            rx.el.span("Provider job ", copyable_id(one.provider_job), class_name="min-w-0 break-all"),
            rx.el.span("Ordered as ", copyable_id(one.ordered_as), class_name="min-w-0 break-all"),
        ),
        class_name="mt-0.5 flex flex-wrap gap-x-3 text-12 text-ink-3",
    )
