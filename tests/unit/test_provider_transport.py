"""What the transport promises without a network: error shapes, circuit, downloads, what messages may say."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import httpx
import pytest
from pydantic import ValidationError

from cursive_app.integrations import audiencelab
from cursive_app.integrations.audiencelab import (
    AudienceLab,
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
    ProviderUnavailable,
    forget_provider,
    provider,
    share_slots,
)
from cursive_app.integrations.audiencelab.breaker import CircuitBreaker
from cursive_app.integrations.audiencelab.downloads import result_address, stream_rows
from cursive_app.integrations.audiencelab.errors import error_text, scrubbed
from cursive_app.settings import Settings, settings

BASE = httpx.URL("https://api.vendor.test")
Handler = Callable[[httpx.Request], httpx.Response]


def lab(handler: Handler, **options: object) -> AudienceLab:
    defaults: dict[str, object] = {"first_wait_seconds": 0.001, "page_pause_seconds": 0.0}
    return AudienceLab(
        base_url=str(BASE),
        api_key="secret-key",
        http=httpx.MockTransport(handler),
        **{**defaults, **options},  # type: ignore[arg-type]
    )


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


# Slots that other processes take, too


class _Slots:
    """Gives out what it is told to, and remembers how it was asked."""

    def __init__(self, *, free: bool = True) -> None:
        self.free = free
        self.asked: list[float] = []
        self.out = 0

    def take(self, *, seconds: float) -> Callable[[], None] | None:
        self.asked.append(seconds)
        self.out += self.free
        return self._give_back if self.free else None

    def _give_back(self) -> None:
        self.out -= 1


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_call_has_a_shared_slot_while_it_lasts_and_no_longer(status: int) -> None:
    slots = _Slots()
    held: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        held.append(slots.out)
        return httpx.Response(status, json={"data": []})

    client = lab(answer, take_slot=slots.take, timeout_seconds=7)
    with suppress(ProviderError):
        client.pixels()
    attempts = 3 if status == 500 else 1
    assert held == [1] * attempts, "each attempt takes one, and none is held between two"
    assert slots.out == 0
    assert all(0 < seconds <= 7 for seconds in slots.asked)


def test_no_shared_slot_in_time_is_said_and_nothing_is_sent() -> None:
    slots, sent = _Slots(free=False), []
    client = lab(lambda _: sent.append(1) or httpx.Response(204), take_slot=slots.take, max_concurrency=1)
    for _ in range(3):  # its own slot comes back each time
        with pytest.raises(ProviderUnavailable) as caught:
            client.create_custom_audience(topic="t", description="d")
        assert (caught.value.uncertain, caught.value.retry_after) == (False, 30)
    assert sent == []
    slots.free = True
    client.create_custom_audience(topic="t", description="d")
    assert (sent, slots.out) == ([1], 0)


def test_who_waits_for_its_own_process_asks_for_no_shared_slot() -> None:
    slots, inside, go_on = _Slots(), threading.Event(), threading.Event()

    def answer(_: httpx.Request) -> httpx.Response:
        inside.set()
        assert go_on.wait(20)
        return httpx.Response(204)

    client = lab(answer, take_slot=slots.take, max_concurrency=1, timeout_seconds=20)
    calls = [threading.Thread(target=client.delete_audience, args=[name]) for name in ("a", "b")]
    for call in calls:
        call.start()
    assert inside.wait(20)
    assert (slots.out, len(slots.asked)) == (1, 1)
    go_on.set()
    for call in calls:
        call.join(20)
    assert (slots.out, len(slots.asked)) == (0, 2)


def test_the_client_of_a_process_takes_the_slots_it_was_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = _Slots(free=False)
    monkeypatch.setenv("AUDIENCELAB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AUDIENCELAB_TIMEOUT_SECONDS", "0.5")
    settings.cache_clear()
    forget_provider()
    share_slots(slots.take)
    try:
        with pytest.raises(ProviderUnavailable):
            provider().pixels()
        assert len(slots.asked) == 1
        share_slots(None)
        with pytest.raises(ProviderServerError):
            provider().delete_audience("a")
        assert len(slots.asked) == 1
    finally:
        share_slots(None)
        monkeypatch.undo()
        settings.cache_clear()
        forget_provider()


def test_a_process_has_one_client_however_many_threads_ask_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two would have a cap each."""
    both, made, found = threading.Barrier(2), [], []

    def making() -> AudienceLab:
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)
        made.append(lab(lambda _: httpx.Response(204)))
        return made[-1]

    monkeypatch.setattr(audiencelab, "_from_settings", making)
    forget_provider()
    threads = [threading.Thread(target=lambda: found.append(provider())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    forget_provider()
    assert len(made) == 1
    assert found == made * 2


# The circuit


def test_the_circuit_opens_after_repeated_failures_and_tries_again() -> None:
    moment = [0.0]
    breaker = CircuitBreaker(threshold=3, open_seconds=10, monotonic=lambda: moment[0])
    healthy: list[bool] = [False]
    asked: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        asked.append(1)
        return httpx.Response(204 if healthy[0] else 500)

    client = lab(answer, breaker=breaker)
    for _ in range(3):
        with pytest.raises(ProviderServerError):
            client.create_custom_audience(topic="t", description="d")
    with pytest.raises(ProviderUnavailable) as caught:
        client.create_custom_audience(topic="t", description="d")
    assert 0 < caught.value.retry_after <= 10
    assert caught.value.uncertain is False, "nothing was sent"
    assert len(asked) == 3
    moment[0] = 10.5
    with pytest.raises(ProviderServerError):
        client.create_custom_audience(topic="t", description="d")  # the trial fails: open again
    with pytest.raises(ProviderUnavailable):
        client.create_custom_audience(topic="t", description="d")
    moment[0] = 21
    healthy[0] = True
    client.create_custom_audience(topic="t", description="d")
    assert breaker.is_open is False


def test_refusals_do_not_open_the_circuit() -> None:
    client = lab(lambda _: httpx.Response(400), breaker=CircuitBreaker(threshold=2))
    for _ in range(10):
        with pytest.raises(ProviderRefused):
            client.enrich(filter={"email": "a@x.example"})


def test_half_open_lets_one_trial_through() -> None:
    moment = [0.0]
    breaker = CircuitBreaker(threshold=1, open_seconds=5, monotonic=lambda: moment[0])
    breaker.failed()
    moment[0] = 6
    answers: list[float] = []
    threads = [threading.Thread(target=lambda: answers.append(breaker.wait_seconds())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(0.0) == 1
    moment[0] = 12  # the trial never reported back: another one may try
    assert breaker.wait_seconds() == 0.0


# Result files


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("gs://bucket/a b.csv.gz", "https://storage.googleapis.com/bucket/a%20b.csv.gz"),
        ("https://storage.googleapis.com/b/k.gz?sig=1", "https://storage.googleapis.com/b/k.gz?sig=1"),
        ("https://files.audiencelab.io/x.gz", "https://files.audiencelab.io/x.gz"),
        ("https://b.s3.us-east-1.amazonaws.com/x.gz", "https://b.s3.us-east-1.amazonaws.com/x.gz"),
        ("https://api.vendor.test/files/x.gz", "https://api.vendor.test/files/x.gz"),
    ],
)
def test_result_links_at_the_providers_stores_are_fetched(link: str, expected: str) -> None:
    assert str(result_address(link, base_url=BASE)) == expected


@pytest.mark.parametrize(
    "link",
    [
        "http://storage.googleapis.com/b/k", "https://evil.example/x", "https://storage.googleapis.com.evil.example/x",
        "https://storage.googleapis.com@evil.example/x", "https://user:pw@storage.googleapis.com/x",
        "https://169.254.169.254/latest", "http://127.0.0.1:80/", "file:///etc/passwd", "https://xaudiencelab.io/",
        "https://ec2-1-2-3-4.compute.amazonaws.com/x", "https://storage.googleapis.com:8443/x", "", "gs:", "https://[",
        "http://api.vendor.test/files/x.gz", "ftp://storage.googleapis.com/x",
    ],
)  # fmt: skip
def test_result_links_elsewhere_are_not_fetched(link: str) -> None:
    with pytest.raises(ProviderProtocolError):
        result_address(link, base_url=BASE)


@pytest.mark.parametrize("link", ["https://files.vendor.example/x.gz", "https://eu.files.vendor.example/x.gz"])
def test_a_host_that_was_configured_is_trusted_with_those_below_it(link: str) -> None:
    with pytest.raises(ProviderProtocolError):
        result_address(link, base_url=BASE)
    assert str(result_address(link, base_url=BASE, also=("files.vendor.example",))) == link
    for other in ("https://vendor.example/x", "https://xfiles.vendor.example/x", "http://files.vendor.example/x",
                  "https://files.vendor.example:8443/x", "https://user:pw@files.vendor.example/x"):  # fmt: skip
        with pytest.raises(ProviderProtocolError):
            result_address(other, base_url=BASE, also=("files.vendor.example",))


@pytest.mark.parametrize(
    "hosts", ["localhost", "10.0.0.7", "*.example.com", "https://a.example", "a.example,", "[::1]"]
)
def test_a_result_host_is_a_name_on_the_internet(hosts: str) -> None:
    with pytest.raises(ValidationError):
        Settings(AUDIENCELAB_RESULT_HOSTS=hosts)  # type: ignore[call-arg]
    named = Settings(AUDIENCELAB_RESULT_HOSTS="files.example.com, cdn.example.net")  # type: ignore[call-arg]
    lab = AudienceLab(base_url="https://a.example", api_key="k", result_hosts=named.audiencelab_result_hosts)
    assert lab._result_hosts == ("files.example.com", "cdn.example.net")


class _Pieces(httpx.SyncByteStream):
    """A body that arrives in these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces


def _served(*pieces: bytes, status: int = 200) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        assert "X-Api-Key" not in request.headers
        return httpx.Response(status, stream=_Pieces(*pieces))

    return httpx.MockTransport(answer)


def _rows(*pieces: bytes, status: int = 200, **limits: int) -> list[dict[str, str]]:
    found: Iterator[dict[str, str]] = stream_rows(
        httpx.URL("https://storage.googleapis.com/b/k"),
        timeout_seconds=5,
        http=_served(*pieces, status=status),
        **limits,
    )
    return list(found)


CSV = '\ufeffFIRST_NAME,COMPANY_DESCRIPTION\r\nDana,"two\nlines, ""quoted"""\r\nLee,\r\n'


@pytest.mark.parametrize("body", [gzip.compress(CSV.encode()), CSV.encode()], ids=["packed", "plain"])
def test_quoted_newlines_and_packed_files_are_read(body: bytes) -> None:
    assert _rows(body) == [
        {"FIRST_NAME": "Dana", "COMPANY_DESCRIPTION": 'two\nlines, "quoted"'},
        {"FIRST_NAME": "Lee", "COMPANY_DESCRIPTION": ""},
    ]


def test_a_gzip_file_of_several_members_is_read_to_its_end() -> None:
    first, second = gzip.compress(b"FIRST_NAME\r\nDana\r\nL"), gzip.compress(b"ee\r\nKim\r\n")
    wanted = [{"FIRST_NAME": name} for name in ("Dana", "Lee", "Kim")]
    assert _rows(first + second) == wanted
    assert _rows(first, second) == wanted
    assert _rows(first + second[:3], second[3:]) == wanted
    assert _rows(first[:1], first[1:] + second) == wanted, "one byte alone says nothing about the kind of file"
    assert _rows(first + second + b"\x00" * 512) == wanted
    for cut in (second[:1], second[:12], second[:-6]):
        with pytest.raises(ProviderProtocolError):
            _rows(first + cut)
        with pytest.raises(ProviderProtocolError):
            _rows(first, cut)
    with pytest.raises(ProviderProtocolError):
        _rows(first + b"and what is no gzip")


def test_damaged_and_oversize_files_are_refused() -> None:
    packed = gzip.compress(CSV.encode())
    with pytest.raises(ProviderProtocolError):
        _rows(packed[:-6])
    with pytest.raises(ProviderProtocolError):
        _rows(packed[:20] + b"\x00" * 20)
    with pytest.raises(ProviderProtocolError):
        _rows(packed, max_packed_bytes=10)
    with pytest.raises(ProviderProtocolError):
        _rows(gzip.compress(b"A\n" + b"x" * 3_000_000))  # a bomb: 1,000 to 1
    with pytest.raises(ProviderProtocolError):
        _rows(gzip.compress(CSV.encode() * 10), max_unpacked_bytes=100)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_expired_link_is_gone(status: int) -> None:
    with pytest.raises(ProviderNotFound):
        _rows(b"", status=status)


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


def test_a_redirect_is_not_followed() -> None:
    with pytest.raises(ProviderProtocolError):
        _rows(b"", status=302)


def test_json_of_the_vendor_is_never_in_an_error() -> None:
    client = lab(lambda _: httpx.Response(200, content=json.dumps({"data": "secret"}).encode()))
    with pytest.raises(ProviderProtocolError) as caught:
        client.audiences()
    assert "secret" not in caught.value.message
