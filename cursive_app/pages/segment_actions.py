"""The menu of a saved segment and its dialogs, for the list and for the workbench."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import reflex as rx

from components.buttons import primary, secondary
from components.dialog import confirm, item, line, menu, modal
from components.form import field, text_input, textarea
from cursive_app.pages.frame import may
from cursive_app.services.accounts import Permission


def segment_menu(row: Any, state: Any, *, first: Sequence[rx.Component] = ()) -> rx.Component:
    """What can be done with the segment `row` (a SegmentLine); `first` are entries only one place has."""

    def mine(entry: Any) -> rx.Component:
        return rx.cond(row.may_edit, entry, rx.fragment())

    return menu(
        "Actions for " + row.name,
        [
            *first,
            item("Leads of this segment", icon_name="users", on_select=rx.redirect("/leads?segment=" + row.id)),
            line(),
            mine(item("Name and description…", icon_name="pencil", on_select=state.ask_rename(row.id))),
            rx.cond(
                may(Permission.EDIT_SEGMENTS),
                item("Duplicate", icon_name="copy", on_select=state.duplicate(row.id)),
                rx.fragment(),
            ),
            mine(
                rx.cond(
                    row.is_shared,
                    item("Make private", icon_name="lock", on_select=state.share(row.id, False)),
                    item("Share with the workspace", icon_name="lock-open", on_select=state.share(row.id, True)),
                )
            ),
            mine(
                rx.match(
                    row.status,
                    ("active", item("Pause", icon_name="pause", on_select=state.set_status(row.id, "paused"))),
                    item("Make active", icon_name="play", on_select=state.set_status(row.id, "active")),
                )
            ),
            mine(
                rx.cond(
                    row.status == "archived",
                    rx.fragment(),
                    item("Archive", icon_name="archive", on_select=state.set_status(row.id, "archived")),
                )
            ),
            mine(item("Delete…", icon_name="trash-2", danger=True, on_select=state.ask_delete(row.id))),
        ],
        icon_name="ellipsis",
        icon_only=True,
        look="ghost",
        size="sm",
    )


def segment_dialogs(state: Any) -> rx.Component:
    """What the menu opens."""
    return rx.fragment(
        _describe_dialog(state),
        confirm(
            is_open=state.deleting,
            on_open_change=state.set_deleting,
            title="Delete “" + state.subject.name + "”?",
            consequence=state.consequence,
            action="Delete segment",
            on_confirm=state.delete,
        ),
    )


def _describe_dialog(state: Any) -> rx.Component:
    return modal(
        "Name and description",
        rx.el.form(
            field(
                "rename-name",
                "Name",
                text_input(
                    "rename-name",
                    name="name",
                    default_value=state.subject.name,
                    key="name" + state.subject.id,
                    max_length=100,
                    auto_focus=True,
                    error=state.name_refused,
                ),
                error=state.name_refused,
            ),
            field(
                "rename-description",
                "Description",
                textarea(
                    "rename-description",
                    rows=3,
                    name="description",
                    default_value=state.subject.description,
                    key="description" + state.subject.id,
                    max_length=500,
                    error=state.description_refused,
                ),
                error=state.description_refused,
                optional=True,
            ),
            rx.el.div(
                secondary("Cancel", on_click=state.set_renaming(False)),
                primary("Save", type="submit"),
                class_name="flex justify-end gap-2",
            ),
            on_submit=state.rename,
            class_name="flex flex-col gap-4",
        ),
        is_open=state.renaming,
        on_open_change=state.set_renaming,
    )
