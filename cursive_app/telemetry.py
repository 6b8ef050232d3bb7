"""Logging: structured, one line per event, and redacted as the very last step (promise P15).

Code logs ids. What slips in all the same — an e-mail in a database error, a token in an address, a card number in a
vendor's answer — is masked twice: by name while it is still data, by shape once the line is finished text.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from cursive_app.settings import Settings

MASK = "[redacted]"

_SECRET_NAMES = re.compile(
    r"pass(word|wd|phrase)|secret|token(?!s_)|api[-_]?key|authorization|cookie|credential|signature|private[-_]?key"
    r"|e[-_]?mail|phone|card(_?number)?$|first_name|last_name|full_name|(database|redis|smtp)_url",
    re.IGNORECASE,
)
_MAX_TEXT = 20_000  # a vendor's megabyte must not become a log line of a megabyte


def _keep_ids(found: re.Match[str]) -> str:
    """Mask opaque tokens but keep uuids and plain names, which is what logs are read for."""
    text = found.group()
    if _UUID.fullmatch(text) or not (any(c.isdigit() for c in text) and any(c.isalpha() for c in text)):
        return text
    return MASK


def _mask_card(found: re.Match[str]) -> str:
    digits = [int(c) for c in found.group() if c.isdigit()]
    doubled = [n if i % 2 == 0 else (n * 2 - 9 if n > 4 else n * 2) for i, n in enumerate(reversed(digits))]
    return MASK if 13 <= len(digits) <= 19 and sum(doubled) % 10 == 0 else found.group()


_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_SHAPES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(?<=://)[^\s/@:\"']*:[^\s/@\"']+(?=@)"), MASK),  # login inside an address
    (
        re.compile(r"(?i)([?&][\w.-]*(?:token|key|code|secret|signature|sig|state|email)[\w.-]*=)[^&\s\"'\\]+"),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {MASK}"),
    (
        re.compile(r"(?i)\b(cookie|set-cookie|authorization|x-api-key)(\\?[\"']?\s*[:=]\s*\\?[\"']?)[^\r\n\"'\\]+"),
        rf"\1\2{MASK}",
    ),
    (
        re.compile(
            r"(?i)(?<![\w-])([\w-]{0,40}?(?:pass(?:word|wd)?|secret|token|api[-_]?key)[\w-]{0,20}"
            r"\\?[\"']?\s*[:=]\s*\\?[\"']?)[^\s\"'\\,;)}&]+"
        ),
        rf"\1{MASK}",
    ),
    (  # e-mail, also percent-encoded; only tried where a word begins, so that a long word costs one pass
        re.compile(r"(?<![^\s@<>\"'(),;:=\[\]/\\])[^\s@<>\"'(),;:=\[\]/\\]+(?:@|%40)[\w-]+(?:\.[\w-]+)+"),
        MASK,
    ),
    (re.compile(r"\b(?:cur|sk|rk|pk|whsec|xox[abp]|ghp|glpat|key)_[A-Za-z0-9_-]{8,}"), MASK),
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]+){1,2}"), MASK),  # signed web tokens
    (re.compile(r"\$argon2[^\s\"']+"), MASK),
    (re.compile(r"(?<![\w.-])\+\d[\d ().-]{7,17}\d"), MASK),  # international phone number
    (re.compile(r"(?<![\w.-])\(?[2-9]\d{2}\)?[ .-][2-9]\d{2}[ .-]\d{4}(?![\w-])"), MASK),  # North American phone number
    (re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"), _mask_card),
    (re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{32,}(?![A-Za-z0-9_-])"), _keep_ids),
)


def redact(text: str) -> str:
    """The text with e-mails, phones, card numbers, keys, tokens, cookies and logins in addresses masked."""
    for pattern, replacement in _SHAPES:
        text = pattern.sub(replacement, text)
    return text


def mask_named(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Processor: mask values whose name says that they are secret or personal, at any depth."""
    return {key: _mask_value(key, value) for key, value in event.items()}


def _mask_value(name: str, value: object) -> object:
    if name not in ("event", "logger", "level") and _SECRET_NAMES.search(name) and not isinstance(value, bool | None):
        return MASK
    if isinstance(value, dict):
        return {key: _mask_value(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mask_value("", item) for item in value]
    return value


class _RedactLast:
    """Wraps a renderer so that nothing can be added to a line after it was redacted."""

    def __init__(self, renderer: Callable[[Any, str, EventDict], str | bytes]) -> None:
        self.renderer = renderer

    def __call__(self, logger: Any, method: str, event: EventDict) -> str:
        text = self.renderer(logger, method, event)
        line = text.decode() if isinstance(text, bytes) else text
        if len(line) > _MAX_TEXT:
            line = f"{line[:_MAX_TEXT]}… ({len(line)} characters)"
        return redact(line)


def _drop_queue_noise(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The queue logs each task's arguments and result three times over; the id and the name are enough."""
    for name in ("job", "result", "worker", "action"):
        if isinstance(event.get(name), MutableMapping):
            event[name] = {key: event[name].get(key) for key in ("id", "task_name", "name") if key in event[name]}
    return event


def _processors(process: str) -> list[Processor]:
    def name_process(_logger: object, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return [
        structlog.contextvars.merge_contextvars,
        name_process,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
        _drop_queue_noise,
        mask_named,
    ]


def configure(config: Settings, *, process: str, stream: TextIO | None = None) -> None:
    """Send all logs of this process, ours and every library's, to `stream` (default: standard error).

    JSON in production, readable lines otherwise. Every line names its `process` (web, worker, …). Safe to call twice.
    """
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if config.is_production
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_processors(process),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _RedactLast(renderer)],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(config.log_level.upper())
    for noisy in (
        "httpx",
        "httpcore",
        "alembic.runtime.plugins",
        "apscheduler",
        "faker",
        "mail.log",
        "procrastinate",
        "engineio",
        "socketio",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_processors(process), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
