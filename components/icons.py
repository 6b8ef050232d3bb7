"""Icons, and Cursive's own mark."""

from __future__ import annotations

from typing import Any

import reflex as rx


def icon(name: str, *, size: int = 16, **props: Any) -> rx.Component:
    """A Lucide icon by its literal name, hidden from screen readers: the word beside it, or a label, speaks for it.

    An icon that stands alone says what it means: `custom_attrs={"role": "img", "aria-label": "Allowed"}`.
    """
    attributes = props.pop("custom_attrs", {"aria-hidden": "true"})
    return rx.icon(name, size=size, stroke_width=1.75, custom_attrs=attributes, **props)


def mark(*, size: int = 22, **props: Any) -> rx.Component:
    """The product mark: a cursor that writes a rising line."""
    return rx.el.svg(
        rx.el.svg.rect(x="0", y="0", width="24", height="24", rx="6.5", fill="var(--accent)"),
        rx.el.svg.path(
            d="M16.6 8.2a5.4 5.4 0 1 0 0 7.6",
            fill="none",
            stroke="#fff",
            custom_attrs={"strokeWidth": "2.4", "strokeLinecap": "round"},
        ),
        rx.el.svg.circle(cx="17.1", cy="12", r="1.7", fill="#fff"),
        width=str(size),
        height=str(size),
        view_box="0 0 24 24",
        custom_attrs={"aria-hidden": "true", "focusable": "false"},
        **props,
    )


def wordmark() -> rx.Component:
    """Mark and name, for public pages."""
    return rx.el.span(
        mark(size=26),
        rx.el.span("Cursive", class_name="text-16 font-semibold tracking-tight text-ink"),
        class_name="inline-flex items-center gap-2.5",
    )
