"""What only a browser sees of lists and jobs: rows that stay where they are, words of a refusal, a phone's width."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignedIn
from tests.e2e.soundness import assert_sound, settled
from tests.e2e.test_enrichment import drop, people, step

__all__ = ["people"]
UPLOAD = """async (text) => {
    const body = new FormData();
    body.append("file", new File([text], "while-staff-looks.csv"));
    return (await fetch("/api/v1/enrichments", { method: "POST", body })).status;
}"""


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("a.csv", "email\nx@acme.example\n")
    return packed.getvalue()


def address_list(people: list[dict[str, Any]]) -> str:
    return "E-mail,First name\n" + "".join(f"{one['BUSINESS_EMAIL']},{one['FIRST_NAME']}\n" for one in people)


def test_new_jobs_are_announced_and_no_row_moves(signed_in: SignedIn, people: list[dict[str, Any]]) -> None:
    customer, staff = signed_in("demo@example.com"), signed_in("staff@example.com")
    settled(customer, "/enrichments")
    assert customer.evaluate(UPLOAD, address_list(people[:5])) == 201
    settled(staff, "/admin/jobs")
    staff.get_by_label("Refresh").select_option("1")
    rows = staff.get_by_role("region", name="Jobs").locator("tbody tr")
    expect(rows.first).to_be_visible()
    before = rows.first.bounding_box(), rows.last.bounding_box()
    assert customer.evaluate(UPLOAD, address_list(people[:6])) == 201
    announced = staff.get_by_role("button", name=re.compile("new jobs?. Show"))
    expect(announced).to_be_visible()
    assert (rows.first.bounding_box(), rows.last.bounding_box()) == before
    assert_sound(staff)
    announced.click()
    expect(announced).to_have_count(0)
    expect(rows.first).to_contain_text("while-staff-looks.csv")
    staff.get_by_label("Refresh").select_option("5")


def test_a_refusal_is_words_for_people(demo_page: Page, browser_errors: list[str]) -> None:
    drop(demo_page, "packed.csv", archive())
    said = demo_page.get_by_role("region", name="Upload a list").get_by_role("alert")
    expect(said).to_contain_text("ZIP archive", timeout=15_000)
    assert not re.search(r"[a-z]_[a-z]", said.inner_text()), "the code is for programs"
    browser_errors.clear()  # the refusal's status, which the browser logs


def test_a_dry_run_fits_a_phone(demo_page: Page, people: list[dict[str, Any]]) -> None:
    page = demo_page
    drop(page, "phone.csv", address_list(people).encode())
    expect(page.get_by_role("navigation", name="Steps")).to_be_visible(timeout=60_000)
    step(page, "Price and start")
    page.get_by_role("button", name="Start the free dry run").click()
    rates = page.get_by_role("list", name="Match rates of the dry run")
    expect(rates).to_be_visible(timeout=90_000)
    page.set_viewport_size({"width": 390, "height": 844})
    card = page.locator("section .card").filter(has=rates)
    edges = [one.bounding_box() for one in rates.get_by_role("listitem").locator("span:last-child").all()]
    outer = card.bounding_box()
    assert outer is not None
    assert all(edge is not None and edge["x"] + edge["width"] <= outer["x"] + outer["width"] for edge in edges)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_one_list_is_mended_in_two_browsers(signed_in: SignedIn, people: list[dict[str, Any]]) -> None:
    """Each shows what was done in the other, keeps what is typed, and writes over the other's text only on purpose."""
    owner, other = signed_in("demo@example.com"), signed_in("demo@example.com")
    notes = [f"Column {n}" for n in range(8)]
    head = ",".join(["E-mail", *(f"{name} with a long enough name" for name in notes)])
    drop(owner, "together.csv", "\n".join([head, *(one["BUSINESS_EMAIL"] + "," * 8 for one in people[:5])]).encode())
    expect(owner.get_by_role("navigation", name="Steps")).to_be_visible(timeout=60_000)
    address = f"{owner.url.partition('?')[0]}?step=rows"
    cell, box = f"Edit {notes[7]} with a long enough name, row 2", "#cell-input"
    for page in (owner, other):
        settled(page, address)
        page.get_by_role("button", name=cell).scroll_into_view_if_needed()
        page.get_by_role("button", name=cell).click()
        for wanted in (box, ".cell-edit", ".cells tbody tr:nth-child(2) td"):
            page.wait_for_function(IN_SIGHT, arg=wanted)
    other.locator(box).fill("typed there")
    owner.locator(box).fill("typed here")
    owner.locator(box).press("Enter")
    expect(other.get_by_text("This list was changed elsewhere.")).to_be_visible()
    expect(other.locator(box)).to_have_value("typed there")
    other.locator(box).press("Enter")
    expect(other.locator("#cell-error")).to_contain_text("it says “typed here” now")
    assert_sound(other)
    other.locator(box).press("Enter")
    expect(other.get_by_role("button", name=f"{cell}: typed there")).to_be_visible()
    expect(owner.get_by_role("button", name=f"{cell}: typed there")).to_be_visible()


IN_SIGHT = """(wanted) => {
    const box = document.querySelector(wanted)?.getBoundingClientRect();
    const around = document.querySelector(".table-scroll").getBoundingClientRect();
    return box && box.left >= around.left - 1 && box.right <= around.right + 1;
}"""
