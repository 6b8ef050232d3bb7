"""The user documentation is a tested part of the product: its links, numbers, names and tables are the real ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from markdown_it.tree import SyntaxTreeNode

from components.documentation import HOME
from components.feedback import JOB_STATUS
from cursive_app import errors
from cursive_app.api.app import rest
from cursive_app.cursive_app import PAGES
from cursive_app.pages.docs.articles import FIGURE, FOLDER, GROUPS, Article, BrokenArticle, articles, plain, read
from cursive_app.pages.docs.drawing import body
from cursive_app.pages.docs.page import article_page, documentation
from cursive_app.services.accounts import LIFETIMES, OVERLAPS, PERMISSIONS
from cursive_app.services.accounts.permissions import Permission
from cursive_app.services.enrichment import OUTCOME_COLUMNS
from cursive_app.settings import ROOT, Settings
from db.roles import Role
from state.credit_rows import KIND_WORDS
from state.docs import FIGURES, DocsState, figures_of
from state.job_rows import KINDS
from state.permission_words import PERMISSION_WORDS, SCOPE_WORDS
from state.segment_lines import OUTCOMES
from state.session import ROLE_WORDS

ARTICLES = {article.slug: article for article in articles()}
EVERY = pytest.mark.parametrize("article", ARTICLES.values(), ids=list(ARTICLES))
ROUTES = {page.route for page in PAGES}
PATHS: dict[str, dict[str, object]] = rest().openapi()["paths"]
OPEN_PATHS = {"/api/openapi.json"}


def nodes(article: Article) -> Iterator[SyntaxTreeNode]:
    """Everything in an article below its title."""
    for part in (article.summary, *article.body):
        yield from part.walk()


def links(article: Article) -> list[tuple[str, str]]:
    """The address and the words of every link."""
    return [(str(node.attrs["href"]), plain(node)) for node in nodes(article) if node.type == "link"]


def texts(article: Article, *kinds: str) -> list[str]:
    return [node.content for node in nodes(article) if node.type in kinds]


def table(slug: str, under: str, *, number: int = 0) -> list[list[str]]:
    """The lines of the table (the `number`th one) below a heading, header first."""
    found: list[SyntaxTreeNode] = []
    below = False
    for node in ARTICLES[slug].body:
        below = plain(node) == under if node.type == "heading" else below
        found += [node] if below and node.type == "table" else []
    rows = [row for row in found[number].walk() if row.type == "tr"]
    return [[plain(cell) for cell in row.children] for row in rows]


@pytest.fixture
def defaults(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of an installation that has configured nothing."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    return Settings()


# Pages


def test_every_article_has_its_place() -> None:
    placed = [slug for _, slugs in GROUPS for slug in slugs]
    assert sorted(placed) == sorted(file.stem for file in FOLDER.iterdir())
    assert {f"{HOME}/{slug}" for slug in placed} | {HOME} <= ROUTES


@EVERY
def test_every_article_is_a_page_with_one_title(article: Article) -> None:
    drawn = str(article_page(article)())
    assert len(re.findall(r'jsx\(\s*"h1"', drawn)) == 1
    assert next(page for page in PAGES if page.route == article.address).public
    assert 40 <= len((FOLDER / f"{article.slug}.md").read_text(encoding="utf-8").splitlines()) <= 230


def test_the_contents_name_every_article() -> None:
    drawn = str(documentation())
    assert [one.slug for one in articles() if f'"{one.address}"' not in drawn] == []


# Links


@EVERY
def test_every_link_of_an_article_leads_somewhere(article: Article) -> None:
    wrong: list[str] = []
    for href, _ in links(article):
        file, _, anchor = href.partition("#")
        if href.startswith(FIGURE):
            known = href.removeprefix(FIGURE) in FIGURES
        elif file.startswith("/"):
            known = file in ROUTES | OPEN_PATHS
        else:
            target = ARTICLES.get(file.removesuffix(".md")) if file else article
            known = target is not None and (not anchor or anchor in {one.anchor for one in target.headings})
        wrong += [] if known else [href]
    assert wrong == []


def test_every_way_from_the_product_leads_to_a_heading() -> None:
    """`how_it_works("…")`, wherever a page has it."""
    asked: set[str] = set()
    for file in (ROOT / "cursive_app" / "pages").rglob("*.py"):
        asked |= set(re.findall(r'how_it_works\("([^"]+)"', file.read_text(encoding="utf-8")))
    assert len(asked) >= 4
    for where in asked:
        slug, _, anchor = where.partition("#")
        assert slug in ARTICLES, where
        assert not anchor or anchor in {one.anchor for one in ARTICLES[slug].headings}, where


@EVERY
def test_every_route_that_is_named_exists(article: Article) -> None:
    """`GET /api/v1/…` in the text is a documented operation, an address in an example one that is answered."""
    spoken = " ".join(texts(article, "code_inline"))
    for method, path in re.findall(r"\b(GET|POST|PATCH|DELETE|PUT) (/api/\S+)", spoken):
        assert method.lower() in PATHS.get(path, {}), f"{method} {path}"
    known = [re.compile(re.sub(r"\{\w+\}", r"[^/]+", path)) for path in [*PATHS, *OPEN_PATHS]]
    for path in re.findall(r"/api/[\w/.${}-]+", " ".join(texts(article, "fence"))):
        assert any(one.fullmatch(path) for one in known), path


def test_the_api_article_names_every_room_of_the_api() -> None:
    named = " ".join(texts(ARTICLES["api"], "code_inline"))
    rooms = {path.split("/")[3] for path in PATHS if path.startswith("/api/v1/")}
    assert [room for room in rooms if f"/api/v1/{room}" not in named] == []


# Numbers


@EVERY
def test_every_figure_is_the_default_of_its_setting(article: Article, defaults: Settings) -> None:
    figures = figures_of(defaults)
    said = [(href.removeprefix(FIGURE), words) for href, words in links(article) if href.startswith(FIGURE)]
    assert [(name, words) for name, words in said if figures[name] != words] == []


@EVERY
def test_no_price_stands_outside_a_figure(article: Article) -> None:
    figures = {id(text) for node in nodes(article) if node.type == "link" for text in node.walk()}
    loose = [node.content for node in nodes(article) if node.type == "text" and id(node) not in figures]
    assert [text for text in loose if re.search(r"\d\.\d\d", text)] == []


def test_a_page_shows_what_is_configured(defaults: Settings) -> None:
    dearer = defaults.model_copy(update={"enrichment_price": Decimal("0.40"), "jobs_keep_days": 0})
    assert figures_of(dearer)["enrichment_price"] == "0.40"
    assert figures_of(dearer)["job_kept"] == "an unlimited time"
    assert set(DocsState.get_fields()["figures"].default_value()) == FIGURES
    assert "figures" in str(body(ARTICLES["credits"])), "a page reads them from its state"


def test_every_figure_is_used() -> None:
    used = {href.removeprefix(FIGURE) for article in articles() for href, _ in links(article)}
    assert used >= FIGURES


# Words


def test_a_section_is_found_by_all_its_words() -> None:
    words = {one.text: one.words.split() for one in ARTICLES["api"].headings}
    assert {"errors", "problem", "retry-after", "rate_limited"} <= set(words["What holds everywhere"])
    assert "idempotency-key" not in words["Errors"]
    assert {"shell", "curl"} & set(words["Send a request"]) == {"curl"}


def test_the_table_of_roles_is_the_table_of_permissions() -> None:
    head, *rows = table("team-and-roles", "What each role may do")
    assert head == ["Permission", *ROLE_WORDS.values()]
    said = {row[0]: [cell == "yes" for cell in row[1:]] for row in rows}
    assert said == {PERMISSION_WORDS[one]: [one in PERMISSIONS[role] for role in Role] for one in Permission}
    assert [row[0] for row in table("team-and-roles", "The roles")[1:]] == list(ROLE_WORDS.values())


def test_the_table_of_scopes_is_what_a_key_may_be_given() -> None:
    assert dict(table("api", "Scopes")[1:]) == SCOPE_WORDS


def test_the_lives_of_keys_are_those_of_the_form() -> None:
    text = (FOLDER / "api.md").read_text(encoding="utf-8")
    shortest, middle, longest = LIFETIMES
    assert f"{shortest}, {middle} or {longest} days" in text
    assert OVERLAPS == (0, 1, 24, 7 * 24)
    assert "at once, or after 1 hour,\n  24 hours or 7 days" in text


def test_statuses_kinds_and_outcomes_are_those_of_the_pages() -> None:
    states = {row[1]: row[0] for row in table("jobs", "What a status means")[1:]}
    assert states == {status: words[0] for status, words in JOB_STATUS.items()}
    assert {row[0] for row in table("jobs", "Kinds of jobs")[1:]} == set(KINDS.values())
    assert {row[0] for row in table("credits", "Read the statement", number=1)[1:]} == set(KIND_WORDS.values())
    assert {row[0] for row in table("segments", "How a run ends")[1:]} == set(OUTCOMES.values())
    assert [row[0] for row in table("enrichment", "Download")[1:]] == [one.name for one in OUTCOME_COLUMNS]


def test_the_table_of_errors_is_the_tree_of_errors() -> None:
    told = {row[1]: int(row[0]) for row in table("api", "Errors")[1:]}
    tree = {one.code: one.status for one in errors.CursiveError.__subclasses__() if one.__module__ == errors.__name__}
    assert tree.items() <= told.items()
    assert told.keys() - tree.keys() == {"too_large"}


NO_LABELS = {
    "sample", "exact", "draft", "out of credits", "Hold.", "Charge.", "Release.", "File", "Columns", "Rows",
    "Price and start", "Balanced", "Strict", "Times", "Credits",
    "A mail says your password was changed, and it was not you.", "A session you do not know.",
    "A mail says somebody tried to log in.", "An API key may have become known.", "Something broke.",
}  # fmt: skip
"""What stands in bold and is no word of a page, or is one by chance."""


def shown() -> str:
    """Every word that pages can show."""
    folders = [ROOT / "cursive_app" / "pages", ROOT / "components", ROOT / "state"]
    files: list[Path] = [file for folder in folders for file in folder.rglob("*.py") if file.parent.name != "docs"]
    return "\n".join(file.read_text(encoding="utf-8") for file in (*files, ROOT / "assets" / "csv_upload.jsx"))


SHOWN = shown()


@EVERY
def test_every_button_that_is_named_is_there(article: Article) -> None:
    """Bold words are labels; where a label has a number or a name in it, its parts are looked for."""
    labels = {plain(node) for node in nodes(article) if node.type == "strong"} - NO_LABELS
    parts = {part.strip() for label in labels for part in re.split("[…·]", label) if part.strip()}
    gone = [part for part in parts if not re.search(rf'["\s>]{re.escape(part)}[\s"…·:<}}]', SHOWN)]
    assert gone == []


# Markdown


def written(folder: Path, text: str) -> Article:
    file = folder / "credits.md"
    file.write_text(f"# Credits\n\nWhat they are.\n\n{text}\n", encoding="utf-8")
    return read(file)


def test_html_is_shown_as_it_is_typed(tmp_path: Path) -> None:
    drawn = str(body(written(tmp_path, "A <script>alert(1)</script> in <b>text</b>.")))
    assert "<script>alert(1)</script>" in drawn
    assert 'jsx("script"' not in drawn
    assert 'jsx("b"' not in drawn


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("![A picture](a.png)", "image"),
        ("[Nowhere](nowhere.md)", "nowhere.md"),
        ("[5](figure:nothing)", "nothing"),
        ("[A script](javascript:alert)", ""),
    ],
)
def test_what_cannot_be_drawn_stops_the_build(tmp_path: Path, text: str, said: str) -> None:
    article = written(tmp_path, text)
    if not said:  # Markdown takes no such address: it stays text
        assert links(article) == []
        return
    with pytest.raises(BrokenArticle, match=said):
        body(article)


@pytest.mark.parametrize("text", ["## Holds\n\n## Holds", "# Another title", "#### Too deep"])
def test_headings_of_an_article_lead_to_one_place_each(tmp_path: Path, text: str) -> None:
    with pytest.raises(BrokenArticle):
        written(tmp_path, text)
