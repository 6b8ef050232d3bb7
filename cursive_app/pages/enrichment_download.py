"""The dialog of the download: which file, rows and columns, and what is filled into the customer's own ones."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import Text, items, text
from components.buttons import ghost, primary
from components.dialog import fold, modal
from components.form import Choice, error_summary, radio_group, select
from cursive_app.services.enrichment.columns import OUTPUT_COLUMNS
from state.enrichment import EnrichmentState as S

POLICIES = (
    ("keep", "Keep as it is"),
    ("fill", "Fill blanks"),
    ("overwrite", "Overwrite"),
)
FOLDED = "text-13 text-ink"
ABOVE_CHOICES = "-ml-2.5 flex gap-1 py-2"  # the words of these buttons stand above the choices, not beside them


def download_dialog() -> rx.Component:
    return modal(
        "Download the result",
        rx.el.div(
            radio_group(
                "download-kind",
                "File",
                (
                    Choice("csv", "CSV", "Opens everywhere. Cells that look like formulas are made harmless."),
                    Choice("xlsx", "Excel (XLSX)", "Every cell is text, so none is changed or calculated."),
                ),
                value=S.download_kind,
                on_change=S.set_download_kind,
            ),
            radio_group(
                "download-only",
                "Rows",
                (
                    Choice("all", _counted("All rows", "all"), "In the order of your file, each with its outcome."),
                    Choice("matched", _counted("Only matched", "matched")),
                    Choice(
                        "problems",
                        _counted("Only problems", "unmatched"),
                        "Everything that was not matched: no match, skipped and errors, each with the reason.",
                    ),
                ),
                value=S.download_only,
                on_change=S.set_download_only,
            ),
            _own_columns(),
            _field_choice(),
            error_summary(S.download_error),
            class_name="flex flex-col gap-5",
        ),
        is_open=S.choosing_download,
        on_open_change=S.set_choosing_download,
        description="Your own columns come first, then what was found. The link is private and soon expires.",
        footer=[primary("Download", icon_name="download", on_click=S.download, pending=S.preparing_download)],
        wide=True,
    )


def _counted(words: str, key: str) -> Text:
    return text(words + " (") + S.card.counts[key] + ")"


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

    return fold(
        rx.el.span(
            "Added columns: ",
            items(S.download_fields).length().to_string(),
            f" of {len(OUTPUT_COLUMNS)}",
            class_name=FOLDED,
        ),
        rx.el.div(
            ghost("All", size="sm", on_click=S.choose_fields(True)),
            ghost("None", size="sm", on_click=S.choose_fields(False)),
            class_name=ABOVE_CHOICES,
        ),
        rx.el.div(
            *[choice(column.name, column.meaning) for column in OUTPUT_COLUMNS],
            class_name="grid grid-cols-1 gap-x-4 gap-y-1.5 sm:grid-cols-2",
        ),
    )


def _own_columns() -> rx.Component:
    """What becomes of each original column that something can be found for."""

    def line(fill_line: Any) -> rx.Component:
        control = text("fill-") + fill_line.field
        return rx.el.div(
            rx.el.label(
                rx.el.span(fill_line.name, title=fill_line.name, class_name="block truncate text-13 text-ink"),
                rx.el.span(fill_line.label, class_name="block text-12 text-ink-3"),
                html_for=control,
                class_name="min-w-0 flex-1",
            ),
            select(
                control,
                POLICIES,
                small=True,
                value=fill_line.policy,
                on_change=lambda policy: S.set_policy(fill_line.field, policy),
                class_name="w-36 flex-none",
            ),
            key=fill_line.field,
            class_name="flex items-center gap-3",
        )

    return rx.cond(
        items(S.fill_lines).length() > 0,
        fold(
            rx.el.span("Your columns: ", S.fills_told, class_name=FOLDED),
            rx.el.p(
                "In this file only, and only in matched rows; your list stays as it is. No cell is emptied, and "
                "only a phone number that the provider says may be called is filled in.",
                class_name="pt-1.5 text-12 text-ink-3",
            ),
            rx.el.div(
                ghost("Fill blanks in all", size="sm", on_click=S.set_every_policy("fill")),
                ghost("Keep all", size="sm", on_click=S.set_every_policy("keep")),
                class_name=ABOVE_CHOICES,
            ),
            rx.el.div(rx.foreach(S.fill_lines, line), class_name="grid grid-cols-1 gap-x-6 gap-y-2 sm:grid-cols-2"),
        ),
        rx.fragment(),
    )
