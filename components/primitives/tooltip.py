"""@radix-ui/react-tooltip."""

from __future__ import annotations

import reflex as rx

from components.primitives.base import Primitive


class _Tooltip(Primitive):
    library = "@radix-ui/react-tooltip@1.4.1"


class TooltipProvider(_Tooltip):
    tag = "Provider"
    alias = "TooltipProvider"

    delay_duration: rx.Var[int]


class TooltipRoot(_Tooltip):
    tag = "Root"
    alias = "TooltipRoot"


class TooltipTrigger(_Tooltip):
    tag = "Trigger"
    alias = "TooltipTrigger"

    type: rx.Var[str]
    disabled: rx.Var[bool]


class TooltipPortal(_Tooltip):
    tag = "Portal"
    alias = "TooltipPortal"


class TooltipContent(_Tooltip):
    tag = "Content"
    alias = "TooltipContent"

    side: rx.Var[str]
    side_offset: rx.Var[int]
    align: rx.Var[str]
    collision_padding: rx.Var[int]
