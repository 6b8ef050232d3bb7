"""Why an attempt did not work, in a form that can be stored, shown to staff and grouped (JOB-11, F37).

Texts of an error are the error's: they may be huge, hold NUL characters or halves of characters. Everything is cut and
cleaned here, before a database or a log sees it.
"""

from __future__ import annotations

import hashlib
import re
import traceback
from dataclasses import dataclass

LONGEST_INTERNAL = 8_000  # the beginning and the end of a longer text are kept
LONGEST_MESSAGE = 500
_HEAD = 2_000
_OURS = ("cursive_app", "db", "state")
_FRAMES = 3
_CHANGING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # ids
    r"|0x[0-9a-f]+|\b[0-9a-f]{16,}\b|\d[\d.,:_]*|“[^”]*”|'[^']*'|\"[^\"]*\"",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cause:
    """`code` and `message` may be shown to the customer; `internal` is for staff. Equal failures have the same
    `fingerprint`, whatever numbers, ids and names are in their texts. `for_staff`: the message of the try and of its
    group, where the customer's says how far it reached and not what it is."""

    code: str
    message: str
    internal: str | None
    fingerprint: str
    for_staff: str | None = None


def cause_of(error: BaseException, *, code: str, message: str) -> Cause:
    """The cause behind an exception: grouped by its class, code and innermost frames of ours."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_ours(frame.filename)]
    path = ">".join(f"{_module(frame.filename)}.{frame.name}" for frame in frames[-_FRAMES:])
    return Cause(
        code=code,
        message=clean(message)[:LONGEST_MESSAGE],
        internal=_trace(error),
        fingerprint=_digest(code, type(error).__qualname__, path or "outside"),
    )


def cause_told(
    kind: str,
    *,
    code: str,
    message: str,
    internal: str | None = None,
    grouped_by: str | None = None,
    for_staff: str | None = None,
) -> Cause:
    """The cause a flow gives in words: grouped by kind, code and the words without numbers, or by kind, code and
    `grouped_by` where the words say how far it reached and not what it is."""
    words = grouped_by if grouped_by is not None else _CHANGING.sub("#", clean(message)[:LONGEST_MESSAGE])
    return Cause(
        code=code,
        message=clean(message)[:LONGEST_MESSAGE],
        internal=shorten(internal) if internal else None,
        fingerprint=_digest(code, kind, words),
        for_staff=clean(for_staff)[:LONGEST_MESSAGE] if for_staff else None,
    )


def shorten(text: str) -> str:
    """A text that fits: its beginning and its end, and how much is left out between them."""
    if len(text) <= LONGEST_INTERNAL:
        return clean(text)
    tail = LONGEST_INTERNAL - _HEAD
    return clean(f"{text[:_HEAD]}\n… {len(text) - LONGEST_INTERNAL:,} characters left out …\n{text[-tail:]}")


def clean(text: str) -> str:
    """Without NUL characters and unpaired surrogates, which Postgres does not take."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _trace(error: BaseException) -> str:
    """The trace without the text of the error repeated at full length, should it be a huge one."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return shorten("".join(line if len(line) <= LONGEST_INTERNAL else shorten(line) for line in lines))


def _is_ours(filename: str) -> bool:
    parts = filename.replace("\\", "/").split("/")
    return "site-packages" not in parts and any(name in parts for name in (*_OURS, "tests"))


def _module(filename: str) -> str:
    return filename.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".py")


def _digest(code: str, *parts: str) -> str:
    """The code, readable, and a short hash of the rest."""
    name = re.sub(r"[^a-z0-9]+", "_", code.lower())[:40].strip("_") or "error"
    return f"{name}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:10]}"
