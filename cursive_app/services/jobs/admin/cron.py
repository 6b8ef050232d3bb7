"""A cron line in words, for the lines this installation uses and any other."""

from __future__ import annotations

import re
from datetime import timedelta

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_STEP = re.compile(r"\*/(\d+)")


def in_words(cron: str | None, every: timedelta | None) -> tuple[str, str]:
    """The line itself and the same for people; all times are UTC."""
    if cron is None:
        span = _span(int((every or timedelta()).total_seconds()))
        return f"every {span}", f"Every {span}"
    return cron, _words(*cron.split())


def _words(minute: str, hour: str, day: str, month: str, weekday: str) -> str:
    when = _time(minute, hour, daily=day == weekday == "*")
    if weekday != "*":
        when += f" on {_weekdays(weekday)}"
    if day != "*":
        step = _STEP.fullmatch(day)
        when += f", every {step[1]} days" if step else f" on day {day} of the month"
    if month != "*":
        when += f", in month {month}"
    return when


def _time(minute: str, hour: str, *, daily: bool) -> str:
    minutes, hours = _STEP.fullmatch(minute), _STEP.fullmatch(hour)
    times = [f"{int(one):02}:{int(minute):02}" for one in hour.split(",") if minute.isdigit() and one.isdigit()]
    if len(times) == len(hour.split(",")):
        return f"{'Every day at' if daily else 'At'} {_listed(times)} UTC"
    often = "Every minute" if minute == "*" else f"Every {minutes[1]} minutes" if minutes else ""
    if often:
        return often if hour == "*" else f"{often} of hour {hour.replace('-', ' to ')} UTC"
    if minute.isdigit() and hour == "*":
        return f"Every hour at minute {int(minute)}"
    if minute.isdigit() and hours:
        return f"Every {hours[1]} hours at minute {int(minute)}"
    return f"At minute {minute} of hour {hour} UTC"


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _weekdays(field: str) -> str:
    def name(part: str) -> str:
        return _DAYS[int(part) % 7] if part.isdigit() else part.capitalize()

    return _listed([" to ".join(name(end) for end in part.split("-")) for part in field.split(",")])


def _span(seconds: int) -> str:
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size and seconds % size == 0:
            number = seconds // size
            return word if number == 1 else f"{number} {word}s"
    return f"{seconds} seconds"
