"""The question before a job is taken from a worker that still answers."""

from __future__ import annotations

import reflex as rx

from components.binding import text
from components.buttons import danger, secondary
from components.dialog import modal
from components.form import error_summary
from state.admin_rescue import RescuePart

TITLE = "Take it from the worker that holds it and queue it again"


def rescue_dialog(asked: type[RescuePart]) -> rx.Component:
    """Asks on the page of `asked` once a job of it hangs in living hands."""
    return modal(
        "Take this job from its worker?",
        error_summary(asked.rescue_error),
        is_open=text(asked.rescue_asked) != "",
        on_open_change=asked.set_rescue_asked,
        description="Its worker still answers, so it may only be slow. What this try did since its last step is lost "
        "and counts as a failed try, written down as taken by staff; the job starts again at that step.",
        footer=[
            secondary("Leave it there", on_click=asked.set_rescue_asked(False)),
            danger("Take it", on_click=asked.rescue_living, pending=text(asked.rescuing) != ""),
        ],
    )


__all__ = ["TITLE", "rescue_dialog"]
