"""The login page."""

from __future__ import annotations

import reflex as rx

from components.buttons import submit
from components.feedback import banner
from components.form import error_summary, field, native_form, text_input
from components.primitives.anchor import anchor
from cursive_app.pages.frame import public_frame
from state.login import LoginState as S


def login() -> rx.Component:
    return public_frame(
        rx.cond(S.notice, banner(S.notice, tone="neutral", icon_name="circle-check"), rx.fragment()),
        error_summary(S.error),
        native_form(
            rx.el.input(type="hidden", name="next", value=S.next_path, read_only=True),
            field(
                "email",
                "E-mail",
                text_input(
                    "email",
                    type="email",
                    auto_complete="username",
                    required=True,
                    auto_focus=True,
                    default_value=S.typed.get("email", ""),
                    key=S.typed.get("email", ""),
                ),
            ),
            field(
                "password",
                "Password",
                text_input("password", type="password", auto_complete="current-password", required=True),
            ),
            submit("Log in", class_name="w-full justify-center"),
            action="/auth/login",
        ),
        anchor("Forgot your password?", href="/forgot", class_name="text-13 text-link"),
        title="Log in",
        footer=rx.fragment("New to Cursive? ", anchor("Create an account", href="/signup", class_name="text-link")),
    )
