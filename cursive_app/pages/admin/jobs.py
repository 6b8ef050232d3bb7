"""/admin/jobs: every job of every workspace; find, watch, choose, act; one job in a drawer."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import items, text
from components.buttons import danger, ghost, secondary
from components.feedback import (
    JOB_STATUS,
    banner,
    failure,
    list_states,
    nothing_matches,
    nothing_yet,
    relative_time,
    status_pill,
)
from components.icons import icon
from components.table import Column, data_table, list_pager, newer_line, skeleton_table, table_card, toolbar
from cursive_app.pages.admin.actions import action_dialog
from cursive_app.pages.admin.job_drawer import job_drawer
from cursive_app.pages.admin.rescue import rescue_dialog
from cursive_app.pages.admin.staff_page import date_range, fold, may_all, may_operate, staff_page
from cursive_app.pages.job_pieces import row_meter, status_tabs, two_lines
from cursive_app.services.jobs.admin import QUALIFIERS
from state.admin_actions import AdminActionState as A
from state.admin_jobs import AdminJobsState as S
from state.admin_rows import AdminRow


def admin_jobs() -> rx.Component:
    """The page."""
    return staff_page(
        rx.el.div(_query_box(), _help(), class_name="flex flex-col gap-1"),
        toolbar(status_tabs(S.counts, S.chosen_state, on_choose=S.choose_state, label="State"), right=[_dates()]),
        rx.cond(S.failed_days, _failed_days(), rx.fragment()),
        rx.cond(S.bounded, banner(S.bounded, tone="info", icon_name="info"), rx.fragment()),
        table_card(
            newer_line(S.newer, when=text(S.newer) != "", on_click=S.show_newest),
            list_states(
                S.status,
                ready=rx.fragment(
                    rx.el.div(
                        rx.cond(may_operate(), _table(choosing=True), _table(choosing=False)),
                        class_name="steady-table",
                    ),
                    _bulk_bar(),
                    list_pager(S.shown, S),
                ),
                loading=skeleton_table(COLUMNS, rows=10),
                empty=nothing_yet(
                    "No jobs yet",
                    "Whatever any workspace runs in the background appears here, with its attempts and its credits.",
                    icon_name="activity",
                ),
                no_match=nothing_matches(
                    "No job fits", "No job fits this query and these dates.", on_clear=S.clear_filters
                ),
                failed=rx.cond(
                    S.is_mistaken,
                    nothing_matches("This cannot be searched for", S.error, on_clear=S.clear_filters),
                    failure(S.error, on_retry=S.load),
                ),
            ),
        ),
        job_drawer(),
        rescue_dialog(S),
        action_dialog(then=S.load),
        section="jobs",
        actions=[_export()],
    )


def _export() -> rx.Component:
    """What the query finds; not there while it finds nothing to stand for."""
    return rx.cond(
        S.export_url,
        secondary("Export CSV", icon_name="download", href=S.export_url, plain=True),
        rx.fragment(),
    )


def _query_box() -> rx.Component:
    field = rx.el.input(
        id="query",
        name="q",
        type="text",
        placeholder='state:failed workspace:"Acme Inc" -kind:csv_upload',
        aria_label="Query",
        role="combobox",
        custom_attrs={"aria-autocomplete": "list", "aria-controls": "query-list"},
        aria_expanded=rx.cond(items(S.suggestions).length() > 0, "true", "false"),
        default_value=S.query,
        key=S.search_key,
        on_change=S.suggest.debounce(150),
        on_focus=S.suggest,
        auto_complete="off",
        spell_check=False,
        max_length=500,
        data_hotkey="/",
        class_name="input",
    )
    return rx.el.form(
        rx.el.div(
            rx.el.div(icon("search"), field, class_name="search-wrap"),
            rx.cond(
                items(S.suggestions).length() > 0,
                rx.el.ul(
                    rx.foreach(items(S.suggestions), _suggestion),
                    id="query-list",
                    role="listbox",
                    aria_label="Suggestions",
                    class_name="float combo-list",
                ),
                rx.fragment(),
            ),
            data_query="",
            class_name="combo min-w-0 flex-1",
        ),
        secondary("Search", type="submit"),
        role="search",
        aria_label="Search jobs",
        on_submit=S.search,
        class_name="flex items-center gap-2",
    )


def _suggestion(one: Any, place: Any) -> rx.Component:
    return rx.el.li(
        rx.el.code(one["text"], class_name="text-12 text-ink"),
        rx.el.span(one["label"], class_name="ml-auto min-w-0 truncate text-12 text-ink-3"),
        id=rx.Var.create("query-option-") + place.to(str),
        role="option",
        custom_attrs={"aria-selected": "false", "data-text": one["text"]},
        class_name="query-option",
        key=one["text"],
    )


def _help() -> rx.Component:
    lines = [
        rx.el.div(
            rx.el.dt(rx.el.code(f"{name}:" if not name.endswith(".") else f"{name}name:"), class_name="w-28 flex-none"),
            rx.el.dd(words, class_name="min-w-0 text-ink-2"),
            class_name="flex gap-3 text-12",
        )
        for name, words in QUALIFIERS.items()
    ]
    return fold(
        "How to ask",
        rx.el.dl(*lines, class_name="mt-2 flex flex-col gap-1.5"),
        rx.el.p(
            "Quotes hold words together, a minus turns a word around, a comma means either, * stands for any letters.",
            class_name="mt-2 text-12 text-ink-3",
        ),
    )


def _dates() -> rx.Component:
    return date_range(since=S.since, until=S.until, on_since=S.choose_since, on_until=S.choose_until, zone=S.timezone)


def _failed_days() -> rx.Component:
    """Where a group of failures led to: its dates are those of the failure, not of the job."""
    return banner(
        S.failed_days,
        tone="info",
        icon_name="info",
        action=ghost("Show all days", size="sm", on_click=S.clear_failed_days),
    )


def _lead(row: AdminRow) -> rx.Component:
    return two_lines(row.title, rx.fragment(rx.el.code(row.short_id), " · ", row.kind_word), title=row.title)


def _whose(row: AdminRow) -> rx.Component:
    return two_lines(row.workspace, row.by, title=row.by)


def _state(row: AdminRow) -> rx.Component:
    waits = rx.cond(row.waits_again, row.waits_again, row.error_code)
    more = rx.cond(row.stopping, "stopping", rx.cond(row.moving, row.stage, waits))
    return two_lines(status_pill(row.status, JOB_STATUS), more, title=row.error)


def _progress(row: AdminRow) -> rx.Component:
    return two_lines(
        rx.el.span(row.done, class_name="num"),
        rx.cond(
            row.failed,
            rx.el.span(row.failed, class_name=rx.cond(row.failed_is_bad, "num text-bad", "num")),
            rx.cond(row.moving, row_meter(row, class_name="w-full"), rx.fragment()),
        ),
    )


def _credits(row: AdminRow) -> rx.Component:
    return two_lines(rx.el.span(row.credits, class_name="num"), row.credits_more, title=row.credits_more)


def _time(row: AdminRow) -> rx.Component:
    return two_lines(
        rx.el.span(row.took, class_name="num"), rx.el.span("queued ", row.queued, class_name="num"),
        title="From its start, or that of a retry, to its end; before its first start it was queued",
    )  # fmt: skip


COLUMNS = (  # the widths add up to all there is, so that a renewed row moves nothing beside it
    Column("job", "Job", _lead, lead=True, class_name="sm:w-[20%]"),
    Column("workspace", "Workspace, by", _whose, class_name="sm:w-[13%]"),
    Column("state", "State", _state, class_name="sm:w-[11%]"),
    Column(
        "tries", "Tries", lambda row: rx.el.span(row.tries, title=row.tries_exact, class_name="num"),
        right=True, class_name="sm:w-[6%]",
    ),
    Column("progress", "Progress", _progress, class_name="sm:w-[11%]"),
    Column("credits", "Credits", _credits, right=True, class_name="sm:w-[15%]"),
    Column("time", "Took", _time, right=True, class_name="sm:w-[13%]"),
    Column(
        "created", "Created", lambda row: relative_time(row.created, exact=row.created_exact),
        right=True, class_name="sm:w-[11%]",
    ),
)  # fmt: skip


def _table(*, choosing: bool) -> rx.Component:
    boxes = {
        "selected": S.selected,
        "on_select": S.select,
        "on_select_page": S.select_page,
        "page_selected": S.page_selected,
    }
    return data_table(
        COLUMNS,
        rows=S.rows,
        key=lambda row: row.id,
        caption="Jobs",
        on_open=lambda row: S.open(row.id),
        opened=S.open_id,
        **(boxes if choosing else {}),
    )


def _bulk_bar() -> rx.Component:
    """What can be done with the chosen rows; each asks first and says how many it is about."""
    return rx.cond(
        may_operate() & (items(S.selected).length() > 0),
        rx.el.div(
            rx.el.p(S.selected_text, class_name="num mr-2 text-13 text-ink", role="status"),
            secondary("Retry", size="sm", icon_name="rotate-cw", on_click=A.ask_selected("retry")),
            secondary("Stop", size="sm", icon_name="circle-x", on_click=A.ask_selected("cancel")),
            rx.cond(
                may_all(),
                danger("Delete", size="sm", icon_name="trash-2", on_click=A.ask_selected("delete")),
                rx.fragment(),
            ),
            rx.cond(
                (text(S.matching_text) != "") & ~S.all_matching,
                ghost(S.matching_text, size="sm", on_click=S.select_all),
                rx.fragment(),
            ),
            ghost("Clear", size="sm", on_click=S.select_none),
            role="group",
            aria_label="With the selected jobs",
            class_name="bulkbar flex-wrap",
        ),
        rx.fragment(),
    )
