"""A list to try the enrichment page with: people of the sandbox's population as somebody's spreadsheet might hold them.

Untidy on purpose: a title above the header, an address that is broken, people twice, people nobody knows, and a note
that looks like a formula. The same seed and size always make the same file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import numpy as np

from cursive_app.sandbox.population import Population
from cursive_app.sandbox.population.rows import Row

PEOPLE = 140
STRANGERS = 12
FILENAME = "sample-list.csv"
HEADER = ("Name", "Work e-mail", "Company", "Website", "Mobile", "Met at", "Notes")
EVENTS = ("Spring fair", "Webinar", "Booth 12", "Partner dinner")


def sample_list(population: Population) -> bytes:
    """The file, as CSV in UTF-8 with a byte order mark, as Excel writes it."""
    text = io.StringIO(newline="")
    lines = csv.writer(text)
    lines.writerow(["Event contacts 2026"])
    lines.writerow(HEADER)
    lines.writerows(_rows(population))
    return text.getvalue().encode("utf-8-sig")


def _rows(population: Population) -> Iterator[list[str]]:
    step = max(population.size // PEOPLE, 1)
    indexes = np.arange(0, min(population.size, step * PEOPLE), step)
    known = [_known(person, int(index)) for index, person in zip(indexes, population.records(indexes), strict=True)]
    yield from known
    for number in range(1, STRANGERS + 1):
        yield [f"Visitor {number}", f"visitor{number}@stranger-{number}.example", "", "", "", "Booth 12", ""]
    for number, row in enumerate(known[3:6]):
        yield [row[0], row[1].upper(), *row[2:5], "Webinar", f"Came twice ({number + 1})"]
    yield ["Robin Typo", "robin.typo(at)example.com", "", "", "", "Spring fair", "Ask for the address"]
    yield ["Kim Formula", "kim.formula@stranger.example", "", "", "", "Webinar", "=SUM(A1:A9)"]


def _known(person: Row, index: int) -> list[str]:
    email = _said(person["BUSINESS_EMAIL"]).split(",")[0].strip()
    domain = _said(person["COMPANY_DOMAIN"])
    phone = _said(person["MOBILE_PHONE"]).split(",")[0].strip()
    name = f"{person['FIRST_NAME']} {person['LAST_NAME']}".strip()
    website = f"https://www.{domain}/" if domain else ""
    return [name, email, _said(person["COMPANY_NAME"]), website, phone, EVENTS[index % len(EVENTS)], ""]


def _said(value: object) -> str:
    """Nobody's spreadsheet says "null" where the provider does."""
    found = str(value or "").strip()
    return "" if found.casefold() in ("null", "none", "n/a", "nan") else found
