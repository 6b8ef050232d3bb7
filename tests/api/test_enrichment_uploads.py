"""Uploads that are slow, torn, false or too much, and a disk that is full: refused in words, and nothing stays (F9)."""

from __future__ import annotations

import asyncio
import errno
import gzip
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from cursive_app.api import uploads
from cursive_app.api.app import rest
from cursive_app.services import accounts, enrichment
from cursive_app.settings import settings
from cursive_app.web_edge import BodyLimit
from tests.factories import Cast

PATH = "/api/v1/enrichments"
CSV = b"email\ndana@acme.example\n"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: object) -> Iterator[Path]:
    monkeypatch.setenv("UPLOAD_DIR", str(tmp_path / "spool"))
    settings.cache_clear()
    yield tmp_path / "spool"
    assert list((tmp_path / "spool").glob("*")) == []
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def post(cast: Cast) -> Callable[..., Awaitable[Answer]]:
    """Send a body piece by piece, as a server hands it on, through the edge and the whole API."""
    with cast.alice.begin() as scope:
        key = accounts.create_api_key(scope, name="up", scopes=[one.value for one in accounts.KEY_SCOPES]).key
    app = BodyLimit(rest())

    async def send(pieces: AsyncIterator[Message], **headers: str) -> Answer:
        given = {"authorization": f"Bearer {key}", "content_type": "text/csv", **headers}
        scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "path": PATH, "raw_path": PATH.encode(),
            "query_string": b"", "root_path": "", "scheme": "http", "server": ("testserver", 80), "state": {},
            "client": ("127.0.0.1", 1),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()],
        }  # fmt: skip
        told: list[Message] = []

        async def receive() -> Message:
            return await anext(pieces)

        async def tell(message: Message) -> None:
            told.append(message)

        await app(scope, receive, tell)
        found = {name.decode(): value.decode() for name, value in told[0]["headers"]}
        return Answer(told[0]["status"], found, json.loads(b"".join(one.get("body", b"") for one in told[1:])))

    return send


async def whole(*pieces: bytes) -> AsyncIterator[Message]:
    for piece in pieces[:-1]:
        yield {"type": "http.request", "body": piece, "more_body": True}
    yield {"type": "http.request", "body": pieces[-1], "more_body": False}


async def torn(*pieces: bytes) -> AsyncIterator[Message]:
    for piece in pieces:
        yield {"type": "http.request", "body": piece, "more_body": True}
    yield {"type": "http.disconnect"}


def lists_of(cast: Cast) -> int:
    with cast.alice.begin() as scope:
        return len(enrichment.list_enrichments(scope).items)


async def test_pieces_of_any_size_arrive_whole(post: Any, cast: Cast) -> None:
    answer = await post(whole(*(bytes([byte]) for byte in CSV)))
    assert (answer.status, answer.body["byte_size"]) == (201, len(CSV)), answer.body
    assert lists_of(cast) == 1


@pytest.mark.parametrize("length", ["24", "1000"])
async def test_a_torn_upload_leaves_nothing(post: Any, cast: Cast, length: str) -> None:
    answer = await post(torn(CSV[:10]), content_length=length)
    assert (answer.status, answer.body["code"]) == (400, "incomplete")
    assert lists_of(cast) == 0


@pytest.mark.parametrize("length", ["5", "1000"])
async def test_a_length_that_is_not_true(post: Any, cast: Cast, length: str) -> None:
    answer = await post(whole(CSV), content_length=length)
    assert (answer.status, answer.body["code"]) == (400, "incomplete")
    assert lists_of(cast) == 0


@pytest.mark.parametrize("length", ["-1", "ten", "1e3", "99999999999999999999", str(26 * 1024 * 1024)])
async def test_a_length_that_is_too_much(post: Any, length: str) -> None:
    async def unread() -> AsyncIterator[Message]:
        raise AssertionError("nothing is read of it")
        yield {}

    answer = await post(unread(), content_length=length)
    assert (answer.status, answer.body["code"]) == (413, "too_large")


async def test_what_is_counted_while_it_arrives(post: Any, cast: Cast) -> None:
    seen = 0

    async def endless() -> AsyncIterator[Message]:
        nonlocal seen
        while True:
            seen += 1
            yield {"type": "http.request", "body": b"x" * 1_000_000, "more_body": True}

    answer = await post(endless())
    assert (answer.status, answer.body["code"]) == (413, "too_large")
    assert seen == settings().enrichment_maximum_bytes // 1_000_000 + 1
    assert "25 MB" in answer.body["detail"]
    assert lists_of(cast) == 0


@pytest.mark.parametrize("coding", ["gzip", "br", "identity", "gzip, gzip", "x"])
@pytest.mark.parametrize("packed", [True, False])
async def test_a_content_coding_that_is_not_true(post: Any, cast: Cast, coding: str, packed: bool) -> None:
    """Bad input 20: what a file is follows from its bytes, never from a header."""
    answer = await post(whole(gzip.compress(CSV) if packed else CSV), content_encoding=coding)
    assert (answer.status, lists_of(cast)) == (201, 1), answer.body
    assert answer.body["layout"]["compression"] == ("gzip" if packed else None)
    assert [column["field"] for column in answer.body["columns"]] == ["email"]


async def test_two_tabs_at_once_make_two_lists_of_their_own(post: Any, cast: Cast) -> None:
    """Bad input 30: pieces of the two arrive in turns."""
    turns = [asyncio.Event(), asyncio.Event()]

    async def tab(mine: int, *pieces: bytes) -> AsyncIterator[Message]:
        for number, piece in enumerate(pieces, start=1):
            turns[1 - mine].set()
            await turns[mine].wait()
            turns[mine].clear()
            yield {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        turns[1 - mine].set()

    first = [b"email,note\n", b"dana@acme.example,", b"one\n"]
    other = [b"email,note\n", b"sam@acme.example,", b"two\n"]
    answers = await asyncio.gather(post(tab(0, *first)), post(tab(1, *other)))
    assert [answer.status for answer in answers] == [201, 201]
    assert lists_of(cast) == 2
    assert len({answer.body["id"] for answer in answers}) == 2
    assert [answer.body["columns"][1]["samples"] for answer in answers] == [["one"], ["two"]]


async def test_json_is_smaller(post: Any) -> None:
    answer = await post(whole(b" " * 10_000_001), content_type="application/json")
    assert (answer.status, answer.body["code"]) == (413, "too_large")


async def test_a_form_that_is_too_much(post: Any) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    answer = await post(
        whole(head, *[b"y" * 1_000_000] * 27, b"\r\n--x--"), content_type="multipart/form-data; boundary=x"
    )
    assert (answer.status, answer.body["code"]) == (413, "too_large")
    kept = await post(whole(head, CSV, b"\r\n--x--"), content_type="multipart/form-data; boundary=x")
    assert (kept.status, kept.body["byte_size"], kept.body["filename"]) == (201, len(CSV), "a.csv")


async def test_a_body_that_never_ends(post: Any, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "IDLE_SECONDS", 0.05)

    async def stuck() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": CSV, "more_body": True}
        await asyncio.Event().wait()

    answer = await post(stuck())
    assert (answer.status, answer.body["code"]) == (408, "too_slow")
    assert lists_of(cast) == 0


async def test_a_body_that_drips(post: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LONGEST_SECONDS", 0.3)

    async def drips() -> AsyncIterator[Message]:
        while True:
            await asyncio.sleep(0.02)
            yield {"type": "http.request", "body": b"x", "more_body": True}

    answer = await post(drips())
    assert (answer.status, answer.body["code"]) == (408, "too_slow")


async def test_a_full_disk(post: Any, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The spool is a device that has no room, as far as writing goes."""
    new_file = uploads._new_file

    def on_full_device(announced: int) -> Path:
        path = new_file(announced)
        path.unlink()
        path.symlink_to("/dev/full")
        return path

    monkeypatch.setattr(uploads, "_new_file", on_full_device)
    answer = await post(whole(CSV))
    assert (answer.status, answer.body["code"]) == (507, "storage_full")
    assert lists_of(cast) == 0
    monkeypatch.undo()  # freed
    monkeypatch.setenv("UPLOAD_DIR", str(settings().spool_dir))
    assert (await post(whole(CSV))).status == 201


async def test_a_disk_that_is_nearly_full(post: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "FREE_BYTES", 2**62)
    answer = await post(whole(CSV))
    assert (answer.status, answer.body["code"]) == (507, "storage_full")


async def test_another_trouble_of_the_disk_is_a_defect(post: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(announced: int) -> Path:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(uploads, "_new_file", broken)
    answer = await post(whole(CSV))
    assert (answer.status, answer.body["code"]) == (500, "internal")


async def test_so_many_at_once(post: Any, cast: Cast) -> None:
    go_on = asyncio.Event()
    all_wait = asyncio.Barrier(uploads.AT_ONCE + 1)

    async def held() -> AsyncIterator[Message]:
        await all_wait.wait()
        await go_on.wait()
        async for message in whole(CSV):
            yield message

    running = [asyncio.create_task(post(held())) for _ in range(uploads.AT_ONCE)]
    async with asyncio.timeout(20):
        await all_wait.wait()
    refused = await post(whole(CSV))
    assert (refused.status, refused.body["code"], refused.headers["retry-after"]) == (429, "rate_limited", "5")
    go_on.set()
    assert [one.status for one in await asyncio.gather(*running)] == [201] * uploads.AT_ONCE
    assert (await post(whole(CSV))).status == 201
    assert not uploads._busy


async def test_so_many_an_hour(post: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "RATE", uploads.limits.Rate("uploads", 2, uploads.RATE.period))
    assert [(await post(whole(CSV))).status for _ in range(3)] == [201, 201, 429]


@pytest.fixture
def leftovers(spool: Path) -> Iterator[tuple[Path, Path]]:
    """A file of an hour ago, and one of now."""
    spool.mkdir()
    old, young = spool / "upload-old.tmp", spool / "upload-young.tmp"
    for file in (old, young):
        file.write_bytes(b"x")
    then = time.time() - uploads.LEFT_SECONDS - 60
    os.utime(old, (then, then))
    yield old, young
    young.unlink()


async def test_a_killed_process_leaves_nothing_for_long(post: Any, leftovers: tuple[Path, Path]) -> None:
    assert (await post(whole(CSV))).status == 201
    assert [file.is_file() for file in leftovers] == [False, True]
