"""What a person sees when a page fails, when the server has a defect, and when the session ends elsewhere."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from cursive_app.sandbox.logins import PASSWORD
from tests.e2e.conftest import log_in, patient_page
from tests.e2e.soundness import settled
from tests.product import Product

THROWS = "export default function Page() { throw new Error('secret detail of the defect'); }"


def test_a_page_that_fails_says_so_with_a_reference_and_shows_no_trace(
    demo_page: Page, browser_errors: list[str]
) -> None:
    def broken(route: Route) -> None:
        route.fulfill(body=THROWS, content_type="text/javascript")

    settled(demo_page, "/leads")
    demo_page.route(re.compile(r"/assets/_jobs_[^/]*\.js"), broken)
    demo_page.goto("/jobs")
    expect(demo_page.get_by_role("heading", name="This page stopped working")).to_be_visible()
    reference = demo_page.locator("code").inner_text()
    assert re.fullmatch(r"crash_[0-9a-f]{8}", reference)
    assert "secret detail" not in demo_page.locator("body").inner_text()
    browser_errors.clear()  # the failure itself


def test_a_session_ended_in_another_browser_is_over_in_this_one(page: Page, product: Product, browser: Browser) -> None:
    log_in(page, "member@example.com")
    settled(page, "/leads?q=a")
    elsewhere = browser.new_context(base_url=product.url, user_agent="Another browser")
    other = patient_page(elsewhere)
    log_in(other, "member@example.com")
    settled(other, "/settings/sessions")
    other.get_by_role("button", name=re.compile("^Log out all others")).click()
    dialog = other.get_by_role("alertdialog")
    expect(dialog).to_contain_text("Log out 1 other browser?")
    dialog.get_by_role("button", name="Log out all others").click()
    page.wait_for_url("**/login?next=*")
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    expect(page.locator("td.lead")).to_have_count(0)
    page.get_by_label("E-mail").fill("member@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/leads?q=a")
    elsewhere.close()


def test_what_is_typed_before_the_page_is_connected_stays(page: Page) -> None:
    """A quick person, or a password manager, fills the form before the server says what the last try was."""
    held: list[WebSocketRoute] = []

    def hold(socket: WebSocketRoute) -> None:
        held.append(socket)

    page.goto("/login")
    page.get_by_label("E-mail").fill("first.try@example.com")
    page.get_by_label("Password", exact=True).fill("not the password")
    page.route_web_socket(re.compile("/_event"), hold)
    with page.expect_navigation():
        page.get_by_role("button", name="Log in").click()
    page.get_by_label("E-mail").fill("typed@example.com")
    page.get_by_label("Password", exact=True).fill("typed early")
    expect(page.get_by_role("alert")).to_have_count(0)
    for socket in held:
        socket.connect_to_server()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value("typed@example.com")
    expect(page.get_by_label("Password", exact=True)).to_have_value("typed early")


def test_what_was_left_does_not_stand_under_the_next_address(page: Page) -> None:
    """Until the load of the next segment has come, the page shows that it loads, not the segment before."""
    held: list[tuple[WebSocketRoute, str | bytes]] = []
    slow = False

    def delay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: held.append((server, message)) if slow else server.send(message))

    page.route_web_socket(re.compile("/_event"), delay)
    log_in(page)
    settled(page, "/segments")
    first, second = (text.split("\n")[0] for text in page.locator("td.lead a").all_inner_texts()[:2])
    page.get_by_role("link", name=first).click()
    title = page.get_by_role("heading", level=1)
    expect(title).to_have_text(first)
    page.get_by_role("link", name="Segments", exact=True).first.click()
    expect(title).to_have_text("Segments")
    slow = True
    page.get_by_role("link", name=second).click()
    expect(title).to_have_text("Segment")
    expect(page.locator("main .skeleton").first).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    slow = False
    for server, message in held:
        server.send(message)
    expect(title).to_have_text(second)
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()
