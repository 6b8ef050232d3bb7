"""The client against a sandbox that misbehaves: what is repeated, given up, found again, cut off (F21)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from cursive_app.integrations.audiencelab import (
    AudienceLab,
    ProviderCall,
    ProviderError,
    ProviderProtocolError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderServerError,
    ProviderTimeout,
)
from cursive_app.integrations.audiencelab.breaker import CircuitBreaker
from cursive_app.integrations.audiencelab.transport import ATTEMPTS
from cursive_app.preflight import free_port
from tests.sandbox.provider import TEXAS, built, paths, until
from tests.sandbox_fixtures import Sandbox


def test_reads_are_repeated_until_they_work(sandbox: Sandbox) -> None:
    for mode in ("500", "down", "429", "reset"):
        sandbox.reset()
        sandbox.faults({"mode": mode, "times": ATTEMPTS - 1, "delay_seconds": 0})
        assert sandbox.client().pixels() == ()
        assert len(sandbox.calls()) == ATTEMPTS, mode


def test_reads_are_given_up_after_three_attempts(sandbox: Sandbox) -> None:
    for mode, error in (("500", ProviderServerError), ("down", ProviderServerError), ("reset", ProviderServerError)):
        sandbox.reset()
        sandbox.faults({"mode": mode})
        with pytest.raises(error):
            sandbox.client().pixels()
        assert len(sandbox.calls()) == ATTEMPTS, mode


def test_what_cannot_get_better_is_not_repeated(sandbox: Sandbox) -> None:
    for mode in ("garbage", "schema"):
        sandbox.reset()
        sandbox.faults({"mode": mode})
        with pytest.raises(ProviderProtocolError):
            sandbox.client().pixels()
        assert len(sandbox.calls()) == 1, mode


@pytest.mark.parametrize("mode", ["500", "down", "429", "reset", "garbage"])
def test_writes_are_never_repeated(sandbox: Sandbox, mode: str) -> None:
    writes: list[Callable[[AudienceLab], object]] = [
        lambda client: client.enrich(filter={"email": "a@example.org"}),
        lambda client: client.create_audience(name="a", filters=TEXAS),
        lambda client: client.create_enrichment(name="b", records=[{"email": "a@example.org"}]),
        lambda client: client.create_pixel(
            website_name="x", website_url="https://x.example", webhook_url="https://y.example"
        ),
        lambda client: client.create_custom_audience(topic="t", description="d"),
    ]
    for write in writes:
        sandbox.reset()
        sandbox.faults({"mode": mode, "endpoints": ["POST "]})
        with pytest.raises(ProviderError):
            write(sandbox.client())
        assert len(paths(sandbox, "POST")) == 1


@pytest.mark.parametrize("mode", ["500", "down", "reset", "garbage", "schema"])
def test_a_creation_whose_answer_is_lost_is_found_by_its_name(sandbox: Sandbox, mode: str) -> None:
    sandbox.faults({"mode": mode, "endpoints": ["POST "], "after": True})
    client = sandbox.client()
    audience = client.create_audience(name="lost answer", filters=TEXAS)
    job = client.create_enrichment(name="lost job", records=[{"email": "a@example.org"}])
    sandbox.faults()
    assert [row["id"] for row in client.audiences().rows] == [audience], "made once"
    assert [item.id for item in client.enrichments()] == [job.id]
    pixel_hook = "https://app.example/hooks/1"
    sandbox.faults({"mode": mode, "endpoints": ["POST "], "after": True})
    pixel = client.create_pixel(website_name="x", website_url="https://x.example", webhook_url=pixel_hook)
    sandbox.faults()
    assert [row.id for row in client.pixels()] == [pixel.id]


def test_a_creation_that_was_refused_is_not_looked_for(sandbox: Sandbox) -> None:
    with pytest.raises(ProviderRefused):
        sandbox.client().create_audience(name="x", filters={"planet": ["Mars"]})
    sandbox.faults({"mode": "429", "endpoints": ["POST "]})
    with pytest.raises(ProviderRateLimited) as caught:
        sandbox.client().create_audience(name="x", filters=TEXAS)
    assert caught.value.retry_after == 1
    assert paths(sandbox, "GET") == []


def test_a_refused_filter_is_named_if_the_vendor_names_it(quirky_sandbox: Sandbox) -> None:
    with pytest.raises(ProviderRefused) as caught:
        quirky_sandbox.client().create_audience(name="x", filters={"businessProfile": {"sic": ["7372"]}})
    assert caught.value.member == "SIC"


@pytest.mark.parametrize("mode", ["slow", "drip"])
def test_an_answer_that_takes_too_long(sandbox: Sandbox, mode: str) -> None:
    sandbox.faults({"mode": mode, "delay_seconds": 1.5 if mode == "slow" else 0.05})
    started = time.monotonic()
    with pytest.raises(ProviderTimeout):
        sandbox.client(timeout_seconds=0.3).enrich(filter={"email": "a@example.org"})
    assert time.monotonic() - started < 5


def test_an_endless_answer_is_cut_off(sandbox: Sandbox) -> None:
    sandbox.faults({"mode": "oversize"})
    with pytest.raises(ProviderProtocolError):
        sandbox.client(timeout_seconds=60).pixels()


def test_a_provider_that_is_not_there() -> None:
    client = AudienceLab(
        base_url=f"http://127.0.0.1:{free_port()}", api_key="x", first_wait_seconds=0.01, breaker=CircuitBreaker()
    )
    with pytest.raises(ProviderServerError):
        client.pixels()


def test_no_more_calls_at_once_than_allowed(sandbox: Sandbox) -> None:
    sandbox.faults({"mode": "slow", "delay_seconds": 0.1})
    client = sandbox.client(max_concurrency=3)
    threads = [threading.Thread(target=client.pixels) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sandbox.calls()) == 12
    assert sandbox.most_in_flight() == 3


def test_pages_are_asked_for_with_a_pause(sandbox: Sandbox) -> None:
    client = sandbox.client(page_pause_seconds=0.3, page_size=100)
    audience = client.create_audience(name="paced", filters=TEXAS)
    built(client, audience)
    client.audience_page(audience, page=2)
    client.for_workspace(uuid4()).audience_page(audience, page=3)
    asked = [call["at"] for call in sandbox.calls() if call["path"] == f"/audiences/{audience}"][-3:]
    assert asked[1] - asked[0] >= 0.3
    assert asked[2] - asked[1] >= 0.3


def test_calls_are_recorded_under_their_workspace(sandbox: Sandbox) -> None:
    calls: list[ProviderCall] = []
    client, workspace = sandbox.client(record_call=calls.append), uuid4()
    audience = client.for_workspace(workspace).create_audience(name="x", filters=TEXAS)
    built(client, audience)
    calls_of = {(call.endpoint, call.method): call for call in calls}
    assert calls_of["/audiences", "POST"].workspace_id == workspace
    page = calls_of["/audiences/{id}", "GET"]
    assert (page.workspace_id, page.status, page.error_class) == (None, 200, None)
    assert page.rows is not None
    assert page.rows > 100
    assert all(audience not in call.endpoint for call in calls), "templates, never ids"


def test_it_recovers_as_soon_as_the_circuit_lets_it(sandbox: Sandbox) -> None:
    client = sandbox.client(breaker=CircuitBreaker(threshold=3, open_seconds=0.5))
    sandbox.faults({"mode": "down"})
    with pytest.raises(ProviderServerError):
        client.pixels()
    asked = len(sandbox.calls())
    for _ in range(5):
        with pytest.raises(ProviderServerError):
            client.pixels()
    assert len(sandbox.calls()) == asked, "an open circuit sends nothing"
    sandbox.faults()
    assert until(lambda: client.pixels_health(max_age_seconds=0).state, lambda state: state == "ok") == "ok"
