"""The page for an address that leads nowhere. Served with status 404."""

from __future__ import annotations

import reflex as rx

from components.buttons import primary, secondary
from components.shell import public_shell


def not_found() -> rx.Component:
    return public_shell(
        "This page does not exist",
        rx.el.div(
            primary("Go to the start page", href="/"),
            secondary("Go back", on_click=rx.call_script("history.back()")),
            class_name="flex gap-2",
        ),
        subtitle="The address may be mistyped, or what was here has been deleted or belongs to another workspace.",
    )
