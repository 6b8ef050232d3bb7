"""The main job as a stranger does it: sign up, verify, log in, build, preview, save, reload, run, own the leads, see
the price. And the promise of the README: with the printed demo login, leads within a minute, there after a restart."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from uuid import uuid4

from playwright.sync_api import Page, expect

from cursive_app.settings import ROOT
from tests.e2e.conftest import log_in
from tests.product import Product

PASSWORD = "quiet-lantern-over-harbor-58"


def verification_link(product: Product, address: str) -> str:
    """The link in the mail that this address got; it lands in the sandbox's mailbox within seconds."""
    mail = product.mail(address, subject="Confirm", seconds=60)
    found = re.search(rf"{re.escape(product.url)}/verify\?\S+", mail["text"])
    assert found, mail["text"]
    return found.group(0)


def sign_up(page: Page, product: Product) -> str:
    """A new person with a workspace of their own, verified and logged in. Returns the address."""
    address = f"ada-{uuid4().hex[:8]}@example.com"
    page.goto("/signup")
    page.get_by_label("Your name").fill("Ada Stone")
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Workspace").fill("Stone & Sons")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url(lambda url: "/signup" not in url)
    page.goto(verification_link(product, address))
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(lambda url: "/verify" not in url)
    return address


def grant(page: Page, product: Product, amount: int) -> None:
    """What an operator does for a customer, who reads the short name of the workspace off its settings."""
    page.goto("/settings/workspace")
    slug = page.get_by_text(re.compile(r"^stone-sons-\w+$")).inner_text()
    done = subprocess.run(
        [sys.executable, "-m", "cursive_app", "grant-credits", slug, str(amount), "Welcome"],
        check=False,
        cwd=ROOT,
        env=product.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def add_condition(page: Page, field: str) -> None:
    page.get_by_role("button", name="Add condition").click()
    page.get_by_role("menuitem", name=field, exact=True).click()
    expect(page.get_by_role("group", name=field, exact=True)).to_be_visible()


def choose(page: Page, field: str, value: str) -> None:
    """Type into the typeahead of a condition and take the suggestion."""
    row = page.get_by_role("group", name=field, exact=True)
    row.get_by_role("combobox").click()
    page.keyboard.type(value, delay=20)
    page.get_by_role("option", name=value, exact=True).click()
    expect(row.get_by_role("button", name=f"Remove {value}")).to_be_visible()
    page.keyboard.press("Escape")


def run_ends(page: Page) -> None:
    """Wait until the panel of the run says that it is completed."""
    panel = page.get_by_role("region", name="Run", exact=True)
    expect(panel.get_by_text("Complete", exact=True)).to_be_visible(timeout=120_000)


def test_back_undoes_the_first_edit_and_a_new_condition_has_the_cursor(demo_page: Page) -> None:
    page = demo_page
    page.goto("/segments")
    page.get_by_text("Sales VPs").first.click()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    add_condition(page, "Job title")
    expect(page.get_by_role("group", name="Job title").get_by_role("combobox")).to_be_focused()
    page.keyboard.type("Regional")  # without a click
    page.get_by_role("option", name="Regional").first.click()
    expect(page.get_by_role("button", name="Remove Regional")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Unsaved changes")).to_be_visible()
    expect(page).to_have_url(re.compile("[?&]f="))  # it follows what is seen, and Back goes from address to address
    page.go_back()  # from the value
    page.go_back()  # from the condition
    expect(page.get_by_role("group", name="Job title")).to_have_count(0)
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.goto("/segments")
    page.get_by_text("Sales VPs").first.click()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    expect(page.get_by_role("group", name="Job title")).to_have_count(0)


def test_from_sign_up_to_owned_leads_and_the_price(page: Page, product: Product) -> None:
    address = sign_up(page, product)
    if "/login" in page.url:
        log_in(page, address, PASSWORD)
    grant(page, product, 40)

    page.goto("/segments/new")
    add_condition(page, "Seniority")
    choose(page, "Seniority", "VP")
    add_condition(page, "State")
    choose(page, "State", "California")
    sentence = page.get_by_role("complementary", name="Result and price").get_by_text("California")
    expect(sentence).to_be_visible()

    page.get_by_role("button", name="Show a free sample").click()
    expect(page.get_by_role("region", name="Preview").get_by_role("row").nth(1)).to_be_visible(timeout=30_000)

    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("West coast VPs")
    dialog.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(r"/segments/[0-9a-f-]{36}"))
    page.reload()
    expect(page.get_by_role("heading", name="West coast VPs")).to_be_visible()
    expect(page.get_by_role("button", name="Remove California")).to_be_visible()

    page.get_by_label("Leads, at most").fill("20")
    page.keyboard.press("Tab")
    page.get_by_role("button", name=re.compile(r"^Save and run · up to 10\.00")).click()
    run_ends(page)
    page.get_by_role("link", name="Open these leads").click()
    expect(page.get_by_role("row")).to_have_count(21, timeout=15_000)  # the header and twenty leads
    page.goto("/credits")
    expect(page.get_by_text("Charge").first).to_be_visible()
    expect(page.get_by_text("30.00").first).to_be_visible()


def test_the_demo_login_owns_leads_within_a_minute_and_after_a_restart(page: Page, product: Product) -> None:
    began = time.monotonic()
    log_in(page)
    page.goto("/segments")
    page.get_by_text("Marketing directors on the coasts").first.click()
    page.get_by_label("Leads, at most").fill("15")
    page.keyboard.press("Tab")
    page.get_by_role("button", name=re.compile(r"^Save and run · up to 7\.50")).click()
    run_ends(page)
    took = time.monotonic() - began
    address = page.url
    page.goto("about:blank")  # an open tab would report the lost connection, as it should
    product.stop()
    product.start()
    page.goto(address)
    if "/login" in page.url:
        log_in(page)
        page.goto(address)
    expect(page.get_by_role("heading", name="Marketing directors on the coasts")).to_be_visible()
    page.get_by_role("link", name="Open these leads").click()
    expect(page.get_by_role("row")).to_have_count(16, timeout=15_000)  # the header and fifteen
    print(f"owned leads {took:.1f} s after opening the login page")
