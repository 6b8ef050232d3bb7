"""One running product for all browser tests, and a page that fails its test on any error in the browser's console.

Tests make their own people and workspaces (`product.mail` reads the verification link) or use the demo's.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)
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


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """The product, started once for all browser tests."""
    folder = Path(tempfile.mkdtemp(prefix="cursive-e2e-"))
    running = Product(folder)
    try:
        running.start()
        yield running
        running.stop()
    finally:
        if running.process is not None and running.process.poll() is None:
            running.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def base_url(product: Product) -> str:
    """Makes `page.goto("/leads")` work."""
    return product.url


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


def watched_page(context: BrowserContext, errors: list[str]) -> Page:
    """A page whose errors are collected."""
    page = context.new_page()

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


@pytest.fixture
def demo_page(page: Page) -> Page:
    """A page on which the owner of the demo workspace is logged in."""
    log_in(page)
    return page
