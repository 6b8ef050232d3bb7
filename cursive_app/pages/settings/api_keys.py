"""API keys: make, see once, rotate, revoke."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.buttons import copy_button, ghost, primary, quiet_danger, submit
from components.dialog import confirm, modal
from components.documentation import how_it_works
from components.feedback import failure, list_states, no_permission, nothing_yet, relative_time, status_pill
from components.form import checkbox, error_text, field, select, text_input
from components.primitives.anchor import anchor
from components.table import Column, data_table, skeleton_table, table_card
from cursive_app.pages.frame import may
from cursive_app.pages.settings.layout import settings_page
from cursive_app.services.accounts import DEFAULT_OVERLAP, LIFETIMES, OVERLAPS, Permission
from state.api_keys import ApiKeysState as S
from state.permission_words import SCOPE_WORDS

LIFETIME_OPTIONS = (("", "Until it is revoked"), *((str(days), f"{days} days") for days in LIFETIMES))

OVERLAP_WORDS = {0: "At once", 1: "After 1 hour", 24: "After 24 hours", 168: "After 7 days"}
OVERLAP_OPTIONS = tuple((str(hours), OVERLAP_WORDS[hours]) for hours in OVERLAPS)


def _name(row: Any) -> rx.Component:
    return rx.el.span(
        row.name, rx.el.code(row.prefix, class_name="text-12 text-ink-3"), class_name="inline-flex items-center gap-2"
    )


def _actions(row: Any) -> rx.Component:
    active = row.state == "active"
    return rx.el.span(
        rx.cond(
            active,
            ghost("Rotate", size="sm", on_click=S.ask_rotate(row.id), aria_label="Rotate " + row.name),
            rx.fragment(),
        ),
        rx.cond(
            active | (row.state == "retiring"),
            quiet_danger("Revoke", size="sm", on_click=S.ask_revoke(row.id), aria_label="Revoke " + row.name),
            rx.fragment(),
        ),
        class_name="inline-flex items-center gap-1",
    )


COLUMNS = (
    Column("name", "Key", _name, lead=True),
    Column(
        "state",
        "Status",
        lambda r: status_pill(
            r.state,
            {
                "active": ("Active", "good"),
                "retiring": ("Replaced", "warn"),
                "expired": ("Expired", "warn"),
                "revoked": ("Revoked", "neutral"),
            },
        ),
    ),
    Column("scopes", "May", lambda r: rx.el.span(r.scopes, class_name="whitespace-normal")),
    Column("used", "Last used", lambda r: relative_time(r.used, exact=r.used_exact)),
    Column("expires", "Expires", lambda r: rx.el.span(r.expires, class_name="num")),
    Column("by", "Made by", lambda r: relative_time(r.created_by, exact=r.created)),
    Column("action", "Action", _actions, right=True),
)


def _create_form() -> rx.Component:
    return modal(
        "New API key",
        rx.el.form(
            field(
                "name",
                "Name",
                text_input("name", required=True, max_length=80, auto_complete="off", error=S.errors.get("name", "")),
                hint="What will use it, so that you recognize it later.",
                error=S.errors.get("name", ""),
            ),
            rx.el.fieldset(
                rx.el.legend("The key may", class_name="mb-1.5 text-13 font-medium text-ink"),
                rx.el.div(
                    *[checkbox(f"scope_{scope}", words) for scope, words in SCOPE_WORDS.items()],
                    class_name="grid gap-2 sm:grid-cols-2",
                ),
                error_text("scopes", S.errors.get("scopes", "")),
            ),
            field(
                "days",
                "Works for",
                select("days", LIFETIME_OPTIONS, default_value=str(LIFETIMES[1])),
                error=S.errors.get("days", ""),
            ),
            field(
                "password",
                "Your password",
                text_input(
                    "password",
                    type="password",
                    auto_complete="current-password",
                    required=True,
                    error=S.errors.get("password", ""),
                ),
                hint="A key acts without you, so we ask once more.",
                error=S.errors.get("password", ""),
            ),
            rx.el.div(submit("Create key", pending=S.saving), class_name="flex justify-end"),
            on_submit=S.create,
            class_name="flex flex-col gap-4",
        ),
        is_open=S.creating,
        on_open_change=S.show_create,
    )


def _rotate_form() -> rx.Component:
    return modal(
        "Rotate “" + S.rotating_name + "”",
        rx.el.form(
            field(
                "overlap",
                "The old key stops working",
                select("overlap", OVERLAP_OPTIONS, default_value=str(DEFAULT_OVERLAP)),
                hint="Until then both keys work, so that you can change your programs without an outage.",
                error=S.errors.get("overlap", ""),
            ),
            field(
                "rotate_days",
                "The new key works for",
                select("rotate_days", LIFETIME_OPTIONS, default_value=str(LIFETIMES[1])),
                error=S.errors.get("days", ""),
            ),
            field(
                "rotate_password",
                "Your password",
                text_input(
                    "rotate_password",
                    type="password",
                    auto_complete="current-password",
                    required=True,
                    error=S.errors.get("password", ""),
                ),
                hint="The new key acts for you, so we ask once more.",
                error=S.errors.get("password", ""),
            ),
            rx.el.div(submit("Rotate key", pending=S.saving), class_name="flex justify-end"),
            on_submit=S.rotate,
            class_name="flex flex-col gap-4",
        ),
        is_open=S.rotating_id != "",
        on_open_change=S.set_rotating,
        description="You get a new key with the same name that may do the same things.",
    )


def _shown_once() -> rx.Component:
    return modal(
        "Copy this key now",
        rx.el.div(
            rx.el.code(S.new_key, class_name="min-w-0 flex-1 break-all text-13 text-ink", data_testid="new-key"),
            copy_button(S.new_key, "Copy key"),
            class_name="flex items-center gap-3 rounded-control border border-line bg-sunken p-3",
        ),
        is_open=S.new_key != "",
        on_open_change=S.close_new,
        description="It is shown only this once. We keep a hash of it, so nobody can show it to you again.",
    )


def api_keys() -> rx.Component:
    new = primary("New API key", icon_name="plus", on_click=S.show_create(True))
    return settings_page(
        rx.el.p(
            "Keys for programs that use ",
            anchor("the REST API", href="/api/openapi.json", class_name="link"),
            ". Send one as “Authorization: Bearer cur_…”. A key stops working when its maker leaves the team. ",
            how_it_works("api"),
            class_name="text-13 text-ink-2",
        ),
        list_states(
            S.status,
            ready=table_card(data_table(COLUMNS, rows=S.rows, key=lambda r: r.id, caption="API keys")),
            loading=table_card(skeleton_table(COLUMNS, rows=3)),
            empty=nothing_yet(
                "No API keys yet",
                "Make one to use segments, lists and leads from your own programs.",
                new,
                icon_name="key-round",
            ),
            failed=failure(S.error, on_retry=S.load),
            forbidden=no_permission(),
        ),
        _create_form(),
        _rotate_form(),
        _shown_once(),
        confirm(
            is_open=S.revoking_id != "",
            on_open_change=S.set_revoking,
            title="Revoke “" + S.revoking_name + "”?",
            consequence="Programs that use this key are refused from now on, and runs it started stop; a paused "
            "run waits until somebody resumes or stops it. This cannot be undone.",
            action="Revoke key",
            on_confirm=S.revoke,
        ),
        title="API keys",
        active="api-keys",
        actions=(rx.cond(may(Permission.MANAGE_API_KEYS) & (S.status == "ready"), new, rx.fragment()),),
    )
