"""Things that open: modal, confirm, drawer, menu, popover, tooltip, tabs.

    modal(title, *body, is_open=S.renaming, on_open_change=S.set_renaming, footer=[…])
    confirm(is_open=…, on_open_change=…, title="Delete “EU founders”?", consequence="…", action="Delete segment",
            on_confirm=S.delete, typed="EU founders" | None, typed_value=S.typed, on_typed=S.set_typed)
    drawer(title, *body, is_open=…, on_open_change=…, actions=[…])
    menu("More", [item("Rename", on_select=…), line(), item("Delete", danger=True, on_select=…)])
    popover("Columns", *content)    tooltip(text, "words")    fold("Arguments", *content)
    tabs([Tab("overview", "Overview", …)], value=…, on_change=…)

Focus is trapped inside and goes back to what opened it; Esc closes. `is_open` is a var, `on_open_change` takes a bool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx
from reflex_components_radix.primitives.dialog import dialog as radix

from components.binding import Flag, Props, Text, flag, text
from components.buttons import Look, Size, classes
from components.icons import icon
from components.primitives import menu as dropdown
from components.primitives import popover as pop
from components.primitives import tabs as tab_parts
from components.primitives import tooltip as tip


def _close(label: str = "Close") -> rx.Component:
    return radix.close(icon("x"), class_name=classes("ghost", "sm", "btn-icon"), aria_label=label)


def modal(
    title: Text,
    *body: rx.Component,
    is_open: Flag,
    on_open_change: Any,
    description: Text | None = None,
    footer: Sequence[rx.Component] = (),
    wide: bool = False,
) -> rx.Component:
    """A dialog in the middle of the screen."""
    undescribed: Props = {} if description is not None else {"aria_describedby": ""}
    return radix.root(
        radix.portal(
            radix.overlay(class_name="scrim"),
            radix.content(
                rx.el.div(
                    radix.title(title, class_name="text-16 font-semibold text-ink"),
                    _close(),
                    class_name=f"flex items-start justify-between gap-4 px-5 pt-4 {'pb-2' if undescribed else 'pb-1'}",
                ),
                radix.description(description, class_name="px-5 pb-2 text-13 text-ink-2")
                if description is not None
                else rx.fragment(),
                rx.el.div(rx.el.div(*body, class_name="px-5 pt-2 pb-4"), class_name="modal-body"),
                rx.el.div(*footer, class_name="flex justify-end gap-2 px-5 py-3 border-t border-line")
                if footer
                else rx.fragment(),
                class_name=f"modal {'wide' if wide else ''}",
                **undescribed,
            ),
        ),
        open=is_open,
        on_open_change=on_open_change,
    )


def confirm(
    *,
    is_open: Flag,
    on_open_change: Any,
    title: Text,
    consequence: Text,
    action: Text,
    on_confirm: Any,
    pending: Flag = False,
    harmful: bool = True,
    typed: Text | None = None,
    typed_value: Text = "",
    on_typed: Any = None,
) -> rx.Component:
    """Ask before something that cannot be undone. `title` names object and count, `consequence` says what happens.

    Focus starts on Cancel. With `typed`, the action stays off until that text has been typed
    (`on_typed`, `typed_value`).
    """
    blocked: Any = pending
    proof: rx.Component = rx.fragment()
    if typed is not None:
        wrong = text(typed_value) != text(typed)
        blocked = wrong if pending is False else wrong | flag(pending)
        proof = rx.el.label(
            rx.el.span("Type ", rx.el.strong(typed, class_name="font-semibold text-ink"), " to confirm"),
            rx.el.input(
                default_value="", on_change=on_typed, auto_complete="off", spell_check=False, class_name="input"
            ),
            class_name="flex flex-col gap-1.5 px-5 pb-4 text-13 text-ink-2",
        )
    return radix.root(
        radix.portal(
            radix.overlay(class_name="scrim"),
            radix.content(
                rx.el.div(
                    radix.title(title, class_name="text-16 font-semibold text-ink"),
                    radix.description(consequence, class_name="text-13 text-ink-2"),
                    class_name="flex flex-col gap-1.5 px-5 pt-4 pb-4",
                ),
                proof,
                rx.el.div(
                    radix.close("Cancel", class_name=classes("secondary"), custom_attrs={"data-autofocus": ""}),
                    rx.el.button(
                        rx.cond(pending, icon("loader-circle", class_name="spin"), rx.fragment()),
                        action,
                        type="button",
                        on_click=on_confirm,
                        disabled=blocked,
                        class_name=classes("danger" if harmful else "primary"),
                    ),
                    class_name="flex justify-end gap-2 px-5 py-3 border-t border-line",
                ),
                class_name="modal",
                custom_attrs={"role": "alertdialog"},
            ),
        ),
        open=is_open,
        on_open_change=on_open_change,
    )


def drawer(
    title: Text,
    *body: rx.Component,
    is_open: Flag,
    on_open_change: Any,
    subtitle: rx.Component | Text | None = None,
    actions: Sequence[rx.Component] = (),
    footer: Sequence[rx.Component] = (),
) -> rx.Component:
    """Details at the right edge, so that the list keeps its place. Full width on a phone."""
    return radix.root(
        radix.portal(
            radix.overlay(class_name="scrim"),
            radix.content(
                rx.el.header(
                    rx.el.div(
                        radix.title(title, class_name="text-16 font-semibold text-ink truncate"),
                        rx.el.div(subtitle, class_name="text-13 text-ink-2") if subtitle is not None else rx.fragment(),
                        class_name="min-w-0",
                    ),
                    rx.el.div(*actions, _close(), class_name="flex items-center gap-1 flex-none"),
                    class_name="flex items-start justify-between gap-4 px-5 py-3.5 border-b border-line",
                ),
                rx.el.div(*body, class_name="flex-1 overflow-y-auto px-5 py-4"),
                rx.el.footer(*footer, class_name="flex justify-end gap-2 px-5 py-3 border-t border-line empty:hidden")
                if footer
                else rx.fragment(),
                class_name="drawer",
                aria_describedby="",
            ),
        ),
        open=is_open,
        on_open_change=on_open_change,
    )


def item(
    label: Text,
    *,
    icon_name: str | None = None,
    on_select: Any = None,
    href: str | None = None,
    danger: bool = False,
    disabled: Flag = False,
    note: Text | None = None,
) -> rx.Component:
    """One line of a menu: an action, or a page when `href` is given."""
    return dropdown.MenuItem.create(
        icon(icon_name) if icon_name else rx.fragment(),
        rx.el.span(label, class_name="min-w-0 truncate"),
        rx.el.span(note, class_name="ml-auto pl-4 text-12 text-ink-3") if note is not None else rx.fragment(),
        disabled=disabled,
        on_select=rx.redirect(href) if href is not None else on_select,
        class_name=f"menu-item {'danger' if danger else ''}",
    )


def check_item(label: Text, *, checked: Flag, on_change: Any) -> rx.Component:
    """A menu line that is on or off; `on_change(bool)`."""
    return dropdown.MenuCheckboxItem.create(
        rx.el.span(label, class_name="min-w-0 truncate"),
        rx.el.span(dropdown.MenuItemIndicator.create(icon("check", size=15)), class_name="menu-check"),
        checked=checked,
        on_checked_change=on_change,
        on_select=rx.prevent_default,
        class_name="menu-item",
    )


def line() -> rx.Component:
    return dropdown.MenuSeparator.create(class_name="menu-line")


def menu_label(text: Text) -> rx.Component:
    return dropdown.MenuLabel.create(text, class_name="menu-label")


def menu(
    label: Text,
    items: Sequence[rx.Component],
    *,
    trigger: Sequence[Any] | None = None,
    icon_name: str | None = None,
    icon_only: bool = False,
    look: Look = "secondary",
    size: Size = "md",
    trigger_class: str | None = None,
    align: str = "end",
    side: str = "bottom",
) -> rx.Component:
    """A button that opens a menu. `icon_only` shows `icon_name` alone; `trigger` replaces the button's content."""
    if trigger is None:
        trigger = [icon(icon_name)] if icon_name else []
        if not icon_only:
            trigger = [*trigger, label, icon("chevron-down")]
    return dropdown.MenuRoot.create(
        dropdown.MenuTrigger.create(
            *trigger,
            class_name=trigger_class or classes(look, size, "btn-icon" if icon_only else ""),
            aria_label=label,
        ),
        dropdown.MenuPortal.create(
            dropdown.MenuContent.create(
                *items, align=align, side=side, side_offset=6, collision_padding=8, class_name="float menu"
            )
        ),
        modal=False,
    )


def popover(
    label: Text,
    *content: rx.Component,
    icon_name: str | None = None,
    look: Look = "secondary",
    size: Size = "md",
    trigger: Sequence[Any] | None = None,
    trigger_class: str | None = None,
    align: str = "start",
    width: str = "w-80",
    is_open: Flag | None = None,
    on_open_change: Any = None,
) -> rx.Component:
    """A button that opens a small panel, for a filter or an explanation."""
    state: dict[str, Any] = {} if is_open is None else {"open": is_open, "on_open_change": on_open_change}
    parts = trigger if trigger is not None else [*([icon(icon_name)] if icon_name else []), label]
    return pop.PopoverRoot.create(
        pop.PopoverTrigger.create(*parts, class_name=trigger_class or classes(look, size)),
        pop.PopoverPortal.create(
            pop.PopoverContent.create(
                *content,
                align=align,
                side_offset=6,
                collision_padding=8,
                aria_label=label,
                class_name=f"float p-3 {width}",
            )
        ),
        **state,
    )


def tooltip(text: Text, *shown: Any, class_name: str = "") -> rx.Component:
    """Words that explain themselves on hover or focus. `shown` becomes a quiet button, reachable by keyboard."""
    return tip.TooltipProvider.create(
        tip.TooltipRoot.create(
            tip.TooltipTrigger.create(
                *shown,
                type="button",
                class_name=f"cursor-help decoration-dotted underline-offset-4 hover:underline {class_name}",
            ),
            tip.TooltipPortal.create(
                tip.TooltipContent.create(text, side="top", side_offset=6, collision_padding=8, class_name="tip")
            ),
        ),
        delay_duration=200,
    )


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: its value in the URL, its word, its content, and optionally a count beside the word."""

    value: str
    label: Text
    content: rx.Component
    count: Text | None = None


def tabs(
    items: Sequence[Tab], *, value: Text | None = None, on_change: Any = None, label: str = "Sections"
) -> rx.Component:
    """Tabs. With `value` and `on_change(value)` the open tab lives in the URL; otherwise in the browser only."""
    state = {"default_value": items[0].value} if value is None else {"value": value, "on_value_change": on_change}
    return tab_parts.TabsRoot.create(
        tab_parts.TabsList.create(
            *[
                tab_parts.TabsTrigger.create(
                    one.label,
                    rx.el.span(one.count, class_name="num text-12 text-ink-3")
                    if one.count is not None
                    else rx.fragment(),
                    value=one.value,
                    class_name="tab",
                )
                for one in items
            ],
            aria_label=label,
            class_name="tabs-list",
        ),
        *[tab_parts.TabsContent.create(one.content, value=one.value, class_name="pt-4") for one in items],
        **state,
    )


def fold(summary: Any, *content: Any, **props: Any) -> rx.Component:
    """Something long, closed until somebody wants it."""
    return rx.el.details(
        rx.el.summary(icon("chevron-right", size=13), summary), *content, class_name="fold flex flex-col gap-2", **props
    )
