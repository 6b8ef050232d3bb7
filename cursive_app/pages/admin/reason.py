"""The dialog that asks why something is paused or resumed; the reason is written down and shown to all staff."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import Text
from components.buttons import secondary, submit
from components.dialog import modal
from components.form import field, textarea


def reason_dialog(
    *,
    title: Text,
    consequence: Text,
    action: Text,
    is_open: Any,
    on_open_change: Any,
    on_submit: Any,
    error: Text,
    pending: Any,
) -> rx.Component:
    """`on_submit` gets the form: `reason`. `on_open_change` takes a bool."""
    return modal(
        title,
        rx.el.form(
            field(
                "reason",
                "Reason",
                textarea("reason", rows=3, max_length=500, error=error, auto_focus=True),
                hint="All staff see it, and it is written down.",
                error=error,
            ),
            rx.el.div(
                secondary("Leave as it is", on_click=on_open_change(False)),
                submit(action, pending=pending),
                class_name="mt-4 flex justify-end gap-2",
            ),
            on_submit=on_submit,
        ),
        is_open=is_open,
        on_open_change=on_open_change,
        description=consequence,
    )


__all__ = ["reason_dialog"]
