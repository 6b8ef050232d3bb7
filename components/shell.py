"""The application's frame: sidebar, top bar, phone drawer. Knows no state; `pages/frame.py` binds it to the session.

app_shell(data=ShellData(…), nav=NAV, active="leads", title="Leads", actions=[…], crumbs=[("Segments", "/segments")],
          content=[…], banners=[…], palette=…, shortcuts=…)
nav groups: NavGroup("", (NavLink("leads", "Leads", "/leads", "users", hotkey="g-l"), …))
section("Title", *content, actions=[…])    page_body(*content, narrow=False)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import reflex as rx
from reflex.style import color_mode, set_color_mode
from reflex_components_radix.primitives.dialog import dialog as radix

from components.binding import Flag, Items, Text, items
from components.buttons import classes, icon_button
from components.dialog import item, line, menu, menu_label, tooltip
from components.feedback import skeleton
from components.icons import icon, mark
from components.primitives import menu as dropdown
from components.primitives.anchor import anchor


@dataclass(frozen=True, slots=True)
class NavLink:
    """One page in the sidebar. `key` is what a page passes as `active`."""

    key: str
    label: str
    href: str
    icon_name: str
    hotkey: str = ""
    only: Flag | None = None  # whether the person may open it


@dataclass(frozen=True, slots=True)
class NavGroup:
    """Links under one heading; an empty heading shows none."""

    label: str
    links: tuple[NavLink, ...]


@dataclass(frozen=True, slots=True)
class ShellData:
    """What the frame shows about the session; all vars or plain text. `workspaces` are dicts: id, name, role.

    `known` is false until the session was looked up; `sandbox` says that the people shown are synthetic.
    """

    known: Flag
    sandbox: Flag
    workspace_name: Text
    user_name: Text
    user_email: Text
    role: Text
    balance: Text
    held: Text
    has_held: Flag
    workspaces: Items
    workspace_id: Text
    on_switch: Callable[[Any], Any]
    workspace_items: Sequence[rx.Component] = ()
    user_items: Sequence[rx.Component] = ()


def app_shell(
    *,
    data: ShellData,
    nav: Sequence[NavGroup],
    active: str,
    title: Text,
    content: Sequence[Any],
    actions: Sequence[Any] = (),
    crumbs: Sequence[tuple[Text, str]] = (),
    banners: Sequence[Any] = (),
    palette: Any = None,
    shortcuts: Any = None,
    wide: bool = False,
) -> rx.Component:
    """Sidebar, top bar with breadcrumb, title and actions, and the page. Content is at most 1280 px unless `wide`."""
    side = _sidebar(data, nav, active, palette=palette, shortcuts=shortcuts)
    frame = rx.el.div(
        rx.el.aside(rx.el.div(*side, class_name="app-side-inner"), class_name="app-side", aria_label="Sidebar"),
        rx.el.div(
            _top_bar(data, nav, active, title, crumbs, actions),
            rx.el.main(
                *banners,
                _when_known(data, content),
                id="content",
                tab_index=-1,
                aria_label=title,
                class_name=f"mx-auto flex w-full flex-col gap-4 px-4 py-5 sm:px-6 {'' if wide else 'max-w-page'}",
            ),
            class_name="min-w-0",
        ),
        class_name="app",
    )
    return rx.fragment(skip_link(), frame)


def skip_link() -> rx.Component:
    """The first stop of the Tab key: past the navigation."""
    return rx.el.nav(anchor("Skip to content", href="#content", class_name="skip"), aria_label="Skip")


def _when_known(data: ShellData, content: Sequence[Any]) -> rx.Component:
    """The page, once the session is known: a visitor sees no page flash by on the way to the login page."""
    waiting = rx.el.div(
        skeleton("h-8 w-64"), skeleton("h-8 w-full"), skeleton("h-72 w-full"), class_name="flex flex-col gap-4"
    )
    return rx.cond(data.known, rx.fragment(*content), waiting)


def _sidebar(data: ShellData, nav: Sequence[NavGroup], active: str, *, palette: Any, shortcuts: Any) -> list[Any]:
    return [
        rx.el.div(
            _workspace_menu(data),
            rx.el.button(
                icon("panel-left-close"),
                type="button",
                aria_label="Hide sidebar",
                title="Hide sidebar  [",
                data_nav_toggle="",
                data_hotkey="[",
                class_name=classes("ghost", "sm", "btn-icon nav-close"),
            ),
            class_name="flex items-center gap-1 px-2 pt-2",
        ),
        rx.el.div(palette, class_name="px-2 pt-2") if palette is not None else rx.fragment(),
        rx.el.nav(*_links(nav, active), aria_label="Main", class_name="flex-1 overflow-y-auto px-2 py-2"),
        rx.el.div(
            _balance(data),
            _user_menu(data),
            shortcuts or rx.fragment(),
            class_name="flex flex-col gap-0.5 border-t border-line p-2",
        ),
    ]


def _links(nav: Sequence[NavGroup], active: str) -> list[rx.Component]:
    return [
        rx.el.div(
            rx.el.p(group.label, class_name="nav-label") if group.label else rx.fragment(),
            *[_nav_link(link, active) for link in group.links],
            class_name="flex flex-col gap-px",
        )
        for group in nav
    ]


def _nav_link(link: NavLink, active: str) -> rx.Component:
    extra: dict[str, Any] = {"aria_current": "page"} if link.key == active else {}
    if link.hotkey:
        extra |= {"data_hotkey": link.hotkey, "custom_attrs": {"data-hotkey-hidden": ""}}
    shown = rx.el.a(icon(link.icon_name), link.label, href=link.href, class_name="nav-link", **extra)
    return shown if link.only is None else rx.cond(link.only, shown, rx.fragment())


def monogram(name: Text, *, round_: bool = False) -> rx.Component:
    """The first letter of a name, as a stand-in for a picture."""
    return rx.el.span(
        rx.Var.create(name).to(str)[0:1],
        class_name=f"monogram {'round' if round_ else ''}",
        custom_attrs={"aria-hidden": "true"},
    )


def _workspace_menu(data: ShellData) -> rx.Component:
    choices = rx.foreach(
        items(data.workspaces),
        lambda one: dropdown.MenuItem.create(
            monogram(one["name"]),
            rx.el.span(
                rx.el.span(one["name"], class_name="block truncate"),
                rx.el.span(one["role"], class_name="block text-12 text-ink-3"),
                class_name="min-w-0",
            ),
            rx.cond(one["id"] == data.workspace_id, icon("check", size=15, class_name="ml-auto"), rx.fragment()),
            on_select=data.on_switch(one["id"]),
            key=one["id"],
            class_name="menu-item",
        ),
    )
    return rx.el.div(
        menu(
            "Switch workspace",
            [
                menu_label("Workspaces"),
                choices,
                line(),
                *data.workspace_items,
            ],
            trigger=[
                monogram(data.workspace_name),
                rx.el.span(
                    rx.cond(data.known, data.workspace_name, skeleton("h-3.5 w-24")),
                    class_name="min-w-0 flex-1 truncate text-13 font-semibold text-ink",
                ),
                icon("chevrons-up-down", size=14, class_name="text-ink-3"),
            ],
            trigger_class="side-button",
            align="start",
        ),
        class_name="min-w-0 flex-1",
    )


def _balance(data: ShellData) -> rx.Component:
    return rx.el.a(
        icon("coins", class_name="text-ink-3"),
        rx.el.span(
            rx.el.span(data.balance, class_name="num text-13 font-semibold text-ink"),
            rx.el.span(" credits", class_name="text-13 text-ink-2"),
            rx.cond(
                data.has_held, rx.el.span(data.held, " held", class_name="num block text-12 text-ink-3"), rx.fragment()
            ),
            class_name="min-w-0",
            custom_attrs={"aria-live": "polite"},
        ),
        href="/credits",
        aria_label=rx.Var.create("Credit balance: ") + rx.Var.create(data.balance).to(str),
        class_name="side-button",
    )


def _user_menu(data: ShellData) -> rx.Component:
    return menu(
        "Account",
        [
            rx.el.div(
                rx.el.p(data.user_name, class_name="truncate text-13 font-medium text-ink"),
                rx.el.p(data.user_email, class_name="truncate text-12 text-ink-3"),
                class_name="px-2 py-1.5",
            ),
            line(),
            *data.user_items,
            *theme_items(),
            line(),
            item("Log out", icon_name="log-out", on_select=rx.call_script("window.location.assign('/auth/logout')")),
        ],
        trigger=[
            monogram(data.user_name, round_=True),
            rx.el.span(
                rx.cond(
                    data.known,
                    rx.el.span(data.user_name, class_name="block truncate text-13 font-medium text-ink"),
                    skeleton("h-3.5 w-24"),
                ),
                rx.el.span(data.role, class_name="block text-12 text-ink-3"),
                class_name="min-w-0 flex-1",
            ),
            icon("chevrons-up-down", size=14, class_name="text-ink-3"),
        ],
        trigger_class="side-button",
        align="start",
        side="top",
    )


def theme_items() -> list[rx.Component]:
    """System, light, dark, as menu lines; the choice stays in this browser."""
    choices: tuple[tuple[Literal["system", "light", "dark"], str, str], ...] = (
        ("system", "System theme", "monitor"),
        ("light", "Light", "sun"),
        ("dark", "Dark", "moon"),
    )
    return [
        line(),
        menu_label("Appearance"),
        *[
            dropdown.MenuItem.create(
                icon(icon_name),
                label,
                rx.cond(color_mode == value, icon("check", size=15, class_name="ml-auto"), rx.fragment()),
                on_select=set_color_mode(value),
                class_name="menu-item",
            )
            for value, label, icon_name in choices
        ],
    ]


def _top_bar(
    data: ShellData,
    nav: Sequence[NavGroup],
    active: str,
    title: Text,
    crumbs: Sequence[tuple[Text, str]],
    actions: Sequence[Any],
) -> rx.Component:
    trail = [
        rx.el.span(
            rx.el.a(label, href=href, class_name="truncate text-ink-2 hover:text-ink"),
            icon("chevron-right", size=14, class_name="flex-none text-ink-3"),
            class_name="hidden min-w-0 items-center gap-1 sm:inline-flex",
        )
        for label, href in crumbs
    ]
    return rx.el.header(
        _phone_nav(data, nav, active),
        rx.el.button(
            icon("panel-left-open"),
            type="button",
            aria_label="Show sidebar",
            title="Show sidebar  [",
            data_nav_toggle="",
            data_hotkey="[",
            class_name=classes("ghost", "md", "btn-icon nav-open"),
        ),
        rx.el.div(
            *trail,
            rx.el.h1(title, class_name="truncate text-14 font-semibold text-ink"),
            class_name="flex min-w-0 flex-1 items-center gap-1 text-14",
        ),
        rx.cond(data.sandbox, _sandbox_mark(), rx.fragment()),
        rx.el.div(*actions, class_name="flex flex-none items-center gap-2"),
        aria_label="Page header",
        class_name="app-top",
    )


def _sandbox_mark() -> rx.Component:
    return tooltip(
        "The people shown here are synthetic: no provider key is set, so they come from the built-in sandbox.",
        rx.el.span(
            icon("flask-conical", size=12),
            rx.el.span("Sandbox data", class_name="hidden sm:inline"),
            rx.el.span("Sandbox data", class_name="sr-only sm:hidden"),
            data_tone="info",
            class_name="pill plain",
        ),
        class_name="inline-flex flex-none items-center no-underline",
    )


def _phone_nav(data: ShellData, nav: Sequence[NavGroup], active: str) -> rx.Component:
    return radix.root(
        radix.trigger(
            icon("menu"), class_name=classes("ghost", "md", "btn-icon phone-only"), aria_label="Open navigation"
        ),
        radix.portal(
            radix.overlay(class_name="scrim"),
            radix.content(
                rx.el.div(
                    radix.title(
                        rx.el.span(mark(), "Cursive", class_name="inline-flex items-center gap-2"),
                        class_name="text-14 font-semibold",
                    ),
                    radix.close(
                        icon("x"), class_name=classes("ghost", "sm", "btn-icon"), aria_label="Close navigation"
                    ),
                    class_name="flex items-center justify-between px-4 pt-3 pb-1",
                ),
                rx.el.div(_workspace_menu(data), class_name="px-2 pt-1"),
                rx.el.nav(*_links(nav, active), aria_label="Main", class_name="flex-1 overflow-y-auto px-2 py-2"),
                rx.el.div(
                    _balance(data), _user_menu(data), class_name="flex flex-col gap-0.5 border-t border-line p-2"
                ),
                class_name="drawer left",
                aria_describedby="",
            ),
        ),
    )


def palette_trigger() -> tuple[Any, ...]:
    """The content of the sidebar's search button: `command_palette(trigger=palette_trigger(), …)`."""
    return (
        icon("search", size=15),
        rx.el.span("Search or jump to", class_name="flex-1 text-left"),
        rx.el.kbd("Ctrl K", class_name="kbd not-mac"),
        rx.el.kbd("⌘ K", class_name="kbd on-mac"),
    )


PALETTE_CLASS = "palette-trigger"


def section(
    title: Text, *content: Any, actions: Sequence[Any] = (), hint: Text | None = None, card: bool = True
) -> rx.Component:
    """A titled part of a page, in a card unless told otherwise."""
    head = rx.el.div(
        rx.el.div(
            rx.el.h2(title, class_name="text-14 font-semibold text-ink"),
            rx.el.p(hint, class_name="text-13 text-ink-3") if hint is not None else rx.fragment(),
        ),
        rx.el.div(*actions, class_name="flex items-center gap-2") if actions else rx.fragment(),
        class_name="flex flex-wrap items-end justify-between gap-3",
    )
    body = rx.el.div(*content, class_name="card p-4 sm:p-5") if card else rx.el.div(*content)
    return rx.el.section(head, body, class_name="flex flex-col gap-2.5")


def public_shell(title: Text, *content: Any, subtitle: Any = None, footer: Any = None) -> rx.Component:
    """A calm page with the mark and one card, for logging in and signing up."""
    return rx.el.div(
        rx.el.header(
            rx.el.a(
                rx.el.span(
                    mark(size=26),
                    rx.el.span("Cursive", class_name="text-16 font-semibold"),
                    class_name="inline-flex items-center gap-2.5",
                ),
                href="/",
                aria_label="Cursive home",
            ),
            aria_label="Cursive",
            class_name="px-6 py-5",
        ),
        rx.el.main(
            rx.el.div(
                rx.el.h1(title, class_name="text-20 font-semibold text-ink"),
                rx.el.div(subtitle, class_name="mt-1 text-14 text-ink-2") if subtitle is not None else rx.fragment(),
                rx.el.div(*content, class_name="mt-6 flex flex-col gap-4"),
                class_name="w-full max-w-[400px] rounded-[12px] border border-line bg-surface p-6 sm:p-8",
            ),
            rx.el.div(footer, class_name="mt-5 text-center text-13 text-ink-2")
            if footer is not None
            else rx.fragment(),
            id="content",
            aria_label=title,
            class_name="flex flex-1 flex-col items-center justify-start px-4 pt-[8vh] pb-16",
        ),
        class_name="flex min-h-dvh flex-col",
    )


__all__ = [
    "PALETTE_CLASS",
    "NavGroup",
    "NavLink",
    "ShellData",
    "app_shell",
    "icon_button",
    "monogram",
    "palette_trigger",
    "public_shell",
    "section",
    "theme_items",
]
