"""What the wrapped libraries share."""

from __future__ import annotations

import reflex as rx
from reflex.components.component import Component


class Primitive(Component):
    """A part of an unstyled library: looks come from `class_name`, state from the `data-state` it sets on itself.

    A trigger renders its own `<button>`; give it the button's classes and label instead of nesting another button.
    """

    as_child: rx.Var[bool]


def open_change(is_open: rx.Var[bool]) -> list[rx.Var[bool]]:
    return [is_open]
