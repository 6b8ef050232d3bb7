"""@radix-ui/react-dropdown-menu."""

from __future__ import annotations

import reflex as rx

from components.primitives.base import Primitive, open_change


class _Menu(Primitive):
    library = "@radix-ui/react-dropdown-menu@2.2.1"


class MenuRoot(_Menu):
    tag = "Root"
    alias = "MenuRoot"

    open: rx.Var[bool]
    modal: rx.Var[bool]
    on_open_change: rx.EventHandler[open_change]


class MenuTrigger(_Menu):
    tag = "Trigger"
    alias = "MenuTrigger"

    disabled: rx.Var[bool]


class MenuPortal(_Menu):
    tag = "Portal"
    alias = "MenuPortal"


class MenuContent(_Menu):
    tag = "Content"
    alias = "MenuContent"

    side: rx.Var[str]
    side_offset: rx.Var[int]
    align: rx.Var[str]
    collision_padding: rx.Var[int]


class MenuItem(_Menu):
    tag = "Item"
    alias = "MenuItem"

    disabled: rx.Var[bool]
    on_select: rx.EventHandler[rx.event.no_args_event_spec]


class MenuCheckboxItem(_Menu):
    tag = "CheckboxItem"
    alias = "MenuCheckboxItem"

    checked: rx.Var[bool]
    disabled: rx.Var[bool]
    on_checked_change: rx.EventHandler[open_change]
    on_select: rx.EventHandler[rx.event.no_args_event_spec]


class MenuItemIndicator(_Menu):
    tag = "ItemIndicator"
    alias = "MenuItemIndicator"


class MenuLabel(_Menu):
    tag = "Label"
    alias = "MenuLabel"


class MenuSeparator(_Menu):
    tag = "Separator"
    alias = "MenuSeparator"
