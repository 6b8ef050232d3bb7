"""The sidebar: workspace switcher, navigation, balance, account menu; on a phone the same in a drawer.

NavGroup("", (NavLink("leads", "Leads", "/leads", "users", hotkey="g-l"), …))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import reflex as rx
from reflex.style import color_mode, set_color_mode
from reflex_components_radix.primitives.dialog import dialog as radix

from components.binding import Flag, Items, Text, items
from components.buttons import classes
from components.dialog import item, line, menu, menu_label
from components.documentation import HOME
from components.feedback import skeleton
from components.icons import icon, mark
from components.primitives import menu as dropdown


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
    """Links under one heading; an empty heading shows none. `only`: whether the person sees the group at all."""

    label: str
    links: tuple[NavLink, ...]
    only: Flag | None = None


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


def sidebar(data: ShellData, nav: Sequence[NavGroup], active: str, *, palette: Any, shortcuts: Any) -> list[Any]:
    """The parts of the sidebar, top to bottom."""
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
            _documentation(),
            shortcuts or rx.fragment(),
            class_name="flex flex-col gap-0.5 border-t border-line p-2",
        ),
    ]


def _links(nav: Sequence[NavGroup], active: str) -> list[rx.Component]:
    def shown(group: NavGroup) -> rx.Component:
        drawn = rx.el.div(
            rx.el.p(group.label, class_name="nav-label") if group.label else rx.fragment(),
            *[_nav_link(link, active) for link in group.links],
            class_name="flex flex-col gap-px",
        )
        return drawn if group.only is None else rx.cond(group.only, drawn, rx.fragment())

    return [shown(group) for group in nav]


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
        lambda workspace: dropdown.MenuItem.create(
            monogram(workspace["name"]),
            rx.el.span(
                rx.el.span(workspace["name"], class_name="block truncate"),
                rx.el.span(workspace["role"], class_name="block text-12 text-ink-3"),
                class_name="min-w-0",
            ),
            rx.cond(workspace["id"] == data.workspace_id, icon("check", size=15, class_name="ml-auto"), rx.fragment()),
            on_select=data.on_switch(workspace["id"]),
            key=workspace["id"],
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


def _documentation() -> rx.Component:
    return rx.el.a(icon("book-open"), "Documentation", href=HOME, class_name="side-button text-13 text-ink-2")


def log_out() -> Any:
    """Leaves for the route that ends the session: only an HTTP answer can take the cookie away."""
    return rx.call_script("window.location.assign('/auth/logout')")


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
            item("Log out", icon_name="log-out", on_select=log_out()),
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


def phone_nav(data: ShellData, nav: Sequence[NavGroup], active: str) -> rx.Component:
    """The same navigation behind a button, for phones."""
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
                    _balance(data),
                    _user_menu(data),
                    _documentation(),
                    class_name="flex flex-col gap-0.5 border-t border-line p-2",
                ),
                class_name="drawer left",
                aria_describedby="",
            ),
        ),
    )
