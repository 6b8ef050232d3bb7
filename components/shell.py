"""The application's frame: sidebar, top bar, phone drawer. Knows no state; `pages/frame.py` binds it to the session.

app_shell(data=ShellData(…), nav=NAV, active="leads", title="Leads", actions=[…], crumbs=[("Segments", "/segments")],
          content=[…], banners=[…], palette=…, shortcuts=…)
nav groups: NavGroup("", (NavLink("leads", "Leads", "/leads", "users", hotkey="g-l"), …))
section("Title", *content, actions=[…])    page_body(*content, narrow=False)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import reflex as rx

from components.binding import Text
from components.buttons import classes
from components.command_palette import phone_opener
from components.dialog import tooltip
from components.documentation import HOME
from components.feedback import skeleton
from components.icons import icon, mark
from components.primitives.anchor import anchor
from components.sidebar import NavGroup, NavLink, ShellData, phone_nav, sidebar


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
    bell: Any = None,
    wide: bool = False,
) -> rx.Component:
    """Sidebar, top bar with breadcrumb, title and actions, and the page. Content is at most 1280 px unless `wide`."""
    side = sidebar(data, nav, active, palette=palette, shortcuts=shortcuts)
    frame = rx.el.div(
        rx.el.aside(rx.el.div(*side, class_name="app-side-inner"), class_name="app-side", aria_label="Sidebar"),
        rx.el.div(
            _top_bar(data, nav, active, title, crumbs, actions, _at_the_end(palette, bell)),
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


def _at_the_end(palette: Any, bell: Any) -> list[rx.Component]:
    """What stands last in the bar of every page that has it: on phones the way to the palette, and the bell."""
    opener = [] if palette is None else [phone_opener()]
    return opener if bell is None else [*opener, bell]


def _top_bar(
    data: ShellData,
    nav: Sequence[NavGroup],
    active: str,
    title: Text,
    crumbs: Sequence[tuple[Text, str]],
    actions: Sequence[Any],
    last: Sequence[Any],
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
        phone_nav(data, nav, active),
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
        rx.el.div(*actions, class_name="flex flex-none items-center gap-2 empty:hidden"),
        *last,
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
        rx.el.footer(
            rx.el.a("Documentation", href=HOME, class_name="link"),
            aria_label="More",
            class_name="px-6 py-5 text-center text-12",
        ),
        class_name="flex min-h-dvh flex-col",
    )


__all__ = [
    "PALETTE_CLASS",
    "NavGroup",
    "NavLink",
    "ShellData",
    "app_shell",
    "palette_trigger",
    "public_shell",
    "section",
    "skip_link",
]
