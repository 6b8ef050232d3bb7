"""The rows of a list: each count is a tab that opens its rows; a cell is mended where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import reflex as rx

from components.binding import flag, text
from components.buttons import icon_button, primary, secondary
from components.feedback import nothing_matches, nothing_yet, pill, relative_time
from components.form import error_text
from components.icons import icon
from components.table import list_pager, table_card, toolbar
from cursive_app.pages.enrichment_replace import replace_dialog
from state.enrichment import EnrichmentState as S

BEFORE: tuple[tuple[str, str], ...] = (
    ("all", "All"),
    ("valid", "Valid"),
    ("invalid", "Invalid"),
    ("duplicate", "Duplicate in file"),
    ("owned", "Already owned"),
)
AFTER: tuple[tuple[str, str], ...] = (
    ("all", "All"),
    ("matched", "Matched"),
    ("no_match", "No match"),
    ("skipped", "Skipped"),
    ("error", "Error"),
)


def rows_step() -> rx.Component:
    """The rows before a run: what is wrong with them and how to mend it."""
    return rx.el.div(
        toolbar(
            _tabs(BEFORE, label="Rows by verdict"),
            _only_problems(),
            right=[
                rx.cond(
                    S.card.may_edit,
                    secondary("Find and replace", icon_name="replace", on_click=S.set_replacing(True)),
                    rx.fragment(),
                )
            ],
        ),
        _last_change(),
        _grid(editable=True),
        rx.el.p(
            "Only valid rows are sent. Invalid rows, duplicates in the file and people you already own are left out "
            "and cost nothing; they come back in the output with the reason. Whom you own is told by e-mail address or "
            "LinkedIn profile; a phone number alone says it only of a lead of whom nothing else is known.",
            class_name="max-w-prose text-12 text-ink-3",
        ),
        rx.el.div(
            secondary("Back to columns", on_click=S.go_to("columns")),
            primary("Continue to price", on_click=S.go_to("price")),
            class_name="step-bar",
        ),
        replace_dialog(),
        class_name="flex flex-col gap-4",
    )


def _last_change() -> rx.Component:
    """What was changed last, also before a reload, and the way back."""
    return rx.cond(
        flag(S.card.may_edit) & (S.last_change.told != ""),
        rx.el.div(
            icon("history", size=14, class_name="flex-none text-ink-3"),
            rx.el.p(
                S.last_change.told,
                " ",
                relative_time(S.last_change.made, exact=S.last_change.made_exact),
                class_name="min-w-0 text-13 text-ink-2",
            ),
            secondary(
                "Undo",
                icon_name="undo-2",
                size="sm",
                pending=S.undoing,
                on_click=S.undo(S.last_change.revision),
                aria_label=text("Undo: ") + S.last_change.told,
            ),
            role="group",
            aria_label="Last change",
            class_name="flex flex-wrap items-center gap-2",
        ),
        rx.fragment(),
    )


def result_rows() -> rx.Component:
    """The rows after a run, by outcome."""
    return rx.el.section(
        rx.el.h2("Rows", class_name="text-14 font-semibold text-ink"),
        toolbar(_tabs(AFTER, label="Rows by outcome")),
        _grid(editable=False),
        aria_label="Rows",
        class_name="flex flex-col gap-3",
    )


def _tabs(tabs: Sequence[tuple[str, str]], *, label: str) -> rx.Component:
    return rx.el.div(
        *[
            rx.el.button(
                word,
                rx.el.span(S.card.counts[value], class_name="num ml-1.5 text-12 text-ink-3"),
                type="button",
                aria_pressed=rx.cond(S.tab == value, "true", "false"),
                on_click=S.show_tab(value),
            )
            for value, word in tabs
        ],
        role="group",
        aria_label=label,
        class_name="toggle-group",
    )


def _only_problems() -> rx.Component:
    on = S.tab == "problems"
    return rx.el.button(
        rx.cond(on, icon("check"), icon("triangle-alert")),
        "Only problems",
        type="button",
        aria_pressed=rx.cond(on, "true", "false"),
        on_click=S.show_tab(rx.cond(on, "all", "problems")),
        class_name=rx.cond(on, "btn btn-primary btn-sm", "btn btn-secondary btn-sm"),
    )


def _grid(*, editable: bool) -> rx.Component:
    empty = nothing_yet("No rows", "The file has a header and nothing under it.", icon_name="table-2")
    none = nothing_matches("No row here", "No row of the list belongs to this group.", on_clear=S.show_tab("all"))
    return table_card(
        rx.fragment(
            rx.match(
                S.rows_status,
                ("ready", rx.fragment(_table(editable=editable), list_pager(S.shown, S))),
                ("empty", empty),
                ("no_match", none),
                rx.el.p("Loading the rows…", role="status", class_name="px-4 py-8 text-center text-13 text-ink-2"),
            )
        ),
        rx.cond(
            (S.hidden_columns != "") & (S.rows_status == "ready"),
            rx.el.p(S.hidden_columns, class_name="border-t border-line px-4 py-2.5 text-12 text-ink-3"),
            rx.fragment(),
        ),
    )


def _table(*, editable: bool) -> rx.Component:
    verdict = "Verdict" if editable else "Outcome"
    return rx.el.div(
        rx.el.table(
            rx.el.caption("Rows of the list", class_name="sr-only"),
            rx.el.thead(
                rx.el.tr(
                    rx.el.th("Row", scope="col", class_name="right"),
                    rx.el.th(verdict, scope="col"),
                    rx.el.th("What to know", scope="col"),
                    *([] if editable else [rx.cond(S.shows_found, _found_heads(), rx.fragment())]),
                    rx.foreach(S.heads, _head),
                )
            ),
            rx.el.tbody(rx.foreach(S.rows, lambda grid_row: _row(grid_row, editable=editable))),
            class_name="grid-table cards-on-phone cells",
        ),
        class_name="table-scroll",
        style={"maxHeight": "70vh"},
        role="region",
        aria_label="Rows of the list",
        tab_index=0,
    )


def _head(head: Any) -> rx.Component:
    return rx.el.th(
        head.name,
        rx.cond(head.field != "", rx.el.span(head.field, class_name="ml-1.5 font-normal text-link"), rx.fragment()),
        scope="col",
        key=head.position.to_string(),
    )


def _row(row: Any, *, editable: bool) -> rx.Component:
    return rx.el.tr(
        rx.el.td(row.label, title=row.line, class_name="right lead num"),
        rx.el.td(_verdict(row) if editable else _outcome(row), data_label="Verdict" if editable else "Outcome"),
        rx.el.td(_problems(row) if editable else _reason(row), data_label="What to know", class_name="notes"),
        *([] if editable else [rx.cond(S.shows_found, _found(row), rx.fragment())]),
        rx.foreach(row.cells, lambda grid_cell: _cell(row, grid_cell, editable=editable)),
        key=row.label,
    )


FOUND = ("Found e-mail", "Found phone", "Found title", "Found company")


def _found_heads() -> rx.Component:
    return rx.fragment(*[rx.el.th(name, scope="col") for name in FOUND])


def _found(row: Any) -> rx.Component:
    """What the run found of the person, before the customer's own columns."""
    values = zip(FOUND, (row.email, row.phone, row.title, row.company), strict=True)
    return rx.fragment(*[rx.el.td(value, title=value, data_label=name) for name, value in values])


def _verdict(row: Any) -> rx.Component:
    return rx.fragment(
        rx.match(
            row.verdict_key,
            ("valid", pill(row.verdict, "good")),
            ("invalid", pill(row.verdict, "bad")),
            ("duplicate", pill(row.verdict, "warn")),
            pill(row.verdict, "info"),
        ),
        _lead(row),
    )


def _lead(row: Any) -> rx.Component:
    return rx.cond(
        row.lead_href != "", rx.el.a("Lead", href=row.lead_href, class_name="link ml-2 text-12"), rx.fragment()
    )


def _outcome(row: Any) -> rx.Component:
    return rx.fragment(
        rx.match(
            row.outcome_key,
            ("matched", pill(row.outcome, "good")),
            ("error", pill(row.outcome, "bad")),
            ("skipped", pill(row.outcome, "warn")),
            ("no_match", pill(row.outcome, "neutral")),
            rx.el.span("Not yet", class_name="text-12 text-ink-3"),
        ),
        _lead(row),
    )


def _reason(row: Any) -> rx.Component:
    """Why it ended so, on as many lines as it takes."""
    return rx.cond(
        row.reason != "",
        rx.el.span(
            row.reason, class_name="block min-w-[180px] max-w-[340px] whitespace-normal break-words py-1.5 text-12"
        ),
        rx.fragment(),
    )


def _problems(row: Any) -> rx.Component:
    return rx.cond(
        row.problems.length() > 0,
        rx.el.ul(
            rx.foreach(
                row.problems,
                lambda grid_problem: rx.el.li(
                    rx.cond(
                        grid_problem.column != "",
                        rx.el.strong(grid_problem.column, ": ", class_name="font-medium text-ink"),
                        rx.fragment(),
                    ),
                    grid_problem.message,
                    " ",
                    rx.el.span(grid_problem.fix, class_name="text-ink-3"),
                    key=grid_problem.key,
                ),
            ),
            class_name="min-w-[220px] max-w-[340px] whitespace-normal py-1.5 text-12",
        ),
        rx.fragment(),
    )


def _cell(row: Any, cell: Any, *, editable: bool) -> rx.Component:
    if not editable:
        return rx.el.td(cell.text, title=cell.text, data_label=cell.name, key=cell.key)
    shown = rx.el.button(
        rx.el.span(rx.cond(cell.text != "", cell.text, "\u00a0")),
        type="button",
        id=text("cell-") + cell.key,
        on_click=S.start_edit(row.number, cell.position),
        disabled=~flag(S.card.may_edit),
        title=rx.cond(cell.problem != "", cell.problem, cell.text),
        aria_label=text("Edit ") + cell.name + ", row " + row.label + ": " + cell.text,
        data_level=cell.level,
        data_edited=rx.cond(cell.edited, "true", "false"),
        class_name="cell-button",
    )
    return rx.el.td(
        rx.cond(S.editing == cell.key, _cell_form(row, cell), shown),
        class_name="cell",
        data_label=cell.name,
        key=cell.key,
    )


def _cell_form(row: Any, cell: Any) -> rx.Component:
    return rx.el.form(
        rx.el.input(
            id="cell-input",
            name="value",
            default_value=S.edit_value,
            auto_focus=True,
            auto_complete="off",
            aria_label=cell.name + ", row " + row.label,
            aria_invalid=rx.cond(S.edit_error != "", "true", "false"),
            aria_describedby="cell-error",
            on_key_down=lambda key: rx.cond(key == "Escape", S.stop_edit(), rx.noop()),
            class_name="input input-sm",
        ),
        rx.el.button(
            icon("check", size=15),
            type="submit",
            aria_label="Save the cell",
            title="Save  Enter",
            class_name="btn btn-ghost btn-sm btn-icon",
        ),
        icon_button("x", "Leave as it was", size="sm", on_click=S.stop_edit),
        error_text("cell", S.edit_error),
        on_submit=S.save_cell,
        class_name="cell-edit",
    )


__all__ = ["result_rows", "rows_step"]
