"""One running product for all browser tests, and a page that fails its test on any error in the browser's console.

Tests make their own people and workspaces (`product.mail` reads the verification link) or use the demo's.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from playwright.sync_api import Error as PlaywrightError

from cursive_app.sandbox.logins import PASSWORD
from tests.product import Product

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
QUICK = {
    "ENRICHMENT_SCHEDULE": "1,2,5",  # pauses between looks at the provider; their length is tested elsewhere
    "SESSION_IDLE_HOURS": "11",  # another number than the one that is built into pages
}
# How long a page may take on busy cores is not what is tried here.
EXPECT_MILLISECONDS, PAGE_MILLISECONDS = 20_000, 90_000
expect.set_options(timeout=EXPECT_MILLISECONDS)

SignedIn = Callable[[str], Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.xdist_group("e2e"))  # one worker, one product, one browser
            if os.environ.get("CURSIVE_SKIP_BROWSER") == "1":
                item.add_marker(pytest.mark.skip(reason="CURSIVE_SKIP_BROWSER=1"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The system's Chromium, without anything that calls home."""
    named = os.environ.get("CURSIVE_CHROMIUM")
    found = next((path for name in (named, *BROWSERS) if name and (path := shutil.which(name))), None)
    assert found, "No Chromium was found; `make test` says how to get one."
    quiet = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
    return {"executable_path": found, "headless": True, "args": ["--no-sandbox", "--disable-gpu", *quiet]}


@pytest.fixture(scope="package")
def product() -> Iterator[Product]:
    """The product, started once for all browser tests, gone before other tests begin."""
    folder = Path(tempfile.mkdtemp(prefix="cursive-e2e-"))
    running = Product(folder, variables=QUICK)
    try:
        running.start()
        yield running
        running.stop()
    finally:
        if running.process is not None and running.process.poll() is None:
            running.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def browser_context_args(product: Product) -> dict[str, Any]:
    """Makes `page.goto("/leads")` work."""
    return {"base_url": product.url}


@pytest.fixture
def browser_errors() -> list[str]:
    """Errors the browser reported. A test that provokes one on purpose clears the list after looking at it."""
    return []


@pytest.fixture
def page(context: BrowserContext, browser_errors: list[str]) -> Iterator[Page]:
    """A fresh page; its test fails when a script throws or something is logged as an error."""
    page = watched_page(context, browser_errors)
    yield page
    assert browser_errors == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Says of a test that failed what its pages showed: without it a failure on another machine tells little."""
    report = yield
    browser: Browser | None = getattr(item, "funcargs", {}).get("browser")
    if report.when == "call" and report.failed and browser is not None:
        pages = [page for context in browser.contexts for page in context.pages]
        report.sections.extend((f"the page at {page.url}", _shown(page)) for page in pages)
    return report


def _shown(page: Page) -> str:
    try:
        return page.locator("body").inner_text(timeout=5_000)[:3_000]
    except PlaywrightError as error:
        return f"(not readable: {error.message})"


def patient_page(context: BrowserContext) -> Page:
    """A page that waits longer than its default."""
    page = context.new_page()
    page.set_default_timeout(PAGE_MILLISECONDS)
    return page


def watched_page(context: BrowserContext, errors: list[str]) -> Page:
    """A page whose errors are collected."""
    page = patient_page(context)

    def logged(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(f"{page.url}: {message.text}")

    page.on("console", logged)
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
    return page


def log_in(page: Page, email: str = "demo@example.com", password: str = PASSWORD) -> None:
    """Log in through the form and wait for the first page behind it."""
    page.goto("/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/login" not in url and "/auth/" not in url)


@pytest.fixture(scope="package")
def cookies(product: Product, browser: Browser) -> Callable[[str], Any]:
    """The storage state of one of the demo's people, who logs in through the form once for all tests."""
    known: dict[str, Any] = {}

    def of(email: str) -> Any:
        if email not in known:
            context = browser.new_context(base_url=product.url)
            log_in(patient_page(context), email)
            known[email] = context.storage_state()
            context.close()
        return known[email]

    return of


@pytest.fixture
def signed_in(new_context: Any, cookies: Callable[[str], Any], browser_errors: list[str]) -> Iterator[SignedIn]:
    """`signed_in(email)`: a fresh page of one of the demo's people; its errors fail the test."""
    yield lambda email: watched_page(new_context(storage_state=cookies(email)), browser_errors)
    assert browser_errors == []


@pytest.fixture
def demo_page(signed_in: SignedIn) -> Page:
    """A page on which the owner of the demo workspace is logged in."""
    return signed_in("demo@example.com")


@pytest.fixture
def staff_page(signed_in: SignedIn) -> Page:
    """A page on which somebody of the staff is logged in."""
    return signed_in("staff@example.com")
