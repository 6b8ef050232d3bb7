"""The dialog that asks why something is paused or resumed; the reason is written down and shown to all staff."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import Text, text
from components.buttons import secondary, submit
from components.dialog import modal
from components.form import field, textarea
from state.admin_reasons import ReasonPart


def reason_dialog(
    *more: rx.Component,
    title: Text,
    consequence: Text,
    action: Text,
    is_open: Any,
    on_open_change: Any,
    on_submit: Any,
    error: Text,
    pending: Any,
) -> rx.Component:
    """`on_submit` gets the form: `reason` and what `more` fields above it hold. `on_open_change` takes a bool."""
    return modal(
        title,
        rx.el.form(
            *more,
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
                class_name="flex justify-end gap-2",
            ),
            on_submit=on_submit,
            class_name="flex flex-col gap-4",
        ),
        is_open=is_open,
        on_open_change=on_open_change,
        description=consequence,
    )


def pause_dialog(asked: type[ReasonPart], *, noun: str, pausing: str, resuming: str) -> rx.Component:
    """The dialog of a page whose things (`noun`) are paused and resumed; `pausing` and `resuming` say what follows."""
    pauses = text(asked.wanted) == "pause"
    verb = rx.cond(pauses, "Pause ", "Resume ")
    return reason_dialog(
        title=rx.Var.create(verb).to(str) + text(asked.name) + "?",
        consequence=rx.cond(pauses, pausing, resuming),
        action=rx.cond(pauses, f"Pause {noun}", f"Resume {noun}"),
        is_open=asked.asking & (pauses | (text(asked.wanted) == "resume")),
        on_open_change=asked.set_asking,
        on_submit=asked.change,
        error=asked.wrong.get("reason", ""),
        pending=asked.pending,
    )


__all__ = ["pause_dialog", "reason_dialog"]
