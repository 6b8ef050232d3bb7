"""A list as another program exports it, from the upload to the end without a choice of the customer's."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import numpy as np
import polars as pl

from cursive_app.api.app import create
from cursive_app.settings import ROOT
from tests.api.client import browser
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.faults.conftest import nursery, spawn
from tests.faults.processes import Process
from tests.flows.test_enrichment import PATH, Api, alice, spool, upload, wait_for, worker
from tests.sandbox_fixtures import Sandbox

__all__ = ["alice", "nursery", "spawn", "spool", "worker"]
LINKEDIN = ROOT / "tests" / "data" / "exports" / "linkedin_connections.csv"
PRICE = Decimal("0.25")


def test_connections_exported_from_linkedin_are_found_by_their_profiles(
    cast: Cast, alice: Api, worker: Process, sandbox: Sandbox
) -> None:
    fund(cast.workspace_id, 100)
    known = [
        record
        for record in sandbox.population.records(np.arange(sandbox.population.size))
        if (record["LINKEDIN_URL"] or "").startswith("http")
    ][:95]
    assert len(known) == 95
    people = [
        (f"{record['FIRST_NAME']} 🚀", f"{record['LAST_NAME']}, MBA, PMP", record["LINKEDIN_URL"]) for record in known
    ]
    people += [("No", f"Body{n}", f"https://www.linkedin.com/in/unheard-of-{n}") for n in range(15)]
    text = io.StringIO(newline="")
    head = list(csv.reader(io.StringIO(LINKEDIN.read_text(encoding="utf-8"), newline="")))[:4]
    csv.writer(text).writerows([*head, *([*person, "", "Acme, Inc.", "CEO", "15 Mar 2024"] for person in people)])

    id = upload(alice, text.getvalue().encode("utf-8-sig"), "Connections.csv")
    seen = wait_for(alice, id, lambda one: one["status"] == "ready", worker)
    assert seen["layout"]["header_row"] == 3, "the notes above are left out"
    assert (seen["counts"]["total"], seen["counts"]["valid"], seen["why_not"]) == (110, 110, None)
    started = alice.post(f"{PATH}/{id}/start", json={"revision": seen["revision"]})
    assert started.status_code == 202, started.text
    seen = wait_for(alice, id, lambda one: one["finished_at"], worker)
    assert (seen["status"], seen["matched"], seen["errors"]) == ("completed", 95, 0), seen["message"]
    assert balance_of(cast.alice) == (100 - 95 * PRICE, 0)

    link = alice.post(f"{PATH}/{id}/download-link").json()
    found = pl.read_csv(browser(create(), None, origin=None).get(link["url"]).content, infer_schema=False)
    assert found["cursive_outcome"].to_list() == ["matched"] * 95 + ["no_match"] * 15
    assert set(found["cursive_matched_by"].head(95)) == {"linkedin"}
    assert found["LAST_NAME"].head(95).to_list() == [record["LAST_NAME"] for record in known]
    assert found["Last Name"].head(95).to_list() == [f"{record['LAST_NAME']}, MBA, PMP" for record in known]
