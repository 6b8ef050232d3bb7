"""@radix-ui/react-tabs."""

from __future__ import annotations

import reflex as rx

from components.primitives.base import Primitive


def _value(value: rx.Var[str]) -> list[rx.Var[str]]:
    return [value]


class _Tabs(Primitive):
    library = "@radix-ui/react-tabs@1.2.1"


class TabsRoot(_Tabs):
    tag = "Root"
    alias = "TabsRoot"

    value: rx.Var[str]
    default_value: rx.Var[str]
    on_value_change: rx.EventHandler[_value]


class TabsList(_Tabs):
    tag = "List"
    alias = "TabsList"


class TabsTrigger(_Tabs):
    tag = "Trigger"
    alias = "TabsTrigger"

    value: rx.Var[str]


class TabsContent(_Tabs):
    tag = "Content"
    alias = "TabsContent"

    value: rx.Var[str]
