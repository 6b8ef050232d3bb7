"""The login page."""

from __future__ import annotations

import reflex as rx

from components.feedback import banner
from components.form import error_summary, field, native_form, text_input
from cursive_app.pages.frame import public_frame
from cursive_app.pages.public.fields import email_field, hidden, links, notice, wide_submit
from state.login import LoginState as S


def login() -> rx.Component:
    return public_frame(
        notice(S.notice),
        rx.el.div(
            rx.cond(S.ended, banner(S.ended, tone="info", icon_name="info"), rx.fragment()),
            role="status",
            class_name="empty:hidden",
        ),
        error_summary(S.error),
        native_form(
            hidden("next", S.next_path),
            email_field(S.typed.get("email", "")),
            field(
                "password",
                "Password",
                text_input("password", type="password", auto_complete="current-password", required=True),
            ),
            wide_submit("Log in"),
            action="/auth/login",
        ),
        links(rx.el.a("Forgot your password?", href="/forgot", class_name="link")),
        title="Log in",
        footer=rx.fragment("New to Cursive? ", rx.el.a("Create an account", href="/signup", class_name="link")),
    )
