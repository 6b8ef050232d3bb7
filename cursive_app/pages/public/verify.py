"""Confirming an e-mail address: the page of the mailed link, and the page that says to look for the mail."""

from __future__ import annotations

import reflex as rx

from components.buttons import primary, secondary
from components.feedback import skeleton_lines
from components.form import error_summary, native_form
from components.primitives.anchor import anchor
from cursive_app.pages.frame import public_frame
from cursive_app.pages.public.fields import hidden, link_trouble, wide_submit
from state.onboarding import VerifyState as S


def _text(*words: rx.Component | str) -> rx.Component:
    return rx.el.p(*words, class_name="text-14 text-ink-2")


def _usable() -> rx.Component:
    return rx.fragment(
        _text("Press the button to confirm that this mailbox is yours."),
        native_form(hidden("token", S.token), wide_submit("Confirm e-mail address"), action="/auth/verify"),
    )


def _stale() -> rx.Component:
    return rx.fragment(
        _text("This link was used already or is too old. If your address is confirmed, just log in."),
        _text("Otherwise log in and ask for a new link."),
        primary("Log in", href="/login", class_name="w-full justify-center"),
    )


def _sent() -> rx.Component:
    return rx.fragment(
        _text(
            "We sent a mail to ",
            rx.cond(S.email, rx.el.strong(S.email, class_name="font-medium text-ink break-all"), "your address"),
            ". Open the link in it to go on; it works for 24 hours.",
        ),
        _text("Nothing there? Look into the spam folder, or log in to ask for a new link."),
        secondary("Log in", href="/login", class_name="w-full justify-center"),
    )


def _unconfirmed() -> rx.Component:
    return rx.fragment(
        _text(
            "You are logged in as ",
            rx.el.strong(S.email, class_name="font-medium text-ink break-all"),
            ". Confirm this address with the link we mailed you, then your workspace opens.",
        ),
        primary("Send a new link", on_click=S.resend, class_name="w-full justify-center"),
        rx.el.p(
            "Wrong address? ",
            anchor("Log out", href="/auth/logout", class_name="link"),
            class_name="text-13 text-ink-2",
        ),
    )


def verify() -> rx.Component:
    return public_frame(
        error_summary(S.error),
        rx.match(
            S.status,
            ("usable", _usable()),
            ("stale", _stale()),
            ("sent", _sent()),
            ("unconfirmed", _unconfirmed()),
            ("error", link_trouble(S.trouble, on_retry=S.load)),
            skeleton_lines(3),
        ),
        title="Confirm your e-mail address",
    )
