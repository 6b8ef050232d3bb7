"""Moments and spans as people read them, made on the server in the reader's own time zone."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from cursive_app.clock import now


def ago(moment: datetime, *, present: datetime | None = None) -> str:
    """How long ago: “just now”, “5 minutes ago”, “3 days ago”; or ahead: “in 2 minutes”."""
    seconds = ((present or now()) - moment).total_seconds()
    words = span(abs(seconds))
    if abs(seconds) < 5:
        return "just now"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def span(seconds: float) -> str:
    """A span in its largest unit: “42 seconds”, “3 minutes”, “1 hour”, “2 days”."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return _count(int(seconds // size), unit)
    return _count(int(seconds), "second")


def clock_span(seconds: float) -> str:
    """A duration with its two largest units: “42 s”, “3 min 5 s”, “1 h 4 min”, “2 d 3 h”."""
    whole = max(int(seconds), 0)
    parts = [(whole // 86_400, "d"), (whole // 3_600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((index for index, (count, _unit) in enumerate(parts) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count or first == 3)


def exact(moment: datetime, timezone: str) -> str:
    """The moment to the second in a zone, with the zone's name: “Mar 4, 2026, 14:05:09 CET”."""
    local = moment.astimezone(ZoneInfo(timezone))
    return f"{local:%b} {local.day}, {local:%Y, %H:%M:%S %Z}"


def day(moment: datetime, timezone: str) -> str:
    """The day of a moment in a zone: “Mar 4, 2026”."""
    local = moment.astimezone(ZoneInfo(timezone))
    return day_words(local.date())


def day_words(found: date) -> str:
    """A day of the calendar as people read it: “Mar 1, 2026”."""
    return f"{found:%b} {found.day}, {found:%Y}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
