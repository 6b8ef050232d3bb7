"""The workspace's name and time zone, and making another workspace."""

from __future__ import annotations

import reflex as rx

from components.buttons import copyable_id, secondary, submit
from components.dialog import modal
from components.feedback import definition, failure, list_states, skeleton_lines
from components.form import field, text_input
from components.shell import section
from cursive_app.pages.settings.layout import narrow, settings_page, timezone_select
from state.workspace import WorkspaceState as S


def _form() -> rx.Component:
    return rx.el.form(
        field(
            "name",
            "Workspace name",
            text_input("name", max_length=120, default_value=S.name, key=S.name, error=S.errors.get("name", "")),
            error=S.errors.get("name", ""),
        ),
        field(
            "timezone",
            "Time zone",
            timezone_select(S.timezone, error=S.errors.get("timezone", "")),
            hint="For everybody who has chosen none of their own.",
            error=S.errors.get("timezone", ""),
        ),
        rx.el.div(submit("Save", pending=S.saving)),
        on_submit=S.save,
        class_name="flex flex-col gap-4",
    )


def _ready() -> rx.Component:
    return narrow(
        section(
            "Workspace",
            rx.cond(
                S.can_edit,
                _form(),
                definition([("Name", S.name), ("Time zone", S.timezone)]),
            ),
        ),
        section(
            "Details",
            definition([("Workspace ID", copyable_id(S.workspace_id)), ("Short name", S.slug), ("Created", S.created)]),
        ),
        section(
            "Another workspace",
            rx.el.p(
                "A workspace has its own leads, segments, credits and team. You switch between yours at the top left.",
                class_name="text-13 text-ink-2",
            ),
            rx.el.div(secondary("New workspace", icon_name="plus", on_click=S.show_create(True)), class_name="mt-3"),
        ),
    )


def workspace() -> rx.Component:
    return settings_page(
        list_states(
            S.status,
            ready=_ready(),
            loading=skeleton_lines(6),
            empty=rx.fragment(),
            failed=failure(S.error, on_retry=S.load),
        ),
        modal(
            "New workspace",
            rx.el.form(
                field(
                    "workspace",
                    "Name",
                    text_input("workspace", required=True, max_length=120, error=S.create_error),
                    error=S.create_error,
                ),
                rx.el.div(submit("Create workspace"), class_name="flex justify-end"),
                on_submit=S.create,
                class_name="flex flex-col gap-4",
            ),
            is_open=S.creating,
            on_open_change=S.show_create,
            description="You will be its owner.",
        ),
        title="Workspace settings",
        active="workspace",
    )
