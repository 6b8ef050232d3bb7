"""What the command palette finds: one's own workspace's segments and leads, the last changed first, nobody else's."""

from __future__ import annotations

from collections.abc import Callable

from cursive_app.pages.frame import NAV
from cursive_app.services import segments
from db.roles import Role
from state.palette import PAGES, PaletteState
from tests.factories import Cast, make_member, make_user, make_workspace
from tests.factories_enrichment import make_list, unknown_line
from tests.factories_leads import make_lead, make_person
from tests.factories_segments import make_segment
from tests.state.driver import Tab, sign_in

Driver = Callable[..., Tab]


def found(tab: Tab) -> list[tuple[str, str]]:
    return [(one["kind"], one["label"]) for one in tab.var(PaletteState, "results") or []]


async def searched(tab: Tab, words: str) -> list[tuple[str, str]]:
    await tab.send(PaletteState.search, text=words)
    return found(tab)


async def test_opening_shows_the_segments_changed_last(driver: Driver, cast: Cast) -> None:
    for number in range(7):
        make_segment(cast.alice, name=f"Plan {number}")
    tab = driver(sign_in(cast.alice))
    await tab.send(PaletteState.opened, is_open=True)
    assert found(tab) == [("segment", f"Plan {number}") for number in (6, 5, 4, 3, 2)]


async def test_recent_pages_and_segments_come_first_and_only_those_that_may_be_seen(driver: Driver, cast: Cast) -> None:
    mine, gone = make_segment(cast.alice, name="Texan founders"), make_segment(cast.alice, name="Given up")
    foreign = make_segment(cast.charlie, name="Secret plan")
    tab = driver(sign_in(cast.alice))
    for path in (
        "/jobs", f"/segments/{mine.id}?sort=name", "/segments/new", f"/segments/{gone.id}", f"/segments/{foreign.id}",
        "/segments/odd", "/nowhere", "/leads?page=2",
    ):  # fmt: skip
        await tab.send(PaletteState.visited, path=path)
    with cast.alice.begin() as scope:
        segments.delete_segment(scope, gone.id, version=gone.version)
    await tab.send(PaletteState.opened, path="/leads", is_open=True)
    shown = [(one["kind"], one["label"], one["href"]) for one in tab.var(PaletteState, "recent")]
    # Not the page it is opened on, and nothing that is gone, foreign or no page.
    assert shown == [("segment", "Texan founders", f"/segments/{mine.id}"), ("page", "Jobs", "/jobs")]
    assert ("segment", "Texan founders") not in found(tab), "it stands among the recent ones"
    await tab.send(PaletteState.visited, path="/jobs")
    await tab.send(PaletteState.opened, path="/segments", is_open=True)
    assert [one["label"] for one in tab.var(PaletteState, "recent")] == ["Jobs", "Leads", "Texan founders"]


def test_recent_pages_are_called_what_the_navigation_calls_them() -> None:
    linked = {link.href: link.label for group in NAV for link in group.links if not link.href.startswith("/admin/")}
    assert linked.items() <= PAGES.items()


async def test_segments_and_leads_are_found_by_name_and_leads_by_email(driver: Driver, cast: Cast) -> None:
    segment = make_segment(cast.alice, name="Texan founders")
    lead = make_lead(cast.alice, make_person(first_name="Rosalind", last_name="Okafor", email="r.okafor@example.com"))
    tab = driver(sign_in(cast.alice))
    assert await searched(tab, " texan ") == [("segment", "Texan founders")]
    assert tab.var(PaletteState, "results")[0]["href"] == f"/segments/{segment.id}"
    for words in ("rosalind", "r.okafor@example.com"):
        assert await searched(tab, words) == [("lead", "Rosalind Okafor")]
    line = tab.var(PaletteState, "results")[0]
    assert line["href"] == f"/leads?lead={lead}"
    assert "r.okafor@example.com" in line["words"], "the browser would filter the line away"
    assert await searched(tab, "ro") == [], "too short a word for leads"
    for odd in ("%", "_____", "no such thing", "x" * 10_000, "<b>'\"; --"):
        assert await searched(tab, odd) == [], odd[:20]
    assert tab.failures == []


async def test_another_tenants_names_are_never_shown(driver: Driver, cast: Cast) -> None:
    make_segment(cast.alice, name="Secret plan")
    make_lead(cast.alice, make_person(first_name="Rosalind", last_name="Secret"))
    stranger = driver(sign_in(cast.charlie))
    await stranger.send(PaletteState.opened, is_open=True)
    assert found(stranger) == []
    for words in ("secret", "secret plan", "rosalind"):
        assert await searched(stranger, words) == []
    visitor = driver("")
    await visitor.send(PaletteState.search, text="secret")
    assert found(visitor) == []
    assert "Secret" not in str(stranger.state) + str(visitor.state)


async def test_a_private_segment_is_for_its_author_and_admins(driver: Driver, cast: Cast) -> None:
    make_segment(cast.alice, name="Private plan", is_shared=False)
    viewer = make_member(cast.workspace_id, make_user("Vera"), Role.READ_ONLY)
    assert await searched(driver(sign_in(viewer)), "private") == []
    assert await searched(driver(sign_in(cast.alice)), "private") == [("segment", "Private plan")]


async def test_what_a_role_may_not_see_is_not_offered(driver: Driver, cast: Cast) -> None:
    make_segment(cast.alice, name="Budget plan")
    make_lead(cast.alice, make_person(first_name="Budget", last_name="Holder"))
    billing = make_member(cast.workspace_id, make_user("Bill"), Role.BILLING)
    tab = driver(sign_in(billing))
    assert await searched(tab, "budget") == []
    assert tab.failures == []


async def test_another_workspace_of_the_same_person_is_another_world(driver: Driver, cast: Cast) -> None:
    make_segment(cast.alice, name="First house")
    assert cast.alice.user_id is not None
    elsewhere = make_member(make_workspace("Second"), cast.alice.user_id, Role.OWNER)
    assert await searched(driver(sign_in(elsewhere)), "house") == []


async def test_lists_are_found_by_file_name(driver: Driver, cast: Cast) -> None:
    make_list(cast.alice, [unknown_line(1)], filename="Spring fair.csv")
    tab = driver(sign_in(cast.alice))
    assert ("list", "Spring fair.csv") in await searched(tab, "spring")
    assert await searched(driver(sign_in(cast.charlie)), "spring") == []
