"""The contract's own examples (§12): what we send is what stands there, and what stands there as an answer is read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from cursive_app.integrations.audiencelab import (
    AudienceLab,
    ProviderNotFound,
    ProviderProtocolError,
    ProviderRefused,
    normalize,
)
from tests.unit.provider_lab import lab
from tests.unit.provider_records import emails, phones

AUDIENCE, JOB = "00000000-0000-4000-8000-0000000000a1", "00000000-0000-4000-8000-0000000000e1"
PIXEL = "00000000-0000-4000-8000-0000000000f1"
INSTALL = "https://cdn.v3.identitypxl.app/pixels/00000000-0000-4000-8000-0000000000f9/p.js"
RECORD = {
    "UUID": "11111111-2222-5333-8444-555555555555", "FIRST_NAME": "Dana", "LAST_NAME": "Testperson",
    "BUSINESS_EMAIL": "dana@acme.example, d.testperson@acme.example", "BUSINESS_VERIFIED_EMAILS": ["dana@acme.example"],
    "PERSONAL_STATE": "", "COMPANY_STATE": "TX", "COMPANY_NAME": "Acme Example LLC",
    "COMPANY_EMPLOYEE_COUNT": "51 to 100", "MOBILE_PHONE": "+15125550101, +15125550102", "MOBILE_PHONE_DNC": "N, Y",
    "JOB_TITLE": "VP Marketing", "SENIORITY_LEVEL": "vp", "COMPANY_NAME_HISTORY": "null",
}  # fmt: skip


@dataclass
class Vendor:
    """Answers one after the other, and remembers what it was asked."""

    answers: list[tuple[int, Any]]
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def client(self, **options: object) -> AudienceLab:
        return lab(self._answer, **options)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        self.asked.append((request.method, target, json.loads(request.content) if request.content else None))
        status, body = self.answers.pop(0)
        return httpx.Response(status, json=body) if body is not None else httpx.Response(status)


def test_an_audience_is_created_in_the_documented_form() -> None:
    vendor = Vendor([(200, {"audienceId": AUDIENCE})])
    filters = {
        "state": ["Texas"],
        "businessProfile": {"industry": ["Software Development"], "seniority": ["vp", "director"]},
        "notNulls": ["BUSINESS_EMAIL"],
    }
    made = vendor.client().create_audience(name="cursive-1a2b", filters=filters, segment=["b2b_12345"], days_back=7)
    assert made == AUDIENCE
    wanted = {"name": "cursive-1a2b", "days_back": 7, "segment": ["b2b_12345"], "filters": filters}
    assert vendor.asked == [("POST", "/audiences", wanted)]


def test_records_are_first_not_ready_and_then_there() -> None:
    ready = {"data": [RECORD], "total_records": 1, "page": 1, "page_size": 500, "total_pages": 1}
    vendor = Vendor([(200, {"status": "no data"}), (200, ready)])
    client = vendor.client()
    waiting, page = client.audience_page(AUDIENCE, page=1), client.audience_page(AUDIENCE, page=1)
    assert (waiting.ready, waiting.total, waiting.is_last) == (False, None, False)
    assert (page.ready, page.total, page.is_last, page.capped) == (True, 1, True, False)
    assert vendor.asked == [("GET", f"/audiences/{AUDIENCE}?page=1&page_size=500", None)] * 2
    person = normalize(page.records[0])
    assert (person.state, person.state_from_company, person.company_size) == ("TX", True, "51 to 100")
    assert (person.primary_email, person.seniority) == ("dana@acme.example", "vp")
    assert emails(page.records[0]) == [
        ("dana@acme.example", "business", "verified"), ("d.testperson@acme.example", "business", "unknown"),
    ]  # fmt: skip
    assert phones(page.records[0]) == [("+15125550101", "mobile", False), ("+15125550102", "mobile", True)]


def test_an_audience_at_the_providers_limit_may_have_more() -> None:
    for total, capped in ((499_999, False), (500_000, True)):
        vendor = Vendor([(200, {"data": [RECORD], "total_records": total, "total_pages": 1_000})])
        page = vendor.client().audience_page(AUDIENCE, page=1)
        assert (page.total, page.capped) == (total, capped)


def test_the_list_under_its_capital_key_is_read_to_its_last_page() -> None:
    row = {"id": AUDIENCE, "name": "cursive-1a2b", "scheduled_refresh": False, "refresh_interval": None,
           "next_scheduled_refresh": None, "webhook_url": None}  # fmt: skip
    vendor = Vendor([(200, {"Data": [row], "total": 2, "total_pages": 2})] * 2)
    assert vendor.client().find_audience(name="another") is None
    assert [target for _, target, _ in vendor.asked] == [f"/audiences?page={page}&page_size=1000" for page in (1, 2)], (
        "as many pages as it says there are, however few rows each has"
    )


def test_a_preview_counts_its_sample_and_sends_no_filters_with_a_segment() -> None:
    slim = {"first_name": "Dana", "last_name": "Testperson", "personal_email": "dana.t@example.net",
            "company_name": "Acme Example LLC"}  # fmt: skip
    answer = {"job_id": "j_demo", "count": 25, "result": [slim], "field_coverage": {"personal_email": 0.8}}
    vendor = Vendor([(200, answer)] * 2)
    sample = vendor.client().preview(filters={"state": ["Texas"]}, segment=["b2b_12345"], limit=25)
    assert (sample.sample_size, sample.field_coverage) == (1, {"personal_email": 0.8})
    assert sample.people[0].primary_email == "dana.t@example.net"
    vendor.client().preview(filters={"state": ["Texas"], "city": []}, limit=25)
    assert [body for _, _, body in vendor.asked] == [
        {"days_back": 7, "limit": 25, "segment": ["b2b_12345"]},
        {"days_back": 7, "limit": 25, "filters": {"state": ["Texas"]}},
    ]


def test_a_preview_makes_nothing_and_so_may_be_asked_for_again() -> None:
    vendor = Vendor([(500, None), (503, None), (200, {"count": 0, "result": []})])
    assert vendor.client().preview(filters={"state": ["Texas"]}).sample_size == 0
    assert len(vendor.asked) == 3


def test_the_segment_catalog() -> None:
    data = [{"id": "12345", "name": "CRM Software > Evaluation", "b2b": True},
            {"id": "67890", "name": "Home Renovation", "b2b": False}]  # fmt: skip
    vendor = Vendor([(200, {"attributes": {"segments": {"count": 2, "data": data}}})])
    found = vendor.client().attributes("segments")
    assert [(one.id, one.b2b) for one in found] == [("12345", True), ("67890", False)]
    assert vendor.asked == [("GET", "/audiences/attributes/segments", None)]


def test_a_look_up_hits_misses_and_is_refused() -> None:
    hit = {"FIRST_NAME": "Dana", "LAST_NAME": "Testperson", "PERSONAL_EMAILS": "dana.t@example.net"}
    vendor = Vendor([
        (200, {"timestamp": 1768472551000, "found": 1, "result": [hit]}),
        (200, {"timestamp": 1768472551000, "found": 0, "result": []}),
        (400, {"error": "invalid filter field: COMPANY"}),
    ])  # fmt: skip
    client = vendor.client()
    found = client.enrich(filter={"email": "dana.t@example.net"})
    assert (found.found, found.people[0].last_name) == (1, "Testperson")
    missed = client.enrich(filter={"email": "dana.t@example.net"})
    assert (missed.found, missed.people) == (0, ())
    with pytest.raises(ProviderRefused) as refused:
        client.enrich(filter={"email": "dana.t@example.net"}, fields=["first_name"], is_or_match=True)
    assert refused.value.member == "COMPANY"
    given = {"filter": {"email": "dana.t@example.net"}}
    assert [body for _, _, body in vendor.asked] == [
        given | {"is_or_match": False}, given | {"is_or_match": False},
        given | {"is_or_match": True, "fields": ["first_name"]},
    ]  # fmt: skip


def test_a_person_whose_name_reads_like_nothing_is_looked_up_by_it() -> None:
    vendor = Vendor([(200, {"found": 0, "result": []})])
    vendor.client().enrich(filter={"first_name": "Nan", "last_name": "Null", "company_domain": "acme.example"})
    (_, _, body) = vendor.asked[0]
    assert body["filter"] == {"first_name": "Nan", "last_name": "Null", "company_domain": "acme.example"}


def test_a_batch_is_ordered_and_found_in_the_list_where_its_own_address_is_not_known() -> None:
    row = {"id": JOB, "name": "cursive-job-0001-chunk-1", "status": "COMPLETED", "total": 1,
           "csv_url": "gs://demo-bucket/e1.csv.gz", "created_at": "2026-01-15T10:00:00.000000+00:00"}  # fmt: skip
    listing = {"total_records": 1, "page_size": 1000, "page": 1, "total_pages": 1, "data": [row]}
    vendor = Vendor([
        (202, {"jobId": JOB, "status": "IN_QUEUE"}),
        (404, {"message": "not found"}), (200, listing),
        (405, {"error": {"code": "METHOD"}}), (200, listing),
        (404, {"message": "not found"}), (200, {**listing, "data": []}),
    ])  # fmt: skip
    client = vendor.client()
    records = [{"email": "dana.t@example.net", "first_name": "Dana", "job_title": ""},
               {"first_name": "Lee", "company_name": "Beta Example Inc"}]  # fmt: skip
    order = client.create_enrichment(name="cursive-job-0001-chunk-1", records=records)
    assert (order.id, order.name, order.status) == (JOB, "cursive-job-0001-chunk-1", "queued")
    assert vendor.asked[0] == ("POST", "/enrichments", {
        "name": "cursive-job-0001-chunk-1", "operator": "OR", "columns": ["COMPANY_NAME", "EMAIL", "FIRST_NAME"],
        "records": [{"email": "dana.t@example.net", "first_name": "Dana"},
                    {"first_name": "Lee", "company_name": "Beta Example Inc"}],
    })  # fmt: skip
    for _ in range(2):
        done = client.enrichment(JOB)
        assert (done.status, done.result_url) == ("completed", "gs://demo-bucket/e1.csv.gz")
    with pytest.raises(ProviderNotFound):
        client.enrichment(JOB)


@pytest.mark.parametrize(
    ("word", "status", "nobody"),
    [
        ("IN_QUEUE", "queued", False), ("pending", "queued", False), ("Processing", "processing", False),
        ("COMPLETED", "completed", False), ("processed", "completed", False), ("NO_DATA", "completed", True),
        ("no data", "completed", True), ("FAILED", "failed", False), ("UNDER_REVIEW", "unknown", False),
        (None, "unknown", False),
    ],
)  # fmt: skip
def test_the_words_for_a_batchs_status(word: str | None, status: str, nobody: bool) -> None:
    found = Vendor([(200, {"id": JOB, "status": word})]).client().enrichment(JOB)
    assert (found.status, found.matches_known_zero) == (status, nobody)


def test_a_pixel_is_created_in_camel_case_and_looked_up_in_version_3_where_4_fails() -> None:
    events = {"events": [{"pixel_id": PIXEL}], "total_records": 1, "page": 1, "total_pages": 1}
    vendor = Vendor([
        (200, {"pixel_id": PIXEL, "install_url": INSTALL}),
        (500, {"error": {"code": "INTERNAL", "message": "demo"}}), (200, events),
    ])  # fmt: skip
    client = vendor.client()
    name, site = "Acme Example", "https://shop.example.com"
    hook = "https://app.cursive.test/api/webhooks/al/pixel/token"
    assert client.create_pixel(website_name=name, website_url=site, webhook_url=hook).install_url == INSTALL
    assert client.pixel_events(PIXEL, page_size=100, version="v4").version == "v3"
    assert vendor.asked == [
        ("POST", "/pixels", {"websiteName": name, "websiteUrl": site,
                             "webhookUrl": hook, "version": "v3"}),
        ("GET", f"/pixels/{PIXEL}/v4?page=1&page_size=100", None),
        ("GET", f"/pixels/{PIXEL}?page=1&page_size=100", None),
    ]  # fmt: skip


def test_a_pixel_that_cannot_be_installed_is_deleted_and_no_pixel() -> None:
    vendor = Vendor([(200, {"pixel_id": PIXEL, "script": "x"}), (204, None)])
    with pytest.raises(ProviderProtocolError):
        vendor.client().create_pixel(website_name="A", website_url="https://a.example", webhook_url=None)
    assert [(method, target) for method, target, _ in vendor.asked] == [
        ("POST", "/pixels"),
        ("DELETE", f"/pixels/{PIXEL}"),
    ]
