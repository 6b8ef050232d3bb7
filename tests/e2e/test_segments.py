"""The segment builder in a browser: a first look at one with an unsaved edit, and with a removed field."""

from __future__ import annotations

import json
import re

import psycopg
from playwright.sync_api import Locator, Page, expect

from db.embedded import socket_url
from tests.e2e.conftest import SignedIn
from tests.e2e.soundness import settled
from tests.product import Product

COUNTED = re.compile(r"^\d[\d,]*$")
OWNER = "demo@example.com"


def matching(page: Page) -> Locator:
    """The number of own leads that match."""
    return page.locator("section", has=page.get_by_role("heading", name="Matching leads")).locator("p").first


def ask_for_verified(page: Page) -> None:
    """On a page of a new segment; ends when the answer of this very filter stands there."""
    page.get_by_role("button", name="Add condition").click()
    page.get_by_role("menuitem", name="Has a verified e-mail", exact=True).click()
    expect(page.get_by_text(re.compile(r"^removes [\d,]+$"))).to_be_visible()


def test_an_unsaved_edit_is_found_again_in_another_browser_and_counted(signed_in: SignedIn) -> None:
    here = signed_in(OWNER)
    settled(here, "/segments/new?scope=leads")
    ask_for_verified(here)
    counted = matching(here).inner_text()
    there = signed_in(OWNER)
    there.goto("/segments/new")
    expect(there.get_by_text("These are your unsaved changes from before.")).to_be_visible()
    expect(matching(there)).to_have_text(counted)
    expect(there.get_by_text("Vice President").first).to_be_visible()
    there.get_by_role("button", name="Start empty").click()
    expect(there.get_by_text("These are your unsaved changes from before.")).to_have_count(0)


def test_a_segment_whose_field_was_removed_opens_with_what_is_left_and_is_mended(
    demo_page: Page, product: Product
) -> None:
    left = {"field": "has_verified_email", "is": True}
    name = "Feet of my leads"
    settled(demo_page, "/segments/new?scope=leads")
    ask_for_verified(demo_page)
    demo_page.get_by_role("button", name="Save", exact=True).click()
    dialog = demo_page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Save").click()
    demo_page.wait_for_url(re.compile(r"/segments/[0-9a-f-]{36}"))
    expect(demo_page).to_have_title(f"{name} · Cursive")  # its own page is loaded
    gone = {"version": 1, "scope": "leads", "where": {"all": [left, {"field": "shoe_size", "include": ["44"]}]}}
    with psycopg.connect(socket_url(product.data_dir)) as owner:
        changed = owner.execute("UPDATE saved_segments SET filters = %s WHERE name = %s", (json.dumps(gone), name))
        assert changed.rowcount == 1
    settled(demo_page, "/segments")
    row = demo_page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("Needs mending")
    row.get_by_role("link", name=name).click()
    expect(demo_page.get_by_text("Part of this filter no longer exists.")).to_be_visible()
    expect(demo_page.get_by_text("shoe_size")).to_be_visible()
    expect(matching(demo_page)).to_have_text(COUNTED)
    demo_page.get_by_role("button", name="Save", exact=True).click()
    expect(demo_page.get_by_text("Part of this filter no longer exists.")).to_have_count(0)
    settled(demo_page, "/segments")
    expect(row).to_contain_text("Active")
