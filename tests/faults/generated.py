"""Inputs nobody would think of: JSON values, event arguments and mutilated files, as hypothesis strategies."""

from __future__ import annotations

import csv
import gc
import gzip
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.state.victim import Victim

HOSTILE = (
    "", " ", "null", "\x00", "a\x00b", "\ud800", "' OR 1=1--", "%_\\", "$1", "{{7*7}}", "<script>alert(1)</script>",
    "=cmd|'/c calc'!A1", "../../etc/passwd", "1e400", "NaN", "-0", "٠", "0x10", "2026-02-30", "0001-01-01T00:00:00",
    "9999-12-31T23:59:59Z", "00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}",
    "__proto__", "password_hash", "e\u0301\u200d\u202e", "👩🏽\u200d💻", "x" * 10_000, "0." * 60 + "0",
    "//evil.example", "workspace_id", "any", "database", "leads",
)  # fmt: skip
MOST_GROWTH_MEGABYTES = 64
WARM_UP = 2  # so many of each come before memory is looked at: caches fill up once
T = TypeVar("T")
TEXTS = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=30)  # halves of characters included
NUMBERS = st.integers() | st.integers(-3, 30) | st.sampled_from((2**63, -(2**63), 10**30)) | st.floats()
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def each(strategy: st.SearchStrategy[T], count: int, look: Callable[[T], None], *, fresh: bool) -> None:
    """Show `count` values to `look`: others in every run when `fresh`, else always the same. The one that it fails for
    is printed, made as small as possible."""

    @settings(
        max_examples=count, derandomize=not fresh, deadline=None, database=None, print_blob=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def shown(value: T) -> None:
        look(value)

    shown()


def some(strategy: st.SearchStrategy[T], count: int, *, fresh: bool) -> list[T]:
    """`count` values, for whoever cannot look at them in a callback."""
    found: list[T] = []
    each(strategy, count, found.append, fresh=fresh)
    return found


def arguments(kinds: dict[str, str], ids: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """What could be sent to a handler with these parameters (name to annotation): mostly of the right type, so that it
    gets past the gate, sometimes of any type, too few or too many."""
    known = TEXTS | st.sampled_from(ids)
    by_kind: dict[str, st.SearchStrategy[Any]] = {
        "str": known, "bool": st.booleans(), "int": st.integers(-3, 30) | st.integers(),
        "dict": st.dictionaries(st.sampled_from(FORM_FIELDS), known | st.booleans(), max_size=6),
    }  # fmt: skip
    fitting = {name: by_kind.get(kind.split("[")[0], VALUES) for name, kind in kinds.items()}
    right = st.fixed_dictionaries(fitting)
    wrong = st.fixed_dictionaries({}, optional=dict.fromkeys(kinds, VALUES))
    more = st.builds(lambda first, rest: rest | first, right, st.dictionaries(TEXTS, VALUES, max_size=1))
    return st.one_of(right, right, right, wrong, more)


FORM_FIELDS = (
    "name", "email", "password", "new_password", "timezone", "role", "scope_leads:read", "ceiling", "max_leads",
    "reason", "id", "lead", "limit", "value", "find", "replace", "column", "description",
    "__reflex_form_data_entries__",
)  # fmt: skip


def files(*originals: bytes) -> st.SearchStrategy[bytes]:
    """Mutilated copies of files, tables of any text, and any bytes."""
    edit = st.tuples(st.integers(0, 2_000), st.integers(0, 60), st.binary(max_size=8) | st.sampled_from(SPLINTERS))
    damaged = st.builds(_damaged, st.sampled_from(originals), st.lists(edit, min_size=1, max_size=6))
    table = st.builds(
        _table,
        st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=5), min_size=1, max_size=8),
        st.sampled_from((",", ";", "\t", "|")),
        st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "cp1252")),
    )
    return st.one_of(damaged, damaged, table, st.binary(max_size=400), st.builds(gzip.compress, damaged))


SPLINTERS = (
    b'"',
    b"\n",
    b"\r",
    b"\x00",
    b",,,,,,,,",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"PK\x03\x04",
    b"\x1f\x8b\x08",
    b"=1+1",
)


def _damaged(body: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, instead in edits:
        start = place % (len(body) + 1)
        body = body[:start] + instead + body[start + length :]
    return body


def _table(lines: list[list[str]], delimiter: str, encoding: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([["E-mail", "Name"], *lines])
    return out.getvalue().encode(encoding, "replace")


def resident() -> float:
    """What this process holds in memory now, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Memory:
    """How much this process has grown since its caches were filled. `seen`: inputs since then."""

    def __init__(self) -> None:
        self.seen, self._start = 0, 0.0

    def is_warm(self) -> None:
        gc.collect()
        self.seen, self._start = 0, resident()

    def note(self) -> None:
        self.seen += 1

    def assert_flat(self) -> None:
        gc.collect()
        assert resident() - self._start <= MOST_GROWTH_MEGABYTES


@contextmanager
def nothing_changes(victim: Victim) -> Iterator[None]:
    before = victim.fingerprint()
    yield
    assert victim.fingerprint() == before
