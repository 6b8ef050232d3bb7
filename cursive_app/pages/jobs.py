"""/jobs: what runs, what ran, what it cost; one job's timeline in a drawer."""

from __future__ import annotations

import reflex as rx

from components.buttons import button, copyable_id, primary, quiet_danger, secondary
from components.dialog import confirm, drawer
from components.feedback import (
    JOB_STATUS,
    banner,
    definition,
    list_failure,
    list_states,
    nothing_matches,
    nothing_yet,
    relative_time,
    skeleton_lines,
    status_pill,
)
from components.icons import icon
from components.table import Column, data_table, list_pager, newer_line, skeleton_table, table_card, toolbar
from components.visibility import watch_hidden
from cursive_app.pages.frame import may, page
from cursive_app.pages.job_batches import job_batches
from cursive_app.pages.job_pieces import moving_progress, related_jobs, row_meter, status_tabs
from cursive_app.pages.job_timeline import timeline_line
from cursive_app.services.accounts import Permission
from state.job_rows import EventLine, JobRow
from state.jobs import JobsState as S


def jobs() -> rx.Component:
    """The page."""
    return page(
        watch_hidden(S.set_hidden),
        toolbar(
            status_tabs(S.counts, S.chosen_status, on_choose=S.filter_status, label="Status"),
            right=[_kind_filter(), _live_switch()],
        ),
        table_card(
            newer_line("Newer jobs have started. Show them", when=S.has_newer, on_click=S.show_newest),
            list_states(
                S.status,
                ready=_table(),
                loading=skeleton_table(COLUMNS, rows=8),
                empty=nothing_yet(
                    "No jobs yet",
                    "Whatever takes longer than a moment, such as running a segment, appears here with its progress "
                    "and its price.",
                    secondary("Go to segments", href="/segments"),
                    icon_name="activity",
                ),
                no_match=nothing_matches("No job fits", "No job has this status and kind.", on_clear=S.clear_filters),
                failed=list_failure(
                    S.error,
                    bad_address=S.bad_address,
                    on_retry=S.load,
                    out="Show all jobs",
                    start_over=S.clear_filters,
                ),
            ),
        ),
        _drawer(),
        _confirm_cancel(),
        title="Jobs",
        active="jobs",
    )


def _kind_filter() -> rx.Component:
    return rx.cond(
        rx.Var.create(S.kinds).to(list).length() > 1,
        rx.el.label(
            rx.el.span("Kind", class_name="sr-only"),
            rx.el.div(
                rx.el.select(
                    rx.el.option("Every kind", value=""),
                    rx.foreach(
                        S.kinds, lambda kind: rx.el.option(kind["label"], value=kind["value"], key=kind["value"])
                    ),
                    value=S.chosen_kind,
                    on_change=S.filter_kind,
                    id="kind",
                    class_name="input",
                ),
                icon("chevron-down"),
                class_name="select-wrap w-44",
            ),
        ),
        rx.fragment(),
    )


def _live_switch() -> rx.Component:
    return rx.cond(
        S.live,
        button("Live", icon_name="pause", on_click=S.toggle_live, aria_pressed="true", title="Pause the live refresh"),
        button(
            "Paused", icon_name="play", on_click=S.toggle_live, aria_pressed="false", title="Refresh while work runs"
        ),
    )


def _progress_cell(row: JobRow) -> rx.Component:
    return rx.el.div(
        rx.cond(row.moving, row_meter(row, class_name="w-24 flex-none"), rx.fragment()),
        rx.el.span(row.done, class_name="num whitespace-nowrap"),
        rx.cond(
            row.failed,
            rx.el.span(
                row.failed,
                class_name=rx.cond(
                    row.failed_is_bad,
                    "num text-12 text-bad whitespace-nowrap",
                    "num text-12 text-ink-3 whitespace-nowrap",
                ),
            ),
            rx.fragment(),
        ),
        rx.el.span(rx.cond(row.pace, row.pace, row.waiting), class_name="num text-12 text-ink-3 whitespace-nowrap"),
        class_name="flex flex-wrap items-center gap-x-2.5 gap-y-0.5",
    )


def _status_cell(row: JobRow) -> rx.Component:
    return rx.el.div(
        status_pill(row.status, JOB_STATUS),
        rx.cond(
            row.stopping,
            rx.el.span("stopping", class_name="text-12 text-ink-3"),
            rx.cond(row.moving, rx.el.span(row.stage, class_name="text-12 text-ink-3"), rx.fragment()),
        ),
        class_name="flex items-center gap-2",
    )


def _title_cell(row: JobRow) -> rx.Component:
    return rx.el.span(
        rx.el.span(row.title, class_name="truncate"),
        rx.el.span(row.kind, class_name="text-12 font-normal text-ink-3 whitespace-nowrap"),
        class_name="flex min-w-0 items-baseline gap-2",
    )


def _created_cell(row: JobRow) -> rx.Component:
    return relative_time(row.created, exact=row.created_exact, class_name="text-ink-2")


def _number(value: str) -> rx.Component:
    return rx.el.span(value, class_name="num")


COLUMNS = (
    Column("title", "Job", _title_cell, lead=True),
    Column("status", "Status", _status_cell),
    Column("progress", "Progress", _progress_cell),
    Column("held", "Held", lambda row: _number(row.held), right=True),
    Column("captured", "Charged", lambda row: _number(row.captured), right=True),
    Column("released", "Released", lambda row: _number(row.released), right=True),
    Column("by", "Started by", lambda row: rx.el.span(row.by, class_name="text-ink-2 truncate")),
    Column("created", "Created", _created_cell),
)


def _table() -> rx.Component:
    return rx.fragment(
        data_table(
            COLUMNS,
            rows=S.rows,
            key=lambda row: row.id,
            caption="Jobs",
            on_open=lambda row: S.open(row.id),
            opened=S.open_id,
        ),
        list_pager(S.shown, S),
    )


def _drawer() -> rx.Component:
    row = S.drawer.row
    return drawer(
        rx.cond(S.drawer.found, row.title, "Job"),
        rx.cond(
            S.drawer.found,
            _details(row),
            rx.cond(
                S.drawer_missing,
                rx.el.p(
                    "This job does not exist here, or it belongs to another workspace, or it ended so long ago that it "
                    "is no longer kept.",
                    class_name="text-13",
                ),
                skeleton_lines(6),
            ),
        ),
        is_open=S.open_id != "",
        on_open_change=S.set_open,
        subtitle=rx.cond(
            S.drawer.found,
            rx.el.span(row.kind, " · ", copyable_id(row.short_id), class_name="inline-flex items-center gap-1.5"),
            rx.el.span(rx.cond(S.drawer_missing, "Not here", "Loading"), class_name="text-ink-3"),
        ),
        footer=[_footer(row)],
    )


def _details(row: JobRow) -> rx.Component:
    return rx.el.div(
        rx.cond(
            row.error,
            banner(row.error, tone="bad", icon_name="circle-alert"),
            rx.fragment(),
        ),
        rx.cond(row.kept_back, banner(row.kept_back, tone="info", icon_name="pause"), rx.fragment()),
        moving_progress(row, waits=row.waiting),
        definition(
            [
                ("Status", _status_cell(row)),
                ("Done", rx.el.span(row.done, class_name="num")),
                ("Credits held now", _number(row.held)),
                ("Credits charged", _number(row.captured)),
                ("Credits released", _number(row.released)),
                ("Credits refunded", _number(S.drawer.refunded), S.drawer.refunded),
                ("Started by", row.by),
                ("Created", _created_cell(row)),
                ("Took", rx.cond(row.took, rx.el.span(row.took, class_name="num"), "Not ended yet")),
            ]
        ),
        rx.el.div(
            rx.cond(row.segment_href, secondary("Open segment", href=row.segment_href), rx.fragment()),
            rx.cond(row.list_href, secondary("Open list", href=row.list_href), rx.fragment()),
            rx.cond(row.leads_href, secondary("Show its leads", href=row.leads_href), rx.fragment()),
            class_name="flex flex-wrap gap-2",
        ),
        job_batches(S.drawer.batches),
        rx.el.section(
            rx.el.h3("Timeline", class_name="text-13 font-semibold text-ink mb-2"),
            rx.cond(S.drawer.earlier, rx.el.p(S.drawer.earlier, class_name="mb-2 text-12 text-ink-3"), rx.fragment()),
            rx.el.ol(rx.foreach(S.drawer.events, _event), class_name="flex flex-col"),
        ),
        related_jobs(S.drawer.related, S.drawer.related_sum, on_open=S.open),
        class_name="flex flex-col gap-5",
    )


def _event(line: EventLine) -> rx.Component:
    return timeline_line(line)


def _footer(row: JobRow) -> rx.Component:
    return rx.cond(
        may(Permission.CANCEL_JOBS) & (row.can_cancel | row.can_resume),
        rx.el.div(
            rx.cond(row.can_cancel, quiet_danger("Stop job", on_click=S.set_confirming(True)), rx.fragment()),
            rx.cond(row.can_resume, primary("Resume", icon_name="play", on_click=S.resume), rx.fragment()),
            class_name="flex gap-2",
        ),
        rx.fragment(),
    )


def _confirm_cancel() -> rx.Component:
    row = S.drawer.row
    return confirm(
        is_open=S.confirming,
        on_open_change=S.set_confirming,
        title=rx.Var.create("Stop “") + row.title + "”?",
        consequence=rx.Var.create("It stops after the step it is at (")
        + row.done
        + " done). What it has delivered stays yours and stays charged; the credits it still holds are released.",
        action="Stop job",
        on_confirm=S.cancel,
        pending=S.cancelling,
    )
