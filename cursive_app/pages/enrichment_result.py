"""The run as it moves, and what is there when it has ended: counts, receipt, download."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

from components.binding import flag, items, text
from components.buttons import button, ghost, primary, quiet_danger, secondary
from components.dialog import confirm, modal
from components.feedback import banner, definition, relative_time
from components.form import Choice, error_summary, radio_group
from components.icons import icon
from components.shell import section
from cursive_app.pages.enrichment_rows import result_rows
from cursive_app.pages.frame import may
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment.columns import OUTPUT_COLUMNS
from state.enrichment import EnrichmentState as S

OUTCOMES = (
    ("matched", "Matched", "charged"),
    ("no_match", "No match", "not charged"),
    ("skipped", "Skipped", "not sent, not charged"),
    ("error", "Error", "not charged"),
)


def reading() -> rx.Component:
    """The file has arrived and its rows are being read and checked."""
    return rx.el.section(
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
    """Stage, progress, pace, time left, credits so far; stop and resume."""
    return rx.el.section(
        rx.cond(S.card.status == "paused", _paused(), rx.fragment()),
        _meter(
            rx.match(
                S.card.status,
                ("queued", "Waiting for a worker"),
                ("paused", "Paused"),
                rx.cond(S.run.stopping, "Stopping", rx.cond(S.run.stage != "", S.run.stage, "Running")),
            ),
            indeterminate=(S.card.status == "running") & (S.run.percent == 0),
        ),
        rx.el.dl(
            _figure("Matched so far", S.card.counts["matched"]),
            _figure("Pace", rx.cond(S.run.pace != "", S.run.pace, "Not known yet")),
            _figure(
                "Time left",
                rx.cond(S.run.left != "", S.run.left, rx.cond(S.run.waiting != "", S.run.waiting, "Not known yet")),
            ),
            _figure("Credits so far", S.card.captured + " of " + S.card.held + " held"),
            class_name="mt-4 grid grid-cols-2 gap-4 sm:grid-cols-4",
            custom_attrs={"aria-live": "polite"},
        ),
        rx.el.div(
            rx.el.p(
                "The run goes on when you close the browser. You get a notice and an e-mail when it has ended.",
                class_name="text-12 text-ink-3",
            ),
            rx.cond(
                may(Permission.RUN_ENRICHMENTS),
                rx.el.div(
                    rx.cond(
                        S.run.stopping,
                        rx.el.span("Stopping…", role="status", class_name="text-13 text-ink-2"),
                        quiet_danger("Stop the run", icon_name="square", on_click=S.set_confirming_stop(True)),
                    ),
                    class_name="flex flex-none items-center gap-2",
                ),
                rx.fragment(),
            ),
            class_name="mt-4 flex flex-wrap items-center justify-between gap-3",
        ),
        _confirm_stop(),
        aria_label="Run",
        class_name="card px-4 py-4 sm:px-5",
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
                secondary("Resume with what I have", size="sm", on_click=S.resume(True), pending=S.resuming),
                primary("Resume", icon_name="play", size="sm", on_click=S.resume(False), pending=S.resuming),
                class_name="flex flex-wrap gap-2",
            ),
            rx.fragment(),
        ),
        class_name="mb-3 flex-wrap",
    )


def _meter(stage: Any, *, indeterminate: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.span(stage, role="status", class_name="text-13 font-medium text-ink"),
            rx.el.span(S.run.done, class_name="num text-13 text-ink-2"),
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


def _figure(name: str, value: Any) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name, class_name="text-12 text-ink-3"),
        rx.el.dd(value, class_name="num text-14 font-medium text-ink"),
    )


def ended() -> rx.Component:
    """Counts, receipt, what to do next, rows."""
    return rx.el.div(
        rx.cond(
            S.card.message != "",
            rx.fragment(
                rx.match(
                    S.card.status,
                    ("completed", banner(S.card.message, tone="good", icon_name="circle-check")),
                    ("failed", banner(S.card.message, tone="bad", icon_name="circle-alert")),
                    banner(S.card.message, tone="warn", icon_name="info"),
                )
            ),
            rx.fragment(),
        ),
        rx.el.div(
            rx.el.div(_counts(), rx.cond(S.card.purged, _purged(), _next()), class_name="flex min-w-0 flex-col gap-5"),
            _receipt(),
            class_name="grid grid-cols-1 items-start gap-5 lg:grid-cols-[minmax(0,1fr)_320px]",
        ),
        rx.cond(S.card.purged, rx.fragment(), result_rows()),
        _download_dialog(),
        _confirm_delete(),
        class_name="flex flex-col gap-5",
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
        hint=text("Of ") + S.card.counts["all"] + " rows. Each count opens its rows.",
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
                S.card.may_run & (S.card.matched_rows > 0),
                secondary("Add matched rows to my leads", icon_name="users", on_click=S.add_to_leads, pending=S.adding),
                rx.fragment(),
            ),
            _again(S.card.rerun_errors != "", text("Run the ") + S.card.rerun_errors + " failed rows again", "error"),
            _again(
                S.card.rerun_unmatched != "",
                text("Look the ") + S.card.rerun_unmatched + " rows without a match up again",
                "no_match",
            ),
            _again(S.card.rerun_skipped, "Run the rows that were not reached", "skipped"),
            class_name="flex flex-wrap gap-2",
        ),
        rx.el.div(
            rx.el.p(
                icon("clock", size=14, class_name="flex-none text-ink-3"),
                rx.el.span(S.card.kept, title=S.card.kept_exact),
                class_name="flex items-center gap-2 text-12 text-ink-3",
            ),
            rx.cond(
                S.card.may_edit,
                quiet_danger("Delete the files now", size="sm", on_click=S.set_confirming_delete(True)),
                rx.fragment(),
            ),
            class_name="mt-4 flex flex-wrap items-center justify-between gap-2",
        ),
    )


def _again(when: Any, words: Any, outcome: Literal["error", "no_match", "skipped"]) -> rx.Component:
    """A new list of the rows that ended so; its price is shown before anything is spent."""
    return rx.cond(
        S.card.may_run & flag(when),
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


def _download_dialog() -> rx.Component:
    return modal(
        "Download the result",
        rx.el.div(
            radio_group(
                "download-kind",
                "File",
                (
                    Choice("csv", "CSV", "Opens everywhere. Cells that look like formulas are made harmless."),
                    Choice("xlsx", "Excel (XLSX)", "Every cell is text, as it was in your file."),
                ),
                value=S.download_kind,
                on_change=S.set_download_kind,
            ),
            radio_group(
                "download-only",
                "Rows",
                (
                    Choice("all", "All rows", "In the order of your file, each with its outcome."),
                    Choice("matched", "Only matched"),
                    Choice("problems", "Only problems", "Everything that was not matched, with the reason."),
                ),
                value=S.download_only,
                on_change=S.set_download_only,
            ),
            _field_choice(),
            error_summary(S.download_error),
            class_name="flex flex-col gap-5",
        ),
        is_open=S.choosing_download,
        on_open_change=S.set_choosing_download,
        description="Your own columns come first, as they were. The link is private and soon expires.",
        footer=[primary("Download", icon_name="download", on_click=S.download, pending=S.preparing_download)],
        wide=True,
    )


def _field_choice() -> rx.Component:
    def choice(name: str, meaning: str) -> rx.Component:
        return rx.el.label(
            rx.el.input(
                type="checkbox",
                checked=items(S.download_fields).contains(name),
                on_change=lambda _on: S.toggle_field(name),
                class_name="check",
            ),
            rx.el.span(name, title=meaning, class_name="truncate"),
            class_name="flex min-w-0 items-center gap-2 text-12 text-ink",
        )

    return rx.el.details(
        rx.el.summary(
            "Added columns: ",
            items(S.download_fields).length().to_string(),
            f" of {len(OUTPUT_COLUMNS)}",
            class_name="cursor-pointer text-13 font-medium text-ink",
        ),
        rx.el.div(
            ghost("All", size="sm", on_click=S.choose_fields(True)),
            ghost("None", size="sm", on_click=S.choose_fields(False)),
            class_name="flex gap-1 py-2",
        ),
        rx.el.div(
            *[choice(column.name, column.meaning) for column in OUTPUT_COLUMNS],
            class_name="grid grid-cols-1 gap-x-4 gap-y-1.5 sm:grid-cols-2",
        ),
    )


def _confirm_stop() -> rx.Component:
    return confirm(
        is_open=S.confirming_stop,
        on_open_change=S.set_confirming_stop,
        title=text("Stop enriching “") + S.card.filename + "”?",
        consequence=text("Nothing more is sent. The ")
        + S.card.counts["matched"]
        + " rows matched so far stay yours and stay charged; the rest of the "
        + S.card.held
        + " held credits comes back.",
        action="Stop the run",
        on_confirm=S.stop,
        pending=S.stopping,
    )


def _confirm_delete() -> rx.Component:
    return confirm(
        is_open=S.confirming_delete,
        on_open_change=S.set_confirming_delete,
        title=text("Delete the files of “") + S.card.filename + "”?",
        consequence="The uploaded file, its rows and all results are deleted for good. Download what you need first. "
        "Leads you added and the receipt stay.",
        action="Delete the files",
        on_confirm=S.delete_files,
        pending=S.deleting,
    )
