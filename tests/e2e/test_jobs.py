"""The jobs page in a browser: list, drawer, filters in the address, reload."""

from __future__ import annotations

import re
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.e2e.soundness import serious_violations


def test_the_demo_run_is_listed_and_opens_with_its_timeline(demo_page: Page) -> None:
    page = demo_page
    page.goto("/jobs")
    jobs = page.get_by_role("region", name="Jobs")
    row = jobs.get_by_role("row").filter(has_text="Completed").last
    expect(row).to_be_visible(timeout=60_000)  # the demo's run may still be at work
    assert serious_violations(page) == []
    row.get_by_role("button").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("Queued", exact=True).first).to_be_visible()
    expect(page).to_have_url(re.compile(r"[?&]job=[0-9a-f-]{36}"))
    assert serious_violations(page) == []
    page.reload()
    expect(page.get_by_role("dialog").get_by_role("heading", name="Timeline")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/jobs/?$"))


def test_a_job_that_is_not_here_says_so_and_loads_for_nothing(demo_page: Page) -> None:
    demo_page.goto(f"/jobs?job={uuid4()}")
    drawer = demo_page.get_by_role("dialog")
    expect(drawer.get_by_text("This job does not exist here")).to_be_visible()
    expect(drawer.get_by_text("Not here")).to_be_visible()
    expect(drawer.get_by_text("Loading")).to_have_count(0)


def test_filters_live_in_the_address(demo_page: Page) -> None:
    page = demo_page
    page.goto("/jobs")
    expect(page.get_by_role("region", name="Jobs")).to_be_visible()
    page.get_by_role("group", name="Status").get_by_role("button", name=re.compile("^Paused")).click()
    expect(page).to_have_url(re.compile(r"status=paused"))
    expect(page.get_by_role("heading", name="No job fits")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_role("region", name="Jobs")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile(r"status=paused"))


def test_a_phone_can_read_it(demo_page: Page) -> None:
    page = demo_page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/jobs")
    expect(page.get_by_role("region", name="Jobs")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
