"""The dialog that replaces a text in a column, and says before how many cells that changes."""

from __future__ import annotations

import reflex as rx

from components.binding import Text, text
from components.buttons import primary
from components.dialog import modal
from components.form import checkbox, field, select, text_input
from state.enrichment import EnrichmentState as S


def replace_dialog() -> rx.Component:
    """Column, words, case, the count, and the one button that changes anything."""
    return modal(
        "Find and replace",
        rx.el.form(
            field(
                "replace-column",
                "In the column",
                select("replace-column", S.replace_options, value=S.replace_column, on_change=S.set_replace_column),
            ),
            field(
                "replace-find",
                "Find",
                text_input(
                    "replace-find",
                    max_length=1_000,
                    auto_focus=True,
                    error=S.replace_error,
                    on_change=S.set_replace_find.debounce(300),
                ),
                error=S.replace_error,
            ),
            field(
                "replace-with",
                "Replace with",
                text_input("replace-with", max_length=1_000, on_change=S.set_replace_with.debounce(300)),
                hint="Empty: remove it.",
            ),
            checkbox(
                "replace-case",
                "Match case",
                hint="Upper and lower case differ: “acme” does not find “Acme”.",
                checked=S.replace_match_case,
                on_change=S.set_replace_match_case,
            ),
            rx.el.p(_told(), role="status", class_name="min-h-5 text-13 text-ink-2"),
            rx.el.div(
                primary(
                    rx.cond(S.replace_pending, "Replacing…", "Replace in the column"),
                    type="submit",
                    pending=S.replace_pending,
                    disabled=S.replace_count == "0",
                ),
                class_name="flex justify-end",
            ),
            on_submit=S.replace,
            class_name="flex flex-col gap-4",
        ),
        is_open=S.replacing,
        on_open_change=S.set_replacing,
        description="Every cell of one column that has the text is changed, and its row is checked again.",
    )


def _told() -> Text:
    one, many = " cell will be changed.", " cells will be changed."
    some = text(S.replace_count) + text(rx.cond(S.replace_count == "1", one, many))
    told = text(rx.cond(S.replace_count == "0", "No cell of this column would change.", some))
    return text(rx.cond(S.replace_count == "", "", told))
