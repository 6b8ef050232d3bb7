"""The data table: dense rows, server paging, sorting, column choice, selection, a drawer per row.

    COLUMNS = (
        Column("name", "Name", lambda r: r.name, lead=True, sortable=True),
        Column("score", "Score", lambda r: r.score, right=True, sortable=True),
    )
    data_table(COLUMNS, rows=S.rows, key=lambda r: r.id, caption="Leads",
               on_open=lambda r: S.open(r.id), opened=S.open_id,                 # a page instead: href=lambda r: …
               sort=S.sort, descending=S.descending, on_sort=S.sort_by,          # S.sort_by(column_key)
               visible=S.columns,                                                # Var[list[str]] of column keys
               selected=S.selected, on_select=S.select, on_select_page=S.select_page, page_selected=S.page_selected,
               refreshing=S.refreshing)
    list_pager(S.range_text, S)                                               # or pager(…) with handlers of its own
    newer_line("Newer jobs have started. Show them", when=S.has_newer, on_click=S.show_newest)
    column_menu(COLUMNS, visible=S.columns, on_toggle=S.toggle_column)
    toolbar(left…, right=[…])   table_card(toolbar, table, pager)   skeleton_table(COLUMNS, rows=10)

A row opens on click, and with Enter on its lead cell, which is a real button, or a real link when the row leads to a
page of its own (so that it can be opened in another tab); J and K walk from row to row.
Phones get one card per row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import reflex as rx

from components.binding import Flag, Items, Props, Text, flag, items, text
from components.buttons import button
from components.dialog import check_item, menu, menu_label
from components.feedback import skeleton
from components.icons import icon

Cell = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `cell` gets the row var and returns text or a component; `lead` is the row's name and its button."""

    key: str
    label: str
    cell: Cell
    right: bool = False
    sortable: bool = False
    lead: bool = False
    fixed: bool = False  # not offered in the column menu
    class_name: str = ""


def data_table(
    columns: Sequence[Column],
    *,
    rows: Items,
    key: Callable[[Any], rx.Var[str]],
    caption: str,
    on_open: Callable[[Any], Any] | None = None,
    href: Callable[[Any], Any] | None = None,
    opened: Text | None = None,
    sort: Text | None = None,
    descending: Flag | None = None,
    on_sort: Any = None,
    visible: Items | None = None,
    selected: Items | None = None,
    on_select: Callable[[Any, Any], Any] | None = None,
    on_select_page: Any = None,
    page_selected: Flag | None = None,
    row_menu: Callable[[Any], rx.Component] | None = None,
    refreshing: Flag = False,
    max_height: str = "",
) -> rx.Component:
    """The table itself; loading, empty and error states are around it (`feedback.list_states`)."""

    def shown(column: Column, component: rx.Component) -> rx.Component:
        if visible is None or column.fixed or column.lead:
            return component
        return rx.cond(items(visible).contains(column.key), component, rx.fragment())

    def row(item: Any) -> rx.Component:
        identity = key(item)
        attributes: Props = {"key": identity}
        if opened is not None:
            attributes["data_open"] = rx.cond(text(opened) == identity, "true", "false")
        if selected is not None:
            attributes["aria_selected"] = rx.cond(items(selected).contains(identity), "true", "false")
        if href is not None:
            attributes |= {"on_click": rx.redirect(href(item)), "class_name": "clickable"}
        elif on_open is not None:
            attributes |= {"on_click": on_open(item), "class_name": "clickable"}
        named = identity if selected is not None else None
        cells = [
            shown(column, _cell(column, item, opens=on_open is not None, href=href, named=named)) for column in columns
        ]
        if selected is not None and on_select is not None:
            cells.insert(0, _check_cell(items(selected).contains(identity), on_select, identity))
        if row_menu is not None:
            cells.append(rx.el.td(row_menu(item), on_click=rx.stop_propagation, class_name="tight right actions"))
        return rx.el.tr(*cells, **attributes)

    bounds: Props = {"style": {"maxHeight": max_height}} if max_height else {}
    heads = [shown(column, _head(column, sort, descending, on_sort)) for column in columns]
    if selected is not None:
        heads.insert(0, _check_head(page_selected, on_select_page))
    if row_menu is not None:
        heads.append(rx.el.th(rx.el.span("Actions", class_name="sr-only"), scope="col"))
    return rx.el.div(
        rx.el.table(
            rx.el.caption(caption, class_name="sr-only"),
            rx.el.thead(rx.el.tr(*heads)),
            rx.el.tbody(rx.foreach(items(rows), row)),
            aria_busy=rx.cond(refreshing, "true", "false"),
            class_name="grid-table cards-on-phone",
        ),
        class_name="table-scroll",
        role="region",
        aria_label=caption,
        tab_index=0,
        **bounds,
    )


def _cell(
    column: Column, item: Any, *, opens: bool, href: Callable[[Any], Any] | None, named: Any = None
) -> rx.Component:
    """`named`: the row's key, when its lead cell is to give the row's checkbox its name."""
    content = column.cell(item)
    if column.lead and href is not None:
        content = rx.el.a(content, href=href(item), on_click=rx.stop_propagation, class_name="row-open")
    elif column.lead and opens:
        content = rx.el.button(content, type="button", class_name="row-open")
    names = " ".join(
        n for n in ("right" if column.right else "", "lead" if column.lead else "", column.class_name) if n
    )
    label: Props = {"id": text("row-") + named} if column.lead and named is not None else {}
    return rx.el.td(content, class_name=names, data_label=column.label, **label)


def _head(column: Column, sort: Text | None, descending: Flag | None, on_sort: Any) -> rx.Component:
    names = " ".join(n for n in ("right" if column.right else "", column.class_name) if n)
    if not column.sortable or sort is None or descending is None or on_sort is None:
        return rx.el.th(column.label, scope="col", class_name=names)
    active = text(sort) == column.key
    arrow = rx.cond(active & flag(descending), icon("arrow-down"), icon("arrow-up"))
    return rx.el.th(
        rx.el.button(column.label, arrow, type="button", on_click=on_sort(column.key), class_name="sort"),
        scope="col",
        aria_sort=rx.cond(active, rx.cond(descending, "descending", "ascending"), "none"),
        class_name=names,
    )


def _check_cell(checked: Any, on_select: Callable[[Any, Any], Any], identity: Any) -> rx.Component:
    return rx.el.td(
        rx.el.input(
            type="checkbox",
            checked=checked,
            on_change=lambda on: on_select(identity, on),
            id=text("select-") + identity,
            aria_label="Select",
            custom_attrs={"aria-labelledby": text("select-") + identity + " row-" + identity},  # “Select Dana Smith”
            class_name="check block",
        ),
        on_click=rx.stop_propagation,
        class_name="tight",
    )


def _check_head(page_selected: Flag | None, on_select_page: Any) -> rx.Component:
    if page_selected is None or on_select_page is None:
        return rx.el.th(rx.el.span("Selected", class_name="sr-only"), scope="col", class_name="tight")
    box = rx.el.input(
        type="checkbox",
        checked=page_selected,
        on_change=on_select_page,
        aria_label="Select all rows on this page",
        class_name="check block",
    )
    return rx.el.th(box, scope="col", class_name="tight")


def pager(
    shown: Text,
    *,
    has_previous: Flag,
    has_next: Flag,
    on_previous: Any,
    on_next: Any,
    extra: Any = None,
) -> rx.Component:
    """Where we are ("1–50 of 1,234") and the way on. Keys: N next, P previous."""
    return rx.el.nav(
        rx.el.p(shown, class_name="num text-12 text-ink-3", custom_attrs={"aria-live": "polite"}),
        extra if extra is not None else rx.fragment(),
        rx.el.div(
            button(
                "Previous",
                size="sm",
                icon_name="chevron-left",
                on_click=on_previous,
                disabled=~flag(has_previous),
                hotkey="p",
            ),
            button("Next", size="sm", on_click=on_next, disabled=~flag(has_next), hotkey="n"),
            class_name="ml-auto flex gap-2",
        ),
        aria_label="Pages",
        class_name="flex flex-wrap items-center gap-3 border-t border-line px-3 py-2",
    )


class Paged(Protocol):
    """A list that is paged on the server: whether there is more on either side, and the way there."""

    has_previous: Any
    has_next: Any
    previous_page: Any
    next_page: Any


def list_pager(shown: Text, paged: type[Paged]) -> rx.Component:
    """The pager of a list whose state names its parts as every list does."""
    return pager(
        shown,
        has_previous=paged.has_previous,
        has_next=paged.has_next,
        on_previous=paged.previous_page,
        on_next=paged.next_page,
    )


def newer_line(words: str, *, when: Flag, on_click: Any) -> rx.Component:
    """Over the head of the table: something new has come. It takes no room, so that neither its coming nor what it
    tells of moves a row; the rows change when the reader asks for it."""
    line = rx.el.button(
        icon("arrow-up", size=14), words, type="button", on_click=on_click, class_name="btn btn-secondary btn-sm"
    )
    return rx.el.div(rx.cond(when, line, rx.fragment()), role="status", class_name="newer")


def column_menu(columns: Sequence[Column], *, visible: Items, on_toggle: Any) -> rx.Component:
    """Choose columns; `on_toggle(column_key)`."""

    def choice(column: Column) -> rx.Component:
        return check_item(
            column.label, checked=items(visible).contains(column.key), on_change=lambda _shown: on_toggle(column.key)
        )

    lines = [choice(column) for column in columns if not (column.fixed or column.lead)]
    return menu("Columns", [menu_label("Show columns"), *lines], icon_name="columns-3")


def toolbar(*left: Any, right: Sequence[Any] = ()) -> rx.Component:
    """Filters on the left, column choice and export on the right."""
    return rx.el.div(
        rx.el.div(*left, class_name="flex min-w-0 flex-1 basis-full sm:basis-0 flex-wrap items-center gap-2"),
        rx.el.div(*right, class_name="flex flex-wrap items-center gap-2"),
        class_name="flex flex-wrap items-center gap-2",
    )


def table_card(*parts: rx.Component) -> rx.Component:
    """The frame around table and pager (and the states that replace them)."""
    return rx.el.div(*parts, class_name="card overflow-hidden")


def skeleton_table(columns: Sequence[Column], *, rows: int = 10) -> rx.Component:
    """The table's geometry before its rows are there."""
    widths = ("w-32", "w-40", "w-24", "w-28", "w-20", "w-36")
    return rx.el.div(
        rx.el.span("Loading", class_name="sr-only", role="status"),
        rx.el.table(
            rx.el.thead(
                rx.el.tr(*[rx.el.th(column.label, class_name="right" if column.right else "") for column in columns])
            ),
            rx.el.tbody(
                *[
                    rx.el.tr(
                        *[
                            rx.el.td(skeleton(f"h-3 {widths[(r + c) % len(widths)]} max-w-full"))
                            for c, _ in enumerate(columns)
                        ]
                    )
                    for r in range(rows)
                ]
            ),
            class_name="grid-table table-fixed",
            custom_attrs={"aria-hidden": "true"},
        ),
        class_name="overflow-hidden",
    )
