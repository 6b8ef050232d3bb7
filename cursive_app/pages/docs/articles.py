"""The articles of the user documentation, read from `assets/docs/*.md`, and where their links lead.

An article begins with its title as the only `#` heading and one paragraph that says what it is about. In its links

    [Credits](credits.md#holds)      is another article, or a heading of one
    [Leads](/leads)                  is a page of the product
    [0.25](figure:enrichment_price)  is a number of this installation (`state/docs.py`); its words are the default

HTML is no markup here: `<b>` is shown as it is typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from components.documentation import HOME
from cursive_app.settings import ROOT

FOLDER = ROOT / "assets" / "docs"
FIGURE = "figure:"

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("First steps", ("getting-started",)),
    ("People", ("segments", "leads", "enrichment")),
    ("Cost and progress", ("credits", "jobs")),
    ("Your workspace", ("team-and-roles", "account-and-security")),
    ("Programs", ("api",)),
)
"""Every article once, in the order in which they are read."""


class BrokenArticle(ValueError):
    """An article that cannot become a page; says which one and why."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the title: `level` 2 or 3, the anchor that leads to it, and the words it is found by: all that
    stand under it, those of the headings below included, once each."""

    level: int
    anchor: str
    text: str
    words: str


@dataclass(frozen=True, slots=True)
class Article:
    """One article. `summary` is its first paragraph, `body` what follows, both as nodes of Markdown."""

    slug: str
    title: str
    summary: SyntaxTreeNode
    body: tuple[SyntaxTreeNode, ...]
    headings: tuple[Heading, ...]

    @property
    def address(self) -> str:
        return f"{HOME}/{self.slug}"


@lru_cache(maxsize=1)
def articles() -> tuple[Article, ...]:
    """All articles in their order. Raises BrokenArticle."""
    return tuple(read(FOLDER / f"{slug}.md") for _, slugs in GROUPS for slug in slugs)


def read(file: Path) -> Article:
    """One article of a Markdown file. Raises BrokenArticle when it does not begin as one, or two headings are alike."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    nodes = SyntaxTreeNode(markdown.parse(file.read_text(encoding="utf-8"))).children
    if [node.type for node in nodes[:2]] != ["heading", "paragraph"] or nodes[0].tag != "h1":
        raise BrokenArticle(f"{file.name} must begin with its title and a paragraph.")
    body = tuple(nodes[2:])
    headings = tuple(heading(node, body[at + 1 :]) for at, node in enumerate(body) if node.type == "heading")
    if any(one.level not in (2, 3) for one in headings):
        raise BrokenArticle(f"{file.name} has headings of other levels than its title's, ## and ###.")
    if len({one.anchor for one in headings}) != len(headings):
        raise BrokenArticle(f"{file.name} has two headings with the same anchor.")
    return Article(slug=file.stem, title=plain(nodes[0]), summary=nodes[1], body=body, headings=headings)


def heading(node: SyntaxTreeNode, following: Sequence[SyntaxTreeNode] = ()) -> Heading:
    """A heading and, of the nodes that follow it, the words of those that belong to it."""
    below = takewhile(lambda one: one.type != "heading" or one.tag > node.tag, following)
    text = plain(node)
    return Heading(int(node.tag[1:]), anchor_of(text), text, words_of((node, *below)))


def words_of(nodes: Iterable[SyntaxTreeNode]) -> str:
    """Every word of some nodes once, in small letters."""
    texts = (one.content for node in nodes for one in node.walk() if not one.children)
    return " ".join(sorted(set(re.findall(r"[\w@/-]+", " ".join(texts).lower()))))


def anchor_of(words: str) -> str:
    """The anchor of a heading, spelled as code hosts spell it, so that links in the files lead somewhere there, too."""
    return re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-")


def plain(node: SyntaxTreeNode) -> str:
    """The words of a node without their marks."""
    if node.type in ("softbreak", "hardbreak"):
        return " "
    return node.content if not node.children else "".join(plain(child) for child in node.children)


def address_of(href: str) -> str:
    """Where a link of an article leads on the site. Raises BrokenArticle for a file that is no article."""
    file, mark, anchor = href.partition("#")
    if not file or file.startswith(("/", "https://")):
        return href
    slug = file.removesuffix(".md")
    if slug == file or all(slug not in slugs for _, slugs in GROUPS):
        raise BrokenArticle(f"There is no article {file!r} to link to.")
    return f"{HOME}/{slug}{mark}{anchor}"
