"""The page of an invitation's link."""

from __future__ import annotations

import reflex as rx

from components.buttons import primary, secondary
from components.feedback import skeleton_lines
from components.form import error_summary, native_form
from cursive_app.pages.frame import public_frame
from cursive_app.pages.public.fields import hidden, link_trouble, name_field, new_password_field, wide_submit
from state.onboarding import InviteState as S


def _offer() -> rx.Component:
    strong = "font-medium text-ink"
    return rx.el.p(
        rx.cond(S.inviter, rx.fragment(rx.el.strong(S.inviter, class_name=strong), " invites you"), "You are invited"),
        " to work in ",
        rx.el.strong(S.workspace, class_name=strong),
        ". Your role: ",
        S.role,
        ". The invitation is for ",
        rx.el.strong(S.email, class_name=f"{strong} break-all"),
        ".",
        class_name="text-14 text-ink-2",
    )


def _join() -> rx.Component:
    return rx.fragment(
        _offer(),
        native_form(
            hidden("token", S.token),
            name_field(S.typed.get("name", ""), error=S.errors.get("name", "")),
            new_password_field(error=S.errors.get("password", ""), label="Choose a password"),
            wide_submit("Join workspace"),
            action="/auth/invite",
        ),
    )


def _other_person() -> rx.Component:
    return rx.fragment(
        _offer(),
        rx.el.p(
            "You are logged in as ",
            rx.el.strong(S.own_email, class_name="font-medium text-ink break-all"),
            ". Log out, open this link again and use the invited address.",
            class_name="text-14 text-ink-2",
        ),
        secondary(
            "Log out",
            on_click=rx.call_script("window.location.assign('/auth/logout')"),
            class_name="w-full justify-center",
        ),
    )


def invite() -> rx.Component:
    return public_frame(
        error_summary(S.error),
        rx.match(
            S.status,
            ("join", _join()),
            (
                "log_in",
                rx.fragment(
                    _offer(), primary("Log in to accept", href=S.login_href, class_name="w-full justify-center")
                ),
            ),
            (
                "accept",
                rx.fragment(_offer(), primary("Join workspace", on_click=S.accept, class_name="w-full justify-center")),
            ),
            ("other_person", _other_person()),
            (
                "stale",
                rx.fragment(
                    rx.el.p(
                        "This invitation was used, withdrawn, or is too old. Ask the person who invited you for a new "
                        "one.",
                        class_name="text-14 text-ink-2",
                    ),
                    secondary("Go to the start page", href="/", class_name="w-full justify-center mt-4"),
                ),
            ),
            ("error", link_trouble(S.trouble, on_retry=S.load)),
            skeleton_lines(3),
        ),
        title="Invitation to Cursive",
    )
