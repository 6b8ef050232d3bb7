"""Fetching a batch job's result: a gzip CSV behind a link that the provider names (contract §4.5).

The link is the provider's word, so it is not trusted: only the provider's own stores over https are fetched (and the
configured base address itself), no redirect is followed, the API key is not sent along, and both the bytes received and
the bytes unpacked are capped.
"""

from __future__ import annotations

import codecs
import csv
import re
import ssl
import zlib
from collections.abc import Collection, Iterator
from functools import lru_cache
from urllib.parse import quote

import httpx

from cursive_app.integrations.audiencelab.errors import (
    ProviderNotFound,
    ProviderProtocolError,
    ProviderServerError,
    ProviderTimeout,
    asked,
    asked_wait,
    error_for,
)

RESULT_FILE = "GET result file"  # how errors name it; the link itself is a secret
MAX_PACKED_BYTES = 512 * 1024 * 1024
MAX_UNPACKED_BYTES = 4 * 1024 * 1024 * 1024
MAX_RATIO = 200  # CSV of people packs 4 to 20 times; a bomb packs 1,000 times
MAX_FIELD_CHARACTERS = 1_000_000
_GZIP = b"\x1f\x8b"
_RATIO_CHECK_FROM = 1024 * 1024
_PEOPLE = frozenset({"UUID", "UP_ID", "FIRST_NAME", "LAST_NAME"})
_STORES = re.compile(r"(?:.+\.)?(?:storage\.googleapis\.com|audiencelab\.io|s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com)")

csv.field_size_limit(MAX_FIELD_CHARACTERS)


def result_address(link: str, *, base_url: httpx.URL, also: Collection[str] = ()) -> httpx.URL:
    """Where a result link is fetched. `gs://bucket/key` becomes its public https form. `also`: hosts that are trusted
    like the provider's own stores, with those below them.

    Raises ProviderProtocolError for a host or scheme outside the allow-list.
    """
    if link.startswith("gs://"):
        link = "https://storage.googleapis.com/" + quote(link.removeprefix("gs://"))
    try:
        url = httpx.URL(link)
    except (httpx.InvalidURL, TypeError) as error:
        raise ProviderProtocolError from error
    is_base = (url.scheme, url.host, url.port) == (base_url.scheme, base_url.host, base_url.port)
    trusted = bool(_STORES.fullmatch(url.host)) or any(f".{url.host}".endswith(f".{host}") for host in also)
    is_store = url.scheme == "https" and url.port in (None, 443) and trusted
    if url.userinfo or not (is_base or is_store):
        raise ProviderProtocolError("The data provider named a result file at a place we do not fetch from.")
    return url


def stream_rows(
    url: httpx.URL,
    *,
    timeout_seconds: float,
    max_packed_bytes: int = MAX_PACKED_BYTES,
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
    http: httpx.BaseTransport | None = None,
) -> Iterator[dict[str, str]]:
    """The file's rows one by one, as header name to text; memory stays flat for any size.

    Raises ProviderNotFound when the link has expired, ProviderProtocolError for a damaged or oversize file.
    """
    with asked(RESULT_FILE):
        yield from _streamed(url, timeout_seconds, max_packed_bytes, max_unpacked_bytes, http)


def _streamed(
    url: httpx.URL,
    timeout_seconds: float,
    max_packed_bytes: int,
    max_unpacked_bytes: int,
    http: httpx.BaseTransport | None,
) -> Iterator[dict[str, str]]:
    timeout = httpx.Timeout(timeout_seconds, connect=10.0)
    try:
        with (
            httpx.Client(
                timeout=timeout, follow_redirects=False, trust_env=False, transport=http, verify=_certificates()
            ) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            if response.status_code in (403, 410):  # how stores answer an expired signature
                raise ProviderNotFound(status=response.status_code)
            if response.status_code != 200:
                raise error_for(response.status_code, "", retry_after=asked_wait(response.headers))
            chunks = _capped(response.iter_raw(), max_packed_bytes)
            yield from _rows(_lines(_unpacked(chunks, max_unpacked_bytes)))
    except httpx.TimeoutException as error:
        raise ProviderTimeout from error
    except httpx.HTTPError as error:
        raise ProviderServerError from error


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Reading the authorities takes some 30 ms; a client of its own would do so for every file."""
    return httpx.create_ssl_context(trust_env=False)


def _capped(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if received > limit:
            raise ProviderProtocolError
        yield chunk


def _unpacked(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """Plain bytes of a gzip stream (or of a plain one: some stores unpack on the way). A gzip file may be several put
    behind each other, as parallel writers leave them."""
    packed, unpacked = 0, 0
    decoder = None
    for chunk in _told_apart(chunks):
        if packed == 0 and chunk[:2] == _GZIP:
            decoder = zlib.decompressobj(wbits=31)
        packed += len(chunk)
        rest = chunk
        while rest:
            if decoder and decoder.eof:
                rest = rest.lstrip(b"\x00")  # some writers fill up to a block
                if not rest:
                    break
                decoder = zlib.decompressobj(wbits=31)
            try:
                plain = decoder.decompress(rest, 1024 * 1024) if decoder else rest
            except zlib.error as error:
                raise ProviderProtocolError from error
            unpacked += len(plain)
            if unpacked > limit or (unpacked > _RATIO_CHECK_FROM and unpacked > packed * MAX_RATIO):
                raise ProviderProtocolError
            yield plain
            rest = b"" if decoder is None else decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    if decoder is not None and not decoder.eof:
        raise ProviderProtocolError("The data provider's result file is incomplete.")


def _told_apart(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, the first piece long enough to tell gzip from text."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= len(_GZIP):
            yield first
            yield from chunks
            return
    if first:
        yield first


def _lines(chunks: Iterator[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    rest = ""
    for chunk in chunks:
        *complete, rest = (rest + decoder.decode(chunk)).split("\n")
        if len(rest) > MAX_FIELD_CHARACTERS * 10:
            raise ProviderProtocolError
        for line in complete:
            yield line + "\n"
    rest += decoder.decode(b"", True)
    if rest:
        yield rest


def _rows(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """A file whose first line names no column of people (an error page, nothing at all) is no result."""
    try:
        reader = csv.reader(lines)
        names = next(reader, [])
        if not {name.strip().upper() for name in names} & _PEOPLE:
            raise ProviderProtocolError("The data provider's result file is not a list of people.")
        for row in reader:
            if row:
                yield dict(zip(names, row, strict=False))  # what is too much or too little of a row is left out
    except csv.Error as error:
        raise ProviderProtocolError from error
