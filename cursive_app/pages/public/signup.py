"""The sign-up page."""

from __future__ import annotations

import reflex as rx

from components.form import error_summary, field, native_form, text_input
from cursive_app.pages.frame import public_frame
from cursive_app.pages.public.fields import email_field, name_field, new_password_field, wide_submit
from state.onboarding import SignupState as S


def signup() -> rx.Component:
    return public_frame(
        error_summary(S.error),
        native_form(
            name_field(S.typed.get("name", ""), error=S.errors.get("name", "")),
            email_field(S.typed.get("email", ""), error=S.errors.get("email", ""), auto_focus=False),
            field(
                "workspace",
                "Workspace",
                text_input(
                    "workspace",
                    auto_complete="organization",
                    max_length=120,
                    placeholder="Your company or team",
                    default_value=S.typed.get("workspace", ""),
                    error=S.errors.get("workspace", ""),
                ),
                optional=True,
                error=S.errors.get("workspace", ""),
            ),
            new_password_field(error=S.errors.get("password", "")),
            wide_submit("Create account"),
            action="/auth/signup",
        ),
        title="Create your account",
        subtitle="We send a link to confirm your address.",
        footer=rx.fragment("Already have an account? ", rx.el.a("Log in", href="/login", class_name="link")),
    )
