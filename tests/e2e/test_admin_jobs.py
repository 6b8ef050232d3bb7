"""The staff's pages in a browser: an operator finds a failed job and retries it; everybody else finds nothing there."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.soundness import assert_sound, looks, serious_violations
from tests.product import Product, wait_for

SECTIONS = ("", "/failures", "/queues", "/schedules", "/stuck", "/totals")
SHOWN = {
    "": ("region", "Jobs"), "/failures": ("heading", re.compile("Nothing has failed|provider")),
    "/queues": ("region", "Workers"), "/schedules": ("region", "Schedules"), "/stuck": ("heading", "Nothing is stuck"),
    "/totals": ("region", "Totals"),
}  # fmt: skip


def faults(product: Product, *chosen: dict[str, Any]) -> None:
    """Switch these faults of the sandbox provider on instead of the former."""
    body = json.dumps(list(chosen)).encode()
    request = urllib.request.Request(
        f"{product.sandbox_url}/audiencelab/_faults",
        data=body,
        method="PUT",
        headers={"content-type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()


def ask(page: Page, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Our own API, as the pages call it: with the session of the page and from its origin."""
    return page.evaluate(
        """async ([method, path, body]) => {
            const answer = await fetch(path, {method, headers: {"content-type": "application/json"},
                                              body: body ? JSON.stringify(body) : undefined});
            return await answer.json();
        }""",
        [method, path, body],
    )


@pytest.fixture
def failed_job(demo_page: Page, product: Product) -> str:
    """A run of the demo's segment that failed for good because the provider ignored its filters."""
    page = demo_page
    page.goto("/jobs")
    # The demo's own run is first in line; it must not meet the fault.
    wait_for(
        lambda: not ask(page, "GET", "/api/v1/jobs?status=processing&status=pending")["items"],
        seconds=90,
        what="The demo's run ended",
    )
    segments = ask(page, "GET", "/api/v1/segments")["items"]
    segment = next(one["id"] for one in segments if one["name"] == "Sales VPs")
    faults(product, {"mode": "ignore_filters"})
    try:
        run = ask(page, "POST", f"/api/v1/segments/{segment}/run", {"mode": "pull", "max_leads": 3})["run"]
        job_id = run["job_id"]
        wait_for(
            lambda: ask(page, "GET", f"/api/v1/jobs/{job_id}")["status"] == "failed", seconds=90, what="The run failed"
        )
    finally:
        faults(product)
    return job_id


def test_an_operator_finds_a_failed_job_and_retries_it(staff_page: Page, failed_job: str) -> None:
    page = staff_page
    page.goto("/admin/jobs")
    box = page.get_by_role("combobox", name="Query")
    expect(page.get_by_role("region", name="Jobs")).to_be_visible()
    assert serious_violations(page) == []

    # The query is put together with the keyboard alone.
    offered = page.get_by_role("listbox", name="Suggestions").get_by_role("option")
    box.press_sequentially("sta", delay=20)
    expect(offered).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(box).to_have_value("state:")
    box.press_sequentially("fa", delay=20)
    expect(offered).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(box).to_have_value("state:failed ")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/admin/jobs/?\?q=state%3Afailed$"))
    expect(page.get_by_role("group", name="State").get_by_role("button", name=re.compile("^Failed"))).to_have_attribute(
        "aria-pressed", "true"
    )

    # The drawer: why it failed, every try, and what became of the credits.
    page.get_by_role("region", name="Jobs").get_by_role("row").nth(1).get_by_role("button").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("filters_ignored").first).to_be_visible()
    expect(drawer.get_by_text("Failed for good")).to_be_visible()
    expect(page).to_have_url(re.compile(failed_job))
    assert serious_violations(page) == []
    expect(drawer.get_by_role("link", name="Customer’s view")).to_have_attribute("href", f"/jobs?job={failed_job}")

    # Retry says what it is about before anything happens.
    drawer.get_by_role("button", name="Retry", exact=True).click()
    dialog = page.get_by_role("dialog").filter(has_text="1 job in 1 workspace")
    expect(dialog).to_be_visible()
    assert serious_violations(page) == []
    dialog.get_by_role("button", name="Retry 1 job").click()
    expect(page.get_by_text("1 job retried.")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_text("Started again by Cursive support").first).to_be_visible()
    page.goto("/admin/jobs/failures")
    expect(page.get_by_text("filters_ignored", exact=True).first).to_be_visible()
    assert serious_violations(page) == []
    page.goto(f"/admin/jobs?q=id%3A{failed_job}")
    expect(page.get_by_role("region", name="Jobs").get_by_text("Completed")).to_be_visible(timeout=60_000)


def test_a_job_in_frozen_hands_is_seen_and_rescued(staff_page: Page, demo_page: Page, product: Product) -> None:
    """A worker that stands still cannot take its job over itself: an operator sees which one it is, and frees it."""
    demo_page.goto("/jobs")
    staff_page.set_viewport_size({"width": 1440, "height": 900})
    staff_page.goto("/admin/jobs/stuck")
    segments = ask(demo_page, "GET", "/api/v1/segments")["items"]
    segment = next(one["id"] for one in segments if one["name"] == "Sales VPs")
    (worker,) = product.pids_running("worker")
    faults(product, {"mode": "slow", "delay_seconds": 25})
    try:
        run = ask(demo_page, "POST", f"/api/v1/segments/{segment}/run", {"mode": "pull", "max_leads": 3})["run"]
        job = f"/api/v1/admin/jobs/{run['job_id']}"
        wait_for(lambda: ask(staff_page, "GET", job)["job"]["heartbeat_seconds"] is not None, seconds=60, what="Held")
        os.kill(worker, signal.SIGSTOP)
        faults(product)
        row = staff_page.get_by_role("row").filter(has_text=run["job_id"].replace("-", "")[-8:])
        expect(row.get_by_text("gone silent")).to_be_visible(timeout=60_000)
        expect(staff_page.get_by_text("The clock was last seen")).to_be_visible()
        assert serious_violations(staff_page) == []
        rescue = row.get_by_role("button", name="Rescue")
        expect(rescue).to_be_in_viewport(ratio=1)
        table = staff_page.get_by_role("region", name="Stuck jobs")
        assert table.evaluate("one => one.scrollWidth <= one.clientWidth")
        rescue.click()
        expect(row).to_have_count(0)
    finally:
        os.kill(worker, signal.SIGCONT)
        faults(product)
    wait_for(lambda: ask(staff_page, "GET", job)["job"]["status"] == "completed", seconds=90, what="The run ended")
    tries = [(one["number"], one["outcome"]) for one in ask(staff_page, "GET", job)["attempts"]]
    assert (tries[0], tries[-1][1]) == ((1, "lost"), "finished")


def test_nobody_else_finds_anything_there(demo_page: Page) -> None:
    page = demo_page
    for section in SECTIONS:
        page.goto(f"/admin/jobs{section}")
        expect(page.get_by_role("heading", name="This page does not exist")).to_be_visible()
        expect(page.get_by_role("navigation", name="Sections")).to_have_count(0)
    for look in looks(page, f"/admin/jobs{SECTIONS[0]}"):
        assert_sound(page, look)
    page.goto("/segments")
    expect(page.get_by_role("link", name="All jobs")).to_have_count(0)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_reads_well(staff_page: Page, section: str) -> None:
    role, name = SHOWN[section]
    for look in looks(staff_page, f"/admin/jobs{section}", first=SECTIONS.index(section)):
        expect(staff_page.get_by_role(role, name=name).first).to_be_visible()  # type: ignore[arg-type]
        assert_sound(staff_page, look)
        expect(staff_page.get_by_role("heading", level=1)).to_have_count(1)
        expect(staff_page.get_by_role("main")).to_have_count(1)


def test_the_refresh_is_remembered_and_a_queue_pauses_with_a_reason(staff_page: Page) -> None:
    page = staff_page
    page.goto("/admin/jobs")
    page.get_by_label(re.compile("^Refresh")).select_option("1")
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Queues").click()
    expect(page).to_have_url(re.compile("/admin/jobs/queues"))
    expect(page.get_by_label(re.compile("^Refresh"))).to_have_value("1")
    page.reload()
    expect(page.get_by_label(re.compile("^Refresh"))).to_have_value("1")
    queue = page.get_by_role("region", name="default")
    queue.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Pause queue").click()
    expect(dialog.get_by_role("alert").filter(has_text="reason")).to_be_visible()
    dialog.get_by_label("Reason").fill("A look at the pages")
    dialog.get_by_role("button", name="Pause queue").click()
    expect(queue.get_by_text("A look at the pages")).to_be_visible()
    queue.get_by_role("button", name="Resume").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("Seen")
    page.get_by_role("dialog").get_by_role("button", name="Resume queue").click()
    expect(queue.get_by_role("button", name="Pause")).to_be_visible()


def test_a_queue_is_limited_and_freed_again(staff_page: Page) -> None:
    page = staff_page
    page.goto("/admin/jobs/queues")
    queue = page.get_by_role("region", name="runs")
    queue.get_by_role("button", name="Limit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("At once").fill("0")
    dialog.get_by_label("Reason").fill("A look at the pages")
    dialog.get_by_role("button", name="Set limit").click()
    expect(dialog.get_by_role("alert").filter(has_text="pause the queue")).to_be_visible()
    assert serious_violations(page) == []
    dialog.get_by_label("At once").fill("2")
    dialog.get_by_role("button", name="Set limit").click()
    expect(queue.get_by_text("At most 2 at once")).to_be_visible()
    queue.get_by_role("button", name="Limit").click()
    expect(dialog.get_by_label("At once")).to_have_value("2")
    dialog.get_by_label("At once").fill("")
    dialog.get_by_label("Reason").fill("Seen")
    dialog.get_by_role("button", name="Set limit").click()
    expect(queue.get_by_text("At most 2 at once")).to_have_count(0)


def test_the_list_fits_its_place(staff_page: Page) -> None:
    page = staff_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/admin/jobs")
    table = page.get_by_role("region", name="Jobs")
    expect(table.get_by_role("row").nth(1)).to_be_visible()
    expect(page.get_by_role("search", name="Search jobs")).to_be_visible()
    assert table.evaluate("one => one.scrollWidth <= one.clientWidth")
    expect(table.get_by_role("columnheader", name="Created")).to_be_in_viewport(ratio=1)
