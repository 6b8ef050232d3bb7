"""Whether anybody looks: the browser tab may be in the background, and may have been opened there.

watch_hidden(S.set_hidden)      # the handler takes a bool: the tab is hidden
"""

from __future__ import annotations

from typing import Any

import reflex as rx

HIDDEN = rx.Var("document.hidden").to(bool)


def watch_hidden(on_change: Any) -> rx.Component:
    """Tells `on_change` when the page has loaded and whenever the tab goes to the background or comes back. Without the
    first word a tab that was opened in the background counts as seen until somebody visits it."""
    return rx.fragment(
        rx.window_event_listener(on_visibility_change=on_change), rx.fragment(on_mount=on_change(HIDDEN))
    )


__all__ = ["watch_hidden"]
