"""What was understood of a file, and what its columns mean."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import flag, items, text
from components.buttons import ghost, primary, secondary
from components.feedback import banner, pill
from components.form import search_input, segmented
from components.icons import icon
from components.shell import section
from components.table import table_card
from cursive_app.services.enrichment.encodings import ENCODINGS
from cursive_app.services.enrichment.fields import NOBODY
from state.enrichment import EnrichmentState as S

WAYS = (
    ("E-mail address", "or its SHA-256"),
    ("Phone number", "with country code, or ten digits"),
    ("LinkedIn profile", "linkedin.com/in/…"),
    ("Name and company domain", "first and last name, or full name, beside acme.example"),
)


def file_step() -> rx.Component:
    """Kind, encoding, delimiter, sheet, header row; each can be corrected."""
    return rx.el.div(
        section(
            "What was understood",
            rx.el.div(
                rx.el.dl(
                    _fact("Kind", S.layout.kind),
                    rx.cond(S.layout.encoding_key != "", _fact("Encoding", _encoding()), rx.fragment()),
                    rx.cond(
                        (S.layout.delimiter_key != "") | (S.layout.kind == "CSV"),
                        _fact("Delimiter", _delimiter()),
                        rx.fragment(),
                    ),
                    rx.cond(S.layout.sheet != "", _fact("Sheet", _sheet()), rx.fragment()),
                    _fact("Header", rx.cond(S.layout.header != "", S.layout.header, "Not known")),
                    class_name="flex flex-col",
                ),
                rx.cond(
                    items(S.layout.notes).length() > 0,
                    rx.el.ul(
                        rx.foreach(S.layout.notes, _note),
                        class_name="flex flex-col gap-1.5 border-t border-line pt-3",
                    ),
                    rx.fragment(),
                ),
                class_name="flex flex-col gap-3",
            ),
        ),
        rx.cond(items(S.raw_rows).length() > 0, _header_picker(), rx.fragment()),
        rx.cond(
            S.card.phase == "preparing",
            rx.el.div(
                primary("Continue to columns", on_click=S.go_to("columns")),
                class_name="flex justify-end",
            ),
            rx.fragment(),
        ),
        class_name="flex flex-col gap-5",
    )


def _may_change() -> Any:
    """Whether the file can be read in another way: not without one, and not once it has been started."""
    return S.card.may_edit & S.card.has_layout & ((S.card.phase == "preparing") | (S.card.phase == "refused"))


def _note(note: Any) -> rx.Component:
    return rx.el.li(
        icon("info", size=14, class_name="mt-0.5 flex-none text-ink-3"),
        rx.el.span(note, class_name="min-w-0"),
        class_name="flex gap-2 text-13 text-ink-2",
    )


def _small_select(name: str, label: str, options: Any, value: Any, on_change: Any) -> rx.Component:
    return rx.el.div(
        rx.el.select(
            options,
            id=name,
            value=value,
            on_change=on_change,
            aria_label=label,
            disabled=~_may_change(),
            class_name="input input-sm",
        ),
        icon("chevron-down"),
        class_name="select-wrap w-60 max-w-full",
    )


def _fact(name: str, value: Any) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name, class_name="w-28 flex-none text-13 text-ink-3"),
        rx.el.dd(value, class_name="min-w-0 flex-1 text-13 text-ink"),
        class_name="flex items-center gap-4 py-1.5",
    )


def _encoding() -> rx.Component:
    options = rx.fragment(*[rx.el.option(words, value=name) for name, words in ENCODINGS.items()])
    return _small_select("encoding", "Encoding", options, S.layout.encoding_key, S.choose_encoding)


def _delimiter() -> rx.Component:
    choices = ((",", "Comma"), (";", "Semicolon"), ("tab", "Tab"), ("|", "Pipe"), ("", "None: one column"))
    options = rx.fragment(*[rx.el.option(words, value=value) for value, words in choices])
    now = rx.cond(S.layout.delimiter == "Tab", "tab", S.layout.delimiter_key)
    return _small_select("delimiter", "Delimiter", options, now, S.choose_delimiter)


def _sheet() -> rx.Component:
    options = rx.foreach(S.layout.sheets, lambda sheet: rx.el.option(sheet, value=sheet, key=sheet))
    return rx.cond(
        items(S.layout.sheets).length() > 1,
        _small_select("sheet", "Sheet", options, S.layout.sheet, S.choose_sheet),
        S.layout.sheet,
    )


def _header_picker() -> rx.Component:
    def row(raw: Any) -> rx.Component:
        is_header = raw.number == S.layout.header_row
        mark = rx.cond(
            is_header,
            pill("Header", "info", dot=False),
            rx.cond(
                _may_change(),
                rx.el.button(
                    "Use as header",
                    type="button",
                    aria_label=text("Use row ") + raw.number.to_string() + " as the header",
                    class_name="btn btn-ghost btn-sm",
                ),
                rx.fragment(),
            ),
        )
        return rx.el.tr(
            rx.el.th(
                raw.number.to_string(),
                scope="row",
                class_name="num w-12 text-right",
                style={"position": "static"},
            ),
            rx.el.td(mark, class_name="w-28"),
            rx.foreach(raw.cells, lambda raw_cell: rx.el.td(raw_cell, title=raw_cell)),
            key=raw.number.to_string(),
            data_header=rx.cond(is_header, "true", "false"),
            on_click=rx.cond(is_header | ~_may_change(), rx.noop(), S.choose_header(raw.number)),
            class_name="raw-row",
        )

    return section(
        "The first rows of the file",
        table_card(
            rx.el.div(
                rx.el.table(
                    rx.el.caption("The first rows of the file", class_name="sr-only"),
                    rx.el.tbody(rx.foreach(S.raw_rows, row)),
                    class_name="grid-table",
                ),
                class_name="table-scroll",
                role="region",
                aria_label="First rows",
                tab_index=0,
            ),
        ),
        card=False,
        hint=rx.cond(
            _may_change(),
            "Click the row that holds the column names. Reading the file in another way undoes edits of cells.",
            "As they stood in the file.",
        ),
        actions=[
            rx.cond(
                (S.layout.header_row > 0) & _may_change(),
                ghost("The file has no header row", on_click=S.choose_header(0), size="sm"),
                rx.fragment(),
            )
        ],
    )


def columns_step() -> rx.Component:
    """What each column is; columns that are kept as they are travel through to the output."""
    return rx.el.div(
        rx.cond(S.identifies, rx.fragment(), _no_identity()),
        rx.el.div(
            rx.el.div(
                rx.el.p(
                    "Say what names the people. Columns that are kept as they are come back in the output, untouched "
                    "and in their order.",
                    class_name="max-w-prose text-13 text-ink-2",
                ),
                rx.el.div(
                    _views(),
                    search_input(
                        "column-search",
                        "Find a column",
                        on_change=S.find_column.debounce(200),
                        class_name="w-full sm:w-56",
                    ),
                    class_name="flex w-full flex-wrap items-center gap-3 sm:w-auto",
                ),
                class_name="flex flex-wrap items-end justify-between gap-3 px-4 py-3",
            ),
            rx.el.div(
                rx.el.table(
                    rx.el.caption("Columns of the file", class_name="sr-only"),
                    rx.el.thead(
                        rx.el.tr(*[rx.el.th(word, scope="col") for word in ("Column", "First values", "Holds", "Why")])
                    ),
                    rx.el.tbody(rx.foreach(S.columns, _column)),
                    class_name="grid-table cards-on-phone",
                ),
                class_name="table-scroll border-t border-line",
                role="region",
                aria_label="Columns",
                tab_index=0,
            ),
            rx.cond(
                S.more_columns != "",
                rx.el.p(S.more_columns, class_name="border-t border-line px-4 py-2.5 text-12 text-ink-3"),
                rx.fragment(),
            ),
            class_name="card overflow-hidden",
        ),
        _apply_bar(),
        class_name="flex flex-col gap-5",
    )


def _views() -> rx.Component:
    words = (("mapped", "Looked up"), ("kept", "Kept"), ("all", "All"))
    options = [(view, text(f"{word} ") + S.column_counts[view]) for view, word in words]
    return segmented(options, value=S.column_view, on_change=S.show_columns, label="Columns to show")


def _no_identity() -> rx.Component:
    return rx.el.section(
        rx.el.h2(NOBODY, class_name="text-14 font-semibold text-ink"),
        rx.el.p(
            "To find a person, each row needs at least one of these. Nothing has been charged.",
            class_name="mt-1 text-13 text-ink-2",
        ),
        rx.el.ul(
            *[
                rx.el.li(
                    icon("key-round", size=14, class_name="mt-0.5 flex-none text-ink-3"),
                    rx.el.span(
                        rx.el.strong(name, class_name="font-medium text-ink"),
                        f" ({more})",
                    ),
                    class_name="flex gap-2 text-13 text-ink-2",
                )
                for name, more in WAYS
            ],
            class_name="mt-3 grid gap-1.5 sm:grid-cols-2",
        ),
        rx.el.p(
            "If one of the columns below holds it under another name, choose it there. Otherwise add it to the file "
            "and upload it again.",
            class_name="mt-3 text-13 text-ink-2",
        ),
        aria_label="What is missing",
        class_name="card border-l-4 px-4 py-3",
        style={"borderLeftColor": "var(--warn)"},
    )


def _column(column: Any) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.span(column.name, title=column.name, class_name="truncate"), class_name="lead"),
        rx.el.td(
            rx.cond(
                column.samples.length() > 0,
                rx.el.span(
                    rx.foreach(
                        column.samples,
                        lambda column_sample: rx.el.span(
                            column_sample,
                            title=column_sample,
                            class_name="max-w-[180px] truncate rounded bg-sunken px-1.5 text-12",
                        ),
                    ),
                    class_name="flex flex-wrap gap-1 py-1.5",
                ),
                rx.el.span("Empty", class_name="text-12 text-ink-3"),
            ),
            data_label="First values",
            class_name="samples",
        ),
        rx.el.td(_field_select(column), data_label="Holds"),
        rx.el.td(
            rx.cond(
                column.conflict != "",
                rx.el.span(column.conflict, role="alert", class_name="block whitespace-normal text-12 text-bad"),
                rx.cond(column.guess != "", rx.el.span(column.guess, class_name="text-12 text-ink-3"), rx.fragment()),
            ),
            data_label="Why",
            class_name="w-full",
        ),
        key=column.position.to_string(),
    )


def _field_select(column: Any) -> rx.Component:
    return rx.el.div(
        rx.el.select(
            rx.el.option("Keep as it is", value=""),
            rx.foreach(
                S.field_options,
                lambda field_option: rx.el.option(
                    field_option["label"], value=field_option["value"], key=field_option["value"]
                ),
            ),
            value=column.field,
            on_change=lambda field: S.set_field(column.position, field),
            disabled=~flag(S.card.may_edit),
            aria_label=text("What “") + column.name + "” holds",
            aria_invalid=rx.cond(column.conflict != "", "true", "false"),
            class_name="input input-sm",
        ),
        icon("chevron-down"),
        class_name="select-wrap w-52",
    )


def _apply_bar() -> rx.Component:
    return rx.cond(
        S.mapping_dirty,
        banner(
            rx.cond(
                S.mapping_conflict,
                "Two columns claim the same field. Set one of them to “Keep as it is”.",
                "The rows are checked again with the new mapping. It is remembered for files with the same header.",
            ),
            tone="info",
            icon_name="info",
            action=rx.el.div(
                ghost("Discard", size="sm", on_click=S.reset_mapping),
                primary(
                    "Apply and check the rows",
                    size="sm",
                    on_click=S.apply_mapping,
                    pending=S.applying,
                    disabled=S.mapping_conflict,
                ),
                class_name="flex flex-wrap gap-2",
            ),
            class_name="sticky bottom-3 z-10 flex-wrap",
        ),
        rx.el.div(
            secondary("Back to the file", on_click=S.go_to("file")),
            primary("Continue to rows", on_click=S.go_to("rows")),
            class_name="step-bar",
        ),
    )
