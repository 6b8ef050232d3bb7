"""@radix-ui/react-popover."""

from __future__ import annotations

import reflex as rx

from components.primitives.base import Primitive, open_change


class _Popover(Primitive):
    library = "@radix-ui/react-popover@1.3.1"


class PopoverRoot(_Popover):
    tag = "Root"
    alias = "PopoverRoot"

    open: rx.Var[bool]
    modal: rx.Var[bool]
    on_open_change: rx.EventHandler[open_change]


class PopoverTrigger(_Popover):
    tag = "Trigger"
    alias = "PopoverTrigger"


class PopoverPortal(_Popover):
    tag = "Portal"
    alias = "PopoverPortal"


class PopoverContent(_Popover):
    tag = "Content"
    alias = "PopoverContent"

    side: rx.Var[str]
    side_offset: rx.Var[int]
    align: rx.Var[str]
    collision_padding: rx.Var[int]


class PopoverClose(_Popover):
    tag = "Close"
    alias = "PopoverClose"
