"""What of a job's arguments nobody sees, and what only some of the staff see (JOB-12)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "•••"
_SECRET = re.compile(r"secret|token|password|api_key|credential", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether an argument of this name is masked for everybody."""
    return bool(_SECRET.search(name))


def masked(arguments: Mapping[str, Any], *, everything: bool) -> dict[str, Any]:
    """Secrets are masked for everybody, everything for those who may only read."""
    return {name: MASK if everything or is_secret(name) else _open(value) for name, value in arguments.items()}


def _open(value: Any) -> Any:
    if isinstance(value, Mapping):
        return masked(value, everything=False)
    return [_open(one) for one in value] if isinstance(value, list) else value
