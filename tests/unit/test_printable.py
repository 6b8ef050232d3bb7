"""Names hold what people can read, and nothing that makes them read as something else."""

from __future__ import annotations

import pytest

from cursive_app.errors import Invalid
from cursive_app.printable import is_printable, is_seen
from cursive_app.services.accounts.fields import plain_text
from cursive_app.services.segments.rules import read_description, read_name

UNREADABLE = ("a\x00b", "a\x1bb", "a\nb", "a\u2028b", "a\ud800b", "invoice\u202efdp.exe", "\u2066a\u2069", "\u202bab")


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_is_no_name(text: str) -> None:
    assert not is_printable(text)
    with pytest.raises(Invalid) as refused:
        plain_text(text, field="name", label="name", longest=80)
    assert "plain text" in refused.value.fields["name"]


@pytest.mark.parametrize("text", ["Zoë", "אבג\u200f", "👩\u200d💻", "नमस्ते", "a\u200db", "O’Neil, 3rd"])
def test_scripts_and_emoji_are_names(text: str) -> None:
    assert plain_text(text, field="name", label="name", longest=80) == text
    assert read_name(text) == text


def test_segments_keep_to_it() -> None:
    with pytest.raises(Invalid):
        read_name("Board\u202emembers")
    with pytest.raises(Invalid):
        read_description("first\nsecond \u202eline")
    assert read_description("first\nsecond line") == "first\nsecond line"


BLANK = (
    "\u200b",
    "\u2800",
    "\u3164",
    "\u115f\u1160",
    "\uffa0",
    "\u200d\u200b\ufe0f",
    "\u0301",
    "\u00ad",
    "\U000e0041",
)


@pytest.mark.parametrize("text", BLANK)
def test_a_name_that_shows_nothing_is_none(text: str) -> None:
    assert not is_seen(text)
    for read in (read_name, lambda value: plain_text(value, field="name", label="name", longest=80, required=False)):
        with pytest.raises(Invalid) as refused:
            read(text)
        assert "can be seen" in refused.value.fields["name"]


@pytest.mark.parametrize("text", ["7", "é", "👍🏽", "🇩🇪", "한글", "€", "#1", "%_\\", "…", "→", "⠁", "名", "x\u200b"])
def test_anything_that_shows_is_a_name(text: str) -> None:
    assert is_seen(text)
    assert read_name(text) == plain_text(text, field="name", label="name", longest=80)
