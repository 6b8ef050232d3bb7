"""The leads page in a browser, on what the demo's first run delivered."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.soundness import serious_violations


def first_lead(page: Page, address: str = "/leads") -> str:
    """Open the list and wait for its rows; the first lead's name."""
    page.goto(address)
    opener = page.get_by_role("region", name="Leads").locator(".row-open").first
    expect(opener).to_be_visible(timeout=60_000)  # the demo's run may still be at work
    return opener.inner_text()


def test_a_lead_opens_by_keyboard_and_keeps_its_address(demo_page: Page) -> None:
    page = demo_page
    name = first_lead(page)
    assert serious_violations(page) == []
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_role("heading", name=name)).to_be_visible()
    expect(drawer.get_by_role("link", name=re.compile("Delivered by a run of “.+”"))).to_be_visible()
    expect(drawer.get_by_text("0.50 credits")).to_be_visible()
    expect(page).to_have_url(re.compile(r"lead=[0-9a-f-]{36}"))
    assert serious_violations(page) == []
    page.reload()
    expect(page.get_by_role("dialog").get_by_role("heading", name=name)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/leads/?$"))


def test_search_filters_and_order_live_in_the_address(demo_page: Page) -> None:
    page = demo_page
    name = first_lead(page)
    page.keyboard.press("/")
    page.keyboard.type(name.split()[-1])
    expect(page).to_have_url(re.compile(r"q="))
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("button", name="Contact").click()
    page.get_by_role("menuitemcheckbox", name="E-mail", exact=True).click()
    expect(page).to_have_url(re.compile(r"has=email"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("group", name="Filters in force").get_by_text("Has: E-mail")).to_be_visible()
    page.go_back()
    expect(page).not_to_have_url(re.compile(r"has=email"))
    page.goto("/leads?q=zzzzqqqq&has=email")
    expect(page.get_by_role("heading", name="No lead matches")).to_be_visible()
    page.get_by_role("button", name=re.compile("Without the search")).click()
    expect(page.get_by_role("region", name="Leads")).to_be_visible()
    page.get_by_role("region", name="Leads").get_by_role("button", name="Name", exact=True).click()
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    page.reload()
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")


def test_the_list_downloads_as_it_is_filtered(demo_page: Page, tmp_path: Path) -> None:
    page = demo_page
    first_lead(page, "/leads?has=email")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Export CSV").click()
    target = tmp_path / "leads.csv"
    waiting.value.save_as(target)
    rows = list(csv.DictReader(target.open(encoding="utf-8-sig", newline=""), strict=True))
    assert rows
    assert all(row["email"] for row in rows)
    assert {row["source"] for row in rows} == {"database"}


def test_columns_are_remembered(demo_page: Page) -> None:
    page = demo_page
    first_lead(page)
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("menuitemcheckbox", name="Industry").click()
    expect(page.get_by_role("columnheader", name="Industry")).to_be_visible()
    first_lead(page)
    expect(page.get_by_role("columnheader", name="Industry")).to_be_visible()


def test_a_phone_can_read_it(demo_page: Page) -> None:
    page = demo_page
    page.set_viewport_size({"width": 390, "height": 844})
    first_lead(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.locator(".row-open").first.click()
    expect(page.get_by_role("dialog").get_by_role("heading", name="Where it came from")).to_be_visible()


def test_on_a_phone_a_lead_has_three_lines_and_a_segment_its_whole_name(demo_page: Page) -> None:
    page = demo_page
    page.set_viewport_size({"width": 390, "height": 844})
    first_lead(page)
    heights = page.locator(".lead-cards tbody tr").evaluate_all("rows => rows.map(row => row.offsetHeight)")
    assert max(heights) < 110, heights
    shown = page.locator(".lead-cards tbody td").evaluate_all(
        "cells => cells.filter(cell => cell.offsetHeight).map(cell => cell.innerText.trim())"
    )
    assert "–" not in shown
    page.goto("/segments")
    page.get_by_role("link", name=re.compile("Marketing directors on the coasts")).click()
    title = page.get_by_role("heading", level=1, name="Marketing directors on the coasts")
    expect(title).to_be_visible()
    expect(page.locator("#run-max-leads")).to_be_visible()
    assert title.evaluate("one => one.scrollWidth <= one.clientWidth"), "the name is cut"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page).to_have_title("Marketing directors on the coasts · Cursive")
    page.get_by_role("group", name=re.compile("add values to")).first.get_by_role("button", name="Exclude").press(
        "Enter"
    )
    expect(
        page.get_by_role("group", name=re.compile("add values to")).first.get_by_role("button", name="Exclude")
    ).to_have_attribute("aria-pressed", "true")
    assert serious_violations(page) == []


@pytest.mark.parametrize("address", ["/segments", "/leads", "/credits"])
def test_a_search_keeps_the_cursor_and_the_words_while_the_list_follows(demo_page: Page, address: str) -> None:
    page = demo_page
    page.goto(address)
    box = page.get_by_role("searchbox")
    box.click()
    page.keyboard.type("sal")
    expect(page).to_have_url(re.compile(r"q=sal$"))
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    expect(box).to_be_focused()
    page.keyboard.type("es")
    expect(page).to_have_url(re.compile(r"q=sales$"))
    expect(box).to_have_value("sales")
    page.goto(f"{address}?q=else")
    expect(box).to_have_value("else")
