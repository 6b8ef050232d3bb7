"""What the client hands back: plain frozen values, never the vendor's envelopes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from cursive_app.integrations.audiencelab.errors import ProviderProtocolError
from cursive_app.integrations.audiencelab.records import Person
from cursive_app.integrations.audiencelab.values import flat, text, whole

_ROW_KEYS = ("data", "Data", "events", "result", "results", "jobs")
_TOTAL_KEYS = ("total_records", "total", "count")


@dataclass(frozen=True, slots=True)
class Preview:
    """A sample. `sample_size` is how many people came back and says nothing about how many there are (§2.3)."""

    people: tuple[Person, ...]
    sample_size: int
    field_coverage: dict[str, float]


@dataclass(frozen=True, slots=True)
class AudiencePage:
    """One page of an audience, 1-indexed. Not ready: still being built, ask again later. `total` is all people found;
    `capped` says that it stands at the provider's limit, so that there may be more ("500k+")."""

    ready: bool
    records: tuple[dict[str, Any], ...]
    total: int | None
    page: int
    is_last: bool
    capped: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page of any other list."""

    rows: tuple[dict[str, Any], ...]
    total: int | None
    page: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class Attribute:
    """One word of a vocabulary (§2.6). `b2b` is known for segments only."""

    id: str
    name: str
    b2b: bool | None


@dataclass(frozen=True, slots=True)
class Enrichment:
    """A batch job. `matches_known_zero`: it completed and found nobody (NO_DATA)."""

    id: str
    name: str | None
    status: Literal["queued", "processing", "completed", "failed", "unknown"]
    matches_known_zero: bool
    result_url: str | None


@dataclass(frozen=True, slots=True)
class Match:
    """Answer of a single look-up, best first."""

    found: int
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Pixel:
    id: str
    install_url: str | None
    website_name: str | None
    website_url: str | None
    webhook_url: str | None
    last_sync: str | None


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """`state`: ok under 2 s, slow under 10 s, down on failure or silence, auth_failed when the key is refused (§7)."""

    state: Literal["ok", "slow", "down", "auth_failed"]
    milliseconds: int
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """One HTTP attempt, as recorded for monitoring. `endpoint` is the template ("/audiences/{id}"), never an id.

    `retries` is how many attempts went before this one; `error_class` the name of our error, None on success.
    """

    endpoint: str
    method: str
    status: int | None
    milliseconds: int
    rows: int | None
    workspace_id: UUID | None
    retries: int
    error_class: str | None
    at: datetime


def rows_of(body: Any) -> tuple[dict[str, Any], ...]:
    """The rows of any list envelope (§1), or of a bare array; () for an envelope that holds none.

    Raises ProviderProtocolError when what stands in the rows' place is no list of objects.
    """
    if isinstance(body, Mapping):
        found = next((body[key] for key in _ROW_KEYS if body.get(key) is not None), [])
    else:
        found = body
    if not isinstance(found, list):
        raise ProviderProtocolError
    rows = tuple(row for row in found if isinstance(row, dict))
    if found and not rows:
        raise ProviderProtocolError
    return rows


def row_count(body: Any) -> int | None:
    """How many rows an answer held, for the record; None when it is no list, which is not the same as an empty one."""
    held = [body.get(key) for key in _ROW_KEYS] if isinstance(body, Mapping) else [body]
    is_list = any(isinstance(rows, list) for rows in held)
    try:
        return len(rows_of(body)) if is_list else None
    except ProviderProtocolError:
        return None


def total_of(body: Any) -> int | None:
    """How many rows the list has in all, or None when the envelope does not say."""
    if not isinstance(body, Mapping):
        return None
    counts = (whole(body.get(key)) for key in _TOTAL_KEYS)
    return next((count for count in counts if count is not None and count >= 0), None)


def page_of(body: Any, *, page: int) -> Page:
    """One page of a list. The last one is empty, or is the last by `total_pages`; sizes are never computed, because
    the provider may serve fewer rows per page than asked (§1)."""
    rows = rows_of(body)
    pages = whole(body.get("total_pages")) if isinstance(body, Mapping) else None
    return Page(rows, total_of(body), page, is_last=not rows or (pages is not None and page >= pages))


_JOB_STATUSES: dict[str, Literal["queued", "processing", "completed", "failed"]] = {
    "in_queue": "queued", "pending": "queued", "queued": "queued", "processing": "processing",
    "completed": "completed", "processed": "completed", "no_data": "completed", "failed": "failed",
}  # fmt: skip


def enrichment_of(row: Mapping[str, Any]) -> Enrichment:
    """A batch job from a create answer (`jobId`) or a list row (`id`) (§4.4)."""
    job_id = flat(row.get("id") or row.get("jobId") or row.get("job_id"))
    if job_id is None:
        raise ProviderProtocolError
    word = (flat(row.get("status")) or "").casefold().replace(" ", "_")
    return Enrichment(
        id=job_id,
        name=flat(row.get("name")),
        status=_JOB_STATUSES.get(word, "unknown"),
        matches_known_zero=word == "no_data",
        result_url=text(row.get("csv_url")) or text(row.get("download_url")),
    )


def pixel_of(row: Mapping[str, Any]) -> Pixel:
    pixel_id = flat(row.get("pixel_id") or row.get("id"))
    if pixel_id is None:
        raise ProviderProtocolError
    return Pixel(
        id=pixel_id,
        install_url=text(row.get("install_url")),
        website_name=flat(row.get("website_name") or row.get("websiteName")),
        website_url=text(row.get("website_url") or row.get("websiteUrl")),
        webhook_url=text(row.get("webhook_url") or row.get("webhookUrl")),
        last_sync=flat(row.get("last_sync")),
    )
