"""What is there when a run has ended: counts, receipt, what to do next."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

from components.binding import items, text
from components.buttons import button, primary, quiet_danger, secondary
from components.feedback import banner, definition, relative_time
from components.icons import icon
from components.shell import section
from cursive_app.pages.enrichment_download import download_dialog
from cursive_app.pages.enrichment_rows import result_rows
from cursive_app.pages.frame import may
from cursive_app.services.accounts import Permission
from state.enrichment import EnrichmentState as S

OUTCOMES = (
    ("matched", "Matched", "charged"),
    ("no_match", "No match", "not charged"),
    ("skipped", "Skipped", "not charged"),
    ("error", "Error", "not charged"),
)


def ended() -> rx.Component:
    """Counts, receipt, what to do next, rows."""
    return rx.el.div(
        rx.cond(
            S.card.message != "",
            rx.fragment(
                rx.match(
                    S.card.tone,
                    ("good", banner(S.card.message, tone="good", icon_name="circle-check")),
                    ("warn", banner(S.card.message, tone="warn", icon_name="triangle-alert")),
                    ("bad", banner(S.card.message, tone="bad", icon_name="circle-alert")),
                    banner(S.card.message, icon_name="info"),
                )
            ),
            rx.fragment(),
        ),
        rx.el.div(
            rx.el.div(
                _counts(),
                _found(),
                rx.cond(S.card.purged, _purged(), _next()),
                class_name="flex min-w-0 flex-col gap-5",
            ),
            _receipt(),
            class_name="grid grid-cols-1 items-start gap-5 lg:grid-cols-[minmax(0,1fr)_320px]",
        ),
        rx.cond(S.card.purged, rx.fragment(), result_rows()),
        download_dialog(),
        class_name="flex flex-col gap-5",
    )


BROKE_OFF = (
    ("at_provider", "At the provider when it ended", "not waited for"),
    ("not_sent", "Never sent", "not looked up"),
)


def _counts() -> rx.Component:
    def one(key: str, name: str, note: str) -> rx.Component:
        return rx.el.button(
            rx.el.span(name, class_name="block text-13 text-ink-2"),
            rx.el.span(S.card.counts[key], class_name="num block text-28 font-semibold tracking-tight text-ink"),
            rx.el.span(note, class_name="block text-12 text-ink-3"),
            type="button",
            on_click=S.show_tab(key),
            disabled=S.card.purged,
            aria_label=text(name + ": ") + S.card.counts[key] + " rows",
            class_name="rounded-lg px-2 py-1.5 -mx-2 text-left enabled:hover:bg-hover",
        )

    return section(
        "Outcome",
        rx.el.div(
            *[one(key, name, note) for key, name, note in OUTCOMES], class_name="grid grid-cols-2 gap-4 sm:grid-cols-4"
        ),
        rx.cond(
            S.card.broke_off,
            rx.el.div(
                rx.el.p(
                    text("Of the rows to look up, ") + S.card.counts["answered"] + " were answered. The others:",
                    class_name="mb-2 text-13 text-ink-2",
                ),
                rx.el.div(
                    *[one(key, name, note) for key, name, note in BROKE_OFF],
                    class_name="grid grid-cols-1 gap-4 sm:grid-cols-2",
                ),
                class_name="mt-4 border-t border-line pt-4",
            ),
            rx.fragment(),
        ),
        hint=text("Of ") + S.card.counts["all"] + " rows. Each count opens its rows.",
    )


def _found() -> rx.Component:
    """How many matched rows have an e-mail, a phone and so on, beside what the dry run had estimated."""

    def line(found_line: Any) -> rx.Component:
        return rx.el.div(
            rx.el.dt(found_line.label, class_name="w-32 flex-none text-13 text-ink-2"),
            rx.el.dd(
                rx.el.span(found_line.count, class_name="num text-13 font-medium text-ink"),
                rx.el.span(" · ", found_line.share, class_name="num text-13 text-ink-3"),
                rx.cond(
                    found_line.estimate != "",
                    rx.el.span(found_line.estimate, class_name="num block text-12 text-ink-3"),
                    rx.fragment(),
                ),
                class_name="min-w-0",
            ),
            key=found_line.label,
            class_name="flex gap-3",
        )

    return rx.cond(
        (items(S.card.found).length() > 0) & (S.card.matched_rows > 0),
        section(
            "What was found",
            rx.el.dl(rx.foreach(S.card.found, line), class_name="grid gap-x-6 gap-y-2 sm:grid-cols-2"),
            hint=text("Of the ") + S.card.counts["matched"] + " matched rows.",
        ),
        rx.fragment(),
    )


def _next() -> rx.Component:
    return section(
        "What next",
        rx.el.div(
            rx.cond(
                S.card.may_download,
                primary("Download", icon_name="download", on_click=S.set_choosing_download(True)),
                rx.fragment(),
            ),
            rx.cond(
                S.card.may_run & (S.card.matched_rows > 0) & ~S.leads_moving & ~S.leads_done,
                secondary("Add matched rows to my leads", icon_name="users", on_click=S.add_to_leads, pending=S.adding),
                rx.fragment(),
            ),
            _again(S.card.rerun_errors, text("Run ") + S.card.rerun_errors + " in error again", "error"),
            _again(
                S.card.rerun_unmatched, text("Look up ") + S.card.rerun_unmatched + " without a match again", "no_match"
            ),
            _again(S.card.rerun_skipped, text("Run ") + S.card.rerun_skipped + " not reached", "skipped"),
            class_name="flex flex-wrap gap-2",
        ),
        rx.cond(S.leads_words != "", _leads(), rx.fragment()),
        rx.cond(
            S.card.may_download,
            rx.fragment(),
            rx.el.p(
                "Your role may look at the result, not download it. Ask an owner or admin.",
                class_name="text-13 text-ink-2",
            ),
        ),
        rx.el.div(
            rx.el.p(
                icon("clock", size=14, class_name="flex-none text-ink-3"),
                rx.el.span(S.card.kept, title=S.card.kept_exact),
                class_name="flex items-center gap-2 text-12 text-ink-3",
            ),
            rx.cond(
                S.card.may_edit,
                quiet_danger(
                    "Delete the files now",
                    size="sm",
                    on_click=S.set_confirming_delete(True),
                    class_name="-mx-[9px]",  # its words, not its edge, stand in line with the others
                ),
                rx.fragment(),
            ),
            class_name="mt-4 flex flex-wrap items-center justify-between gap-2",
        ),
    )


def _leads() -> rx.Component:
    return rx.el.p(
        icon("users", size=14, class_name="flex-none text-ink-3"),
        rx.el.span(S.leads_words, role="status", class_name="num"),
        rx.el.a("Show my leads", href="/leads", class_name="link"),
        class_name="mt-3 flex flex-wrap items-center gap-2 text-13 text-ink-2",
    )


def _again(rows: Any, words: Any, outcome: Literal["error", "no_match", "skipped"]) -> rx.Component:
    """A new list of the rows that ended so; its price is shown before anything is spent."""
    return rx.cond(
        S.card.may_run & (rows != ""),
        button(words, icon_name="rotate-cw", on_click=S.rerun(outcome), pending=S.rerunning),
        rx.fragment(),
    )


def _purged() -> rx.Component:
    return section(
        "Files",
        rx.el.p(
            S.card.kept,
            " Rows and results are gone for good; counts and receipt stay. Upload the list to enrich it anew.",
            class_name="text-13 text-ink-2",
        ),
    )


def _receipt() -> rx.Component:
    return section(
        "Receipt",
        definition(
            [
                ("Held", rx.el.span(S.card.held, class_name="num")),
                ("Charged", rx.el.span(S.card.captured, class_name="num font-semibold")),
                ("Released", rx.el.span(S.card.released, class_name="num")),
                ("Per matched row", rx.el.span(S.card.price, class_name="num")),
                ("Ceiling", rx.cond(S.card.ceiling != "", S.card.ceiling, "None")),
                ("Matching", rx.cond(S.card.matching == "strict", "Strict", "Balanced")),
                ("Ended", relative_time(S.card.finished, exact=S.card.finished_exact)),
                ("Took", rx.cond(S.card.took != "", S.card.took, "Not known")),
            ]
        ),
        rx.el.div(
            rx.cond(
                (S.card.run_job != "") & may(Permission.VIEW_JOBS),
                rx.el.a("Its timeline", href="/jobs?job=" + S.card.run_job, class_name="link text-13"),
                rx.fragment(),
            ),
            rx.el.a("Credit statement", href="/credits", class_name="link text-13"),
            class_name="mt-2 flex flex-wrap gap-4",
        ),
    )
