"""The frame around every page, in a real browser: keyboard, themes, phone width, accessibility, serving."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import Literal

import pytest
import websocket
from playwright.sync_api import FloatRect, Locator, Page, expect

from cursive_app.cursive_app import PAGES
from tests.e2e.conftest import SignedIn, log_in
from tests.e2e.soundness import assert_sound, looks, settled
from tests.product import Product

FIXED = [page for page in PAGES if "[" not in page.route and page.route not in ("/404", "/")]
# The staff's pages are looked at as the staff, in test_admin_jobs.py.
INSIDE = [page.route for page in FIXED if not page.public and not page.route.startswith("/admin/")]
OUTSIDE = [page.route for page in FIXED if page.public]


@pytest.mark.parametrize("route", INSIDE)
def test_every_page_is_accessible_and_fits(demo_page: Page, route: str) -> None:
    for look in looks(demo_page, route, first=INSIDE.index(route)):
        assert_sound(demo_page, look)
        expect(demo_page.get_by_role("heading", level=1)).to_have_count(1)
        expect(demo_page.get_by_role("main")).to_have_count(1)


@pytest.mark.parametrize("route", OUTSIDE)
def test_every_public_page_is_accessible_and_fits(page: Page, route: str) -> None:
    for look in looks(page, route, first=OUTSIDE.index(route)):
        assert_sound(page, look)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_scrolls_in_a_dialog_is_set_off_from_its_head(demo_page: Page, scheme: Literal["light", "dark"]) -> None:
    page = demo_page
    page.set_viewport_size({"width": 390, "height": 480})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    settled(page, "/settings/api-keys")
    page.get_by_role("button", name="New API key").first.click()
    assert _line_appears(page, page.get_by_role("dialog", name="New API key"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)  # an open one keeps the keys
    page.keyboard.press("?")
    assert _line_appears(page, page.get_by_role("dialog", name="Keyboard shortcuts"))


def _line_appears(page: Page, dialog: Locator) -> bool:
    """Whether the edge under a dialog's head shows nothing before and a line after its content was scrolled."""
    body = dialog.locator(".modal-body")
    expect(body).to_be_visible()
    box = body.bounding_box()
    assert box is not None
    assert body.evaluate("one => one.scrollHeight > one.clientHeight"), "nothing scrolls here"
    # In the padding, where nothing but the edge itself can be.
    edge: FloatRect = {"x": box["x"] + 4, "y": round(box["y"]), "width": 1, "height": 1}
    inside: FloatRect = {**edge, "y": edge["y"] + 3}
    plain = page.screenshot(clip=inside)
    before = page.screenshot(clip=edge)
    body.evaluate("one => one.scrollTop = 30")
    expect(body).to_have_js_property("scrollTop", 30)
    return before == plain and page.screenshot(clip=edge) != plain == page.screenshot(clip=inside)


def test_the_palettes_pages_do_not_wait_for_the_server(demo_page: Page, browser_errors: list[str]) -> None:
    page = demo_page
    page.add_init_script(BREAKABLE)
    settled(page, "/leads")
    page.evaluate("window.down = true; window.sockets.forEach((socket) => socket.close())")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search and commands")
    expect(field).to_be_focused()
    page.keyboard.type("jo")
    expect(page.get_by_role("option", name=re.compile("Jobs"))).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs**")
    expect(field).to_have_count(0)
    browser_errors.clear()  # the browser reports the connections that failed on purpose


def test_the_palette_finds_segments_and_leads_by_keyboard(demo_page: Page) -> None:
    settled(demo_page, "/jobs")
    demo_page.keyboard.press("Control+k")
    expect(demo_page.get_by_role("option", name="Sales VPs Segment")).to_be_visible()  # the last changed, unasked
    demo_page.keyboard.type("coast")
    expect(demo_page.get_by_role("option")).to_have_text(["Marketing directors on the coastsSegment"])
    demo_page.keyboard.press("Enter")
    demo_page.wait_for_url("**/segments/*-*")
    expect(demo_page.get_by_role("heading", level=1)).to_have_text("Marketing directors on the coasts")
    settled(demo_page, "/leads")
    name = demo_page.locator("td.lead button").first.inner_text()
    demo_page.keyboard.press("Control+k")
    demo_page.keyboard.type(name.lower())
    expect(demo_page.get_by_role("option", name=re.compile(re.escape(name)))).to_be_visible()
    demo_page.keyboard.press("Enter")
    demo_page.wait_for_url("**/leads?lead=*")
    expect(demo_page.get_by_role("dialog", name=name)).to_be_visible()


def test_the_palette_begins_where_one_was_last_with_its_first_line_selected(demo_page: Page) -> None:
    settled(demo_page, "/credits")
    settled(demo_page, "/leads")
    demo_page.keyboard.press("Control+k")
    first = demo_page.get_by_role("option").first
    expect(first).to_have_text("Credits")
    expect(first).to_have_attribute("aria-selected", "true")
    demo_page.keyboard.press("Enter")
    demo_page.wait_for_url("**/credits**")


def test_the_palette_takes_the_theme_that_was_typed(demo_page: Page) -> None:
    demo_page.emulate_media(color_scheme="light")
    settled(demo_page, "/leads")
    demo_page.keyboard.press("Control+k")
    demo_page.keyboard.type("dark")
    expect(demo_page.get_by_role("option").first).to_have_text("Use the dark theme")
    demo_page.keyboard.press("Enter")
    expect(demo_page.locator("html")).to_have_class(re.compile(r"\bdark\b"))


def test_the_palette_knows_how_to_invite_and_to_log_out(page: Page) -> None:
    log_in(page, "staff@example.com")
    settled(page, "/leads")
    page.keyboard.press("Control+k")
    page.keyboard.type("invite")
    found = page.get_by_role("dialog", name="Search and commands").get_by_role("option")
    expect(found.first).to_have_text("Invite a teammate")
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/team")
    expect(page.get_by_role("heading", level=1)).to_have_text("Team")  # the page before has the keys until then
    page.keyboard.press("Control+k")
    page.keyboard.type("log out")
    expect(found.first).to_have_text("Log out")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login")
    expect(page.get_by_text("You are logged out.")).to_be_visible()
    page.goto("/leads")
    page.wait_for_url("**/login?next=*")


def test_shortcuts_are_listed_and_silent_while_typing(demo_page: Page) -> None:
    settled(demo_page, "/leads")
    demo_page.keyboard.press("/")
    search = demo_page.get_by_role("searchbox").first
    expect(search).to_be_focused()
    demo_page.keyboard.type("?gj")
    expect(search).to_have_value("?gj")
    expect(demo_page.get_by_role("dialog")).to_have_count(0)
    demo_page.keyboard.press("Escape")
    demo_page.keyboard.press("?")
    expect(demo_page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    demo_page.get_by_role("switch", name="Single-letter shortcuts on this device").uncheck()
    demo_page.keyboard.press("Escape")
    expect(demo_page.get_by_role("dialog")).to_have_count(0)
    demo_page.keyboard.press("?")
    expect(demo_page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize(
    ("route", "listed", "not_listed"),
    [
        ("/segments", ["New segment", "Search in the list"], ["Show a free sample"]),
        ("/segments/new", ["Show a free sample"], ["Previous page", "New segment"]),
        ("/leads", ["Next row", "Next page", "Search in the list"], ["New segment", "Show a free sample"]),
        ("/settings/account", [], ["On this page", "Next page", "New segment"]),
    ],
)
def test_only_shortcuts_that_do_something_here_are_listed(
    demo_page: Page, route: str, listed: list[str], not_listed: list[str]
) -> None:
    settled(demo_page, route)
    demo_page.keyboard.press("?")
    dialog = demo_page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog.get_by_text("Leads", exact=True)).to_be_visible()
    for words in listed:
        expect(dialog.get_by_text(words, exact=True)).to_be_visible()
    for words in [*not_listed, "All jobs"]:  # the demo's owner is not staff
        expect(dialog.get_by_text(words, exact=True)).not_to_be_visible()


def test_two_letters_lead_to_a_page(demo_page: Page) -> None:
    settled(demo_page, "/leads")
    demo_page.keyboard.press("g")
    demo_page.keyboard.press("j")
    demo_page.wait_for_url("**/jobs**")


def test_the_theme_is_remembered_and_there_before_the_first_paint(demo_page: Page) -> None:
    settled(demo_page, "/leads")
    demo_page.get_by_role("button", name="Account").click()
    demo_page.get_by_role("menuitem", name="Dark", exact=True).click()
    expect(demo_page.locator("html")).to_have_class(re.compile("dark"))
    demo_page.add_init_script(
        "document.addEventListener('readystatechange', () => {"
        " if (document.readyState === 'interactive') window.themeAtFirst = document.documentElement.className })"
    )
    demo_page.reload()
    assert "dark" in demo_page.evaluate("window.themeAtFirst")


def test_the_sidebar_can_be_put_away_and_stays_so(demo_page: Page) -> None:
    settled(demo_page, "/leads")
    demo_page.get_by_role("button", name="Hide sidebar").click()
    expect(demo_page.get_by_role("navigation", name="Main")).to_have_count(0)
    demo_page.reload()
    expect(demo_page.get_by_role("button", name="Show sidebar")).to_be_visible()
    expect(demo_page.get_by_role("navigation", name="Main")).to_have_count(0)
    demo_page.keyboard.press("[")
    expect(demo_page.get_by_role("navigation", name="Main")).to_be_visible()


def test_a_phone_has_its_own_navigation(demo_page: Page) -> None:
    demo_page.set_viewport_size({"width": 390, "height": 844})
    settled(demo_page, "/leads")
    demo_page.get_by_role("button", name="Open navigation").click()
    demo_page.get_by_role("dialog").get_by_role("link", name="Jobs").click()
    demo_page.wait_for_url("**/jobs**")
    expect(demo_page.get_by_role("dialog")).to_have_count(0)


def test_the_first_tab_stop_leads_past_the_navigation(demo_page: Page) -> None:
    settled(demo_page, "/leads")
    demo_page.keyboard.press("Tab")
    expect(demo_page.get_by_role("link", name="Skip to content")).to_be_focused()
    demo_page.keyboard.press("Enter")
    expect(demo_page.get_by_role("main")).to_be_focused()


BREAKABLE = """
const Real = WebSocket;
window.sockets = [];
window.WebSocket = class extends Real {
  constructor(url, protocols) {
    super(window.down ? "ws://" + location.hostname + ":9/" : url, protocols);
    window.sockets.push(this);
  }
};
"""


def test_a_lost_connection_is_said_and_taken_back(demo_page: Page, browser_errors: list[str]) -> None:
    page = demo_page
    page.add_init_script(BREAKABLE)
    settled(page, "/leads")
    page.evaluate("window.down = true; window.sockets.forEach((socket) => socket.close())")
    expect(page.get_by_text("Reconnecting…")).to_be_visible(timeout=30_000)
    page.evaluate("window.down = false")
    expect(page.get_by_text("Reconnecting…")).to_have_count(0, timeout=30_000)
    browser_errors.clear()  # the browser reports the connections that failed on purpose


def test_a_click_without_a_connection_is_kept_until_it_is_back(demo_page: Page, browser_errors: list[str]) -> None:
    page = demo_page
    page.add_init_script(BREAKABLE)
    settled(page, "/leads")
    page.evaluate("window.down = true; window.sockets.forEach((socket) => socket.close())")
    expect(page.get_by_text("Reconnecting…")).to_be_visible(timeout=30_000)
    page.get_by_role("region", name="Leads").get_by_role("button", name="Name", exact=True).click()
    page.evaluate("window.down = false")
    expect(page.get_by_text("Reconnecting…")).to_have_count(0, timeout=30_000)
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending", timeout=30_000)
    page.evaluate("window.down = true; window.sockets.forEach((socket) => socket.close())")
    expect(page.get_by_text("Reconnecting…")).to_be_visible(timeout=30_000)
    page.locator("table tbody tr").nth(1).click()
    page.evaluate("window.down = false")
    expect(page.get_by_role("dialog")).to_be_visible(timeout=30_000)
    browser_errors.clear()  # the browser reports the connections that failed on purpose


def test_an_unknown_address_is_a_404_with_a_way_back(product: Product, page: Page, browser_errors: list[str]) -> None:
    answer = page.goto("/no/such/page")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="This page does not exist")).to_be_visible()
    expect(page.get_by_role("link", name="Go to the start page")).to_be_visible()
    browser_errors.clear()  # the 404 itself


def test_a_visitor_is_sent_to_the_login_page_and_sees_nothing(page: Page) -> None:
    page.goto("/leads")
    page.wait_for_url("**/login**")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def fetch(url: str) -> tuple[int, dict[str, str], bytes]:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


def test_the_bundle_is_lean_cached_and_protected(product: Product) -> None:
    status, headers, html = fetch(f"{product.url}/login")
    assert status == 200
    assert headers["cache-control"] == "no-cache"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    sheet = re.search(rb'href="(/assets/[^"]+\.css)"', html)
    assert sheet
    _, headers, css = fetch(product.url + sheet[1].decode())
    assert "immutable" in headers["cache-control"]
    assert b".rt-" not in css, "the stylesheet of Radix Themes is in the bundle"
    assert len(css) < 100_000


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
def test_another_site_cannot_open_the_page_socket(product: Product, origin: str | None) -> None:
    address = product.url.replace("http", "ws") + "/_event/?EIO=4&transport=websocket&token=x"
    with pytest.raises(websocket.WebSocketException):
        websocket.create_connection(address, origin=origin, suppress_origin=origin is None, timeout=10)
    websocket.create_connection(address, origin=product.url, timeout=10).close()


def test_a_reader_is_not_told_to_save(signed_in: SignedIn) -> None:
    page = signed_in("viewer@example.com")
    page.goto("/segments")
    page.get_by_text("Sales VPs").first.click()
    expect(page.get_by_text("This segment belongs to Dana Whitfield")).to_contain_text("nothing is kept")
    expect(page.get_by_text("save it as your own")).to_have_count(0)
