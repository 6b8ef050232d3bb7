"""What tests of the record normalizer share: the moment they live in, and short ways to look at a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cursive_app.integrations.audiencelab import Person, normalize

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TWO = "+15125550101, +15125550102"
FIELDS = [name for name in Person.__dataclass_fields__ if name != "raw"]


def emails(record: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(email.address, email.kind, email.verification) for email in normalize(record).emails]


def phones(record: dict[str, Any]) -> list[tuple[str, str, bool | None]]:
    return [(found.e164, found.kind, found.do_not_call) for found in normalize(record).phones]
