"""What staff may change of an argument: every type within its limits, and words for what is outside of them."""

from __future__ import annotations

from typing import Any

import pytest

from cursive_app.errors import Invalid
from cursive_app.services.jobs.admin import Choice, Switch, Whole, Words
from cursive_app.services.jobs.admin.editing import checked

EDITABLE = {
    "size": Whole("Size", minimum=1, maximum=500),
    "after": Whole("Go on after row", minimum=0, maximum=9_000, rises=True),
    "from": Choice("Read again", {"file": "From the file", "rows": "From the rows"}),
    "list": Words("List", longest=5, pattern=r"[a-z]+", shape="small letters"),
    "quiet": Switch("Quietly"),
}
PRESENT = {"size": 1, "after": 40, "from": "rows", "quiet": False}


def change(**given: Any) -> dict[str, Any]:
    return checked(EDITABLE, given, present=PRESENT, kind="trial")


@pytest.mark.parametrize(
    "given",
    [{"size": 500}, {"after": 41}, {"from": "file"}, {"list": "abcde"}, {"quiet": True}, {"size": 2, "quiet": True}],
)
def test_what_fits_is_stored_as_it_is(given: dict[str, Any]) -> None:
    assert change(**given) == given


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"size": 0}, "from 1 to 500"),
        ({"size": 501}, "from 1 to 500"),
        ({"size": True}, "whole number"),
        ({"size": "2"}, "whole number"),
        ({"size": 2.5}, "whole number"),
        ({"size": None}, "whole number"),
        ({"after": 39}, "from 40 to 9,000"),
        ({"from": "elsewhere"}, "“file” or “rows”"),
        ({"from": ["file"]}, "choose"),
        ({"list": "abcdef"}, "at most 5"),
        ({"list": "AB"}, "small letters"),
        ({"list": ""}, "small letters"),
        ({"quiet": "true"}, "true or false"),
        ({"workspace_id": "x"}, "cannot be changed"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(given: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid) as refused:
        change(**given)
    assert says in " ".join(refused.value.fields.values())


def test_every_wrong_name_is_told_and_nothing_is_stored_in_part() -> None:
    with pytest.raises(Invalid) as refused:
        change(size=0, quiet=True, new=1)
    assert set(refused.value.fields) == {"size", "new"}


@pytest.mark.parametrize("given", [{}, {"size": 1}, {"from": "rows", "after": 40}])
def test_no_change_is_no_retry_with_other_arguments(given: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        change(**given)
