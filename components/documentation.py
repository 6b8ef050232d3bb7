"""Ways from the product into its documentation: `how_it_works("segments#sample-and-exact")` leads to that heading."""

from __future__ import annotations

import reflex as rx

HOME = "/docs"


def how_it_works(where: str, *, class_name: str = "") -> rx.Component:
    """A quiet link to an article, where people get stuck. A test looks whether `where` is there."""
    return rx.el.a("How this works", href=f"{HOME}/{where}", class_name=f"link {class_name}")
