"""The client against the running sandbox: every endpoint, when all is well."""

from __future__ import annotations

from uuid import uuid4

import pytest

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.integrations.audiencelab import (
    AudienceLab,
    ProviderAuthFailed,
    ProviderNotFound,
    ProviderRefused,
    normalize,
    normalize_event,
)
from tests.sandbox.provider import TEXAS, built, finished, is_sent_as_texan, paths
from tests.sandbox_fixtures import Sandbox


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
    assert all(map(is_sent_as_texan, records))
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
    assert all(is_sent_as_texan(person.raw) for person in preview.people)
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
