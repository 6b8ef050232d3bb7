"""The person's own name, time zone and password."""

from __future__ import annotations

import reflex as rx

from components.buttons import submit
from components.feedback import failure, list_states, skeleton_lines
from components.form import error_summary, field, native_form, text_input
from components.shell import section
from cursive_app.pages.public.fields import new_password_field, notice
from cursive_app.pages.settings.layout import narrow, settings_page, timezone_select
from state.account import AccountState as S


def _profile() -> rx.Component:
    return section(
        "Profile",
        rx.el.form(
            field(
                "name",
                "Name",
                text_input(
                    "name",
                    auto_complete="name",
                    max_length=80,
                    default_value=S.name,
                    key=S.name,
                    error=S.form_errors.get("name", ""),
                ),
                error=S.form_errors.get("name", ""),
            ),
            field("email", "E-mail", text_input("email", value=S.email, read_only=True, disabled=True)),
            field(
                "timezone",
                "Time zone",
                timezone_select(S.timezone, error=S.form_errors.get("timezone", ""), follow=True),
                hint="Times are shown in this zone.",
                error=S.form_errors.get("timezone", ""),
            ),
            rx.el.div(submit("Save", pending=S.saving)),
            on_submit=S.save,
            class_name="flex flex-col gap-4",
        ),
    )


def _password() -> rx.Component:
    return section(
        "Password",
        notice(S.notice),
        error_summary(S.error),
        native_form(
            # Lets password managers store the new password under the right name.
            rx.el.input(
                type="text", name="username", value=S.email, read_only=True, auto_complete="username", hidden=True
            ),
            field(
                "current",
                "Current password",
                text_input(
                    "current",
                    type="password",
                    auto_complete="current-password",
                    required=True,
                    error=S.errors.get("current", ""),
                ),
                error=S.errors.get("current", ""),
            ),
            new_password_field(error=S.errors.get("password", ""), label="New password"),
            rx.el.div(submit("Change password", look="secondary")),
            action="/auth/password",
        ),
        hint="Changing it logs out all your other browsers.",
    )


def account() -> rx.Component:
    return settings_page(
        list_states(
            S.status,
            ready=narrow(_profile(), _password()),
            loading=skeleton_lines(6),
            empty=rx.fragment(),
            failed=failure(S.error, on_retry=S.load),
        ),
        title="Your account",
        active="account",
    )
