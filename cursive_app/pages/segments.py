"""The list of saved segments."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.buttons import primary
from components.dialog import confirm, item, line, menu, modal
from components.feedback import (
    failure,
    list_states,
    nothing_matches,
    nothing_yet,
    pill,
    relative_time,
    status_pill,
)
from components.form import error_text, field, number_input, search_input, segmented, text_input
from components.primitives.anchor import anchor
from components.table import Column, data_table, list_pager, skeleton_table, table_card, toolbar
from components.tokens import Tone
from cursive_app.pages.frame import may, page
from cursive_app.services.accounts import Permission
from state.segments import SegmentsState as S

STATUS: dict[str, tuple[str, Tone]] = {
    "active": ("Active", "good"),
    "paused": ("Paused", "warn"),
    "archived": ("Archived", "neutral"),
}


def _name(row: Any) -> rx.Component:
    return rx.el.span(
        rx.el.span(row.name, class_name="font-medium text-ink"),
        rx.cond(row.is_shared, rx.fragment(), pill("Private", "neutral", icon_name="lock")),
        class_name="inline-flex items-center gap-2",
    )


def _sentence(row: Any) -> rx.Component:
    return rx.el.span(row.sentence, title=row.sentence, class_name="block sm:max-w-[340px] sm:truncate")


def _status(row: Any) -> rx.Component:
    return rx.cond(row.is_running, pill("Running", "info"), status_pill(row.status, STATUS))


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


COLUMNS = (
    Column("name", "Name", _name, lead=True),
    Column("sentence", "In words", _sentence),
    Column("status", "Status", _status),
    Column("last_run", "Last run", lambda r: relative_time(r.last_run, exact=r.last_run_exact)),
    Column("last_count", "Last found", lambda r: r.last_count, right=True),
    Column("author", "Author", lambda r: r.author),
    Column("run", "Run", _run_button, right=True),
)  # fmt: skip


def segments() -> rx.Component:
    return page(
        toolbar(
            segmented(
                [("", "In use"), ("active", "Active"), ("paused", "Paused"), ("archived", "Archived")],
                value=S.chosen,
                on_change=S.filter_status,
                label="Status",
            ),
            search_input(
                "segment-search",
                "Search by name",
                default_value=S.query,
                key=S.query,
                on_change=S.search.debounce(300),
                class_name="w-full sm:w-64",
            ),
        ),
        table_card(
            list_states(
                S.status,
                ready=rx.fragment(_table(), list_pager(S.shown, S)),
                loading=skeleton_table(COLUMNS[:7], rows=8),
                empty=nothing_yet(
                    "No segments yet",
                    "A segment is a named filter: describe the people you are looking for, see a free sample, run it "
                    "within a spending limit, and own the leads.",
                    primary("New segment", href="/segments/new", icon_name="plus"),
                    icon_name="filter",
                ),
                no_match=nothing_matches("No segment here", "None has this status and these words.", on_clear=S.clear),
                failed=failure(S.error, on_retry=S.load),
            )
        ),
        _run_dialog(),
        _rename_dialog(),
        confirm(
            is_open=S.deleting,
            on_open_change=S.set_deleting,
            title="Delete “" + S.subject.name + "”?",
            consequence="The segment goes from the list, its history with it. Leads that came from it stay yours.",
            action="Delete segment",
            on_confirm=S.delete,
        ),
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
    def mine(entry: Any) -> rx.Component:
        return rx.cond(row.may_edit, entry, rx.fragment())

    return menu(
        "Actions for " + row.name,
        [
            item("Open", icon_name="arrow-right", on_select=rx.redirect(_address(row))),
            rx.cond(row.can_run, item("Run…", icon_name="play", on_select=S.ask_run(row.id)), rx.fragment()),
            item("Leads of this segment", icon_name="users", on_select=rx.redirect("/leads?segment=" + row.id)),
            line(),
            mine(item("Rename…", icon_name="pencil", on_select=S.ask_rename(row.id))),
            rx.cond(
                may(Permission.EDIT_SEGMENTS),
                item("Duplicate", icon_name="copy", on_select=S.duplicate(row.id)),
                rx.fragment(),
            ),
            mine(
                rx.cond(
                    row.is_shared,
                    item("Make private", icon_name="lock", on_select=S.share(row.id, False)),
                    item("Share with the workspace", icon_name="lock-open", on_select=S.share(row.id, True)),
                )
            ),
            mine(
                rx.match(
                    row.status,
                    ("active", item("Pause", icon_name="pause", on_select=S.set_status(row.id, "paused"))),
                    item("Make active", icon_name="play", on_select=S.set_status(row.id, "active")),
                )
            ),
            mine(
                rx.cond(
                    row.status == "archived",
                    rx.fragment(),
                    item("Archive", icon_name="archive", on_select=S.set_status(row.id, "archived")),
                )
            ),
            mine(item("Delete…", icon_name="trash-2", danger=True, on_select=S.ask_delete(row.id))),
        ],
        icon_name="ellipsis",
        icon_only=True,
        look="ghost",
        size="sm",
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
                        key=S.subject.id,
                        on_change=S.set_max_leads.debounce(250),
                    ),
                ),
                field(
                    "quick-ceiling",
                    "Spend ceiling",
                    number_input(
                        "quick-ceiling",
                        input_mode="decimal",
                        placeholder="credits",
                        default_value=S.ceiling,
                        key=S.subject.id,
                        on_change=S.set_ceiling.debounce(250),
                    ),
                ),
                class_name="grid grid-cols-2 gap-3",
            ),
            rx.el.p(
                rx.el.strong(S.quote.price, class_name="font-semibold text-ink"),
                " per new lead that matches. At most ",
                rx.el.strong(S.quote.most, class_name="font-semibold text-ink"),
                " for ",
                S.quote.leads,
                "; you have ",
                S.quote.available,
                ". People you own already cost nothing.",
                class_name="text-13 text-ink-2",
            ),
            rx.cond(
                S.quote.enough,
                rx.fragment(),
                rx.el.p(
                    S.quote.missing,
                    " are missing for this many. The people who run your Cursive can grant more: see ",
                    anchor("Credits", href="/credits", class_name="link"),
                    ".",
                    class_name="text-13 text-warn",
                ),
            ),
            error_text("quick-run", S.quote_error),
            class_name="flex flex-col gap-4",
        ),
        is_open=S.running,
        on_open_change=S.set_running,
        footer=[
            primary("Run · up to " + S.quote.most, icon_name="play", on_click=S.run, pending=S.pending),
        ],
    )


def _rename_dialog() -> rx.Component:
    return modal(
        "Rename segment",
        rx.el.form(
            field(
                "rename-name",
                "Name",
                text_input(
                    "rename-name",
                    name="name",
                    default_value=S.subject.name,
                    key=S.subject.id,
                    max_length=100,
                    auto_focus=True,
                    error=S.dialog_error,
                ),
                error=S.dialog_error,
            ),
            rx.el.div(primary("Rename", type="submit"), class_name="flex justify-end"),
            on_submit=S.rename,
            class_name="flex flex-col gap-4",
        ),
        is_open=S.renaming,
        on_open_change=S.set_renaming,
    )
