"""What a setting may be: bounds and forms, and the sentence for one that is neither.

    port: Annotated[int, Between(1, 65_535)] = …

A rule's `words` say what would be right; they end the sentence of a refusal and the setting's row in the README.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parseaddr
from itertools import pairwise
from typing import Any, Literal, get_args, get_origin
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

SHOWN = 60  # of a refused value; a whole one may be a pasted file


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a setting: `fits` says whether a value is possible, `words` what would be right."""

    words: str
    fits: Callable[[Any], bool]


def between(least: float, most: float, kind: str = "a number") -> Rule:
    """A number within two bounds, both included."""
    return Rule(f"{kind} from {least:,} to {most:,}", lambda value: least <= value <= most)


def whole(least: int, most: int) -> Rule:
    return between(least, most, "a whole number")


def credits_between(least: str, most: str) -> Rule:
    """An amount of credits, which have two decimals."""
    low, high = Decimal(least), Decimal(most)
    return Rule(
        f"an amount from {low:,} to {high:,} with at most two decimals",
        lambda value: value.is_finite() and low <= value <= high and value == round(value, 2),
    )


def pauses(most: int = 100_000, *, rising: bool = False) -> Rule:
    """Seconds, separated by commas."""

    def fits(text: str) -> bool:
        try:
            seconds = [float(part) for part in text.split(",")]
        except ValueError:
            return False
        inside = all(0 < one <= most for one in seconds)
        return inside and (not rising or all(a < b for a, b in pairwise(seconds)))

    shape = "seconds above 0, separated by commas" + (", each above the one before" if rising else "")
    return Rule(f"{shape}, such as {'20,40,60' if rising else '15,30,60'}", fits)


def address(schemes: tuple[str, ...], example: str, *, needs_host: bool = True) -> Rule:
    """A URL with one of these schemes and, where it is reached over a network, a host."""

    def fits(text: str) -> bool:
        parts = _split(text)
        return parts is not None and parts.scheme in schemes and (bool(parts.hostname) or not needs_host)

    return Rule(f"an address such as {example}", fits)


def _split(text: str) -> SplitResult | None:
    """The parts of a URL; None when it has spaces, a scheme without two slashes, or a port that is none."""
    if re.search(r"\s", text) or "://" not in text:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port  # raises for letters and for numbers beyond 65535
    except ValueError:
        return None
    return None if port == 0 else parts


PORT = whole(1, 65_535)
HOST = Rule(
    "an IP address or a host name, such as 127.0.0.1", lambda text: bool(re.fullmatch(r"[A-Za-z0-9._:%-]+", text))
)
WEB_ADDRESS = address(("http", "https"), "https://app.example.com")
DATABASE_ADDRESS = address(
    ("postgresql", "postgres", "postgresql+psycopg"), "postgresql://user:password@host:5432/name", needs_host=False
)
REDIS_ADDRESS = address(("redis", "rediss", "unix"), "redis://host:6379/0", needs_host=False)
MAIL_SERVER = address(("smtp", "smtps"), "smtps://user:password@host:465")
SENDER = Rule(
    "a name and an e-mail address, such as Cursive <hello@example.com>",
    lambda text: bool(re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(text)[1])) and "\n" not in text,
)
KEY = Rule(
    "a key without spaces, as the vendor shows it", lambda text: text.isascii() and bool(re.fullmatch(r"\S+", text))
)
_HOST = (
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"  # no address of numbers, no bare name
)
HOSTS = Rule(
    "names of hosts, separated by commas, such as files.example.com,cdn.example.net",
    lambda text: all(re.fullmatch(_HOST, one.strip()) for one in text.split(",")) if text else True,
)
LOG_LEVEL = Rule("DEBUG, INFO, WARNING or ERROR", lambda text: text in ("DEBUG", "INFO", "WARNING", "ERROR"))


def is_public_https(url: str) -> bool:
    """Whether an address is reached over https and is not this machine's own."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    try:
        number = ipaddress.ip_address(host)
        is_here = number.is_loopback or number.is_unspecified
    except ValueError:
        is_here = host == "localhost" or host.endswith(".localhost")
    return parts.scheme == "https" and not is_here


def is_example_sender(text: str) -> bool:
    """Whether a sender's address is at a domain that exists for examples and tests only (RFC 2606)."""
    domain = parseaddr(text)[1].rpartition("@")[2].rstrip(".").lower()
    is_second_level = re.fullmatch(r"(.*\.)?example\.(com|net|org)", domain) is not None
    return is_second_level or domain.rpartition(".")[2] in ("example", "invalid", "localhost", "test")


def rule_of(field: FieldInfo) -> Rule | None:
    """The rule a setting was declared with."""
    return next((one for one in field.metadata if isinstance(one, Rule)), None)


def is_possible(field: FieldInfo, value: object) -> bool:
    """Whether a setting may have this value; one that is unset or empty may."""
    rule = rule_of(field)
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    return rule is None or plain in (None, "") or rule.fits(plain)


def right_words(field: FieldInfo) -> str:
    """What this setting must be, in words; '' when there is nothing that it could not be."""
    rule = rule_of(field)
    if rule is not None:
        return rule.words
    kind = field.annotation
    if get_origin(kind) is Literal:
        *some, last = get_args(kind)
        return f"{', '.join(some)} or {last}"
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, "") if kind else ""


def refusals(error: ValidationError, fields: dict[str, FieldInfo]) -> list[str]:
    """One sentence per setting that was refused: its variable, what is wrong, what would be right; never a secret."""
    by_variable = {str(field.validation_alias): field for field in fields.values()}
    said: list[str] = []
    for problem in error.errors():
        if problem["type"] == "default_factory_not_called":
            continue  # that a default could not be made only says that another setting is wrong
        variable = str(problem["loc"][0]) if problem["loc"] else ""
        field = by_variable.get(variable)
        if field is None:  # settings that do not go together say so themselves
            said.append(str(problem.get("ctx", {}).get("error", problem["msg"])))
            continue
        said.append(
            f"{variable} {_wrong(field, problem['input'])}; it must be {right_words(field) or 'readable text'}."
        )
    return said


def _wrong(field: FieldInfo, value: object) -> str:
    if SecretStr in (field.annotation, *get_args(field.annotation)):
        return "does not look right (its value is a secret and not shown)"
    text = str(value)
    return f"is “{text[:SHOWN]}{'…' if len(text) > SHOWN else ''}”"
