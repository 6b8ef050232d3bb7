"""What components take: a plain value, or a var of some page's state.

Type checkers see a state's var as the plain type it was declared with, so every parameter allows both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import reflex as rx
from reflex.vars import ArrayVar, BooleanVar, StringVar

Text = str | rx.Var[str]
Flag = bool | rx.Var[bool]
Items = Sequence[Any] | rx.Var[Any]
Props = dict[str, Any]


def text(value: Text) -> StringVar[Any]:
    """The value as a text var."""
    return rx.Var.create(value).to(str)


def flag(value: Flag) -> BooleanVar:
    """The value as a true-or-false var."""
    return rx.Var.create(value).to(bool)


def items(value: Items) -> ArrayVar[Any]:
    """The value as a list var; the type of its elements is kept."""
    return cast("ArrayVar[Any]", value if isinstance(value, rx.Var) else rx.Var.create(value))
