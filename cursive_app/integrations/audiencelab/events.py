"""One pixel event, pulled or pushed, as one `PixelEvent` (contract §5.3, §8.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cursive_app.integrations.audiencelab.records import Fields, Person, normalize
from cursive_app.integrations.audiencelab.values import flat, parse_json, storable, text

_OLDEST = timedelta(days=7)
_NEWEST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class PixelEvent:
    """What one visitor did. `person` is None for an anonymous event. `at_is_doubtful` marks a time that was missing or
    impossible and was replaced by the time of receipt."""

    pixel_id: str | None
    event_type: str
    at: datetime
    at_is_doubtful: bool
    hem_md5: str | None
    hem_sha256: str | None
    page_url: str | None
    referrer_url: str | None
    person: Person | None
    raw: dict[str, Any] = field(default_factory=dict)


def normalize_event(event: Mapping[str, Any], *, received_at: datetime) -> PixelEvent:
    """Read one event. Never raises for a mapping; a resolution that cannot be read leaves the event anonymous."""
    fields = Fields(event)
    hem = (text(fields.first("HEM_SHA256", "HEM", "SHA256", "SHA")) or "").casefold()
    is_hex = bool(hem) and all(letter in "0123456789abcdef" for letter in hem)
    at, doubtful = event_time(fields.first("EVENT_TIMESTAMP", "TIMESTAMP"), received_at=received_at)
    resolution = _resolution(event)
    return PixelEvent(
        pixel_id=flat(fields.first("PIXEL_ID")),
        event_type=flat(fields.first("EVENT_TYPE", "EVENT", "TYPE")) or "page_view",
        at=at,
        at_is_doubtful=doubtful,
        hem_md5=hem if is_hex and len(hem) == 32 else None,
        hem_sha256=hem if is_hex and len(hem) == 64 else None,
        page_url=flat(fields.first("PAGE_URL", "FULL_URL", "LANDING_URL", "URL")),
        referrer_url=flat(fields.first("REFERRER_URL", "REFERRER")),
        person=normalize(resolution) if resolution else None,
        raw=storable(event),
    )


def event_time(value: object, *, received_at: datetime) -> tuple[datetime, bool]:
    """When the event happened, in UTC, and whether that had to be replaced by the time of receipt.

    Accepts ISO 8601 and seconds or milliseconds since 1970. A time more than 7 days before or 5 minutes after receipt
    is impossible for a live feed.
    """
    found = _instant(value)
    if found is None:
        return received_at, text(value) is not None
    if not received_at - _OLDEST <= found <= received_at + _NEWEST:
        return received_at, True
    return found, False


def _instant(value: object) -> datetime | None:
    cleaned = text(value)
    if cleaned is None:
        return None
    try:
        number = float(cleaned)
    except ValueError:
        number = None
    try:
        if number is not None:
            return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
        parsed = datetime.fromisoformat(cleaned)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _resolution(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The person fields: under `resolution`, under `event_data.resolution`, or as text in either place."""
    inner = event.get("event_data")
    for value in (event.get("resolution"), inner.get("resolution") if isinstance(inner, Mapping) else None):
        parsed = parse_json(value) if isinstance(value, str) else value
        if isinstance(parsed, Mapping) and parsed:
            return parsed
    return None
