"""The feature as a customer uses it: real input over HTTP, a real worker, and the download held against the input.

The real list is a public table of companies without any person in it: it must be understood, explained and refused
without a charge. Joined to people the provider knows, the same table is enriched to its end.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from starlette.testclient import TestClient

from cursive_app.api.app import create
from cursive_app.services import limits
from cursive_app.settings import ROOT, settings
from tests.api.client import browser
from tests.factories import Cast
from tests.factories_credits import balance_of, fund, sums_of
from tests.factories_enrichment import check, known_people
from tests.faults.conftest import nursery, spawn
from tests.faults.processes import Process, wait_until
from tests.sandbox_fixtures import Sandbox

__all__ = ["nursery", "spawn"]
PATH = "/api/v1/enrichments"
REAL = ROOT.parent / "shared" / "data" / "sp500_companies.csv"
OURS = Path(__file__).parent.parent / "data" / "companies.csv"
PRICE = Decimal("0.25")
Api = TestClient


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: object) -> Iterator[None]:
    monkeypatch.setenv("UPLOAD_DIR", str(tmp_path))
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def alice(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Alice's browser; how often it looks is not what is tried here."""
    generous = limits.Rate(name="api", limit=1_000_000, period=limits.API.period)
    take = limits.take
    monkeypatch.setattr("cursive_app.api.gate.limits.take", lambda tenant: take(tenant, generous))
    return browser(create(), cast.alice)


@pytest.fixture
def worker(spawn: Callable[..., Process], sandbox: Sandbox) -> Process:
    """The worker of the product, as `cursive worker` runs it."""
    return spawn("cursive_app.jobs.worker", AUDIENCELAB_BASE_URL=sandbox.url, ENRICHMENT_SCHEDULE="0.2,0.5")


def upload(alice: Api, body: bytes, name: str) -> str:
    answer = alice.post(PATH, files={"file": (name, body, "text/csv")})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def wait_for(alice: Api, id: str, what: Callable[[dict[str, Any]], Any], worker: Process) -> dict[str, Any]:
    """The list, once it is as wanted."""

    def look() -> dict[str, Any] | None:
        assert worker.is_alive, worker.output()
        seen = alice.get(f"{PATH}/{id}").json()
        return seen if what(seen) else None

    try:
        found = wait_until(look, seconds=90, what="the list")
    except AssertionError:
        raise AssertionError(f"{alice.get(f'{PATH}/{id}').text}\n{worker.output()[-4000:]}") from None
    assert found is not None
    return found


def companies() -> list[list[str]]:
    """The real table where it is at hand, ours otherwise; header first."""
    text = (REAL if REAL.is_file() else OURS).read_text(encoding="utf-8")
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("file", [REAL, OURS], ids=["real", "ours"])
def test_a_list_without_people_is_explained_and_costs_nothing(
    cast: Cast, alice: Api, worker: Process, file: Path
) -> None:
    if not file.is_file():
        pytest.skip("the table of companies is not at hand")
    fund(cast.workspace_id, 1_000)
    given = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))
    id = upload(alice, file.read_bytes(), file.name)
    seen = wait_for(alice, id, lambda one: one["status"] not in ("received", "reading"), worker)
    assert (seen["status"], seen["counts"]["total"], seen["counts"]["valid"]) == ("ready", len(given) - 1, 0)
    assert (seen["layout"]["delimiter"], seen["layout"]["header_row"], seen["layout"]["encoding"]) == (",", 1, "utf-8")
    assert [column["name"] for column in seen["columns"]] == given[0]
    assert seen["why_not"].startswith("No column identifies a person")
    assert all(word in seen["why_not"] for word in ("e-mail", "phone", "LinkedIn", "name"))
    rows, cursor = [], None
    while rows == [] or cursor:
        page = alice.get(f"{PATH}/{id}/rows", params={"limit": 200, **({"cursor": cursor} if cursor else {})}).json()
        rows, cursor = rows + [row["cells"] for row in page["rows"]], page["next_cursor"]
    assert rows == given[1:]
    for action, body in (("sample", None), ("start", {"revision": seen["revision"], "spend_available": True})):
        refused = alice.post(f"{PATH}/{id}/{action}", json=body)
        assert (refused.status_code, refused.json()["reason"]) == (409, "not_ready"), refused.text
        assert refused.json()["detail"].startswith("No column identifies a person")
    assert alice.get(f"{PATH}/{id}/quote").json()["worst"] == "0.00"
    assert balance_of(cast.alice) == sums_of(cast.workspace_id) == (1_000, 0)


@dataclass(frozen=True)
class Given:
    """A row of the messy list, and what must become of it."""

    cells: list[str]
    outcome: str
    address: str = ""


def messy_rows(population: Any, table: list[list[str]], *, count: int) -> list[Given]:
    """The table of companies with somebody from the provider in most rows, typed the way people type."""
    rows: list[Given] = []
    for number, person in enumerate(known_people(population, count)):
        company = table[number % len(table)]
        address = person["BUSINESS_EMAIL"].split(",")[0].strip()
        typed = [address, address.upper(), f"  {address} ", f"mailto:{address}"][number % 4]
        notes = ["", "=1+1", "two\nlines", 'says "hi"; often', "@sum(A1)", "Zoë"][number % 6]
        rows.append(Given([*company, typed, person["FIRST_NAME"], person["LAST_NAME"], notes], "matched", address))
        if number % 10 == 3:  # somebody nobody knows
            rows.append(
                Given([*company, f"nobody{number}@unheard-of.example", "No", "Body", "=cmd|' /C calc'!A0"], "no_match")
            )
        if number % 25 == 7:  # the same person again
            rows.append(Given([*company, address, "", "", ""], "skipped"))
        if number % 30 == 11:  # nothing to go by
            rows.append(Given([*company, "n/a", "Lee", "", ""], "skipped"))
    return rows


def as_csv(header: list[str], rows: list[Given]) -> bytes:
    """Semicolons, a byte order mark, line ends of Windows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(row.cells for row in rows)
    return text.getvalue().encode("utf-8-sig")


def test_the_list_joined_to_people_is_enriched_to_its_end(
    cast: Cast, alice: Api, worker: Process, sandbox: Sandbox
) -> None:
    fund(cast.workspace_id, 100)
    table = companies()
    header = [*table[0], "Work mail", "Given name", "Surname", "Remark"]
    rows = messy_rows(sandbox.population, table[1:], count=110)
    id = upload(alice, as_csv(header, rows), "Kunden “Süd” – 2026.csv")

    seen = wait_for(alice, id, lambda one: one["status"] == "ready", worker)
    assert (seen["layout"]["delimiter"], seen["counts"]["total"]) == (";", len(rows))
    assert [column["name"] for column in seen["columns"]] == header
    wanted = {"Work mail": "email", "Given name": "first_name", "Surname": "last_name"}
    mapping = {str(header.index(name)): field for name, field in wanted.items()}
    mapped = alice.patch(f"{PATH}/{id}", json={"revision": seen["revision"], "mapping": mapping})
    assert mapped.status_code == 200, mapped.text
    seen = wait_for(alice, id, lambda one: one["status"] == "ready", worker)
    sendable = sum(row.outcome in ("matched", "no_match") for row in rows)
    assert seen["counts"]["valid"] == sendable, seen["counts"]
    assert seen["counts"]["duplicate"] == sum(bool(row.cells[-4]) and not row.cells[-3] for row in rows)

    assert alice.post(f"{PATH}/{id}/sample").status_code == 202
    seen = wait_for(alice, id, lambda one: one["sample"] and one["sample"]["status"] == "done", worker)
    assert (seen["sample"]["size"], balance_of(cast.alice)) == (50, (100, 0))
    quote = alice.get(f"{PATH}/{id}/quote").json()
    worst = sendable * PRICE
    matched = sum(row.outcome == "matched" for row in rows)
    assert Decimal(quote["worst"]) == worst
    low, high = quote["expected_matches"]
    assert 0 < low < high <= sendable

    started = alice.post(f"{PATH}/{id}/start", json={"revision": seen["revision"]})
    assert started.status_code == 202, started.text
    assert Decimal(started.json()["credits_held"]) == worst
    seen = wait_for(alice, id, lambda one: one["finished_at"], worker)
    assert (seen["status"], seen["matched"], seen["errors"]) == ("completed", matched, 0), seen["message"]
    assert Decimal(seen["credits_captured"]) == matched * PRICE
    assert balance_of(cast.alice) == sums_of(cast.workspace_id) == (100 - matched * PRICE, 0)
    check(cast.alice, UUID(id))
    compare(alice, id, header, rows)


def compare(alice: Api, id: str, header: list[str], rows: list[Given]) -> None:
    """The download, read by another reader than ours, row by row against what was sent."""
    link = alice.post(f"{PATH}/{id}/download-link").json()
    body = browser(create(), None, origin=None).get(link["url"]).content
    found = pl.read_csv(io.BytesIO(body), infer_schema=False).fill_null("")
    assert found.columns[: len(header)] == header
    assert found.height == len(rows)
    for given, got in zip(rows, found.iter_rows(named=True), strict=True):
        for name, cell in zip(header, given.cells, strict=True):
            assert got[name] == (f"'{cell}" if cell[:1] in ("=", "@", "+", "-") else cell), name
        assert got["cursive_outcome"] == given.outcome, got
        answered = given.outcome in ("matched", "no_match")
        assert (got["cursive_source"], bool(got["cursive_fetched_at"])) == ("provider" if answered else "", answered)
        if given.outcome == "matched":
            assert given.address in got["BUSINESS_EMAIL"]
            assert (got["FIRST_NAME"], got["LAST_NAME"]) == (given.cells[-3], given.cells[-2])
            assert got["cursive_matched_by"] == "email"
        else:
            assert got["cursive_reason"]
            assert not any(got[name] for name in ("FIRST_NAME", "BUSINESS_EMAIL", "COMPANY_NAME"))
