"""Receiving a list: streamed to a file on disk, never whole in memory, and counted while it arrives (D-14, F9).

    multipart/form-data      what our page's drop zone sends; one part with a file
    application/json         {"records": [...]}, read by the route; smaller, because it must be parsed as a whole
    anything else            the file itself; its name in `?filename=` or Content-Disposition

Whatever goes wrong on the way leaves nothing behind: the file is removed when the request ends, and files that a killed
process left are removed by the next upload.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Literal
from uuid import UUID

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive

from cursive_app.api.bodies import TooLarge
from cursive_app.api.multipart import FilePart, disposition_filename
from cursive_app.errors import CursiveError, RateLimited
from cursive_app.services import limits
from cursive_app.settings import settings
from db.scope import Tenant

PATHS = frozenset({"/api/v1/enrichments", "/api/audiencelab/batch-enrichment"})
JSON_BYTES = 10_000_000
FORM_BYTES = 64 * 1024  # what a form adds around its file
WRITE_BYTES = 512 * 1024
IDLE_SECONDS = 30.0
LONGEST_SECONDS = 600.0
AT_ONCE = 4  # of one workspace, in one web process
AT_ONCE_ALL = 16
FREE_BYTES = 64 * 1024 * 1024  # the database may live on the same disk
LEFT_SECONDS = 3600
RATE = limits.Rate(name="uploads", limit=120, period=timedelta(hours=1))
_busy: Counter[UUID] = Counter()


class Incomplete(CursiveError):
    status = 400
    code = "incomplete"
    default_message = "The upload broke off before its end. Nothing was stored; send it again."


class TooSlow(CursiveError):
    status = 408
    code = "too_slow"
    default_message = "The upload took too long. Nothing was stored; try again on a faster connection."


class SpoolFull(CursiveError):
    status = 507
    code = "storage_full"
    default_message = "There is no room for uploads at the moment. Nothing was stored; try again in some minutes."


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that has arrived whole. `filename` is as the client gave it; `fingerprint` says what was sent, whatever
    form it came in."""

    path: Path
    kind: Literal["file", "json"]
    filename: str
    size: int
    fingerprint: bytes


def takes_uploads(request: Request) -> bool:
    """Whether this request brings a list, so that its body is streamed to disk instead of read."""
    return request.method == "POST" and request.scope["path"] in PATHS


def upload_of(request: Request) -> Upload:
    """The body of a request that `takes_uploads`, as the gate received it. Raises Incomplete without one."""
    found = getattr(request.state, "upload", None)
    if not isinstance(found, Upload):
        raise Incomplete
    return found


@asynccontextmanager
async def received(request: Request, receive: Receive, *, tenant: Tenant) -> AsyncIterator[Upload]:
    """The body on disk, for as long as the block lasts.

    Raises TooLarge, Incomplete, TooSlow, SpoolFull, RateLimited (too many at once, too many an hour), and what
    `multipart.FilePart` raises.
    """
    sizes = _Sizes.of(request)
    with _slot(tenant.workspace_id):
        await run_in_threadpool(limits.require, tenant, RATE)
        path = await run_in_threadpool(_new_file, sizes.announced or 0)
        try:
            yield await _receive(request, receive, path, sizes)
        finally:
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """What the request says about its length, and what it may have."""

    announced: int | None
    body: int
    file: int
    media: str

    @staticmethod
    def of(request: Request) -> _Sizes:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        most = JSON_BYTES if is_json(media) else settings().enrichment_maximum_bytes
        body = most + (FORM_BYTES if media == "multipart/form-data" else 0)
        length = request.headers.get("content-length")
        if length is not None and (not (length.isascii() and length.isdigit()) or int(length) > body):
            raise _too_large(most)
        return _Sizes(int(length) if length is not None else None, body, most, media)


def is_json(media: str) -> bool:
    return media == "application/json" or (media.startswith("application/") and media.endswith("+json"))


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"This is larger than {most / 1_048_576:,.0f} MB. Split the list, or compress it with gzip.")


async def _receive(request: Request, receive: Receive, path: Path, sizes: _Sizes) -> Upload:
    query = request.query_params.get("filename", "")
    with path.open("wb", buffering=0) as file:
        writer = _Writer(file, most=sizes.file)
        part: FilePart | None = None
        if sizes.media == "multipart/form-data":
            part = FilePart(request.headers.get("content-type", ""), take=writer.take)
        async for piece in _pieces(receive, sizes):
            if part is not None:
                part.feed(piece)
            else:
                writer.take(piece)
            if writer.is_full:
                await run_in_threadpool(writer.flush)
        await run_in_threadpool(writer.flush)
    if part is not None:
        part.finish()
    name = part.filename if part is not None else query or disposition_filename(
        request.headers.get("content-disposition", "")
    )  # fmt: skip
    kind = "json" if is_json(sizes.media) else "file"
    digest = hashlib.sha256(writer.digest + name.encode("utf-8", "replace") + kind.encode()).digest()
    return Upload(path=path, kind=kind, filename=name, size=writer.size, fingerprint=digest)


class _Writer:
    """Counts and keeps what arrives; writes when a piece of some size has come together."""

    def __init__(self, file: BinaryIO, *, most: int) -> None:
        self.size = 0
        self._file = file
        self._most = most
        self._hash = hashlib.sha256()
        self._waiting = bytearray()

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= WRITE_BYTES

    @property
    def digest(self) -> bytes:
        return self._hash.digest()

    def take(self, piece: bytes | memoryview) -> None:
        self.size += len(piece)
        if self.size > self._most:
            raise _too_large(self._most)
        self._waiting += piece

    def flush(self) -> None:
        """Raises SpoolFull when the disk has no room."""
        with _full_disk():
            self._hash.update(self._waiting)
            rest = memoryview(bytes(self._waiting))
            self._waiting.clear()
            while rest:
                rest = rest[self._file.write(rest) :]


async def _pieces(receive: Receive, sizes: _Sizes) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises TooSlow, Incomplete, TooLarge."""
    ends = time.monotonic() + LONGEST_SECONDS
    size, more = 0, True
    while more:
        patience = min(IDLE_SECONDS, ends - time.monotonic())
        try:
            message = await asyncio.wait_for(receive(), max(patience, 0))
        except TimeoutError:
            raise TooSlow from None
        if message["type"] == "http.disconnect":
            raise Incomplete
        piece = message.get("body", b"")
        size += len(piece)
        if size > sizes.body:
            raise _too_large(sizes.file)
        more = message.get("more_body", False)
        if piece:
            yield piece
    if sizes.announced is not None and size != sizes.announced:
        raise Incomplete


@contextmanager
def _slot(workspace_id: UUID) -> Iterator[None]:
    """A place among the uploads of this process. Raises RateLimited when there is none."""
    if _busy[workspace_id] >= AT_ONCE or _busy.total() >= AT_ONCE_ALL:
        raise RateLimited("Other uploads are still on their way. Try again when they have arrived.", retry_after=5)
    _busy[workspace_id] += 1
    try:
        yield
    finally:
        _busy[workspace_id] -= 1
        if not _busy[workspace_id]:
            del _busy[workspace_id]


def _new_file(announced: int) -> Path:
    """An empty file in the spool. Raises SpoolFull."""
    folder = settings().spool_dir
    with _full_disk():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_leftovers(folder)
        if shutil.disk_usage(folder).free < announced + FREE_BYTES:
            raise SpoolFull
        handle, name = tempfile.mkstemp(dir=folder, prefix="upload-", suffix=".tmp")
        os.close(handle)
    return Path(name)


def _remove_leftovers(folder: Path) -> None:
    """Files of processes that were killed while they received: older than any upload may last."""
    oldest = time.time() - LEFT_SECONDS
    for file in folder.glob("*.tmp"):
        try:
            if file.stat().st_mtime < oldest:
                file.unlink()
        except FileNotFoundError:
            continue


@contextmanager
def _full_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SpoolFull from error
        raise
