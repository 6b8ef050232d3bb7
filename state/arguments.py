"""Whether what a browser sent as an event argument fits the handler's annotation. Reflex only logs a mismatch."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

from reflex_base.utils.form import FORM_DATA_ENTRIES_KEY, transform_form_data
from typing_extensions import is_typeddict

MAX_TEXT = 200_000
MAX_ITEMS = 20_000
MAX_DEPTH = 12
MAX_FORM_FIELDS = 500


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def fits_argument(value: Any, hint: Any) -> bool:
    """As `fits`, for what an event carries: a submitted form travels as (name, value) pairs."""
    if not isinstance(value, dict) or FORM_DATA_ENTRIES_KEY not in value:
        return fits(value, hint)
    if set(value) != {FORM_DATA_ENTRIES_KEY} or not _are_pairs(value[FORM_DATA_ENTRIES_KEY]):
        return False
    try:
        form = transform_form_data(value, hint)
    except (TypeError, ValueError):
        return False
    return fits(form, hint) if isinstance(form, dict) else True


def _are_pairs(entries: Any) -> bool:
    if not isinstance(entries, list) or len(entries) > MAX_FORM_FIELDS:
        return False
    return all(isinstance(e, list) and len(e) == 2 and isinstance(e[0], str) and _sane(e[1], 2) for e in entries)


def fits(value: Any, hint: Any, depth: int = 0) -> bool:
    """Whether a JSON value fits a type hint; also refuses what is absurdly large or deep."""
    if depth > MAX_DEPTH:
        return False
    if hint is Any or hint is object:
        return _sane(value, depth)
    origin = get_origin(hint)
    if origin is typing.Annotated:
        return fits(value, get_args(hint)[0], depth)
    if origin in (Union, types.UnionType):
        return any(fits(value, option, depth + 1) for option in get_args(hint))
    if origin is Literal:
        return any(type(value) is type(option) and value == option for option in get_args(hint))
    if is_typeddict(hint):
        return _fits_form(value, _hints(hint), set(hint.__required_keys__), depth)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        needed = {
            f.name
            for f in dataclasses.fields(hint)
            if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        }
        return _fits_form(value, _hints(hint), needed, depth)
    container = origin or hint
    if isinstance(container, type):
        if issubclass(container, Mapping):
            return _fits_mapping(value, get_args(hint), depth)
        if issubclass(container, Sequence | set | frozenset) and not issubclass(container, str | bytes):
            return _fits_list(value, get_args(hint), depth)
        return _fits_scalar(value, container)
    return False


def _fits_scalar(value: Any, kind: type) -> bool:
    if kind is type(None):
        return value is None
    if kind is bool:
        return isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is str:
        return isinstance(value, str) and _is_text(value)
    if issubclass(kind, Enum):
        return any(value == member.value for member in kind)
    parse = {UUID: UUID, Decimal: Decimal, datetime: datetime.fromisoformat, date: date.fromisoformat}.get(kind)
    if parse is None or not isinstance(value, str) or len(value) > 100:
        return False
    try:
        parse(value)
    except (ValueError, InvalidOperation):
        return False
    return True


def _fits_form(value: Any, hints: Mapping[str, Any], needed: set[str], depth: int) -> bool:
    if not isinstance(value, dict) or not needed <= value.keys() or not value.keys() <= hints.keys():
        return False
    return all(fits(item, hints[name], depth + 1) for name, item in value.items())


def _fits_mapping(value: Any, arguments: tuple[Any, ...], depth: int) -> bool:
    if not isinstance(value, dict) or len(value) > MAX_ITEMS:
        return False
    inner = arguments[1] if len(arguments) == 2 else Any
    return all(isinstance(key, str) and len(key) <= 500 and fits(item, inner, depth + 1) for key, item in value.items())


def _fits_list(value: Any, arguments: tuple[Any, ...], depth: int) -> bool:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        return False
    inner = arguments[0] if arguments else Any
    return all(fits(item, inner, depth + 1) for item in value)


def _sane(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        return _fits_mapping(value, (), depth)
    if isinstance(value, list):
        return _fits_list(value, (), depth)
    return not isinstance(value, str) or _is_text(value)


def _is_text(value: str) -> bool:
    if len(value) > MAX_TEXT:
        return False
    return not any("\ud800" <= char <= "\udfff" for char in value)  # half a character: no database takes it
