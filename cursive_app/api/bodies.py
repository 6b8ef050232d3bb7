"""Reading a JSON body safely: how large, how deep, and only what Postgres and our own code can hold (P12)."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from starlette.types import Message, Receive

from cursive_app.errors import CursiveError, Invalid

MAX_BODY_BYTES = 1_000_000
MAX_DEPTH = 128  # brackets: far more than a request needs, far fewer than a reader could stumble over
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


class TooLarge(CursiveError):
    status = 413
    code = "too_large"
    default_message = "The body of this request is larger than 1 MB."


class NotJson(CursiveError):
    status = 415
    code = "not_json"
    default_message = "Send the body as application/json."


async def read_body(receive: Receive, announced: str | None) -> bytes:
    """The whole body. Raises TooLarge as soon as that is clear, before the rest is read."""
    if announced is not None and (not (announced.isascii() and announced.isdigit()) or int(announced) > MAX_BODY_BYTES):
        raise TooLarge
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            raise TooLarge
        more = message.get("more_body", False)
    return b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was already read, then goes on with the connection."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def check_json(body: bytes, content_type: str | None) -> None:
    """Raises NotJson for another media type, and Invalid for text that is no JSON, is nested too deep, has a key twice,
    a number that is none (NaN, Infinity, 1e400) or text that cannot be stored (lone surrogates, NUL)."""
    if not body:
        return
    media = (content_type or "").partition(";")[0].strip().lower()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise NotJson
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused("The body is not valid UTF-8.") from None
    if _depth(text) > MAX_DEPTH:
        raise _refused(f"The body is nested more than {MAX_DEPTH} levels deep.")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise _refused("The body is not valid JSON.") from error
    if "\\u" in text and _unstorable(value):
        raise _refused("The body contains text that cannot be stored (a NUL character or half of a character).")


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside strings, without recursion."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refused("The body names a key twice.")
    return found


def _no_number(name: str) -> NoReturn:
    raise _refused(f"{name} is not a number that can be used.")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise _refused("The body contains a number that is too large.")
    return number


def _unstorable(value: Any) -> bool:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return "\\u0000" in json.dumps(value)


def _refused(why: str) -> Invalid:
    return Invalid(fields={"body": why})
