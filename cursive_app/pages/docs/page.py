"""The frame of the documentation: the way to the product, every article at the side, and the one that is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reflex as rx

from components.buttons import secondary
from components.documentation import HOME
from components.form import search_input
from components.icons import icon, mark
from components.primitives.anchor import anchor
from components.shell import skip_link
from cursive_app.pages.docs.articles import GROUPS, Article, articles
from cursive_app.pages.docs.drawing import body, summary

TITLE = "Documentation"
ABOUT = "How to do what Cursive does, with every limit and price."
SHORT = 2  # headings that need no list of their own


def documentation() -> rx.Component:
    """/docs: what there is to read."""
    groups = [
        rx.el.section(
            rx.el.h2(label, class_name="text-13 font-semibold text-ink-3"),
            rx.el.ul(*[_entry(article) for article in members], class_name="mt-2 flex flex-col gap-5"),
            class_name="card p-4 sm:p-5",
        )
        for label, members in _grouped()
    ]
    return _frame(
        rx.el.h1(TITLE, class_name="docs-title"),
        rx.el.p(f"{ABOUT} The numbers are those of this installation.", class_name="docs-summary"),
        search_input("docs-search", "Search the documentation", data_filter="docs-list", class_name="mt-5"),
        rx.el.p(role="status", data_filter_said="docs-list", class_name="mt-2 text-13 text-ink-2 empty:hidden"),
        rx.el.div(*groups, id="docs-list", class_name="docs-list mt-4 flex flex-col gap-4"),
        title=TITLE,
    )


def article_page(article: Article) -> Callable[[], rx.Component]:
    """The page of one article."""

    def page() -> rx.Component:
        return _frame(
            rx.el.article(
                rx.el.h1(article.title, class_name="docs-title"),
                summary(article),
                *body(article),
                class_name="docs-prose",
            ),
            _neighbours(article),
            title=article.title,
            current=article,
        )

    return page


def _grouped() -> list[tuple[str, list[Article]]]:
    by_slug = {article.slug: article for article in articles()}
    return [(label, [by_slug[slug] for slug in slugs]) for label, slugs in GROUPS]


def _entry(article: Article) -> rx.Component:
    """An article and its headings, each found by the words under it (`assets/ui.js`)."""
    parts = [
        rx.el.li(
            rx.el.a(one.text, href=f"{article.address}#{one.anchor}", class_name="docs-part"),
            data_found_by=one.words,
        )
        for one in article.headings
        if one.level == 2
    ]
    return rx.el.li(
        rx.el.a(article.title, href=article.address, class_name="link text-16"),
        rx.el.div(summary(article), class_name="docs-entry"),
        rx.el.ul(*parts, class_name="mt-1.5 flex flex-wrap gap-x-4 gap-y-1 text-13 text-ink-2"),
        data_filter_entry="",
    )


def _frame(*content: Any, title: str, current: Article | None = None) -> rx.Component:
    return rx.fragment(
        skip_link(),
        _header(),
        rx.el.div(
            rx.el.nav(
                rx.el.details(
                    rx.el.summary(icon("list", size=15), "Contents"),
                    rx.el.div(*_contents(current), class_name="px-1.5 pb-2"),
                ),
                aria_label="Documentation",
                class_name="docs-drawer",
            ),
            rx.el.nav(*_contents(current), aria_label="Documentation", class_name="docs-side"),
            rx.el.main(*content, id="content", tab_index=-1, aria_label=title, class_name="docs-main"),
            _on_this_page(current),
            class_name="docs",
        ),
    )


def _header() -> rx.Component:
    return rx.el.header(
        rx.el.a(
            mark(size=22),
            rx.el.span("Cursive", class_name="text-14 font-semibold text-ink"),
            href="/",
            aria_label="Cursive home",
            class_name="inline-flex items-center gap-2",
        ),
        rx.el.a(TITLE, href=HOME, class_name="min-w-0 flex-1 truncate text-14 text-ink-2 hover:text-ink"),
        secondary("Open Cursive", href="/", size="sm"),
        aria_label="Cursive",
        class_name="docs-top",
    )


def _contents(current: Article | None) -> list[rx.Component]:
    def link(words: str, href: str, *, is_current: bool) -> rx.Component:
        extra: dict[str, Any] = {"aria_current": "page"} if is_current else {}
        return rx.el.a(words, href=href, class_name="nav-link", **extra)

    groups = [
        rx.el.div(
            rx.el.p(label, class_name="nav-label"),
            *[link(one.title, one.address, is_current=one is current) for one in members],
        )
        for label, members in _grouped()
    ]
    return [link("All articles", HOME, is_current=current is None), *groups]


def _on_this_page(current: Article | None) -> rx.Component:
    headings = [] if current is None else [one for one in current.headings if one.level == 2]
    if len(headings) <= SHORT:
        return rx.fragment()
    return rx.el.nav(
        rx.el.p("On this page", class_name="nav-label"),
        rx.el.ul(*[rx.el.li(anchor(one.text, href=f"#{one.anchor}")) for one in headings]),
        aria_label="On this page",
        class_name="docs-here",
    )


def _neighbours(current: Article) -> rx.Component:
    """The articles before and after, in the order of the contents."""
    every = articles()
    at = every.index(current)
    before, after = every[at - 1] if at else None, every[at + 1] if at + 1 < len(every) else None

    def link(word: str, article: Article | None, side: str) -> rx.Component:
        if article is None:
            return rx.el.span()
        return rx.el.a(
            rx.el.span(word, class_name="block text-12 text-ink-3"),
            rx.el.span(article.title, class_name="block text-14 font-medium text-ink"),
            href=article.address,
            class_name=f"card px-4 py-3 hover:bg-hover {side}",
        )

    return rx.el.nav(
        link("Previous", before, "text-left"),
        link("Next", after, "text-right"),
        aria_label="Previous and next article",
        class_name="mt-10 grid grid-cols-2 gap-3",
    )
