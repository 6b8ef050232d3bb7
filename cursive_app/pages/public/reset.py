"""Setting a new password through a mailed link."""

from __future__ import annotations

import reflex as rx

from components.buttons import primary
from components.feedback import skeleton_lines
from components.form import error_summary, native_form
from cursive_app.pages.frame import public_frame
from cursive_app.pages.public.fields import hidden, link_trouble, new_password_field, wide_submit
from state.onboarding import ResetState as S


def reset() -> rx.Component:
    return public_frame(
        error_summary(S.error),
        rx.match(
            S.status,
            (
                "usable",
                native_form(
                    hidden("token", S.token),
                    new_password_field(error=S.errors.get("password", ""), label="New password"),
                    wide_submit("Set password"),
                    action="/auth/reset",
                ),
            ),
            (
                "stale",
                rx.fragment(
                    rx.el.p("This link was used already or is too old.", class_name="text-14 text-ink-2"),
                    primary("Ask for a new link", href="/forgot", class_name="w-full justify-center"),
                ),
            ),
            ("error", link_trouble(S.trouble, on_retry=S.load)),
            skeleton_lines(3),
        ),
        title="Set a new password",
        subtitle="All browsers that are logged in will be logged out.",
    )
