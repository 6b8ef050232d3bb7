"""The drop zone for a customer's list: drag and drop or the file picker, progress, cancel, errors in words.

csv_upload(action="/api/v1/enrichments", limits=S.limits, max_bytes=S.max_bytes, on_uploaded=S.uploaded)

The browser streams the file to `action` itself (never through the page socket) and calls `on_uploaded(id)` with the id
the API answered. `limits` is said before the drop; the server checks them again.
"""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import Flag, Text


def _uploaded(id: rx.Var[str]) -> list[rx.Var[str]]:
    return [id]


class CsvUpload(rx.Component):
    """`assets/csv_upload.jsx`."""

    library = "$/public/csv_upload.jsx"
    tag = "CsvUpload"

    action: rx.Var[str]
    limits: rx.Var[str]
    max_bytes: rx.Var[int]
    compact: rx.Var[bool]
    disabled: rx.Var[bool]
    on_uploaded: rx.EventHandler[_uploaded]


def csv_upload(
    *more: rx.Component,
    action: str,
    limits: Text,
    max_bytes: int | rx.Var[int],
    on_uploaded: Any,
    compact: Flag = False,
    disabled: Flag = False,
) -> rx.Component:
    """The zone; `more` stands beside its button, such as a link to a sample list."""
    return CsvUpload.create(
        *more,
        action=action,
        limits=limits,
        max_bytes=max_bytes,
        compact=compact,
        disabled=disabled,
        on_uploaded=on_uploaded,
    )
