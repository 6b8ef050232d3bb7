"""A list while work goes on: its file being read, its run with progress, pause and stop."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import flag, text
from components.buttons import ghost, primary, quiet_danger, secondary
from components.dialog import confirm
from components.feedback import banner
from cursive_app.pages.frame import may
from cursive_app.services.accounts import Permission
from state.enrichment import EnrichmentState as S
from state.session import SessionState


def reading() -> rx.Component:
    """The file has arrived and its rows are being read and checked."""
    return rx.el.section(
        _kept_back(),
        _meter(rx.cond(S.run.stage != "", S.run.stage, "Waiting to be read"), indeterminate=S.run.percent == 0),
        rx.el.div(
            rx.el.p(
                "The rows are checked on the server; you can leave this page and come back.",
                class_name="text-13 text-ink-2",
            ),
            rx.cond(
                may(Permission.RUN_ENRICHMENTS) & S.has_run & ~S.run.stopping,
                quiet_danger("Stop reading", size="sm", on_click=S.stop, pending=S.stopping),
                rx.fragment(),
            ),
            class_name="mt-2 flex min-h-7 flex-wrap items-center justify-between gap-2",
        ),
        aria_label="Reading the file",
        class_name="card px-4 py-4",
    )


def working() -> rx.Component:
    """Stage and progress, where the rows are, credits so far, pace and time left once they are known; stop, resume."""
    return rx.el.section(
        rx.cond(S.card.status == "paused", rx.cond(S.card.rests, _rests(), _paused()), rx.fragment()),
        _kept_back(),
        _meter(
            rx.match(
                S.card.status,
                ("queued", "Waiting for a worker"),
                ("paused", "Paused"),
                rx.cond(
                    S.run.stopping,
                    "Stopping",
                    rx.cond(
                        S.card.pausing,
                        "Pausing: waiting for what is at the provider",
                        rx.cond(S.run.stage != "", S.run.stage, "Running"),
                    ),
                ),
            ),
            indeterminate=(S.card.status == "running") & (S.run.percent == 0),
            beside=rx.cond(S.run.stopping | (S.card.status != "running"), "", S.run.waiting),
        ),
        rx.el.dl(
            _figure("Rows answered", S.card.counts["answered"]),
            _figure("At the provider now", S.card.counts["at_provider"]),
            _figure("Not sent yet", S.card.counts["not_sent"]),
            rx.cond(S.run.batches != "", _figure("Batches answered", S.run.batches), rx.fragment()),
            _figure("Matched so far", S.card.counts["matched"]),
            _figure("Credits so far", S.card.captured + " of " + S.card.held + " held"),
            _while_running("Pace", S.run.pace),
            _while_running("Time left", S.run.left),
            class_name="mt-4 grid grid-cols-2 gap-4 sm:grid-cols-4",
            custom_attrs={"aria-live": "polite"},
        ),
        _what_follows(),
        _confirm_stop(),
        aria_label="Run",
        class_name="card px-4 py-4 sm:px-5",
    )


def _what_follows() -> rx.Component:
    """What goes on by itself and what does not, with the ways to pause and to stop."""
    return rx.el.div(
        rx.el.p(
            rx.match(
                S.card.status,
                (
                    "paused",
                    rx.cond(
                        S.card.rests,
                        "Nothing is looked up until it goes on. What was found stays, and what is held stays held; "
                        "stopping ends the run and gives the rest back.",
                        "Nothing is looked up and nothing more is held until it goes on. What was found stays; "
                        "stopping ends the run with it.",
                    ),
                ),
                rx.cond(
                    S.card.pausing & (S.card.counts["not_sent"] != "0"),  # else it ends: nothing is left to rest with
                    "Nothing more is sent. What is at the provider is waited for and charged as it is found; then "
                    "the run rests, and what is held stays held.",
                    "The run goes on when you close the browser. You get a notice and an e-mail when it has ended.",
                ),
            ),
            class_name="text-12 text-ink-3",
        ),
        rx.cond(
            may(Permission.RUN_ENRICHMENTS),
            rx.el.div(
                rx.cond(
                    S.run.stopping,
                    rx.el.span("Stopping…", role="status", class_name="text-13 text-ink-2"),
                    rx.fragment(
                        _pause_or_go_on(),
                        quiet_danger("Stop the run", icon_name="square", on_click=S.set_confirming_stop(True)),
                    ),
                ),
                class_name="-mx-3 flex flex-none items-center",  # words, not edges, stand in line with the others
            ),
            rx.fragment(),
        ),
        class_name="mt-4 flex flex-wrap items-center justify-between gap-3",
    )


def _kept_back() -> rx.Component:
    return rx.cond(S.run.kept_back != "", banner(S.run.kept_back, tone="info", icon_name="pause"), rx.fragment())


def _pause_or_go_on() -> rx.Component:
    """A pause while there is something that it would keep back, and as long as it waits for the provider the way back;
    of a paused run its notice has it."""
    return rx.cond(
        (S.card.status == "paused") | (S.card.counts["not_sent"] == "0"),
        rx.fragment(),
        rx.cond(
            S.card.pausing,
            ghost("Do not pause", icon_name="play", on_click=S.resume(False), pending=S.resuming),
            ghost("Pause", icon_name="pause", on_click=S.pause, pending=S.asking_pause),
        ),
    )


def _rests() -> rx.Component:
    """Paused by hand: what it needs is still held."""
    return banner(
        S.card.message,
        icon_name="pause",
        action=rx.cond(
            may(Permission.RUN_ENRICHMENTS),
            primary("Resume", icon_name="play", size="sm", on_click=S.resume(False), pending=S.resuming),
            rx.fragment(),
        ),
        class_name="mb-3",
    )


def _paused() -> rx.Component:
    return banner(
        rx.cond(S.card.message != "", S.card.message, "The run is paused."),
        tone="warn",
        icon_name="pause",
        action=rx.cond(
            may(Permission.RUN_ENRICHMENTS),
            rx.el.div(
                secondary("Your credits", href="/credits", size="sm"),
                secondary(
                    "Resume with what I have",
                    size="sm",
                    on_click=S.resume(True),
                    pending=S.resuming,
                    disabled=SessionState.balance == "0.00",
                ),
                primary(
                    text("Resume · at most ") + S.card.to_resume + " credits",
                    icon_name="play",
                    size="sm",
                    on_click=S.resume(False),
                    pending=S.resuming,
                ),
                class_name="flex flex-wrap gap-2",
            ),
            rx.fragment(),
        ),
        class_name="mb-3 flex-wrap",
    )


def _meter(stage: Any, *, indeterminate: Any, beside: Any = "") -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.span(stage, role="status", class_name="text-13 font-medium text-ink"),
            rx.el.span(S.run.done, class_name="num text-13 text-ink-2"),
            rx.el.span(beside, class_name="num text-12 text-ink-3 sm:ml-auto"),
            class_name="flex flex-wrap items-baseline gap-x-2.5",
        ),
        rx.el.div(
            rx.el.span(style={"width": rx.Var.create(S.run.percent).to(str) + "%"}),
            role="progressbar",
            aria_label="Progress",
            aria_valuemin="0",
            aria_valuemax="100",
            aria_valuenow=rx.Var.create(S.run.percent).to(str),
            data_indeterminate=rx.cond(flag(indeterminate), "true", "false"),
            class_name="meter",
        ),
        class_name="flex flex-col gap-2",
    )


def _while_running(name: str, value: Any) -> rx.Component:
    """A figure that is known only when two batches have come back, and only of a run that moves."""
    return rx.cond((S.card.status == "running") & (value != ""), _figure(name, value), rx.fragment())


def _figure(name: str, value: Any) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name, class_name="text-12 text-ink-3"),
        rx.el.dd(value, class_name="num text-14 font-medium text-ink"),
    )


def _confirm_stop() -> rx.Component:
    return confirm(
        is_open=S.confirming_stop,
        on_open_change=S.set_confirming_stop,
        title=text("Stop enriching “") + S.card.filename + "”?",
        consequence=text("Nothing more is sent. Rows at the provider, no longer waited for: ")
        + S.card.counts["at_provider"]
        + ". Rows matched so far, kept and charged: "
        + S.card.counts["matched"]
        + ". The rest of the "
        + S.card.held
        + " held credits comes back.",
        action="Stop the run",
        on_confirm=S.stop,
        pending=S.stopping,
    )
