"""The command palette behind Ctrl/Cmd-K: pages and actions, filtered in the browser without a round trip.

    command_palette(ITEMS, results=S.results, on_search=S.search.debounce(200), on_open_change=S.opened)

`ITEMS` is known when the interface is built. `results` (optional) are objects found on the server, as dicts with
`kind` ("segment", "list" or "lead"), `label`, `note`, `href` and `words` (more to find it by). They come first and are
filtered again in the browser, so a late answer never shows what does not match. `recent` (as `results`) stands above
all else until something is typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import reflex as rx
from reflex_components_radix.primitives.dialog import dialog as radix

from components.binding import Flag, Items, items
from components.buttons import classes
from components.icons import icon
from components.primitives import command as cmd

_OPEN, _CLOSE = "palette-open", "palette-close"


@dataclass(frozen=True, slots=True)
class Command:
    """One line: a page (`href`) or an action (`run`, an event). `keys` is its shortcut as people read it."""

    label: str
    group: str
    icon_name: str
    href: str = ""
    run: Any = None
    keywords: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    only: Flag | None = None  # whether the person may do it


def command_palette(
    commands: Sequence[Command],
    *,
    results: Items | None = None,
    recent: Items | None = None,
    on_search: Any = None,
    on_open_change: Any = None,
    trigger: Sequence[Any] = (),
    trigger_class: str = "sr-only",
) -> rx.Component:
    """The palette and the button that opens it."""
    groups: list[Any] = [
        cmd.CommandGroup.create(*[_line(one) for one in members], heading=group)
        for group, members in groupby(commands, key=lambda one: one.group)
    ]
    if results is not None:
        groups.insert(0, rx.cond(items(results).length() > 0, _found(results, "In this workspace"), rx.fragment()))
    if recent is not None:
        groups.insert(0, rx.cond(items(recent).length() > 0, _found(recent, "Recent", cmd.UNSOUGHT), rx.fragment()))
    return radix.root(
        radix.trigger(
            *(trigger or ("Search and commands",)),
            class_name=trigger_class,
            id=_OPEN,
            aria_label="Search and commands",
            data_hotkey="mod+k",
            custom_attrs={"data-hotkey-hidden": ""},
        ),
        radix.portal(
            radix.overlay(class_name="scrim"),
            radix.content(
                radix.title("Search and commands", class_name="sr-only"),
                cmd.CommandRoot.create(
                    cmd.CommandInput.create(
                        placeholder="Search or jump to…",
                        **({"on_value_change": on_search} if on_search is not None else {}),
                    ),
                    cmd.CommandList.create(*groups, cmd.CommandEmpty.create("Nothing found."), label="Results"),
                    label="Search and commands",
                    filter=cmd.BY_WORDS,
                    loop=True,
                ),
                rx.el.div(
                    _hint("↑↓", "move"),
                    _hint("↵", "open"),
                    _hint("esc", "close"),
                    radix.close("Close", id=_CLOSE, class_name="sr-only", tab_index=-1),
                    class_name="hidden sm:flex items-center gap-4 border-t border-line px-4 py-2 text-12 text-ink-3",
                ),
                class_name="modal palette",
                aria_describedby="",
            ),
        ),
        **({"on_open_change": on_open_change} if on_open_change is not None else {}),
    )


def phone_opener() -> rx.Component:
    """A second button for the page's palette, on phones: the first one is in the sidebar, which is hidden there."""
    return rx.el.button(
        icon("search"),
        type="button",
        aria_label="Search and commands",
        aria_haspopup="dialog",
        on_click=rx.call_script(f"document.getElementById('{_OPEN}')?.click()"),
        class_name=classes("ghost", "md", "btn-icon phone-only"),
    )


def _line(one: Command) -> rx.Component:
    shown = cmd.CommandItem.create(
        icon(one.icon_name),
        one.label,
        rx.el.span(*[rx.el.kbd(key, class_name="kbd") for key in one.keys], class_name="ml-auto flex gap-1"),
        value=one.label,
        keywords=list(one.keywords),
        on_select=[_close(), rx.redirect(one.href) if one.href else one.run],
        class_name="menu-item",
    )
    return shown if one.only is None else rx.cond(one.only, shown, rx.fragment())


def _found(results: Items, heading: str, mark: str = "") -> rx.Component:
    def line(one: Any, position: Any) -> rx.Component:
        return cmd.CommandItem.create(
            rx.match(
                one["kind"],
                ("segment", icon("filter")),
                ("lead", icon("user-round")),
                ("list", icon("table-2")),
                icon("arrow-right"),
            ),
            rx.el.span(one["label"], class_name="min-w-0 truncate"),
            rx.el.span(one["note"], class_name="ml-auto max-w-[45%] flex-none truncate text-12 text-ink-3"),
            # Two objects may share a name, yet cmdk tells lines apart by their value.
            value=mark + one["label"] + " #" + position.to(str),
            keywords=[one["words"]],
            on_select=[_close(), rx.redirect(one["href"])],
            key=one["href"],
            class_name="menu-item",
        )

    return cmd.CommandGroup.create(rx.foreach(items(results), line), heading=heading)


def _close() -> Any:
    return rx.call_script(f"document.getElementById('{_CLOSE}')?.click()")


def _hint(keys: str, word: str) -> rx.Component:
    return rx.el.span(rx.el.kbd(keys, class_name="kbd"), word, class_name="inline-flex items-center gap-1.5")
