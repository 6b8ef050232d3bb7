"""The list of saved segments."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.buttons import primary, secondary
from components.dialog import item, modal
from components.feedback import (
    list_failure,
    list_states,
    nothing_matches,
    nothing_yet,
    pill,
    relative_time,
    status_pill,
)
from components.form import error_text, field, number_input, search_input, segmented
from components.table import Column, data_table, list_pager, skeleton_table, table_card, toolbar
from components.tokens import Tone
from cursive_app.pages.frame import may, page
from cursive_app.pages.segment_actions import segment_dialogs, segment_menu
from cursive_app.pages.segment_price import limits_key, shortfall
from cursive_app.services.accounts import Permission
from cursive_app.services.segments import RESTORABLE
from state.segments import SegmentsState as S

STATUS: dict[str, tuple[str, Tone]] = {
    "active": ("Active", "good"),
    "paused": ("Paused", "warn"),
    "archived": ("Archived", "neutral"),
}


def _name(row: Any) -> rx.Component:
    return rx.el.span(
        rx.el.span(
            rx.el.span(
                row.name, title=row.name, class_name="font-medium text-ink break-words sm:max-w-[300px] sm:truncate"
            ),
            rx.cond(row.is_shared, rx.fragment(), pill("Private", "neutral", icon_name="lock")),
            class_name="inline-flex min-w-0 max-w-full items-center gap-2",
        ),
        rx.cond(
            row.description != "",
            rx.el.span(
                row.description,
                title=row.description,
                class_name="block text-12 font-normal text-ink-3 line-clamp-2 sm:line-clamp-none sm:truncate "
                "sm:max-w-[300px]",
            ),
            rx.fragment(),
        ),
        class_name="flex min-w-0 flex-col items-start sm:py-1.5",
    )


def _sentence(row: Any) -> rx.Component:
    return rx.el.span(row.sentence, title=row.sentence, class_name="block sm:max-w-[340px] sm:truncate")


def _status(row: Any) -> rx.Component:
    return rx.cond(
        row.is_running,
        pill("Running", "info"),
        rx.cond(row.is_broken, pill("Needs mending", "warn"), status_pill(row.status, STATUS)),
    )


def _run_button(row: Any) -> rx.Component:
    return rx.cond(
        row.can_run,
        rx.el.button(
            "Run",
            type="button",
            on_click=[rx.stop_propagation, S.ask_run(row.id)],
            aria_label="Run " + row.name,
            class_name="btn btn-secondary btn-sm",
        ),
        rx.fragment(),
    )


def _restore_button(row: Any) -> rx.Component:
    return rx.cond(
        row.may_edit,
        rx.el.button(
            "Restore",
            type="button",
            on_click=S.restore(row.id),
            aria_label="Restore " + row.name,
            class_name="btn btn-secondary btn-sm",
        ),
        rx.fragment(),
    )


COLUMNS = (
    Column("name", "Name", _name, lead=True),
    Column("sentence", "In words", _sentence),
    Column("status", "Status", _status),
    Column("last_run", "Last run", lambda r: relative_time(r.last_run, exact=r.last_run_exact)),
    Column("last_count", "Last found", lambda r: r.last_count, right=True),
    Column("author", "Author", lambda r: r.author),
    Column("run", "Run", _run_button, right=True),
)  # fmt: skip


DELETED_COLUMNS = (
    Column("name", "Name", _name, lead=True),
    Column("sentence", "In words", _sentence),
    Column("deleted", "Deleted", lambda r: relative_time(r.deleted, exact=r.deleted_exact)),
    Column("until", "Can be restored until", lambda r: r.until),
    Column("author", "Author", lambda r: r.author),
    Column("restore", "Restore", _restore_button, right=True),
)  # fmt: skip


def segments() -> rx.Component:
    return page(
        toolbar(
            segmented(
                [
                    ("", "In use"),
                    ("active", "Active"),
                    ("paused", "Paused"),
                    ("archived", "Archived"),
                    ("deleted", "Deleted"),
                ],
                value=S.chosen,
                on_change=S.filter_status,
                label="Status",
            ),
            search_input(
                "segment-search",
                "Search by name",
                default_value=S.query,
                key=S.search_key,
                on_change=S.search.debounce(300),
                class_name="w-full sm:w-64",
            ),
        ),
        table_card(
            list_states(
                S.status,
                ready=rx.fragment(rx.cond(S.chosen == "deleted", _deleted_table(), _table()), list_pager(S.shown, S)),
                loading=skeleton_table(COLUMNS[:7], rows=8),
                empty=nothing_yet(
                    "No segments yet",
                    "A segment is a named filter: describe the people you are looking for, see a free sample, run it "
                    "within a spending limit, and own the leads.",
                    primary("New segment", href="/segments/new", icon_name="plus"),
                    icon_name="filter",
                ),
                no_match=nothing_matches(
                    "No segment here",
                    S.nothing,
                    actions=[
                        rx.cond(
                            S.filtered,
                            secondary("Clear filters", on_click=S.clear),
                            secondary("Show archived segments", on_click=S.filter_status("archived")),
                        )
                    ],
                ),
                failed=list_failure(
                    S.error, bad_address=S.bad_address, on_retry=S.load, out="Show all segments", start_over=S.clear
                ),
            )
        ),
        _run_dialog(),
        segment_dialogs(S),
        title="Segments",
        active="segments",
        actions=[
            rx.cond(
                may(Permission.EDIT_SEGMENTS),
                primary("New segment", href="/segments/new", icon_name="plus", hotkey="c"),
                rx.fragment(),
            )
        ],
        wide=True,
    )


def _table() -> rx.Component:
    return data_table(
        COLUMNS,
        rows=S.rows,
        key=lambda r: r.id,
        caption="Segments",
        href=_address,
        row_menu=_row_menu,
    )


def _address(row: Any) -> Any:
    return "/segments/" + row.id


def _row_menu(row: Any) -> rx.Component:
    return segment_menu(
        row,
        S,
        first=[
            item("Open", icon_name="arrow-right", on_select=rx.redirect(_address(row))),
            rx.cond(row.can_run, item("Run…", icon_name="play", on_select=S.ask_run(row.id)), rx.fragment()),
        ],
    )


def _deleted_table() -> rx.Component:
    days = RESTORABLE.days
    return rx.fragment(
        rx.el.p(
            f"A deleted segment can be restored for {days} days. After that it leaves this list for good; its runs "
            "stay in Jobs and in the credit statement, and the leads it found stay yours.",
            class_name="border-b border-line px-4 py-3 text-13 text-ink-2",
        ),
        data_table(DELETED_COLUMNS, rows=S.rows, key=lambda r: r.id, caption="Deleted segments"),
    )


def _most() -> rx.Component:
    return rx.fragment(
        "At most ",
        rx.el.strong(S.quote.most, class_name="font-semibold text-ink"),
        " for ",
        S.quote.leads,
        rx.cond(may(Permission.VIEW_CREDITS), rx.fragment("; you have ", S.quote.available), rx.fragment()),
        ". ",
    )


def _run_dialog() -> rx.Component:
    return modal(
        "Run “" + S.subject.name + "”",
        rx.el.div(
            rx.el.p(S.subject.sentence, class_name="text-13 text-ink-2"),
            rx.el.div(
                field(
                    "quick-leads",
                    "Leads, at most",
                    number_input(
                        "quick-leads",
                        default_value=S.max_leads,
                        key=limits_key(S, "leads"),
                        on_change=S.set_max_leads.debounce(250),
                        on_blur=S.set_max_leads,
                        error=S.leads_error,
                    ),
                    error=S.leads_error,
                ),
                field(
                    "quick-ceiling",
                    "Spend ceiling",
                    number_input(
                        "quick-ceiling",
                        input_mode="decimal",
                        placeholder="credits",
                        default_value=S.ceiling,
                        key=limits_key(S, "ceiling"),
                        on_change=S.set_ceiling.debounce(250),
                        on_blur=S.set_ceiling,
                        error=S.ceiling_error,
                    ),
                    error=S.ceiling_error,
                ),
                class_name="grid grid-cols-2 gap-3",
            ),
            rx.el.p(
                rx.el.strong(S.quote.price, class_name="font-semibold text-ink"),
                " per new lead that matches. ",
                rx.cond(S.priced, _most(), rx.fragment()),
                "People you own already cost nothing.",
                class_name="text-13 text-ink-2",
            ),
            shortfall(S),
            error_text("quick-run", S.quote_error),
            class_name="flex flex-col gap-4",
        ),
        is_open=S.running,
        on_open_change=S.set_running,
        footer=[
            secondary("Cancel", on_click=S.set_running(False)),
            primary(
                rx.cond(S.priced, "Run · up to " + S.quote.most, "Run"),
                icon_name="play",
                on_click=S.run,
                pending=S.pending,
                disabled=~S.priced | ~S.quote.enough,
            ),
        ],
    )
