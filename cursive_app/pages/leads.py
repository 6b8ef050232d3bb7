"""The leads a workspace owns: search, filters, sorting, columns and export; one lead opens in a drawer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import reflex as rx
from reflex.vars import ArrayVar

from components.binding import items
from components.buttons import button, ghost, primary, secondary
from components.combobox import filter_chip
from components.dialog import check_item, menu
from components.feedback import (
    list_failure,
    list_states,
    nothing_matches,
    nothing_yet,
    pill,
    relative_time,
)
from components.form import search_input
from components.icons import icon
from components.table import Cell, Column, column_menu, data_table, list_pager, skeleton_table, table_card, toolbar
from cursive_app.pages.frame import may, page
from cursive_app.pages.lead_drawer import lead_drawer
from cursive_app.services.accounts import Permission
from state.lead_lines import DASH, SENIORITIES, SOURCES
from state.leads import HAS
from state.leads import LeadsState as S

NARROW = "sm:truncate sm:max-w-40"  # so that the default columns fit beside each other on a laptop


def _email(row: Any) -> rx.Component:
    marks = {
        "verified": ("circle-check", "Verified", "text-good"),
        "catch_all": ("circle-help", "Catch-all: the domain accepts any address", "text-warn"),
        "invalid": ("circle-x", "Invalid", "text-bad"),
    }
    mark = rx.match(
        row.verification,
        *[
            (
                value,
                rx.el.span(
                    icon(name, size=14),
                    rx.el.span(word, class_name="sr-only"),
                    title=word,
                    class_name=f"flex-none {tone}",
                ),
            )
            for value, (name, word, tone) in marks.items()
        ],
        rx.fragment(),
    )
    shown = rx.el.span(
        rx.el.span(row.email, class_name="truncate"), mark, class_name="flex min-w-0 items-center gap-1.5"
    )
    return rx.cond(row.email != "", shown, _unknown())


def _phone(row: Any) -> rx.Component:
    word = rx.match(
        row.may_call,
        ("yes", rx.fragment()),
        ("no", _spelled("Do not call", pill("DNC", "bad", dot=False))),
        _spelled("Do not call: consent is not known", pill("DNC?", "warn", dot=False)),
    )
    shown = rx.el.span(rx.el.span(row.phone, class_name="num"), word, class_name="flex items-center gap-2")
    return rx.cond(row.phone != "", shown, _unknown())


def _unknown() -> rx.Component:
    """Not known: a dash in the table, nothing at all in the cards of a phone."""
    return rx.el.span(DASH, class_name="unknown")


def _known(name: str) -> Cell:
    """A text of the row, or that it is not known."""
    return lambda row: rx.cond(getattr(row, name) == DASH, _unknown(), getattr(row, name))


def _spelled(meaning: str, short: rx.Component) -> rx.Component:
    """A short word, spelled out on hover and for screen readers."""
    return rx.el.span(
        rx.el.span(short, custom_attrs={"aria-hidden": "true"}),
        rx.el.span(meaning, class_name="sr-only"),
        title=meaning,
    )


COLUMNS: tuple[Column, ...] = (
    Column("name", "Name", lambda r: r.name, lead=True, sortable=True),
    Column("title", "Title", _known("title"), sortable=True, class_name=f"{NARROW} line-2"),
    Column("company", "Company", _known("company"), sortable=True, class_name=f"{NARROW} line-2"),
    Column("email", "E-mail", _email, class_name="sm:max-w-52 line-3"),
    Column("phone", "Phone", _phone, class_name="line-3"),
    Column("seniority", "Seniority", _known("seniority")),
    Column("department", "Department", _known("department")),
    Column("industry", "Industry", _known("industry"), sortable=True, class_name=NARROW),
    Column("company_size", "Company size", _known("company_size")),
    Column("city", "City", _known("city"), sortable=True),
    Column("state", "State", _known("state"), sortable=True),
    Column("source", "Source", lambda r: r.source),
    Column("created", "Added", lambda r: relative_time(r.created, exact=r.created_exact), sortable=True),
)


def leads() -> rx.Component:
    return page(
        _toolbar(),
        _chips(),
        table_card(
            list_states(
                S.status,
                ready=rx.fragment(_table(), list_pager(S.range_text, S)),
                loading=skeleton_table(COLUMNS[:8], rows=12),
                empty=nothing_yet(
                    "No leads yet",
                    "Leads are the people your segments delivered. Describe who you are looking for, run the segment, "
                    "and they appear here with every address, number and receipt.",
                    primary("Build a segment", href="/segments/new", icon_name="plus"),
                    icon_name="users",
                ),
                no_match=_no_match(),
                failed=list_failure(
                    S.error,
                    bad_address=S.bad_address,
                    on_retry=S.load,
                    out="Show all leads",
                    start_over=S.start_over,
                ),
            )
        ),
        lead_drawer(),
        title="Leads",
        active="leads",
        actions=[
            rx.cond(
                may(Permission.EXPORT_LEADS),
                secondary("Export CSV", icon_name="download", href=S.export_url, plain=True),
                rx.fragment(),
            ),
            rx.cond(
                may(Permission.RUN_SEGMENTS),
                primary("Find people", href="/segments/new", icon_name="plus"),
                rx.fragment(),
            ),
        ],
        wide=True,
    )


def _toolbar() -> rx.Component:
    return toolbar(
        search_input(
            "lead-search",
            "Search name, company, title, e-mail",
            default_value=S.query,
            key=S.search_key,
            on_change=S.search.debounce(300),
            class_name="w-full sm:w-76",
        ),
        _choice("Contact", "has", list(HAS.items())),
        _choice("Seniority", "seniority", list(SENIORITIES.items())),
        _choice("State", "state", items(S.states)),
        _choice("Industry", "industry", items(S.industries)),
        _choice("Source", "source", list(SOURCES.items())),
        right=[
            rx.el.span(S.range_text, class_name="num hidden text-12 text-ink-3 xl:inline"),
            column_menu(COLUMNS, visible=S.columns, on_toggle=S.toggle_column),
        ],
    )


def _choice(label: str, name: str, options: Sequence[tuple[str, str]] | ArrayVar[Any]) -> rx.Component:
    """A filter's menu: its values, those in force checked."""
    chosen = items(S.chosen[name])

    def line(value: Any, word: Any) -> rx.Component:
        return check_item(word, checked=chosen.contains(value), on_change=lambda _on: S.toggle(name, value))

    if isinstance(options, ArrayVar):
        lines = [
            rx.foreach(options, lambda value: line(value, value)),
            rx.cond(
                options.length() == 0,
                rx.el.p("None of your leads has one.", class_name="px-2 py-1.5 text-13 text-ink-3"),
                rx.fragment(),
            ),
        ]
    else:
        lines = [line(value, word) for value, word in options]
    count = rx.cond(
        chosen.length() > 0,
        rx.el.span(chosen.length(), class_name="num rounded bg-selected px-1.5 text-12 text-ink"),
        rx.fragment(),
    )
    return menu(label, lines, trigger=[label, count, icon("chevron-down")], align="start")


def _chips() -> rx.Component:
    return rx.cond(
        items(S.chips).length() > 0,
        rx.el.div(
            rx.foreach(
                S.chips,
                lambda chip: rx.el.span(
                    filter_chip(chip["label"], on_remove=S.toggle(chip["name"], chip["value"])),
                    key=chip["name"] + chip["value"],
                ),
            ),
            ghost("Clear all", on_click=S.clear, size="sm"),
            role="group",
            aria_label="Filters in force",
            class_name="flex flex-wrap items-center gap-2",
        ),
        rx.fragment(),
    )


def _table() -> rx.Component:
    table = data_table(
        COLUMNS,
        rows=S.rows,
        key=lambda r: r.id,
        caption="Leads",
        on_open=lambda r: S.open(r.id),
        opened=S.open_id,
        sort=S.sort,
        descending=S.descending,
        on_sort=S.sort_by,
        visible=S.columns,
        refreshing=S.refreshing,
    )
    return rx.el.div(table, class_name="lead-cards")


def _no_match() -> rx.Component:
    return nothing_matches(
        "No lead matches",
        rx.cond(
            items(S.relaxed).length() > 0,
            "Dropping one of these would find somebody.",
            "No lead fits, even with any one of the filters dropped.",
        ),
        on_clear=S.clear,
        actions=[rx.foreach(S.relaxed, lambda one: button(one["text"], on_click=S.drop(one["part"]), key=one["part"]))],
    )
