"""A link the browser follows itself.

Reflex turns every `rx.el.a` into a client-side route, which is right for pages and wrong for downloads, server routes
(`/api`, `/auth`) and jumps within a page.
"""

from __future__ import annotations

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML


class Anchor(BaseHTML):
    """`<a>` as HTML knows it."""

    tag = "a"

    href: rx.Var[str]
    target: rx.Var[str]
    rel: rx.Var[str]
    download: rx.Var[str | bool]


anchor = Anchor.create
