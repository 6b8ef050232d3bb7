"""A list in a browser: dropped, understood, mapped, mended, tried for free, run through a killed worker, downloaded and
compared row by row with what was dropped."""

from __future__ import annotations

import base64
import csv
import io
import os
import re
import signal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import Page, expect

from cursive_app.sandbox.population import Population
from cursive_app.settings import Settings
from tests.e2e.soundness import assert_sound, looks
from tests.factories_enrichment import known_people
from tests.product import Product

HEADER = ["Kontakt", "Vorname", "Nachname", "Wo", "Bemerkung"]
KNOWN, UNKNOWN = 110, 6
DROP = """([name, body]) => {
    const bytes = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name));
    const zone = document.querySelector("[data-drop]");
    zone.dispatchEvent(new DragEvent("dragenter", { dataTransfer: transfer, bubbles: true }));
    zone.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def people() -> list[dict[str, Any]]:
    """Of the population the product's sandbox holds."""
    population = Population(seed=Settings.model_fields["sandbox_seed"].default, size=20_000)
    found = known_people(population, KNOWN * 2, start=3_000)
    clean = [one for one in found if re.fullmatch(r"[\w.]+@[\w.-]+", one["BUSINESS_EMAIL"]) and one["LAST_NAME"]]
    return clean[: KNOWN + 1]


def messy_rows(people: list[dict[str, Any]]) -> list[list[str]]:
    """Known people, strangers, one twice, one with a broken address, a note of two lines, one like a formula."""
    rows = [
        [one["BUSINESS_EMAIL"], one["FIRST_NAME"], one["LAST_NAME"], one["COMPANY_NAME"], f"Besuch {n} in Köln"]
        for n, one in enumerate(people[:KNOWN])
    ]
    rows += [[f"niemand{n}@unheard-of.example", "Jörg", "Niemand", "", ""] for n in range(UNKNOWN)]
    rows[3][4] = "erste Zeile\nzweite; Zeile"
    rows[4][4] = "=1+1"
    rows.append([rows[0][0].upper(), *rows[0][1:4], "noch einmal"])
    rows.append([people[KNOWN]["BUSINESS_EMAIL"].replace("@", "(at)"), "Robin", "Tippfehler", "", "bitte prüfen"])
    return rows


def messy_file(rows: list[list[str]]) -> bytes:
    """Semicolons, Windows-1252, a title above the header."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(["Messekontakte 2026"])
    writer.writerow(HEADER)
    writer.writerows(rows)
    return text.getvalue().encode("cp1252")


def drop(page: Page, name: str, body: bytes) -> None:
    page.goto("/enrichments")
    expect(page.get_by_role("region", name="Upload a list")).to_contain_text("50,000 rows, 500 columns and 25 MB")
    page.evaluate(DROP, [name, base64.b64encode(body).decode()])


def step(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Steps").get_by_role("button", name=name).click()


def kill_workers(product: Product) -> None:
    found = product.pids_running("worker")
    assert found
    for pid in found:
        os.kill(pid, signal.SIGKILL)


def test_from_the_drop_to_the_download(
    demo_page: Page, product: Product, people: list[dict[str, Any]], tmp_path: Path
) -> None:
    page, rows = demo_page, messy_rows(people)
    drop(page, "messe.csv", messy_file(rows))
    page.wait_for_url(re.compile(r"/enrichments/[0-9a-f-]{36}"))
    expect(page.get_by_role("heading", name="messe.csv")).to_be_visible()

    # Understood, and mapped by name and by content; the employer's column is mapped by hand.
    expect(page.get_by_role("navigation", name="Steps")).to_be_visible(timeout=60_000)
    expect(page.get_by_label("What “Kontakt” holds")).to_have_value("email")
    expect(page.get_by_label("What “Vorname” holds")).to_have_value("first_name")
    page.get_by_label("What “Wo” holds").select_option("company_name")
    page.get_by_role("button", name="Apply and check the rows").click()
    expect(page.get_by_role("button", name="Continue to rows")).to_be_visible(timeout=60_000)
    expect(page.get_by_label("What “Wo” holds")).to_have_value("company_name")
    step(page, "File")
    expect(page.get_by_label("Encoding")).to_have_value("cp1252")
    expect(page.get_by_label("Delimiter")).to_have_value(";")
    expect(page.get_by_text("Row 2", exact=True)).to_be_visible()

    mend_the_broken_address(page, people[KNOWN]["BUSINESS_EMAIL"])
    rows[-1][0] = people[KNOWN]["BUSINESS_EMAIL"]

    step(page, "Price and start")
    page.get_by_role("button", name="Start the free dry run").click()
    expect(page.get_by_role("list", name="Match rates of the dry run")).to_be_visible(timeout=90_000)
    page.get_by_role("button", name=re.compile("^Start · at most 29.25 credits")).click()
    page.get_by_role("alertdialog").get_by_role("button", name=re.compile("^Start")).click()

    # A worker that is killed midway changes nothing but the time it takes; nor does a reload.
    expect(page.get_by_role("region", name="Run")).to_be_visible(timeout=30_000)
    kill_workers(product)
    page.reload()
    expect(page.get_by_role("heading", name="Outcome")).to_be_visible(timeout=180_000)
    compare_with_the_download(page, rows, tmp_path)


def mend_the_broken_address(page: Page, address: str) -> None:
    """Edit the one invalid cell; Escape leaves it, Enter saves it, and its problem is gone."""
    step(page, "Rows")
    page.get_by_role("group", name="Rows by verdict").get_by_role("button", name=re.compile("^Invalid")).click()
    expect(page).to_have_url(re.compile("view=invalid"))
    cell = page.get_by_role("button", name=re.compile(r"^Edit Kontakt, row \d+: .*\(at\)"))
    cell.click()
    box = page.get_by_role("textbox", name=re.compile("^Kontakt, row"))
    expect(box).to_be_focused()
    box.fill("something else")
    box.press("Escape")
    expect(box).to_have_count(0)
    cell.click()
    box.fill(address)
    box.press("Enter")
    expect(page.get_by_text("No row of the list belongs to this group.")).to_be_visible()
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_visible()
    expect(page.get_by_role("group", name="Last change")).to_contain_text("“Kontakt” was changed")


def compare_with_the_download(page: Page, rows: list[list[str]], folder: Path) -> None:
    """Originals first and as they were, one outcome per row, and the receipt equal to the matched rows."""
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as waiting:
        page.get_by_role("dialog").get_by_role("button", name="Download").click()
    target = folder / "out.csv"
    waiting.value.save_as(target)
    table = pl.read_csv(target, infer_schema=False).fill_null("")
    assert table.columns[:5] == HEADER
    assert table.height == len(rows)
    outcomes = table["cursive_outcome"].to_list()
    for number, (row, found) in enumerate(zip(rows, table.iter_rows(named=True), strict=True)):
        said = [found[name] for name in HEADER]
        said[4] = said[4].removeprefix("'") if row[4].startswith("=") else said[4]
        assert said == row, number
        if found["cursive_outcome"] == "matched":
            assert row[0].casefold() in found["BUSINESS_EMAIL"].casefold(), number
        else:
            assert found["cursive_reason"], number
    assert outcomes[KNOWN : KNOWN + UNKNOWN] == ["no_match"] * UNKNOWN
    assert outcomes[-2] == "skipped"
    matched = outcomes.count("matched")
    assert matched >= KNOWN * 0.9
    receipt = page.locator("section").filter(has=page.get_by_role("heading", name="Receipt", exact=True))
    expect(receipt).to_contain_text(f"{matched * 0.25:,.2f}")
    expect(page.get_by_role("button", name=f"Matched: {matched} rows")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Notices")).click()
    expect(page.get_by_text("“messe.csv” is enriched").first).to_be_visible()


def test_companies_without_people_are_explained_and_cost_nothing(demo_page: Page) -> None:
    page = demo_page
    body = "Symbol,Security,Sector\n" + "".join(f"AA{n},Company {n},Energy\n" for n in range(120))
    drop(page, "companies.csv", body.encode())
    missing = page.get_by_role("region", name="What is missing")
    expect(missing).to_contain_text("No column identifies a person", timeout=60_000)
    expect(missing).to_contain_text("Nothing has been charged")
    assert_sound(page)
    step(page, "Price and start")
    expect(page.get_by_role("button", name=re.compile("^Start · at most"))).to_be_disabled()


def test_what_is_no_list_is_refused_in_words(demo_page: Page, browser_errors: list[str]) -> None:
    page = demo_page
    drop(page, "photo.png", b"\x89PNG")
    said = page.get_by_role("region", name="Upload a list").get_by_role("alert")
    expect(said).to_contain_text("“photo.png” is not a list we can read")
    drop(page, "empty.csv", b"")
    expect(said).to_contain_text("“empty.csv” is empty")
    drop(page, "program.csv", b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00" * 40)
    expect(said).not_to_be_empty(timeout=15_000)
    expect(page).to_have_url(re.compile("/enrichments/?$"))
    browser_errors.clear()  # the refusal's status, which the browser logs


def test_forty_rows_are_told_why_and_what_else(demo_page: Page, people: list[dict[str, Any]]) -> None:
    page = demo_page
    body = "E-mail,First name\n" + "".join(f"{one['BUSINESS_EMAIL']},{one['FIRST_NAME']}\n" for one in people[:40])
    drop(page, "forty.csv", body.encode())
    expect(page.get_by_role("navigation", name="Steps")).to_be_visible(timeout=60_000)
    step(page, "Price and start")
    expect(page.get_by_role("region", name="Too few rows")).to_contain_text("60 are missing")
    expect(page.get_by_role("link", name="New segment")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Start · at most"))).to_be_disabled()


def test_a_replacement_is_undone_after_a_reload(demo_page: Page) -> None:
    page = demo_page
    body = "E-mail,Company\n" + "".join(f"p{n}@acme.example,Acme {n}\n" for n in range(30)) + "x@acme.example,Apex\n"
    drop(page, "undo.csv", body.encode())
    expect(page.get_by_role("navigation", name="Steps")).to_be_visible(timeout=60_000)
    step(page, "Rows")
    page.get_by_role("button", name="Find and replace").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("In the column").select_option(label="Company")
    dialog.get_by_label("Find").fill("Acme")
    dialog.get_by_label("Replace with").fill("Apex")
    expect(dialog.get_by_role("status")).to_contain_text("30 cells will be changed")
    dialog.get_by_role("button", name="Replace in the column").click()
    expect(page.get_by_text("30 cells were changed.")).to_be_visible()
    page.reload()
    last = page.get_by_role("group", name="Last change")
    expect(last).to_contain_text("30 cells of “Company” were changed")
    assert_sound(page)
    last.get_by_role("button", name=re.compile("^Undo")).click()
    expect(page.get_by_role("button", name="Edit Company, row 1: Acme 0")).to_be_visible()
    expect(page.get_by_role("button", name="Edit Company, row 31: Apex")).to_be_visible()
    expect(last).to_have_count(0)


def test_every_step_is_accessible_and_fits(demo_page: Page, people: list[dict[str, Any]]) -> None:
    page = demo_page
    drop(page, "look.csv", messy_file(messy_rows(people)))
    expect(page.get_by_role("navigation", name="Steps")).to_be_visible(timeout=60_000)
    address = page.url
    for number, tail in enumerate(("?step=file", "?step=columns", "?step=rows&view=problems", "?step=price")):
        for look in looks(page, address + tail, first=number):
            assert_sound(page, look)
