"""`/`: the mark while the session is looked up, then the first page of the role."""

from __future__ import annotations

import reflex as rx

from components.feedback import spinner
from components.icons import mark


def home() -> rx.Component:
    return rx.el.main(
        mark(size=36),
        rx.el.h1("Cursive", class_name="sr-only"),
        spinner("Opening Cursive"),
        aria_label="Opening Cursive",
        class_name="flex min-h-dvh flex-col items-center justify-center gap-4",
    )
