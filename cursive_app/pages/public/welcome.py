"""For people who are logged in and in no workspace: removed from their last one, or invited to none yet."""

from __future__ import annotations

import reflex as rx

from components.buttons import submit
from components.form import field, text_input
from components.primitives.anchor import anchor
from cursive_app.pages.frame import public_frame
from state.onboarding import WelcomeState as S
from state.session import SessionState


def welcome() -> rx.Component:
    return public_frame(
        rx.el.p(
            "If you expected to see a workspace here, its owner may have removed you from the team; ask them for an "
            "invitation",
            rx.cond(  # a tab that just lost its workspace has forgotten the person until its first event here
                SessionState.user_email != "",
                rx.fragment(" to ", rx.el.strong(SessionState.user_email, class_name="font-medium text-ink break-all")),
                rx.fragment(),
            ),
            ". You can also start a workspace of your own.",
            class_name="text-14 text-ink-2",
        ),
        rx.el.form(
            field(
                "workspace",
                "Workspace name",
                text_input("workspace", required=True, max_length=120, error=S.error),
                error=S.error,
            ),
            submit("Create workspace", class_name="w-full justify-center"),
            on_submit=S.create,
            class_name="flex flex-col gap-4",
        ),
        title="You are in no workspace",
        footer=anchor("Log out", href="/auth/logout", class_name="link"),
    )
