"""What the settings pages share."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import Text
from components.form import select
from cursive_app.pages.frame import page
from cursive_app.services.accounts import timezones

CRUMBS = (("Settings", "/settings/account"),)

_TABS = (
    ("account", "Account", "/settings/account"),
    ("sessions", "Sessions", "/settings/sessions"),
    ("team", "Team", "/settings/team"),
    ("api-keys", "API keys", "/settings/api-keys"),
    ("workspace", "Workspace", "/settings/workspace"),
)


def settings_page(*content: Any, title: str, active: str, actions: tuple[Any, ...] = ()) -> rx.Component:
    """A settings page with the way to the others."""
    tabs = rx.el.nav(
        *[
            rx.el.a(
                word,
                href=href,
                class_name="tab whitespace-nowrap",
                data_state="active" if key == active else "inactive",
                custom_attrs={"aria-current": "page"} if key == active else {},
            )
            for key, word, href in _TABS
        ],
        aria_label="Settings",
        class_name="tabs-list overflow-x-auto",
    )
    return page(tabs, *content, title=title, active=active, actions=actions, crumbs=CRUMBS)


def timezone_select(value: Text, *, error: Text, follow: bool = False) -> rx.Component:
    """A list of time zones; `follow` offers the workspace's."""
    first = [("", "As the workspace")] if follow else []
    options = [*first, *((zone, zone.replace("_", " ")) for zone in timezones())]
    # Somebody may have chosen a name that is no longer offered: it stays theirs.
    return rx.cond(
        rx.Var.create([zone for zone, _ in options]).contains(value),
        select("timezone", options, default_value=value, key=value, error=error),
        select("timezone", [(value, value), *options], default_value=value, key=value, error=error),
    )


def narrow(*content: Any) -> rx.Component:
    """A column for forms."""
    return rx.el.div(*content, class_name="flex w-full max-w-[640px] flex-col gap-8")
