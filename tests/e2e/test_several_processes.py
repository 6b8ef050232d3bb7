"""Two web processes that share page state in Redis: a tab does not notice which of them answers, or that one dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Browser, Page, expect

from cursive_app.sandbox.logins import PASSWORD
from tests.product import Product, wait_for
from tests.redis_server import redis_server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        yield address


@pytest.fixture(scope="module")
def processes(shared: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    variables = {"REDIS_URL": shared, "WEB_WORKERS": "2"}
    running = Product(tmp_path_factory.mktemp("several") / "data", variables=variables)
    try:
        running.start()
        yield running
        running.stop()
    finally:
        if running.process is not None and running.process.poll() is None:
            running.kill()


@pytest.fixture
def tab(browser: Browser, processes: Product) -> Iterator[Page]:
    """The demo person's tab."""
    context = browser.new_context(base_url=processes.url)
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("E-mail").fill("demo@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{processes.url}/")
    yield page
    context.close()


def serving(product: Product) -> list[int]:
    """The processes that answer, without the one that watches over them."""
    web = product.pids_running("web")
    parents = {pid: int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in web}
    return [pid for pid in web if parents[pid] in web]


def test_pages_left_in_the_middle_of_loading_hold_nothing_up(tab: Page, shared: str) -> None:
    with redis.Redis.from_url(shared) as state:
        for milliseconds in range(0, 400, 25):
            tab.goto("/leads")
            tab.wait_for_timeout(milliseconds)
            tab.goto("/credits")
        expect(tab.get_by_text("Credits of the demo workspace")).to_be_visible()
        # A lock that its event forgot would stay for ten seconds.
        wait_for(lambda: not state.keys("*_lock"), seconds=5, what="no lock of a tab")


def test_a_tab_goes_on_when_every_web_process_was_killed(tab: Page, processes: Product) -> None:
    tab.goto("/leads")
    rows = tab.locator("table tbody tr")
    expect(rows.nth(1)).to_be_visible()
    killed = wait_for(
        lambda: found if len(found := serving(processes)) == 2 else None, seconds=60, what="two processes"
    )
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: len(serving(processes)) == 2 and processes.get("/readyz")[0] == 200, seconds=90, what="new processes"
    )
    assert not set(killed) & set(serving(processes))
    drawer = tab.get_by_role("dialog")

    def opened() -> bool:
        rows.nth(1).click()  # unheard while the tab is still looking for its connection; a person clicks again
        try:
            expect(drawer).to_be_visible(timeout=5_000)
        except AssertionError:
            return False
        return True

    wait_for(opened, seconds=60, what="the drawer")
    tab.keyboard.press("Escape")
    tab.goto("/segments")
    expect(tab.get_by_text("Sales VPs").first).to_be_visible()
