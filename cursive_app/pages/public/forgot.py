"""Asking for a link to set a new password."""

from __future__ import annotations

import reflex as rx

from components.form import error_summary, native_form
from cursive_app.pages.frame import public_frame
from cursive_app.pages.public.fields import email_field, notice, wide_submit
from state.onboarding import ForgotState as S


def forgot() -> rx.Component:
    return public_frame(
        notice(S.notice),
        error_summary(S.error),
        native_form(
            email_field(S.typed.get("email", ""), error=S.errors.get("email", "")),
            wide_submit("Mail me a link"),
            action="/auth/forgot",
        ),
        title="Forgot your password?",
        subtitle="Enter your address and we mail you a link to set a new one.",
        footer=rx.el.a("Back to login", href="/login", class_name="link"),
    )
