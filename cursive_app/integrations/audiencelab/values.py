"""Reading single values of provider records: what counts as missing, lists in strings, phones, addresses, links.

Everything here takes any JSON value and never raises; what cannot be read is None or left out (contract §9.1).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import phonenumbers

_MISSING = frozenset({"", "null", "none", "n/a", "na", "nan", "[]", "{}", "undefined", "-"})
AS_PROGRAMS_WRITE_NOTHING = frozenset(
    {"", "null", "NULL", "none", "None", "NONE", "n/a", "N/A", "na", "NA", "nan", "NaN", "NAN", "[]", "{}", "undefined",
     "-"}
)  # fmt: skip
"""The spellings of nothing where people's names stand: Nan, Na and Null are names."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_EMAIL = re.compile(r"[^\s@,;:<>()\[\]\\\"']{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,63}")
_NANP = re.compile(r"1?([2-9]\d{2}[2-9]\d{6})")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_MAX_TEXT = 20_000
_MAX_LIST = 200
_MOST_BITS = 1_024
_DEEPEST = 50


def text(value: object) -> str | None:
    """Clean text, or None when the provider's way of saying "nothing" stands there."""
    cleaned = _plain(value)
    return None if cleaned is None or cleaned.casefold() in _MISSING else cleaned


def person_name(value: object) -> str | None:
    """A person's name, or part of one, as `text` gives it; only what programs write for "nothing" is nothing."""
    cleaned = _plain(value)
    return None if cleaned is None or cleaned in AS_PROGRAMS_WRITE_NOTHING else cleaned


def _plain(value: object) -> str | None:
    if value is None or isinstance(value, bool | Mapping | list | tuple):
        return None
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return None  # turning thousands of digits into text is refused by Python itself
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = int(value) if value.is_integer() and abs(value) < 1e15 else value
    return _CONTROL.sub("", str(value)[:_MAX_TEXT]).strip()


def flat(value: object) -> str | None:
    """Text on one line."""
    found = text(value)
    return " ".join(found.split()) or None if found else None


def slots(value: object) -> list[Any]:
    """A list value with its positions kept: an array, an array written as text, or values separated by commas.

    Empty positions stay, because do-not-call flags answer phones by position.
    """
    if isinstance(value, str):
        stripped = value.strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            parsed = parse_json(stripped)
            return [*parsed][:_MAX_LIST] if isinstance(parsed, list) else []
        if text(value) is None:
            return []
        return [*re.split(r"[,;]", value)][:_MAX_LIST]
    if isinstance(value, list | tuple):
        return list(value)[:_MAX_LIST]
    return [] if value is None or isinstance(value, Mapping) else [value]


def items(value: object) -> list[str]:
    """The non-empty texts of a list value, in order, without repeats."""
    found: dict[str, None] = {}
    for slot in slots(value):
        for part in slots(slot) if isinstance(slot, str | list | tuple) else [slot]:
            if cleaned := text(part):
                found[cleaned] = None
    return list(found)


def emails(value: object) -> list[str]:
    """Addresses in lower case, in order, without repeats; what is no address is left out."""
    found: dict[str, None] = {}
    for item in items(value):
        address = item.casefold()
        if len(address) <= 254 and _EMAIL.fullmatch(address) and ".." not in address:
            found[address] = None
    return list(found)


def phone(value: object) -> str | None:
    """A phone number as E.164 ("+15125550101"), or None. Numbers without a country are read as North American."""
    cleaned = text(value)
    if cleaned is None or len(cleaned) > 40:
        return None
    digits = re.sub(r"[\s().+-]", "", cleaned)
    nanp = _NANP.fullmatch(digits) if digits.isascii() else None
    # the fast path of nearly every record; "+2..." with ten digits is another country's number
    if nanp and (len(digits) == 11 or not cleaned.startswith("+")):
        return f"+1{nanp[1]}"
    try:
        parsed = phonenumbers.parse(cleaned, "US")
    except phonenumbers.NumberParseException:
        return None
    # "possible" without a reason would also pass numbers that lack their area code
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    if parsed.country_code == 1 and not _NANP.fullmatch(str(parsed.national_number)):
        return None  # "(000) 000-0000" and the like are as long as numbers are, and stand for none
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def whole(value: object) -> int | None:
    """A whole number from "12", 12 or 12.0; None otherwise."""
    cleaned = text(value)
    if cleaned is None or not re.fullmatch(r"-?[0-9]{1,12}(\.0+)?", cleaned):
        return None
    return int(float(cleaned))


def postal_code(value: object) -> str | None:
    """A postal code as text; five digits for the United States, leading zeros kept or restored from a number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 100_000:
        return f"{value:05d}"
    cleaned = flat(value)
    if cleaned is None:
        return None
    us = re.fullmatch(r"([0-9]{5})(?:[ -]?[0-9]{4})?", cleaned)
    return us[1] if us else cleaned.upper()[:12]


def domain(value: object) -> str | None:
    """A bare host in lower case from "https://www.Acme.example/about"; None when it is none."""
    cleaned = text(value)
    if cleaned is None or len(cleaned) > 2_000:
        return None
    host = _host(cleaned).removeprefix("www.")
    return host if _HOST.fullmatch(host) and len(host) <= 253 else None


def _host(url: str) -> str:
    try:
        return (urlsplit(url if "//" in url else f"//{url}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def profile_url(value: object, *, site: str, aliases: tuple[str, ...] = ()) -> str | None:
    """A link to a page of one site: https, www host, no query, no trailing slash; None for any other site.

    Paths are lower-cased: on these sites a profile's name has no case, and the link is an identity key.
    """
    cleaned = text(value)
    if cleaned is None or len(cleaned) > 2_000 or re.match(r"(?!https?:)[a-z][a-z0-9+.-]*:", cleaned.casefold()):
        return None
    host = _host(cleaned)
    if not any(host == known or host.endswith(f".{known}") for known in (site, *aliases)):
        return None
    try:
        path = urlsplit(cleaned if "//" in cleaned else f"//{cleaned}").path
    except ValueError:
        return None
    path = re.sub(r"/{2,}", "/", path).strip("/ ").casefold()
    if not path or re.search(r"[\s<>\"]", path):
        return None
    return f"https://www.{site}/{path}"


def parse_json(value: str) -> Any:
    """A parsed JSON text, or None when it is not one (or is nested absurdly deep)."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def storable(value: Any, *, depth: int = 0) -> Any:
    """The same JSON value in a form the database accepts.

    JSONB knows no NUL, no half of a surrogate pair and no NaN; only those change, and what lies deeper than 50 levels
    is left out.
    """
    if isinstance(value, str):
        return _storable_text(value)
    if isinstance(value, bool | int) or value is None:
        return value if value is None or value.bit_length() <= _MOST_BITS else hex(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= _DEEPEST:
        return "(nested too deep)"
    if isinstance(value, Mapping):
        return {_storable_text(str(key)): storable(inner, depth=depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner, depth=depth + 1) for inner in value]
    return _storable_text(str(value))


def _storable_text(value: str) -> str:
    if "\x00" in value:
        value = value.replace("\x00", "")
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
