"""The fields that the pages for visitors share."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import Text
from components.buttons import secondary, submit
from components.feedback import banner
from components.form import field, text_input


def notice(text: Text) -> rx.Component:
    """Good news of the last form; empty text shows nothing."""
    return rx.el.div(
        rx.cond(text, banner(text, tone="good", icon_name="circle-check"), rx.fragment()),
        role="status",
        class_name="empty:hidden",
    )


def hidden(name: str, value: Text) -> rx.Component:
    """A value the form carries along."""
    return rx.el.input(type="hidden", name=name, value=value, read_only=True)


def email_field(typed: Text, *, error: Text | None = None, auto_focus: bool = True) -> rx.Component:
    """`typed` is what the last try said. It arrives after the page and must not replace what is being typed already:
    a browser shows a new default only in a field that nobody has touched, so the field is never mounted anew."""
    marked: dict[str, Any] = {"error": error} if error is not None else {}
    return field(
        "email",
        "E-mail",
        text_input(
            "email",
            type="email",
            auto_complete="username",
            input_mode="email",
            required=True,
            auto_focus=auto_focus,
            max_length=254,
            default_value=typed,
            **marked,
        ),
        error=error,
    )


def new_password_field(*, error: Text, label: str = "Password") -> rx.Component:
    return field(
        "password",
        label,
        text_input(
            "password", type="password", auto_complete="new-password", required=True, max_length=128, error=error
        ),
        hint="At least 10 characters. A few uncommon words are better than special characters.",
        error=error,
    )


def name_field(typed: Text, *, error: Text, auto_focus: bool = True) -> rx.Component:
    return field(
        "name",
        "Your name",
        text_input(
            "name",
            auto_complete="name",
            required=True,
            auto_focus=auto_focus,
            max_length=80,
            default_value=typed,
            error=error,
        ),
        error=error,
    )


def link_trouble(message: Text, *, on_retry: Any) -> rx.Component:
    """A mailed link that could not be looked up: it may be as good as ever."""
    return rx.el.div(
        banner(message, tone="bad", icon_name="circle-alert"),
        secondary("Try again", icon_name="rotate-cw", on_click=on_retry, class_name="w-full justify-center"),
        role="alert",
        class_name="flex flex-col gap-4",
    )


def wide_submit(label: str) -> rx.Component:
    return submit(label, class_name="w-full justify-center")


def links(*children: rx.Component) -> rx.Component:
    return rx.el.p(*children, class_name="text-13 text-ink-2")
