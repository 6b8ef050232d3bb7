"""The vendor's quirks in the sandbox, and the probe that finds them."""

from __future__ import annotations

import httpx
import pytest

from cursive_app.integrations.audiencelab import (
    normalize,
)
from cursive_app.integrations.audiencelab.probe import probe_provider
from tests.sandbox.provider import TEXAS, built, until
from tests.sandbox_fixtures import Sandbox


def test_the_vendors_quirks_are_on(quirky_sandbox: Sandbox) -> None:
    client = quirky_sandbox.client(page_size=1_000)
    audience = client.create_audience(name="quirks", filters=TEXAS)
    headers = {"X-Api-Key": "sandbox-key"}
    with httpx.Client(base_url=quirky_sandbox.url, headers=headers) as raw:
        listing = until(lambda: raw.get("/audiences"), lambda answer: answer.status_code == 200).json()
    assert set(listing) == {"Data", "total", "total_pages"}
    page = built(client, audience)
    assert len(page.records) <= 400, "fewer rows than asked"
    people = [normalize(record) for record in page.records]
    strays = sum(person.state != "TX" for person in people)
    assert 0 < strays < len(people) * 0.1, "some people nobody asked for"


def test_moods_come_and_the_client_bears_them(quirky_sandbox: Sandbox) -> None:
    client = quirky_sandbox.client()
    for _ in range(70):
        client.pixels()
    faults = {call["fault"] for call in quirky_sandbox.calls()}
    assert {"500", "429"} <= faults


def test_filters_can_be_ignored_as_the_vendor_did(sandbox: Sandbox) -> None:
    client = sandbox.client()
    sandbox.faults({"mode": "ignore_filters"})
    page = built(client, client.create_audience(name="ignored", filters=TEXAS))
    assert page.total == sandbox.population.size


@pytest.mark.parametrize("kind", ["sandbox", "quirky_sandbox"])
def test_the_probes_seven_steps_pass(kind: str, request: pytest.FixtureRequest) -> None:
    sandbox: Sandbox = request.getfixturevalue(kind)
    steps = list(
        probe_provider(sandbox.url, "sandbox-key", ready_seconds=20, poll_seconds=0.05, client=sandbox.client())
    )
    assert [step.name for step in steps if not step.ok] == [], steps
    assert len(steps) == 7
    assert "sandbox-key" not in str(steps)
    assert "@" not in str(steps)
    client = sandbox.client()
    assert client.audiences().rows == ()
    assert client.pixels() == ()


def test_the_probe_tells_what_is_wrong(sandbox: Sandbox) -> None:
    sandbox.faults({"mode": "ignore_filters"})
    lab = sandbox.client()
    steps = {
        step.name: step for step in probe_provider(sandbox.url, "x", ready_seconds=20, poll_seconds=0.05, client=lab)
    }
    assert "the filters are not applied" in steps["filtered audience"].detail
    assert steps["filtered audience"].ok is False
    refused = list(probe_provider(sandbox.url, "wrong", ready_seconds=1, poll_seconds=0.05))
    assert [step.ok for step in refused] == [False] * 7
    assert refused[0].detail == "the key is refused"
