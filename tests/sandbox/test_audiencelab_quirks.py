"""The vendor's quirks in the sandbox, and the probe that finds them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cursive_app.integrations.audiencelab.probe import probe_provider
from cursive_app.preflight import free_port
from cursive_app.settings import ROOT
from tests.sandbox.provider import TEXAS, built, is_sent_as_texan, until
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
    strays = sum(not is_sent_as_texan(record) for record in page.records)
    assert 0 < strays < len(page.records) * 0.1, "some people nobody asked for"


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
    assert refused[1].detail == "the key is refused (HTTP 401)"


def test_the_probe_says_in_words_that_nothing_answers() -> None:
    steps = list(probe_provider(f"http://127.0.0.1:{free_port()}", "k", ready_seconds=1, poll_seconds=0.05))
    assert [step.ok for step in steps] == [False] * 7
    said = " ".join(step.detail for step in steps)
    assert "nothing answers at this address" in said
    assert "Error" not in said and "Provider" not in said


@pytest.mark.parametrize("chosen", [True, False])
def test_the_command_finds_the_sandbox_where_it_runs_and_says_only_what_matters(
    quirky_sandbox: Sandbox, tmp_path: Path, chosen: bool
) -> None:
    """`cursive up` may have had to choose another port than the configured one; it leaves word of it."""
    port = quirky_sandbox.url.split(":")[2].split("/")[0]
    (tmp_path / "up.lock").write_text(f"1 http://localhost:8000\nSANDBOX_PORT={port}\n")
    variables = {"AUDIENCELAB_BASE_URL": quirky_sandbox.url} if chosen else {"DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "cursive_app", "probe-provider"],
        cwd=ROOT, env={**os.environ, **variables, "SANDBOX_PORT": str(free_port())},
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == f"Provider: {quirky_sandbox.url}"
    assert done.stdout.splitlines()[-1] == "All 7 steps passed."
    assert len(done.stdout.splitlines()) == 9
    assert done.stderr == ""


def test_the_command_says_when_no_sandbox_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cursive_app", "probe-provider"],
        cwd=ROOT, env={**os.environ, "DATA_DIR": str(tmp_path), "SANDBOX_PORT": str(free_port())},
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "The sandbox runs while `cursive up` does" in done.stdout
    assert done.stdout.splitlines()[-1] == "7 of 7 steps failed."
    assert done.stderr == ""
