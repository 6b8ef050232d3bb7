"""Where segments end: how many a workspace keeps, how often it may look for free, the provider's cap, its words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import delete

from cursive_app.errors import Conflict, Invalid, RateLimited
from cursive_app.integrations.audiencelab import AudienceLab, Person, Preview
from cursive_app.services import segments
from cursive_app.services.segments import store
from cursive_app.services.segments.fields import add_words
from cursive_app.services.segments.preview import PREVIEWS
from db.models.segments import ProviderWord
from db.system import system_scope
from state.segment_lines import run_line
from tests.factories import Cast
from tests.factories_credits import fund
from tests.factories_segments import TEXANS, make_segment, start, where


def test_a_workspace_keeps_so_many_segments_and_deleting_makes_room(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_SEGMENTS", 2)
    first = make_segment(cast.alice)
    make_segment(cast.alice)
    with pytest.raises(Conflict, match="can keep 2 segments") as refused:
        make_segment(cast.alice)
    assert refused.value.reason == "too_many"
    make_segment(cast.charlie)
    with cast.alice.begin() as scope:
        segments.delete_segment(scope, first.id)
    make_segment(cast.alice)


def test_free_samples_are_limited_for_each_workspace(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Preview(people=(Person(first_name="Dana", state="TX"),), sample_size=1, field_coverage={})
    asked: list[str] = []
    monkeypatch.setattr(AudienceLab, "preview", lambda *_arguments, **_options: asked.append("") or answer)
    lab = AudienceLab(base_url="http://127.0.0.1:9", api_key="none")
    assert PREVIEWS.limit == 30
    with pytest.raises(Invalid):  # what cannot be asked is not counted
        segments.preview_segment(cast.alice, where({"field": "has_phone", "is": True}), provider=lab)
    for _ in range(PREVIEWS.limit):
        segments.preview_segment(cast.alice, TEXANS, provider=lab)
    with pytest.raises(RateLimited):
        segments.preview_segment(cast.bob, TEXANS, provider=lab)
    assert len(asked) == PREVIEWS.limit
    segments.preview_segment(cast.charlie, TEXANS, provider=lab)


def test_a_capped_audience_is_more_than_its_number(cast: Cast) -> None:
    fund(cast.workspace_id, 100)
    run = replace(start(cast.alice, make_segment(cast.alice).id), audience_total=500_000)
    assert run_line(replace(run, audience_capped=True), "UTC").total == "500,000+"
    assert run_line(run, "UTC").total == "500,000"


@dataclass
class Words:
    """A provider with these industries; of departments it says nothing."""

    industries: list[str]

    def attributes(self, vocabulary: str) -> list[Words.Word]:
        return [Words.Word(name) for name in (self.industries if vocabulary == "industries" else [])]

    @dataclass
    class Word:
        name: str


@pytest.fixture
def _clean(cast: Cast) -> Iterator[None]:
    del cast
    yield
    add_words("industry", [])
    with system_scope() as scope:
        scope.session.execute(delete(ProviderWord))


@pytest.mark.usefixtures("_clean")
def test_words_the_provider_has_added_become_values_here_and_in_other_processes(cast: Cast) -> None:
    mining = where({"field": "industry", "include": ["asteroid  mining"]})
    with pytest.raises(Invalid):
        segments.parse(mining)
    assert segments.sync_words(Words(["Asteroid Mining", "Banking", " ", "x" * 101])) == 2  # type: ignore[arg-type]
    assert segments.parse(mining).to_json()["where"]["all"][0]["include"] == ["Asteroid Mining"]
    add_words("industry", [])  # another process, which has synced nothing
    with pytest.raises(Invalid):
        segments.parse(mining)
    with cast.alice.begin() as scope:
        segments.learn_words(scope)
        assert "Asteroid Mining" in [one.value for one in segments.suggest(scope, "industry", "aster")]
    segments.parse(mining)
    assert segments.sync_words(Words([])) == 0  # type: ignore[arg-type]
    segments.parse(mining)
    segments.sync_words(Words(["Banking"]))  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        segments.parse(mining)
    segments.parse(where({"field": "industry", "include": ["Retail"]}))  # built in: nobody takes it away
