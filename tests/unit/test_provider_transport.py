"""What the transport promises without a network: error shapes, envelopes, records of calls, what messages may say."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from structlog.testing import capture_logs

from cursive_app import clock
from cursive_app.integrations.audiencelab import (
    ProviderAuthFailed,
    ProviderCall,
    ProviderError,
    ProviderNotFound,
    ProviderNotWanted,
    ProviderProtocolError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderServerError,
    ProviderTimeout,
)
from cursive_app.integrations.audiencelab.errors import error_text, scrubbed
from tests.unit.provider_lab import lab


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error":{"code":"X","message":"bad thing"}}', "bad thing"), (b'{"message":"bad thing"}', "bad thing"),
        (b'{"error":"bad thing"}', "bad thing"), (b"bad thing", "bad thing"),
        (b'{"error":{"code":"bad thing"}}', "bad thing"),
        (b"\xff\xfe", "\ufffd\ufffd"), (b"[1]", "[1]"), (b"{}", ""),
    ],
)  # fmt: skip
def test_all_shapes_of_errors_are_read(body: bytes, words: str) -> None:
    assert error_text(body) == words


@pytest.mark.parametrize(
    ("status", "kind", "permanent", "uncertain"),
    [
        (400, ProviderRefused, True, False), (422, ProviderRefused, True, False),
        (401, ProviderAuthFailed, True, False), (403, ProviderAuthFailed, True, False),
        (404, ProviderNotFound, True, False), (429, ProviderRateLimited, False, False),
        (500, ProviderServerError, False, True), (503, ProviderServerError, False, True),
        (302, ProviderProtocolError, False, True),
    ],
)  # fmt: skip
def test_statuses_become_typed_errors(status: int, kind: type[ProviderError], permanent: bool, uncertain: bool) -> None:
    client = lab(lambda _: httpx.Response(status, json={"error": "VENDOR words about dana@acme.example"}))
    with pytest.raises(kind) as caught:
        client.enrich(filter={"email": "a@x.example"})
    assert type(caught.value) is kind
    assert (caught.value.permanent, caught.value.uncertain, caught.value.port) == (permanent, uncertain, "provider")
    assert "VENDOR" not in caught.value.message
    assert "acme" not in str(caught.value)


def test_a_refusal_names_the_member_when_the_vendor_did() -> None:
    client = lab(lambda _: httpx.Response(400, json={"error": "invalid filter field: COMPANY"}))
    with pytest.raises(ProviderRefused) as caught:
        client.create_audience(name="x", filters={"state": ["Texas"]})
    assert caught.value.member == "COMPANY"


def test_vendor_words_in_the_log_hold_no_person_and_no_key() -> None:
    words = scrubbed(f"no match for dana@acme.example at +1 (512) 555-0101 with key {'k' * 40}" + "x " * 500)
    assert "acme" not in words
    assert "555" not in words
    assert "kkkk" not in words
    assert len(words) <= 300


def test_a_timeout_is_ours() -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    with pytest.raises(ProviderTimeout):
        lab(slow).attributes("segments")


def test_the_key_goes_in_the_header_and_nowhere_else() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"data": []})

    lab(answer).pixels()
    assert seen[0].headers["X-Api-Key"] == "secret-key"
    assert "secret-key" not in str(seen[0].url)


@pytest.mark.parametrize("body", [b"", b"null", b"3", b'"text"', b'{"data": 3}', b'{"data": [1, 2]}', b"[" * 100_000])
def test_answers_of_another_shape_are_protocol_errors(body: bytes) -> None:
    with pytest.raises(ProviderProtocolError):
        lab(lambda _: httpx.Response(200, content=body)).audience_page("a", page=1)


@pytest.mark.parametrize(
    "body",
    [
        {"total_records": 2, "data": [{"id": "1"}, {"id": "2"}]}, {"Data": [{"id": "1"}, {"id": "2"}], "total": 2},
        {"results": [{"id": "1"}, {"id": "2"}], "count": "2"}, {"result": [{"id": "1"}, {"id": "2"}], "total": 2},
        {"jobs": [{"id": "1"}, {"id": "2"}], "total": 2},
    ],
)  # fmt: skip
def test_every_list_envelope_is_read(body: dict[str, object]) -> None:
    found = lab(lambda _: httpx.Response(200, json=body)).audiences()
    assert [row["id"] for row in found.rows] == ["1", "2"]
    assert found.total == 2


@pytest.mark.parametrize(
    "body",
    [
        {"attributes": {"industries": {"count": 1, "data": [{"name": "Banking"}]}}}, {"data": [{"name": "Banking"}]},
        ["Banking"], {"attributes": {"industries": ["Banking"]}}, {"industries": {"data": [{"id": "Banking"}]}},
    ],
)  # fmt: skip
def test_every_shape_of_a_vocabulary_is_read(body: object) -> None:
    assert [item.name for item in lab(lambda _: httpx.Response(200, json=body)).attributes("industries")] == ["Banking"]


def test_retry_after_is_honored_up_to_a_limit() -> None:
    answers: list[int] = []

    def limited(_: httpx.Request) -> httpx.Response:
        answers.append(429)
        return httpx.Response(429, headers={"Retry-After": "3600"})

    with pytest.raises(ProviderRateLimited) as caught:
        lab(limited).pixels()
    assert caught.value.retry_after == 3600
    assert len(answers) == 1, "an hour is the caller's to schedule, not ours to sleep"


def test_every_attempt_is_recorded_and_a_broken_recorder_breaks_nothing() -> None:
    calls: list[ProviderCall] = []
    statuses = iter([500, 503, 200])

    def flaky(_: httpx.Request) -> httpx.Response:
        return httpx.Response(next(statuses), json={"data": [{"id": "p1"}]})

    def record(call: ProviderCall) -> None:
        calls.append(call)
        raise RuntimeError("recorder is broken")

    assert [pixel.id for pixel in lab(flaky, record_call=record).pixels()] == ["p1"]
    assert [(call.status, call.retries, call.rows, call.error_class) for call in calls] == [
        (500, 0, None, "ProviderServerError"), (503, 1, None, "ProviderServerError"), (200, 2, 1, None),
    ]  # fmt: skip
    assert {(call.endpoint, call.method) for call in calls} == {("/pixels", "GET")}


def test_whoever_wants_no_answer_any_more_has_nothing_asked() -> None:
    asked: list[str] = []

    def broken(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(500)

    client = lab(broken)
    with pytest.raises(ProviderNotWanted):
        client.while_wanted(lambda: not asked).audiences()
    assert asked == ["GET"], "no repeat"
    with pytest.raises(ProviderNotWanted):
        client.while_wanted(lambda: len(asked) < 2).create_enrichment(name="n", records=[{"email": "a@x.example"}])
    assert asked == ["GET", "POST"], "no look for an order whose answer was lost"
    with pytest.raises(ProviderNotWanted):
        client.while_wanted(lambda: False).download_enrichment("gs://bucket/key")
    with pytest.raises(ProviderServerError):
        client.audiences()


def test_json_of_the_vendor_is_never_in_an_error() -> None:
    client = lab(lambda _: httpx.Response(200, content=json.dumps({"data": "secret"}).encode()))
    with pytest.raises(ProviderProtocolError) as caught:
        client.audiences()
    assert "secret" not in caught.value.message


# What is sent again, and when


def _waits(monkeypatch: pytest.MonkeyPatch, *answers: httpx.Response) -> tuple[list[float], int]:
    """How long was waited between the attempts to read a list, and how often it was asked for."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    left = list(answers)
    with suppress(ProviderError):
        lab(lambda _: left.pop(0), first_wait_seconds=0.5).pixels()
    return waited, len(answers) - len(left)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_reads_are_sent_again_after_half_a_second_and_a_second_or_a_little_more(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    waited, asked = _waits(monkeypatch, *[httpx.Response(status)] * 4)
    assert asked == 3
    for seconds, least in zip(waited, (0.5, 1.0), strict=True):
        assert least <= seconds <= least + 0.5
    assert len({*waited, 0.5, 1.0}) == 4, "never on the second, or all who failed together come back together"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 501])
def test_what_will_not_pass_is_not_sent_again(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    assert _waits(monkeypatch, *[httpx.Response(status)] * 2) == ([], 1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("0", 0.1), (None, 1.0), ("soon", 1.0), ("-3", 0.1), ("nan", 0.1), ("10", 10.0)],
)
def test_a_throttled_read_waits_as_long_as_it_is_told(
    monkeypatch: pytest.MonkeyPatch, header: str | None, seconds: float
) -> None:
    headers = {} if header is None else {"Retry-After": header}
    throttled = httpx.Response(429, headers=headers)
    assert _waits(monkeypatch, throttled, httpx.Response(200, json={"data": []})) == ([seconds], 2)


def test_a_time_of_day_to_come_back_at_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: moment)
    throttled = httpx.Response(
        429, headers={"Retry-After": format_datetime(moment + timedelta(seconds=4), usegmt=True)}
    )
    assert _waits(monkeypatch, throttled, httpx.Response(200, json={"data": []})) == ([4.0], 2)
    for long in ("11", "inf", format_datetime(moment + timedelta(hours=1), usegmt=True)):
        assert _waits(monkeypatch, httpx.Response(429, headers={"Retry-After": long})) == ([], 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_is_not_carried_where_a_redirect_points(status: int) -> None:
    asked: list[str] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(status, headers={"Location": "https://api.vendor.test.evil.example/pixels"})

    with pytest.raises(ProviderProtocolError):
        lab(elsewhere).pixels()
    assert asked == ["api.vendor.test"]


# What is written down of a call


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ({"found": 0, "result": []}, 0), ({"data": [], "total_records": 0}, 0), ([], 0), ([{"id": "1"}], 1),
        ({"Data": [{"id": "1"}, {"id": "2"}]}, 2), ({"audienceId": "a"}, None), ({"status": "no data"}, None),
        (None, None), ({"data": 3}, None),
    ],
)  # fmt: skip
def test_no_rows_is_another_record_than_no_list(body: object, rows: int | None) -> None:
    calls: list[ProviderCall] = []
    client = lab(lambda _: httpx.Response(200, json=body), record_call=calls.append)
    with suppress(ProviderError):
        client.audiences()
    assert [call.rows for call in calls] == [rows]


def test_the_log_has_the_vendors_words_without_our_key_and_a_refused_key_is_an_error() -> None:
    said = {"error": {"code": "UNAUTHORIZED", "message": "key secret-key of dana@acme.example is not known"}}
    for status, level, event in ((401, "error", "provider_key_refused"), (403, "error", "provider_key_refused"),
                                 (400, "warning", "provider_refused")):  # fmt: skip
        with capture_logs() as logs, suppress(ProviderError):
            lab(lambda _, status=status: httpx.Response(status, json=said)).pixels()
        assert [(line["log_level"], line["event"], line["status"]) for line in logs] == [(level, event, status)]
        assert "UNAUTHORIZED" not in str(logs)
        assert logs[0]["words"] == "key [removed] of [removed] is not known"
