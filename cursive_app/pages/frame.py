"""The one frame of every page.

    def leads_page() -> rx.Component:
        return page(toolbar(…), table_card(…), title="Leads", active="leads", actions=[primary("New", href="…")])

`page` = shell, palette, shortcuts, banners. `public_frame` = mark and one card, for visitors. Toasts and the
reconnect banner are around every page already (`overlay`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import reflex as rx
from reflex_components_core.core.banner import has_too_many_connection_errors

from components.command_palette import Command, command_palette
from components.feedback import banner
from components.icons import icon
from components.primitives.anchor import anchor
from components.shell import PALETTE_CLASS, NavGroup, NavLink, ShellData, app_shell, palette_trigger, public_shell
from components.shortcuts import Shortcut, shortcuts_dialog

NAV: tuple[NavGroup, ...] = (
    NavGroup(
        "",
        (
            NavLink("segments", "Segments", "/segments", "filter", hotkey="g-s"),
            NavLink("leads", "Leads", "/leads", "users", hotkey="g-l"),
            NavLink("jobs", "Jobs", "/jobs", "activity", hotkey="g-j"),
        ),
    ),
    NavGroup(
        "Workspace",
        (
            NavLink("credits", "Credits", "/credits", "coins", hotkey="g-c"),
            NavLink("api-keys", "API keys", "/settings/api-keys", "key-round", hotkey="g-k"),
            NavLink("members", "Members", "/settings/members", "user-round-plus", hotkey="g-m"),
            NavLink("settings", "Settings", "/settings", "settings", hotkey="g-w"),
        ),
    ),
)

ACTIONS: tuple[Command, ...] = (
    Command(
        "New segment", "Actions", "plus", href="/segments/new", keywords=("create", "search", "filter"), keys=("C",)
    ),
    Command("Your account", "Actions", "circle-user", href="/account", keywords=("password", "sessions", "profile")),
)


def browser_title(title: str) -> str:
    """The text of the browser tab."""
    return f"{title} · Cursive"


def _keys(hotkey: str) -> tuple[str, ...]:
    return tuple(part.upper() for part in hotkey.split("-")) if hotkey else ()


def _palette() -> rx.Component:
    pages = tuple(
        Command(link.label, "Go to", link.icon_name, href=link.href, keys=_keys(link.hotkey))
        for group in NAV
        for link in group.links
    )
    return command_palette((*pages, *ACTIONS), trigger=palette_trigger(), trigger_class=PALETTE_CLASS)


def _shortcuts() -> rx.Component:
    everywhere = (
        Shortcut(("Ctrl/⌘", "K"), "Search and commands"),
        Shortcut(("?",), "This list"),
        Shortcut(("[",), "Show or hide the sidebar"),
        Shortcut(("Esc",), "Close what is open"),
    )
    go = tuple(Shortcut(_keys(link.hotkey), link.label) for group in NAV for link in group.links if link.hotkey)
    lists = (
        Shortcut(("/",), "Search in the list"),
        Shortcut(("J",), "Next row"),
        Shortcut(("K",), "Previous row"),
        Shortcut(("Enter",), "Open the row"),
        Shortcut(("N",), "Next page"),
        Shortcut(("P",), "Previous page"),
        Shortcut(("C",), "New segment"),
    )
    return shortcuts_dialog(
        (("Everywhere", everywhere), ("Go to", go), ("In lists", lists)), trigger_class="side-button text-13 text-ink-2"
    )


def _shell_data() -> ShellData:
    return ShellData(
        workspace_name="Cursive",
        user_name="",
        user_email="",
        role="",
        balance="–",
        held="",
        has_held=False,
        workspaces=rx.Var.create([]).to(list[dict[str, str]]),
        workspace_id="",
        on_switch=lambda _id: rx.noop(),
    )


def page(
    *content: Any,
    title: str | rx.Var[str],
    active: str,
    actions: Sequence[Any] = (),
    crumbs: Sequence[tuple[str | rx.Var[str], str]] = (),
    banners: Sequence[Any] = (),
    wide: bool = False,
) -> rx.Component:
    """A page for people who are logged in. `active` is a NavLink's key; `crumbs` are (word, address) pairs."""
    return app_shell(
        data=_shell_data(),
        nav=NAV,
        active=active,
        title=title,
        content=content,
        actions=actions,
        crumbs=crumbs,
        banners=banners,
        palette=_palette(),
        shortcuts=_shortcuts(),
        wide=wide,
    )


def public_frame(*content: Any, title: str | rx.Var[str], subtitle: Any = None, footer: Any = None) -> rx.Component:
    """A page for visitors: the mark and one calm card."""
    return public_shell(title, *content, subtitle=subtitle, footer=footer)


@rx.memo
def reconnect_banner() -> rx.Component:
    """Says that the connection is gone, in words and without covering the page."""
    return rx.el.div(
        rx.cond(
            has_too_many_connection_errors,
            banner(
                rx.el.strong("Reconnecting…", class_name="font-semibold"),
                " What you see may be out of date; running work is not affected.",
                tone="warn",
                icon_name="wifi-off",
                action=anchor("Reload", href="", class_name="btn btn-ghost btn-sm"),
                class_name="pointer-events-auto shadow-lg",
            ),
            rx.fragment(),
        ),
        role="status",
        class_name="pointer-events-none fixed inset-x-0 top-2 z-[90] mx-auto w-[min(600px,calc(100vw-24px))]",
    )


def overlay(stateful: bool) -> rx.Component | None:
    """What lies over every page (Reflex puts the page inside it). Replaces Reflex's own connection pop-ups."""
    return rx.fragment(reconnect_banner()) if stateful else None


__all__ = ["ACTIONS", "NAV", "browser_title", "icon", "overlay", "page", "public_frame"]
