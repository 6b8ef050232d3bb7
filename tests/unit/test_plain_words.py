"""What a validator refuses is said in our words, whatever kind of value it is."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl, ValidationError, field_validator
from pydantic_core.core_schema import ErrorType

from cursive_app.api.plain_words import UNKNOWN, in_plain_words


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Sent(BaseModel):
    """One field of each kind our API knows."""

    model_config = ConfigDict(extra="forbid")

    id: UUID | None = None
    count: int = Field(default=1, ge=1, le=50)
    share: float = 0.5
    amount: Annotated[Decimal, Field(decimal_places=2)] = Decimal(1)
    sure: bool = True
    day: date | None = None
    moment: datetime | None = None
    aware: AwareDatetime | None = None
    color: Color = Color.RED
    size: Literal["small", "large"] = "small"
    name: str = Field(default="x", min_length=1, max_length=5)
    many: list[str] = Field(default=["x"], min_length=1, max_length=2)
    site: HttpUrl | None = None
    ruled: str = ""

    @field_validator("ruled")
    @classmethod
    def _rule(cls, value: str) -> str:
        if value:
            raise ValueError("leave this out, please")
        return value


class Needed(BaseModel):
    name: str


def said(model: type[BaseModel], values: Any) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(values)
    return [in_plain_words(one) for one in refused.value.errors()]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"id": "z"}, "Send an id as Cursive gave it out, such as 123e4567-e89b-12d3-a456-426614174000."),
        ({"count": "many"}, "Send a whole number."),
        ({"count": 1.5}, "Send a whole number."),
        ({"count": 0}, "Send a number that is at least 1."),
        ({"count": 51}, "Send a number that is at most 50."),
        ({"share": "half"}, "Send a number."),
        ({"amount": "much"}, "Send an amount such as 12.50."),
        ({"amount": "1.005"}, "Send at most 2 decimals."),
        ({"sure": "perhaps"}, "Send true or false."),
        ({"day": "tomorrow"}, "Send a date such as 2026-01-31."),
        ({"moment": "noon"}, "Send a moment such as 2026-01-31T09:30:00Z."),
        ({"aware": "2026-01-31T09:30:00"}, "Send a moment with its time zone, such as 2026-01-31T09:30:00Z."),
        ({"color": "green"}, "Choose one of: red or blue."),
        ({"size": "medium"}, "Choose one of: small or large."),
        ({"name": 7}, "Send text."),
        ({"name": "too long"}, "Send no more than 5 characters."),
        ({"name": ""}, "This must not be empty."),
        ({"many": "x"}, "Send a list."),
        ({"many": ["x"] * 3}, "Send no more than 2 entries."),
        ({"many": []}, "Send at least one entry."),
        ({"site": "no address"}, "Send an address such as https://www.example.com."),
        ({"ruled": "x"}, "Leave this out, please."),
        ({"shoe": 44}, "There is no field of this name."),
        ([], "Send an object."),
    ],
)
def test_each_kind_says_what_to_send_instead(values: Any, sentence: str) -> None:
    assert said(Sent, values) == [sentence]


def test_what_is_missing_is_required() -> None:
    assert said(Needed, {}) == ["This is required."]


BOUNDS = {"expected": "'a' or 'b'"} | dict.fromkeys(
    ("min_length", "max_length", "gt", "ge", "lt", "le", "decimal_places"), 7
)


@pytest.mark.parametrize("kind", [one for one in get_args(ErrorType) if one not in ("value_error", "assertion_error")])
def test_no_wording_of_the_validator_gets_out(kind: str) -> None:
    """For every kind of error it knows, also those our API does not use yet."""
    sentence = in_plain_words({"type": kind, "msg": "Input should be another", "ctx": BOUNDS})
    assert sentence.endswith(".")
    assert "nput" not in sentence


def test_a_kind_nobody_knows_has_words_too() -> None:
    assert in_plain_words({"type": "some_future_kind", "msg": "Input should be better"}) == UNKNOWN


def test_every_choice_is_named() -> None:
    assert all(word in said(Sent, {"size": "?"})[0] for word in get_args(Literal["small", "large"]))
