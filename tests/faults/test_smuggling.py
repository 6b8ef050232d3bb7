"""Bad input 86 and 87 on the real server, with raw sockets: requests whose end can be read in two ways, and heads that
are far too large. Never a 5xx, never an answer to what was hidden in a body, and the next caller notices nothing.

What decides is the web server (granian, whose HTTP is hyper's), so an update of it is tried here. An ambiguous request
is refused, or answered once and the connection closed behind it: whatever a proxy in front took for the end, nothing of
one caller's can become the beginning of another's.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from tests.faults.test_uploads import Server, server

__all__ = ["server"]
pytestmark = pytest.mark.faults

HIDDEN = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"  # 200 to anybody, unlike what it is hidden in
QUIET_SECONDS = 3.0  # after an answer: longer than a busy machine takes for the next one, or to close
ALIVE = b'{"status":"ok"}'  # what the hidden request would be answered with
ENDED = b"0\r\n\r\n" + HIDDEN  # an empty chunked body, then the hidden request
LONG = str(len(ENDED)).encode()
SPLIT: dict[str, tuple[list[bytes], bytes]] = {
    "length, then chunked": ([b"Content-Length: " + LONG, b"Transfer-Encoding: chunked"], ENDED),
    "chunked, then length": ([b"Transfer-Encoding: chunked", b"Content-Length: " + LONG], ENDED),
    "a tab before chunked": ([b"Content-Length: " + LONG, b"Transfer-Encoding:\tchunked"], ENDED),
    "chunked in capitals": ([b"Content-Length: " + LONG, b"TRANSFER-ENCODING: CHUNKED"], ENDED),
    "a blank before the colon": ([b"Content-Length: " + LONG, b"Transfer-Encoding : chunked"], ENDED),
    "a vertical tab": ([b"Content-Length: " + LONG, b"Transfer-Encoding: \x0bchunked"], ENDED),
    "another coding": ([b"Content-Length: " + LONG, b"Transfer-Encoding: xchunked"], ENDED),
    "identity": ([b"Content-Length: " + LONG, b"Transfer-Encoding: identity"], ENDED),
    "chunked and identity": ([b"Content-Length: " + LONG, b"Transfer-Encoding: chunked, identity"], ENDED),
    "two codings": (
        [b"Content-Length: " + LONG, b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"],
        ENDED,
    ),
    "a folded line": ([b"Content-Length: " + LONG, b"Transfer-Encoding:\r\n chunked"], ENDED),
    "a bare line feed": ([b"Content-Length: " + LONG, b"X-Note: a\nTransfer-Encoding: chunked"], ENDED),
    "two lengths": ([b"Content-Length: 0", b"Content-Length: " + LONG], HIDDEN),
    "a list of lengths": ([b"Content-Length: 0, " + LONG], HIDDEN),
    "a length with a sign": ([b"Content-Length: +0"], HIDDEN),
    "a negative length": ([b"Content-Length: -1"], HIDDEN),
    "a length in hex": ([b"Content-Length: 0x0"], HIDDEN),
    "a length beyond 64 bits": ([b"Content-Length: 99999999999999999999"], HIDDEN),
    "a chunk that is no number": ([b"Transfer-Encoding: chunked"], b"zz\r\n\r\n" + HIDDEN),
    "a chunk beyond 64 bits": ([b"Transfer-Encoding: chunked"], b"f" * 18 + b"\r\n" + HIDDEN),
    "a chunk longer than it says": ([b"Transfer-Encoding: chunked"], b"1\r\nabc\r\n0\r\n\r\n" + HIDDEN),
    "an endless extension": ([b"Transfer-Encoding: chunked"], b"0;" + b"a" * 100_000 + b"\r\n\r\n" + HIDDEN),
}
HEADS = {
    "a header of 64 KB": [b"X-Long: " + b"a" * 65_536],
    "a header of 1 MB": [b"X-Long: " + b"a" * 1_000_000],
    "10,000 cookies in one line": [b"Cookie: " + b"; ".join(b"c%d=1" % number for number in range(10_000))],
    "10,000 lines of cookies": [b"Cookie: c%d=1" % number for number in range(10_000)],
    "a cookie of 64 KB": [b"Cookie: cursive_session=" + b"a" * 65_536],
}


def say(port: int, request: bytes) -> tuple[list[int], bool, bytes]:
    """The statuses that came back on one connection, whether the server closed it, and all it said."""
    told, closed = b"", False
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            connection.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            closed = True  # refused before all of it was sent; what it said is read below
        try:
            while piece := connection.recv(65_536):
                told += piece
                connection.settimeout(QUIET_SECONDS)
            closed = True
        except TimeoutError:
            pass  # kept open: nothing more comes
        except ConnectionResetError:
            closed = True
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", told)], closed, told


def head(method: bytes, path: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join([method + b" " + path + b" HTTP/1.1", b"Host: localhost", *lines, b"", b""])


@pytest.fixture
def undisturbed(server: Server) -> Iterator[Server]:
    """The same processes answer afterwards, and nothing was stored."""
    before = server.workers()
    yield server
    assert server.lists() == 0
    assert server.workers() == before


def test_a_request_that_ends_in_two_places_is_never_two(undisturbed: Server) -> None:
    key = b"Authorization: Bearer " + undisturbed.key.encode()
    found: dict[str, object] = {}
    for name, (lines, body) in SPLIT.items():
        for who, method, path in (
            ("nobody", b"POST", b"/api/v1/segments"),
            ("a key", b"POST", b"/api/v1/segments"),  # its body is read to the end
            ("a key, with GET", b"GET", b"/api/v1/me"),
            ("a form", b"POST", b"/auth/login"),
        ):
            credentials = [key] if who.startswith("a key") else []
            request = head(method, path, *credentials, b"Content-Type: application/json", *lines) + body
            statuses, closed, told = say(undisturbed.port, request)
            sound = len(statuses) <= 1 and closed and all(status < 500 for status in statuses)
            if not sound or ALIVE in told:
                found[f"{name}, {who}"] = (statuses, closed)
    assert found == {}


def test_two_honest_requests_on_one_connection_are_two(server: Server) -> None:
    """What the trial above would see of a request that was let through."""
    statuses, _, told = say(server.port, HIDDEN + HIDDEN)
    assert (statuses, told.count(ALIVE)) == ([200, 200], 2)
    chunked = head(b"POST", b"/api/v1/segments", b"Authorization: Bearer " + server.key.encode(),
                   b"Content-Type: application/json", b"Transfer-Encoding: chunked")  # fmt: skip
    statuses, _, _ = say(server.port, chunked + b"2\r\n{}\r\n" + ENDED)
    assert statuses == [422, 200]


def test_a_head_that_is_far_too_large_is_a_refusal(undisturbed: Server) -> None:
    key = b"Authorization: Bearer " + undisturbed.key.encode()
    found: dict[str, object] = {}
    for name, lines in HEADS.items():
        for credentials in ([], [key]):
            statuses, closed, _ = say(undisturbed.port, head(b"GET", b"/api/v1/me", *credentials, *lines))
            told_or_hung_up = len(statuses) == 1 or (not statuses and closed)  # never left waiting
            if not told_or_hung_up or any(status >= 500 for status in statuses):
                found[name] = (statuses, closed)
    assert found == {}


TARGETS = (
    b"GET http://evil.example/api/v1/me HTTP/1.1", b"GET //evil.example/api/v1/me HTTP/1.1", b"GET * HTTP/1.1",
    b"CONNECT evil.example:443 HTTP/1.1", b"GET /api/v1/me", b"GET /api/v1/me HTTP/9.9", b"G\x00T /api/v1/me HTTP/1.1",
    b"GET /api/v1/leads?limit=1&limit=2 HTTP/1.1", b"GET /%00%ff/.. HTTP/1.1", b"POST /auth/login HTTP/1.1",
)  # fmt: skip
HOSTS: tuple[list[bytes], ...] = ([b"Host: evil.example"], [b"Host: localhost", b"Host: evil.example"], [], [b"Host:"])


def test_another_host_and_strange_targets_lead_nowhere_else(undisturbed: Server) -> None:
    """Bad input 86. No answer names a host that the caller made up."""
    found: dict[tuple[bytes, int], object] = {}
    for target in TARGETS:
        for number, hosts in enumerate(HOSTS):
            statuses, _, told = say(undisturbed.port, b"\r\n".join([target, *hosts, b"", b""]))
            names_it = b"evil.example" in told.partition(b"\r\n\r\n")[0].lower()
            if names_it or len(statuses) > 1 or any(status >= 500 for status in statuses):
                found[target, number] = (statuses, told[:200])
    assert found == {}
