"""The client against the running sandbox: every endpoint, and what it does when the other side misbehaves (F21)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.integrations.audiencelab import (
    AudienceLab,
    AudiencePage,
    Enrichment,
    ProviderAuthFailed,
    ProviderCall,
    ProviderError,
    ProviderNotFound,
    ProviderProtocolError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderServerError,
    ProviderTimeout,
    normalize,
    normalize_event,
)
from cursive_app.integrations.audiencelab.breaker import CircuitBreaker
from cursive_app.integrations.audiencelab.probe import probe_provider
from cursive_app.integrations.audiencelab.transport import ATTEMPTS
from cursive_app.preflight import free_port
from tests.sandbox_fixtures import Sandbox

TEXAS = {"state": ["Texas"]}


def built(client: AudienceLab, audience: str) -> AudiencePage:
    return _until(lambda: client.audience_page(audience, page=1), lambda page: page.ready)


def finished(client: AudienceLab, job: str) -> Enrichment:
    return _until(lambda: client.enrichment(job), lambda found: found.status in ("completed", "failed"))


def _until(ask: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 20
    while not enough(answer := ask()):
        assert time.monotonic() < deadline, f"still {answer!r}"
        time.sleep(0.02)
    return answer


def paths(sandbox: Sandbox, method: str) -> list[str]:
    return [call["path"] for call in sandbox.calls() if call["method"] == method]


# Every endpoint


def test_an_audience_from_creation_to_deletion(sandbox: Sandbox) -> None:
    client = sandbox.client(page_size=100)
    name = f"cursive-{uuid4()}"
    audience = client.create_audience(name=name, filters=TEXAS, days_back=7)
    assert client.find_audience(name=name) == audience
    assert client.find_audience(name=f"{name}-other") is None
    page = built(client, audience)
    expected = sandbox.population.matching(TEXAS)
    assert page.total == len(expected) > 200
    assert page.capped is False
    records = list(page.records)
    while not page.is_last:
        page = client.audience_page(audience, page=page.page + 1)
        records += page.records
    assert len(records) == len({record["UUID"] for record in records}) == len(expected)
    assert {normalize(record).state for record in records} == {"TX"}
    client.delete_audience(audience)
    client.delete_audience(audience)  # gone already is done
    with pytest.raises(ProviderNotFound):
        client.audience_page(audience, page=1)


def test_an_audience_is_not_ready_at_once(quirky_sandbox: Sandbox) -> None:
    client = quirky_sandbox.client()
    quirky_sandbox.faults({"mode": "never_ready"})
    for number in range(4):  # both ways of saying so occur
        page = client.audience_page(client.create_audience(name=f"n{number}", filters=TEXAS), page=1)
        assert (page.ready, page.records, page.total, page.is_last) == (False, (), None, False)


def test_an_audience_of_nobody_never_gets_ready(sandbox: Sandbox) -> None:
    client = sandbox.client()
    audience = client.create_audience(name="nobody", filters={"city": ["Atlantis"]})
    page = client.audience_page(audience, page=1)
    assert (page.ready, page.records) == (False, ())


def test_a_preview_is_a_sample(sandbox: Sandbox) -> None:
    preview = sandbox.client().preview(filters={"state": ["Texas"], "city": []}, limit=25)
    assert preview.sample_size == len(preview.people) == 25
    assert {person.state for person in preview.people} == {"TX"}
    assert 0 < preview.field_coverage["job_title"] <= 1
    assert sandbox.client().preview(filters={}, limit=0).people == ()


def test_a_preview_outside_the_contract_is_not_sent(sandbox: Sandbox) -> None:
    for options in ({"limit": 501}, {"limit": -1}, {"days_back": 0}, {"days_back": 11}):
        with pytest.raises(Invalid):
            sandbox.client().preview(filters=TEXAS, **options)
    assert sandbox.calls() == []


def test_vocabularies(sandbox: Sandbox) -> None:
    client = sandbox.client()
    segments = client.attributes("segments")
    assert len(segments) == 19_894
    assert {segment.b2b for segment in segments} == {True, False}
    assert all(segment.id.isdigit() and segment.name for segment in segments)
    assert "Software Development" in {item.name for item in client.attributes("industries")}
    assert {"sales", "marketing"} <= {item.name for item in client.attributes("departments")}
    assert [item.id for item in client.attributes("seniority")] == ["cxo", "vp", "director", "manager", "staff"]
    with pytest.raises(ProviderNotFound):
        client.attributes("shoe_sizes")


def test_a_bare_segment_id_is_sent_again_with_its_prefix(quirky_sandbox: Sandbox) -> None:
    client = quirky_sandbox.client()
    segments = client.attributes("segments")
    business, consumer = segments[0], segments[-1]
    assert client.preview(filters={}, segment=[business.id, consumer.id]).sample_size > 0
    assert client.create_audience(name="with segment", filters={}, segment=[business.id])
    assert client.preview(filters={}, segment=[f"b2b_{business.id}"]).sample_size > 0
    with pytest.raises(ProviderRefused):
        client.preview(filters={}, segment=["999999999"])
    with pytest.raises(ProviderRefused):
        quirky_sandbox.client(segment_prefix_retry=False).preview(filters={}, segment=[business.id])


def test_a_house_segment(sandbox: Sandbox) -> None:
    client = sandbox.client()
    segment = client.attributes("segments")[0].id
    page = client.segment_page(segment, page=1, page_size=10)
    assert page.rows
    assert page.is_last == (page.total is not None and page.total <= 10)
    assert any(normalize(row).emails for row in page.rows), "PERSONAL_EMAIL is singular here"


def test_a_single_look_up(sandbox: Sandbox) -> None:
    client = sandbox.client()
    row = next(
        row for row in sandbox.population.records(sandbox.population.matching({"notNulls": ["PERSONAL_EMAILS"]}))
    )
    match = client.enrich(filter={"email": row["PERSONAL_EMAILS"].upper()})
    assert match.found == 1
    assert match.people[0].provider_uuid == row["UUID"]
    assert client.enrich(filter={"email": "nobody@example.org"}).people == ()
    few = client.enrich(filter={"email": row["PERSONAL_EMAILS"]}, fields=["first_name", "personal_email"])
    assert set(few.people[0].raw) == {"first_name", "personal_email"}
    for too_little in ({"first_name": "Dana"}, {"first_name": "Dana", "last_name": "Lee"}, {}, {"company": "Acme"}):
        with pytest.raises(Invalid):
            client.enrich(filter=too_little)


def test_the_closest_match_comes_first(sandbox: Sandbox) -> None:
    client = sandbox.client()
    rows = sandbox.population.records(
        sandbox.population.matching({"notNulls": ["MOBILE_PHONE", "PERSONAL_EMAILS"]})[:50]
    )
    for row in rows:
        number = row["MOBILE_PHONE"].split(", ")[0]
        match = client.enrich(filter={"phone": number, "email": row["PERSONAL_EMAILS"]}, is_or_match=True)
        assert match.people[0].provider_uuid == row["UUID"]


@pytest.mark.parametrize("kind", ["sandbox", "quirky_sandbox"])
def test_a_batch_job(kind: str, request: pytest.FixtureRequest) -> None:
    sandbox: Sandbox = request.getfixturevalue(kind)
    client = sandbox.client()
    rows = sandbox.population.records(sandbox.population.matching({"notNulls": ["PERSONAL_EMAILS"]})[:7])
    records = [{"email": row["PERSONAL_EMAILS"], "first_name": "", "job_title": "x"} for row in rows]
    job = client.create_enrichment(name="batch", records=[*records, {"email": "nobody@example.org"}])
    assert job.status == "queued"
    done = finished(client, job.id)
    assert (done.status, done.name, done.matches_known_zero) == ("completed", "batch", False)
    assert done.result_url is not None
    found = [normalize(row) for row in client.download_enrichment(done.result_url)]
    assert [person.provider_uuid for person in found] == [row["UUID"] for row in rows]
    assert [person.emails for person in found] == [normalize(row).emails for row in rows]
    assert [item.id for item in client.enrichments()] == [job.id]


def test_a_batch_without_matches_completes_with_none(sandbox: Sandbox) -> None:
    client = sandbox.client()
    done = finished(client, client.create_enrichment(name="none", records=[{"email": "nobody@example.org"}]).id)
    assert (done.status, done.matches_known_zero, done.result_url) == ("completed", True, None)
    with pytest.raises(ProviderNotFound):
        client.enrichment(str(uuid4()))
    with pytest.raises(Invalid):
        client.create_enrichment(name="bad", records=[{"shoe_size": "44"}])


def test_a_topic_audience_appears_in_the_list(sandbox: Sandbox) -> None:
    client = sandbox.client()
    client.create_custom_audience(topic="solar roofs", description="Homeowners who think about solar")
    assert client.find_audience(name="solar roofs")


def test_pixels_and_their_visitors(sandbox: Sandbox) -> None:
    client = sandbox.client()
    pixel = client.create_pixel(
        website_name="Shop", website_url="https://shop.example.com", webhook_url="https://app.example/t/1"
    )
    assert pixel.install_url is not None
    assert [row.id for row in client.pixels()] == [pixel.id]
    first = client.pixel_events(pixel.id, page_size=10)
    assert (first.version, len(first.page.rows)) == ("v3", 10)
    again = client.pixel_events(pixel.id, page_size=10)
    assert again.page.rows == first.page.rows
    events = [normalize_event(row, received_at=now()) for row in first.page.rows]
    assert all(event.person and not event.at_is_doubtful for event in events)
    newer = client.pixel_events(pixel.id, page_size=10, version="v4")
    assert newer.version == "v4"
    assert any("ALL_MOBILES" in row["resolution"] for row in newer.page.rows)
    client.delete_pixel(pixel.id)
    client.delete_pixel(pixel.id)
    assert client.pixels() == ()


def test_version_4_falls_back_to_version_3(quirky_sandbox: Sandbox) -> None:
    client = quirky_sandbox.client()
    pixel = client.create_pixel(website_name="Shop", website_url="https://shop.example.com", webhook_url=None)
    assert client.pixel_events(pixel.id, version="v4").version == "v3"
    assert len([path for path in paths(quirky_sandbox, "GET") if path.endswith("/v4")]) == 1, "not retried"


def test_health(sandbox: Sandbox) -> None:
    client = sandbox.client()
    assert client.pixels_health().state == "ok"
    sandbox.faults({"mode": "500"})
    assert client.pixels_health().state == "ok", "asked at most once a minute"
    assert client.pixels_health(max_age_seconds=0).state == "down"
    sandbox.faults()
    wrong = AudienceLab(base_url=sandbox.url, api_key="wrong")
    assert wrong.pixels_health().state == "auth_failed"
    with pytest.raises(ProviderAuthFailed) as caught:
        wrong.pixels()
    assert caught.value.permanent


# What goes wrong


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
    assert _until(lambda: client.pixels_health(max_age_seconds=0).state, lambda state: state == "ok") == "ok"


# The quirks, and the probe


def test_the_vendors_quirks_are_on(quirky_sandbox: Sandbox) -> None:
    client = quirky_sandbox.client(page_size=1_000)
    audience = client.create_audience(name="quirks", filters=TEXAS)
    headers = {"X-Api-Key": "sandbox-key"}
    with httpx.Client(base_url=quirky_sandbox.url, headers=headers) as raw:
        listing = _until(lambda: raw.get("/audiences"), lambda answer: answer.status_code == 200).json()
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
