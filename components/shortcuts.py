"""Keyboard shortcuts: `data-hotkey` on a button or link, the list behind `?`, and the switch that turns them off.

`assets/ui.js` presses the element whose `data-hotkey` was typed: `mod+k` (Ctrl or Cmd), a letter, or two letters in
a row (`g-l`). Letters do nothing while typing, and a dialog that is open keeps the keys to itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import reflex as rx
from reflex_components_radix.primitives.dialog import dialog as radix

from components.binding import Flag
from components.buttons import classes
from components.icons import icon


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Keys as people read them ("G then L") and what they do.

    `here` names what a page must have for the key to do something (the rules are in assets/kit.css); `only` is whether
    the person may do it.
    """

    keys: tuple[str, ...]
    does: str
    here: str = ""
    only: Flag | None = None


def shortcuts_dialog(groups: Sequence[tuple[str, Sequence[Shortcut]]], *, trigger_class: str = "") -> rx.Component:
    """The list of shortcuts, opened by `?` or by its own button."""
    return radix.root(
        radix.trigger(
            icon("keyboard"),
            "Keyboard shortcuts",
            rx.el.kbd("?", class_name="kbd ml-auto"),
            class_name=trigger_class or classes("ghost", "sm"),
            data_hotkey="?",
            custom_attrs={"data-hotkey-hidden": ""},
        ),
        radix.portal(
            radix.overlay(class_name="scrim"),
            radix.content(
                rx.el.div(
                    radix.title("Keyboard shortcuts", class_name="text-16 font-semibold text-ink"),
                    radix.close(icon("x"), class_name=classes("ghost", "sm", "btn-icon"), aria_label="Close"),
                    class_name="flex items-center justify-between px-5 pt-4 pb-2",
                ),
                rx.el.div(
                    rx.el.div(
                        *[_group(title, shortcuts) for title, shortcuts in groups],
                        class_name="px-5 pb-4 sm:columns-2 sm:gap-8",
                    ),
                    class_name="modal-body",
                ),
                _switch(),
                class_name="modal wide",
                aria_describedby="",
            ),
        ),
    )


def _group(title: str, shortcuts: Sequence[Shortcut]) -> rx.Component:
    of_the_page = all(shortcut.here for shortcut in shortcuts)
    return rx.el.section(
        rx.el.h3(title, class_name="pb-1 text-12 font-medium text-ink-3"),
        *[_line(shortcut) for shortcut in shortcuts],
        class_name="break-inside-avoid pb-3",
        custom_attrs={"data-here-group": ""} if of_the_page else {},
    )


def _line(shortcut: Shortcut) -> rx.Component:
    line = rx.el.div(
        rx.el.span(shortcut.does, class_name="text-13 text-ink"),
        rx.el.span(*[rx.el.kbd(key, class_name="kbd") for key in shortcut.keys], class_name="flex gap-1"),
        class_name="flex items-center justify-between gap-4 py-1",
        custom_attrs={"data-here": shortcut.here} if shortcut.here else {},
    )
    return line if shortcut.only is None else rx.cond(shortcut.only, line, rx.fragment())


def _switch() -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            role="switch",
            class_name="switch",
            default_checked=rx.Var(
                "(typeof window === 'undefined' || !window.cursive || window.cursive.shortcutsOn())"
            ).to(bool),
            custom_attrs={"data-shortcut-switch": ""},
        ),
        "Single-letter shortcuts on this device",
        class_name="flex items-center gap-2.5 border-t border-line px-5 py-3 text-13 text-ink-2",
    )
