"""The language of the staff's query box, and cron lines in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cursive_app.errors import Invalid
from cursive_app.services.jobs.admin.query import Term, condition, parse, without_arguments, without_state


def test_words_qualifiers_quotes_and_minus() -> None:
    assert parse('kind:enrichment workspace:"Acme Inc" -state:failed,Canceled dana "two words" args.run_id:7') == (
        Term("kind", ("enrichment",), negated=False),
        Term("workspace", ("Acme Inc",), negated=False),
        Term("state", ("failed", "cancelled"), negated=True),
        Term("", ("dana",), negated=False),
        Term("", ("two words",), negated=False),
        Term("args.run_id", ("7",), negated=False),
    )


def test_other_words_for_the_same() -> None:
    assert [term.key for term in parse("type:a status:running by:x")] == ["kind", "state", "actor"]
    assert parse("state:running")[0].values == ("processing",)
    assert parse("state:Stopped")[0].values == parse("state:canceled")[0].values == ("cancelled",)
    assert without_state(parse("state:failed kind:x")) == parse("kind:x")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("stat:failed", "There is no qualifier stat:"),
        ("stat:failed", "tag:, id:, args.name: or put"),
        ("state:broken", "There is no state broken"),
        ("tag:ret", "There is no tag ret; use person,"),
        ('workspace:"Acme', "quotation mark is not closed"),
        ('workspace:"Acme"x', "Put a blank after"),
        ("kind:", "Say what to look for after kind:"),
        ("-", "minus"),
        ("id:xyz", "is no job id"),
        ("x" * 501, "longer than 500"),
        ("a " * 21, "at most 20 words"),
        ("a\0b", "no text has"),
        ("https://a.example", "put the word in quotes"),
    ],
)
def test_what_is_wrong_is_explained(query: str, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        condition(parse(query), values_seen=True)
    assert says in refused.value.fields["query"]


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("kind:x -args.file:leads.csv dana", "kind:x -args.file:••• dana"),
        ('args.file:"two words",more state:failed', "args.file:••• state:failed"),
        ('args.file:"never closed', "args.file:•••"),
        ("ARGS.a.b:c:d", "ARGS.a.b:•••"),
        ("kind:args error:x", "kind:args error:x"),
    ],
)
def test_who_does_not_see_arguments_does_not_see_what_was_looked_for_in_them(query: str, seen: str) -> None:
    assert without_arguments(query) == seen


@given(st.text(max_size=80))
def test_any_text_is_understood_or_explained(query: str) -> None:
    try:
        condition(parse(query), values_seen=True)
    except Invalid as refused:
        assert refused.fields["query"]
