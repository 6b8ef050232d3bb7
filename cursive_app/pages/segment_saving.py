"""The dialogs of saving on the workbench: a new segment's name, and somebody else's change in between."""

from __future__ import annotations

import reflex as rx

from components.buttons import primary, secondary
from components.dialog import modal
from components.form import checkbox, field, text_input, textarea
from state.segment_builder import SegmentBuilderState as S


def name_dialog() -> rx.Component:
    """Name, description and whether it is private, of a segment that is saved as new."""
    return modal(
        S.naming_title,
        rx.el.form(
            field(
                "segment-name",
                "Name",
                text_input(
                    "segment-name",
                    name="name",
                    default_value=S.new_name,
                    placeholder="Sales leaders in Texas",
                    max_length=100,
                    auto_focus=True,
                    error=S.name_error,
                ),
                error=S.name_error,
            ),
            field(
                "segment-description",
                "Description",
                textarea(
                    "segment-description",
                    rows=3,
                    name="description",
                    default_value=S.new_description,
                    max_length=500,
                ),
                optional=True,
            ),
            checkbox(
                "segment-private",
                "Private",
                name="private",
                hint="Only you, owners and admins see it.",
            ),
            rx.el.div(
                primary("Save", type="submit", pending=S.saving),
                class_name="flex justify-end gap-2 pt-1",
            ),
            on_submit=S.save_as,
            class_name="flex flex-col gap-4",
        ),
        is_open=S.naming,
        on_open_change=S.set_naming,
    )


def conflict_dialog() -> rx.Component:
    """Somebody changed what was changed here, too. Nothing typed is lost either way."""
    drops = "The newest replaces your edit of the filter; the browser's Back brings your edit back."
    stays = "The limits you typed stay in their boxes."
    return modal(
        "This segment has changed",
        rx.el.p(S.conflict, class_name="text-13 text-ink-2"),
        rx.el.p(
            rx.cond(
                S.dirty,
                rx.cond(S.limits_changed, f"{drops} {stays}", drops),
                rx.cond(S.limits_changed, stays, "Look at the newest before you run it."),
            ),
            class_name="mt-2 text-13 text-ink-2",
        ),
        is_open=S.conflict != "",
        on_open_change=S.set_conflict,
        footer=[
            secondary("Show the newest", on_click=S.take_newest),
            primary("Save mine as new", on_click=S.ask_save_as),
        ],
    )
