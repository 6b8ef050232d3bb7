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
from reflex.style import set_color_mode
from reflex_components_core.core.banner import has_too_many_connection_errors

from components.binding import items
from components.command_palette import Command, command_palette
from components.dialog import item
from components.documentation import HOME
from components.feedback import banner
from components.primitives.anchor import anchor
from components.shell import PALETTE_CLASS, NavGroup, NavLink, ShellData, app_shell, palette_trigger, public_shell
from components.shortcuts import Shortcut, shortcuts_dialog
from components.sidebar import log_out
from cursive_app.pages.notices import bell
from cursive_app.services.accounts import Permission
from state.palette import PaletteState
from state.session import SessionState as S


def may(permission: Permission) -> rx.Var[bool]:
    """Whether the person's role has the permission: for hiding what would be refused anyway."""
    return items(S.can).contains(permission.value)


NAV: tuple[NavGroup, ...] = (
    NavGroup(
        "",
        (
            NavLink("segments", "Segments", "/segments", "filter", hotkey="g-s", only=may(Permission.VIEW_SEGMENTS)),
            NavLink("leads", "Leads", "/leads", "users", hotkey="g-l", only=may(Permission.VIEW_LEADS)),
            NavLink(
                "enrichments",
                "Enrichment",
                "/enrichments",
                "table-2",
                hotkey="g-e",
                only=may(Permission.VIEW_ENRICHMENTS),
            ),
            NavLink("jobs", "Jobs", "/jobs", "activity", hotkey="g-j", only=may(Permission.VIEW_JOBS)),
        ),
    ),
    NavGroup(
        "Workspace",
        (
            NavLink("credits", "Credits", "/credits", "coins", hotkey="g-c", only=may(Permission.VIEW_CREDITS)),
            NavLink("team", "Team", "/settings/team", "user-round-plus", hotkey="g-t", only=may(Permission.VIEW_TEAM)),
            NavLink(
                "api-keys",
                "API keys",
                "/settings/api-keys",
                "key-round",
                hotkey="g-k",
                only=may(Permission.MANAGE_API_KEYS),
            ),
            NavLink("workspace", "Settings", "/settings/workspace", "settings", hotkey="g-w"),
        ),
    ),
    NavGroup(
        "Staff",
        (NavLink("admin-jobs", "All jobs", "/admin/jobs", "server-cog", hotkey="g-a", only=S.is_staff),),
        only=S.is_staff,
    ),
)

ACTIONS: tuple[Command, ...] = (
    Command(
        "New segment",
        "Actions",
        "plus",
        href="/segments/new",
        keywords=("create", "search", "filter"),
        keys=("C",),
        only=may(Permission.EDIT_SEGMENTS),
    ),
    Command(
        "Upload a list",
        "Actions",
        "upload",
        href="/enrichments",
        keywords=("csv", "excel", "xlsx", "enrich"),
        only=may(Permission.EDIT_ENRICHMENTS),
    ),
    Command(
        "Invite a teammate",
        "Actions",
        "user-round-plus",
        href="/settings/team",
        keywords=("invitation", "member"),
        only=may(Permission.MANAGE_TEAM),
    ),
    Command("Your account", "Actions", "circle-user", href="/settings/account", keywords=("password", "profile")),
    Command("Your sessions", "Actions", "monitor-smartphone", href="/settings/sessions", keywords=("devices",)),
    Command("Documentation", "Actions", "book-open", href=HOME, keywords=("help", "how to", "guide", "manual")),
    Command("Log out", "Actions", "log-out", run=log_out(), keywords=("logout", "sign out")),
    Command("Use the light theme", "Appearance", "sun", run=set_color_mode("light")),
    Command("Use the dark theme", "Appearance", "moon", run=set_color_mode("dark")),
    # Last: who types "dark" means dark.
    Command("Use the system theme", "Appearance", "monitor", run=set_color_mode("system"), keywords=("dark", "light")),
)


def browser_title(title: str) -> str:
    """The text of the browser tab."""
    return f"{title} · Cursive"


def _keys(hotkey: str) -> tuple[str, ...]:
    return tuple(part.upper() for part in hotkey.split("-")) if hotkey else ()


def _palette() -> rx.Component:
    pages = tuple(
        Command(link.label, "Go to", link.icon_name, href=link.href, keys=_keys(link.hotkey), only=link.only)
        for group in NAV
        for link in group.links
    )
    return command_palette(
        (*pages, *ACTIONS),
        results=PaletteState.results,
        recent=PaletteState.recent,
        on_search=PaletteState.search.debounce(200).temporal,  # without a connection, pages still open
        on_open_change=PaletteState.opened.temporal,
        trigger=palette_trigger(),
        trigger_class=PALETTE_CLASS,
    )


def _shortcuts() -> rx.Component:
    everywhere = (
        Shortcut(("Ctrl/⌘", "K"), "Search and commands"),
        Shortcut(("?",), "This list"),
        Shortcut(("[",), "Show or hide the sidebar"),
        Shortcut(("Esc",), "Close what is open"),
    )
    go = tuple(
        Shortcut(_keys(link.hotkey), link.label, only=link.only)
        for group in NAV for link in group.links if link.hotkey
    )  # fmt: skip
    here = (
        Shortcut(("/",), "Search in the list", here="search"),
        Shortcut(("J",), "Next row", here="rows"),
        Shortcut(("K",), "Previous row", here="rows"),
        Shortcut(("Enter",), "Open the row", here="rows"),
        Shortcut(("N",), "Next page", here="pages"),
        Shortcut(("P",), "Previous page", here="pages"),
        Shortcut(("P",), "Show a free sample", here="sample"),
        Shortcut(("C",), "New segment", here="new-segment"),
    )
    return shortcuts_dialog(
        (("Everywhere", everywhere), ("Go to", go), ("On this page", here)),
        trigger_class="side-button text-13 text-ink-2",
    )


def _shell_data() -> ShellData:
    return ShellData(
        known=S.signed_in,
        sandbox=S.sandbox_data,
        workspace_name=S.workspace_name,
        user_name=S.user_name,
        user_email=S.user_email,
        role=S.role,
        balance=S.balance,
        held=S.held,
        has_held=S.has_held,
        workspaces=S.workspaces,
        workspace_id=S.workspace_id,
        on_switch=S.switch,
        workspace_items=(item("Workspace settings", icon_name="settings", href="/settings/workspace"),),
        user_items=(
            item("Your account", icon_name="circle-user", href="/settings/account"),
            item("Your sessions", icon_name="monitor-smartphone", href="/settings/sessions"),
        ),
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
        bell=bell(),
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


__all__ = ["ACTIONS", "NAV", "browser_title", "may", "overlay", "page", "public_frame"]
