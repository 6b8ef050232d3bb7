"""The user documentation in a browser: for a visitor, from the product, on a phone, and without scripts.

That each of its pages is accessible and fits is looked at with all public pages, in test_interface.py.
"""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.conftest import QUICK, SignedIn
from tests.e2e.soundness import assert_sound, settled


def test_a_visitor_finds_an_article_and_a_heading_of_it(page: Page) -> None:
    settled(page, "/docs")
    expect(page).to_have_title("Documentation · Cursive")
    page.get_by_role("navigation", name="Documentation").get_by_role("link", name="Credits").click()
    page.wait_for_url("**/docs/credits")
    expect(page).to_have_title("Credits · Documentation · Cursive")
    expect(page.get_by_role("heading", level=1)).to_have_text("Credits")
    about = page.locator('meta[name="description"]')
    expect(about).to_have_attribute("content", re.compile("^Credits pay for new leads and for rows that were found"))
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Read the statement").click()
    page.wait_for_url("**/docs/credits#read-the-statement")
    expect(page.get_by_role("heading", name="Read the statement")).to_be_in_viewport()
    page.get_by_role("navigation", name="Previous and next article").get_by_role("link", name="Next").click()
    page.wait_for_url("**/docs/jobs")
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()


def test_a_link_to_a_heading_of_another_article_leads_to_it(page: Page) -> None:
    settled(page, "/docs/jobs")
    page.get_by_role("main").get_by_role("link", name="Hold, charge, release").click()
    page.wait_for_url("**/docs/credits#hold-charge-release")
    expect(page.get_by_role("heading", name="Hold, charge, release")).to_be_in_viewport()
    settled(page, "/docs/api#errors")
    expect(page.get_by_role("heading", name="Errors")).to_be_in_viewport()


def test_the_search_finds_sections_by_any_of_their_words(page: Page) -> None:
    settled(page, "/docs")
    contents = page.get_by_role("main")
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Search the documentation")
    expect(search).to_be_focused()
    page.keyboard.type("undo cell")
    expect(page.get_by_role("status").filter(has_text="1 section has these words.")).to_be_visible()
    expect(contents.get_by_role("link")).to_have_text(["Enrichment", "Check and fix the rows"])
    assert_sound(page)
    search.fill("nothing has these words at all")
    expect(page.get_by_role("status").filter(has_text="No section has these words.")).to_be_visible()
    search.fill("")
    contents.get_by_role("link", name="Check and fix the rows").click()
    page.wait_for_url("**/docs/enrichment#check-and-fix-the-rows")
    expect(page.get_by_role("heading", name="Check and fix the rows")).to_be_in_viewport()


def test_numbers_are_those_of_the_running_installation(page: Page) -> None:
    settled(page, "/docs/account-and-security")
    expect(page.get_by_role("main")).to_contain_text(f"A session ends {QUICK['SESSION_IDLE_HOURS']} hours after")


def test_an_article_is_there_without_scripts(new_context: Any) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto("/docs/segments")
    expect(page.get_by_role("heading", name="Sample and exact")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("costs 0.50 credits")


def test_the_contents_are_behind_a_button_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    settled(page, "/docs/segments")
    contents = page.get_by_role("navigation", name="Documentation")
    expect(contents.get_by_role("link")).to_have_count(0)
    contents.get_by_text("Contents", exact=True).click()
    assert_sound(page, "with the contents open")
    contents.get_by_role("link", name="Leads").click()
    page.wait_for_url("**/docs/leads")
    expect(contents.get_by_role("link")).to_have_count(0)


def test_an_unknown_article_is_a_404_with_a_way_back(page: Page, browser_errors: list[str]) -> None:
    answer = page.goto("/docs/no-such-article")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="This page does not exist")).to_be_visible()
    page.get_by_role("link", name="Documentation").click()
    page.wait_for_url("**/docs")
    browser_errors.clear()  # the 404 itself


def test_the_product_leads_to_the_documentation_and_back(signed_in: SignedIn) -> None:
    page = signed_in("demo@example.com")
    settled(page, "/credits")
    page.get_by_role("link", name="How this works").click()
    page.wait_for_url("**/docs/credits#hold-charge-release")
    expect(page.get_by_role("heading", name="Hold, charge, release")).to_be_in_viewport()
    page.get_by_role("link", name="Open Cursive").click()
    page.wait_for_url("**/segments")
    page.get_by_role("complementary", name="Sidebar").get_by_role("link", name="Documentation").click()
    page.wait_for_url("**/docs")
    settled(page, "/leads")
    page.keyboard.press("Control+k")
    page.keyboard.type("how to")
    expect(page.get_by_role("option").first).to_have_text(re.compile("Documentation"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/docs")
