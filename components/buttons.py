"""Buttons and links that look like buttons.

primary("Run segment", on_click=…, hotkey="r")      the one main action of a view
secondary("Export CSV", icon_name="download", href="/api/leads.csv")
ghost(…)  danger(…)  quiet_danger(…)
icon_button("x", "Close", on_click=…)               the label is required: it is the tooltip and the name
submit("Save", pending=S.saving)                    disabled only while sending
copy_button(text, "Copy ID")                        works on plain http too
"""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

from components.binding import Flag, Text
from components.icons import icon
from components.primitives import tooltip as tip
from components.primitives.anchor import anchor

Look = Literal["primary", "secondary", "ghost", "danger", "quiet-danger"]
Size = Literal["sm", "md", "lg"]


def classes(look: Look, size: Size = "md", extra: str = "") -> str:
    """The class list of a button, for triggers that render their own `<button>`."""
    return " ".join(part for part in (f"btn btn-{look}", "" if size == "md" else f"btn-{size}", extra) if part)


def button(
    label: Text,
    *,
    look: Look = "secondary",
    size: Size = "md",
    icon_name: str | None = None,
    href: Text | None = None,
    hotkey: str | None = None,
    disabled: Flag = False,
    pending: Flag = False,
    plain: bool = False,
    class_name: str = "",
    **props: Any,
) -> rx.Component:
    """A button, or a link when `href` is given. `pending` shows a spinner and blocks a second press.

    Addresses under `/api/` and `/auth/` are followed by the browser itself; so is a var with `plain=True`.
    """
    content: list[Any] = []
    if pending is not False:
        content.append(
            rx.cond(pending, icon("loader-circle", class_name="spin"), icon(icon_name) if icon_name else rx.fragment())
        )
    elif icon_name:
        content.append(icon(icon_name))
    content.append(label)
    if hotkey:
        props["data_hotkey"] = hotkey
    names = classes(look, size, class_name)
    if href is not None:
        served = plain or (isinstance(href, str) and href.startswith(("/api/", "/auth/", "http", "mailto:")))
        return (anchor if served else rx.el.a)(*content, href=href, class_name=names, **props)
    blocked = pending if disabled is False else disabled if pending is False else rx.Var.create(disabled) | pending
    if blocked is not False:
        props["disabled"] = blocked
    return rx.el.button(*content, type=props.pop("type", "button"), class_name=names, **props)


def primary(label: Text, **props: Any) -> rx.Component:
    """The single main action of a view."""
    return button(label, look="primary", **props)


def secondary(label: Text, **props: Any) -> rx.Component:
    return button(label, look="secondary", **props)


def ghost(label: Text, **props: Any) -> rx.Component:
    return button(label, look="ghost", **props)


def danger(label: Text, **props: Any) -> rx.Component:
    return button(label, look="danger", **props)


def quiet_danger(label: Text, **props: Any) -> rx.Component:
    return button(label, look="quiet-danger", **props)


def submit(label: Text, *, pending: Flag = False, look: Look = "primary", **props: Any) -> rx.Component:
    """A form's submit button."""
    return button(label, look=look, pending=pending, type="submit", **props)


def icon_button(
    name: str,
    label: Text,
    *,
    look: Look = "ghost",
    size: Size = "md",
    hotkey: str | None = None,
    class_name: str = "",
    **props: Any,
) -> rx.Component:
    """A button that is only an icon; `label` is its accessible name and its tooltip (with the shortcut, if any)."""
    if hotkey:
        props["data_hotkey"] = hotkey
    return tip.TooltipProvider.create(
        tip.TooltipRoot.create(
            tip.TooltipTrigger.create(
                icon(name),
                type="button",
                class_name=classes(look, size, f"btn-icon {class_name}"),
                aria_label=label,
                **props,
            ),
            tip.TooltipPortal.create(
                tip.TooltipContent.create(
                    label,
                    rx.el.kbd(hotkey.replace("-", " then "), class_name="kbd ml-2") if hotkey else rx.fragment(),
                    side="bottom",
                    side_offset=6,
                    collision_padding=8,
                    class_name="tip",
                )
            ),
        ),
        delay_duration=350,
    )


def copy_button(text: Text, label: str = "Copy") -> rx.Component:
    """Copies `text` in the browser, also on plain http, and says so for a moment."""
    return rx.el.button(
        icon("copy", size=14, class_name="copy-idle"),
        icon("check", size=14, class_name="copy-done"),
        type="button",
        title=label,
        aria_label=label,
        data_copy=text,
        class_name="btn btn-ghost btn-sm btn-icon copy",
    )


def copyable_id(text: Text) -> rx.Component:
    """A short prefixed id (`seg_…`) that copies itself on click."""
    return rx.el.button(
        rx.el.code(text, class_name="text-12 text-left"),
        icon("copy", size=12, class_name="copy-idle"),
        icon("check", size=12, class_name="copy-done"),
        type="button",
        data_copy=text,
        aria_label=rx.Var.create("Copy ") + rx.Var.create(text).to(str),
        class_name="copy inline-flex items-center gap-1.5 rounded px-1 -mx-1 text-ink-2 hover:bg-hover",
    )
