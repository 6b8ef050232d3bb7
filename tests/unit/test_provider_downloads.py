"""Result files: which links are fetched, and what a packed, damaged or oversize file does."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import httpx
import pytest
from pydantic import ValidationError

from cursive_app.integrations.audiencelab import AudienceLab, ProviderNotFound, ProviderProtocolError
from cursive_app.integrations.audiencelab.downloads import result_address, stream_rows
from cursive_app.settings import Settings
from tests.unit.provider_lab import BASE


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


HEADER = b"FIRST_NAME\n"
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
    assert len(_rows(gzip.compress(HEADER + b"x\n" * 100_000))) == 100_000, "small ones may pack well"
    with pytest.raises(ProviderProtocolError):
        _rows(gzip.compress(HEADER + b"x\n" * 2_000_000))  # a bomb: 1,000 to 1
    with pytest.raises(ProviderProtocolError):
        _rows(gzip.compress(CSV.encode() * 10), max_unpacked_bytes=100)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_expired_link_is_gone(status: int) -> None:
    with pytest.raises(ProviderNotFound):
        _rows(b"", status=status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """It would lead past the check of the address."""
    asked: list[str] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if len(asked) > 1:
            return httpx.Response(200, content=CSV.encode())
        return httpx.Response(status, headers={"Location": "http://169.254.169.254/latest"})

    link = httpx.URL("https://storage.googleapis.com/b/k")
    with pytest.raises(ProviderProtocolError):
        list(stream_rows(link, timeout_seconds=5, http=httpx.MockTransport(elsewhere)))
    assert asked == ["storage.googleapis.com"]
