"""What fits an event handler's annotation, and what a hostile socket sends instead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, TypedDict
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.arguments import MAX_FORM_FIELDS, fits, fits_argument


@dataclass
class Point:
    x: int
    label: str = ""


class Form(TypedDict):
    name: str


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)
ID = "0197b2f1-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (1, int), ("a", str), (True, bool), (1.5, float), (2, float), (None, str | None), ("a", str | None),
        ([1, 2], list[int]), ({"a": 1}, dict[str, int]), (ID, UUID), ("2026-01-31", date), ("1.50", Decimal),
        ("up", Literal["up", "down"]), ({"x": 1}, Point), ({"name": "a"}, Form), ({"deep": [1]}, Any),
        ([["a", "b"]], list[list[str]]), ("emoji 🙂", str),
    ],
)  # fmt: skip
def test_what_fits(value: Any, hint: Any) -> None:
    assert fits(value, hint)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("1", int), (True, int), (1, bool), (2**63, int), (1, str), (None, str), ("nan", int), ([1, "2"], list[int]),
        ({"a": "b"}, dict[str, int]), ({1: 1}, dict[str, int]), ("not-an-id", UUID), ("2026-02-31", date),
        ("sideways", Literal["up", "down"]), (1, Literal[True]), ({"x": 1, "y": 2}, Point), ({"label": "a"}, Point),
        ({}, Form), ("x" * 300_000, str), ("\ud800", str), ([0] * 30_000, list[int]), ("abc", list[str]),
    ],
)  # fmt: skip
def test_what_does_not(value: Any, hint: Any) -> None:
    assert not fits(value, hint)


def test_depth_is_limited() -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    assert not fits(deep, Any)


def _form(*entries: Any) -> dict[str, Any]:
    return {"__reflex_form_data__": list(entries)}


def test_a_submitted_form_is_judged_by_its_fields() -> None:
    assert fits_argument(_form(["name", "a"], ["role", "b"]), dict[str, str])
    assert fits_argument(_form(["name", "a"]), Form)
    assert fits_argument(_form(["on", True], ["gone", None]), dict[str, str | bool | None])
    assert not fits_argument(_form(["name", 1]), dict[str, str])
    assert not fits_argument(_form(["name", ["a"]]), dict[str, str])
    assert not fits_argument(_form(["name"]), dict[str, str])
    assert not fits_argument(_form("name"), dict[str, str])
    assert not fits_argument(_form([1, "a"]), dict[str, str])
    assert not fits_argument({**_form(["name", "a"]), "more": 1}, dict[str, str])
    assert not fits_argument(_form(*[["a", "b"]] * (MAX_FORM_FIELDS + 1)), dict[str, str])
    assert not fits_argument({"__reflex_form_data__": "x"}, dict[str, str])


@given(JSON, st.sampled_from([int, str, bool, UUID, list[int], dict[str, str], Point, Form, Any, str | None, date]))
def test_nothing_a_socket_sends_makes_the_check_itself_fail(value: Any, hint: Any) -> None:
    assert fits(value, hint) in (True, False)
    assert fits_argument({"__reflex_form_data__": value}, hint) in (True, False)
