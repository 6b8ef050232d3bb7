"""The sample list of development: the same every time, untidy as promised, and mostly about people who are there."""

from __future__ import annotations

import csv
import io
import urllib.request

from cursive_app.sandbox.population import Population
from cursive_app.sandbox.sample_list import HEADER, PEOPLE, STRANGERS, sample_list
from tests.sandbox_fixtures import Sandbox

PEOPLE_THERE = Population(seed=20260101, size=5_000)


def test_it_is_the_same_every_time_and_untidy() -> None:
    body = sample_list(PEOPLE_THERE)
    assert body == sample_list(Population(seed=20260101, size=5_000))
    assert body.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert (len(rows[0]), tuple(rows[1])) == (1, HEADER)
    assert len(rows) == 2 + PEOPLE + STRANGERS + 3 + 2
    emails = [row[1].casefold() for row in rows[2:] if row[1]]
    assert len(emails) > len(set(emails))
    assert sum(PEOPLE_THERE.find(email=email) is not None for email in emails) >= len(emails) - STRANGERS - 2
    assert any(row[-1].startswith("=") for row in rows)


def test_the_sandbox_serves_it_as_a_download(sandbox: Sandbox) -> None:
    with urllib.request.urlopen(f"{sandbox.base}/sample-list.csv", timeout=5) as answer:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="sample-list.csv"'
        assert answer.read().startswith(b"\xef\xbb\xbfEvent contacts")
