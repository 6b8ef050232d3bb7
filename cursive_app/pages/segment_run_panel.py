"""One run of a segment: stages, progress, where everybody went, what it cost, stop."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.buttons import ghost, secondary
from components.feedback import banner, pill
from components.icons import icon
from cursive_app.pages.frame import may
from cursive_app.services.accounts import Permission
from state.segment_builder import SegmentBuilderState as S
from state.segment_lines import STAGE_WORDS, STAGES


def run_panel() -> rx.Component:
    """The run that was started or chosen: stages, counts, credits so far, stop. Survives a reload through the URL."""
    run: Any = S.run
    return rx.el.section(
        rx.el.div(
            rx.el.h2(
                rx.cond(run.is_active, "Running", "Result of the run"), class_name="text-14 font-semibold text-ink"
            ),
            rx.cond(run.is_active, pill(run.stage_word, "info"), pill(run.outcome, run.tone)),
            class_name="flex items-center justify-between gap-2",
        ),
        _kept_back(),
        rx.cond(run.is_active, _stages(), rx.fragment()),
        rx.el.div(
            rx.el.span(style={"width": rx.Var.create(run.percent).to(str) + "%"}),
            role="progressbar",
            aria_label="New leads delivered",
            aria_valuemin="0",
            aria_valuemax="100",
            aria_valuenow=rx.Var.create(run.percent).to(str),
            data_indeterminate=rx.cond(run.open_ended, "true", "false"),
            class_name="meter mt-3",
        ),
        rx.el.p(
            rx.el.strong(run.new, class_name="num font-semibold text-ink"),
            " of ",
            run.requested,
            " new leads · ",
            rx.el.strong(run.credits, class_name="num font-semibold text-ink"),
            " of ",
            run.ceiling,
            " credits",
            class_name="mt-2 text-13 text-ink-2",
            custom_attrs={"aria-live": "polite"},
        ),
        _figures(run),
        rx.cond(
            run.dropped != "",
            rx.el.p(
                "The provider could not narrow by ",
                run.dropped,
                "; Cursive checked it instead.",
                class_name="mt-2 text-12 text-ink-3",
            ),
            rx.fragment(),
        ),
        rx.cond(run.message != "", rx.el.p(run.message, class_name="mt-2 text-13 text-ink"), rx.fragment()),
        rx.el.div(
            rx.cond(
                run.leads_url != "",
                secondary("Open these leads", icon_name="users", href=run.leads_url, size="sm"),
                rx.fragment(),
            ),
            rx.cond(
                run.is_active & may(Permission.RUN_SEGMENTS),
                rx.cond(
                    run.cancelling,
                    rx.el.span("Stopping after this page…", class_name="text-12 text-ink-3"),
                    ghost("Stop the run", on_click=S.cancel, pending=S.stopping, size="sm"),
                ),
                rx.fragment(),
            ),
            class_name="mt-3 flex flex-wrap items-center gap-2 empty:hidden",
        ),
        aria_label="Run",
        class_name="card px-4 py-3",
    )


def _figures(run: Any) -> rx.Component:
    """Where everybody went whom the provider found; the lines below the matches add up to them (SEG-14)."""
    return rx.el.dl(
        _count("People the provider found", run.total),
        _count("Fetched and checked", run.fetched),
        _count("Do not match, not charged", run.left_out),
        _count("Match every condition", run.matched),
        _count("New leads", run.new),
        _count("Yours already, not charged", run.owned),
        rx.cond(run.twice != "0", _count("The same person again, not charged", run.twice), rx.fragment()),
        rx.cond(
            run.not_taken != "0",
            _count(
                rx.cond(run.is_full, "Match, beyond your limit", "Match, without a contact to know them by"),
                run.not_taken,
            ),
            rx.fragment(),
        ),
        class_name="mt-2 flex flex-col gap-1",
    )


def _kept_back() -> rx.Component:
    words: Any = S.run.kept_back
    told = rx.el.div(banner(words, tone="info", icon_name="pause"), class_name="mt-2")
    return rx.cond(words, told, rx.fragment())


def _stages() -> rx.Component:
    return rx.el.ol(
        *[
            rx.el.li(
                rx.cond(
                    S.run.stage_number > number,
                    icon("check", size=13, class_name="text-good"),
                    rx.cond(
                        S.run.stage_number == number,
                        icon("loader-circle", size=13, class_name="spin text-info"),
                        icon("circle", size=13, class_name="text-ink-3"),
                    ),
                ),
                STAGE_WORDS[stage],
                aria_current=rx.cond(S.run.stage_number == number, "step", "false"),
                class_name=rx.cond(
                    S.run.stage_number < number,
                    "flex items-center gap-2 text-12 text-ink-3",
                    "flex items-center gap-2 text-12 text-ink",
                ),
            )
            for number, stage in enumerate(STAGES[:-1])
        ],
        class_name="mt-2 flex flex-col gap-1",
    )


def _count(name: Any, value: Any) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name, class_name="text-12 text-ink-3"),
        rx.el.dd(value, class_name="num text-12 text-ink"),
        class_name="flex items-baseline justify-between gap-3",
    )
