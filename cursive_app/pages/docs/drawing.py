"""Markdown as components: what an article may contain, and how each of it looks.

Only what is listed here can be drawn; anything else stops the build, so that no article loses a part in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import reflex as rx
from markdown_it.tree import SyntaxTreeNode

from components.buttons import copy_button
from components.primitives.anchor import anchor
from cursive_app.pages.docs.articles import FIGURE, Article, BrokenArticle, address_of, heading
from state.docs import FIGURES, DocsState

LANGUAGES = {"sh": "Shell", "json": "JSON", "csv": "CSV", "text": "Text"}


def body(article: Article) -> list[rx.Component]:
    """Everything below the summary. Raises BrokenArticle."""
    pen = _Pen(article.title)
    return [pen.draw(node) for node in article.body]


def summary(article: Article) -> rx.Component:
    """The paragraph that says what the article is about."""
    return rx.el.p(*_Pen(article.title).all(article.summary.children), class_name="docs-summary")


@dataclass(slots=True)
class _Pen:
    """Draws one article. `under` is the heading last drawn: it names the table or the code that follows."""

    under: str
    named: dict[str, int] = field(default_factory=dict)

    def all(self, nodes: Iterable[SyntaxTreeNode]) -> list[Any]:
        return [self.draw(node) for node in nodes]

    def draw(self, node: SyntaxTreeNode) -> Any:
        make: Callable[[SyntaxTreeNode], Any] | None = getattr(self, f"_{node.type}", None)
        if make is not None:
            return make(node)
        if node.type in _PLAIN:
            return _PLAIN[node.type](*self.all(node.children))
        raise BrokenArticle(f"Under “{self.under}” stands what no article may have: {node.type}.")

    def _inline(self, node: SyntaxTreeNode) -> rx.Component:
        return rx.fragment(*self.all(node.children))

    def _text(self, node: SyntaxTreeNode) -> str:
        return node.content

    def _softbreak(self, _: SyntaxTreeNode) -> str:
        return " "

    def _code_inline(self, node: SyntaxTreeNode) -> rx.Component:
        return rx.el.code(node.content)

    def _paragraph(self, node: SyntaxTreeNode) -> rx.Component:
        drawn = self.all(node.children)
        return rx.fragment(*drawn) if node.hidden else rx.el.p(*drawn)  # hidden: of a list whose lines are close

    def _heading(self, node: SyntaxTreeNode) -> rx.Component:
        one = heading(node)
        self.under = one.text
        make = rx.el.h2 if one.level == 2 else rx.el.h3
        return make(anchor(*self.all(node.children), href=f"#{one.anchor}", class_name="docs-anchor"), id=one.anchor)

    def _link(self, node: SyntaxTreeNode) -> rx.Component:
        href = str(node.attrs["href"])
        if href.startswith(FIGURE):
            return _figure(href.removeprefix(FIGURE))
        address = address_of(href)
        # Pages of the product and articles are routes in the browser; the API and jumps within a page are not.
        make = anchor if address.startswith(("#", "/api/", "https://")) else rx.el.a
        return make(*self.all(node.children), href=address, class_name="link")

    def _fence(self, node: SyntaxTreeNode) -> rx.Component:
        code = node.content.rstrip("\n")
        return rx.el.div(
            rx.el.pre(
                rx.el.code(code),
                role="group",
                tab_index=0,  # what scrolls sideways is reached by keyboard
                aria_label=self._name(LANGUAGES[node.info]),
            ),
            copy_button(code, "Copy"),
            class_name="docs-code",
        )

    def _table(self, node: SyntaxTreeNode) -> rx.Component:
        name = self._name("Table")
        return rx.el.div(
            rx.el.table(rx.el.caption(name, class_name="sr-only"), *self.all(node.children)),
            role="region",
            tab_index=0,
            aria_label=name,
            class_name="docs-table",
        )

    def _th(self, node: SyntaxTreeNode) -> rx.Component:
        return rx.el.th(*self.all(node.children), scope="col", style=_side(node))

    def _td(self, node: SyntaxTreeNode) -> rx.Component:
        return rx.el.td(*self.all(node.children), style=_side(node))

    def _name(self, kind: str) -> str:
        """A name for a part that has none of its own, another one for each."""
        name = f"{kind}: {self.under}"
        self.named[name] = self.named.get(name, 0) + 1
        return name if self.named[name] == 1 else f"{name} ({self.named[name]})"


_PLAIN: dict[str, Callable[..., rx.Component]] = {
    "strong": rx.el.strong,
    "em": rx.el.em,
    "bullet_list": rx.el.ul,
    "ordered_list": rx.el.ol,
    "list_item": rx.el.li,
    "blockquote": rx.el.blockquote,
    "thead": rx.el.thead,
    "tbody": rx.el.tbody,
    "tr": rx.el.tr,
}


def _figure(name: str) -> rx.Component:
    if name not in FIGURES:
        raise BrokenArticle(f"There is no figure {name!r}.")
    return rx.el.span(DocsState.figures[name], class_name="num")


def _side(node: SyntaxTreeNode) -> dict[str, str]:
    """The alignment that Markdown gives a column: `text-align:center`."""
    _, _, side = str(node.attrs.get("style", "")).partition(":")
    return {"textAlign": side} if side else {}
