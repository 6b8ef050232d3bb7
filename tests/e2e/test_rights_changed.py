"""Somebody's rights change while they work (D-17): the browser gets a new token, and no page is thrown out."""

from __future__ import annotations

import subprocess
import sys

from playwright.sync_api import Page, WebSocket, expect

from cursive_app.settings import ROOT
from tests.e2e.conftest import log_in, watched_page
from tests.e2e.soundness import settled
from tests.e2e.test_first_minute import PASSWORD, sign_up
from tests.product import Product, wait_for


def session_of(page: Page) -> str:
    return next(str(one["value"]) for one in page.context.cookies() if one["name"] == "cursive_session")  # pyright: ignore[reportTypedDictNotRequiredAccess]


def sockets_of(page: Page) -> list[WebSocket]:
    opened: list[WebSocket] = []
    page.on("websocket", lambda socket: opened.append(socket))  # noqa: PLW0108  (it marks the function it is given)
    return opened


def test_two_open_tabs_outlive_the_new_token(page: Page, product: Product, browser_errors: list[str]) -> None:
    address = sign_up(page, product)
    if "/login" in page.url:
        log_in(page, address, PASSWORD)
    other = watched_page(page.context, browser_errors)
    tabs = {one: sockets_of(one) for one in (page, other)}
    settled(page, "/settings/account")
    settled(other, "/leads")
    wait_for(lambda: page.get_by_label("Name", exact=True).input_value() == "Ada Stone", seconds=20, what="the name")
    page.get_by_label("Name", exact=True).fill("Ada Stone-Hill")  # typed, not saved
    old, counts = session_of(page), {one: len(opened) for one, opened in tabs.items()}
    done = subprocess.run(
        [sys.executable, "-m", "cursive_app", "make-admin", address],
        check=False, cwd=ROOT, env=product.environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    def all_reopened() -> bool:
        page.wait_for_timeout(200)  # lets the browser's own events come in
        return all(len(opened) > counts[one] for one, opened in tabs.items())

    wait_for(all_reopened, seconds=60, what="a new socket in both tabs")
    assert session_of(page) != old
    expect(page.get_by_label("Name", exact=True)).to_have_value("Ada Stone-Hill")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("complementary", name="Sidebar")).to_contain_text("Ada Stone-Hill")
    for one in (page, other):
        expect(one.get_by_role("link", name="All jobs")).to_be_visible()
        assert "/login" not in one.url
    settled(other, "/settings/sessions")
    expect(other.get_by_role("row").filter(has_text="This browser")).to_have_count(1)
    expect(other.get_by_role("row")).to_have_count(2)  # the header, and one line for this browser
