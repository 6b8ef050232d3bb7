"""Whatever a role or a key may be allowed has words, and the pages offer all of it."""

from __future__ import annotations

from cursive_app.pages.settings.api_keys import api_keys
from cursive_app.pages.settings.team import team
from cursive_app.services.accounts import KEY_SCOPES, Permission
from state.permission_words import PERMISSION_WORDS, SCOPE_WORDS


def test_every_permission_has_words_of_its_own() -> None:
    assert set(PERMISSION_WORDS) == set(Permission)
    assert len(set(PERMISSION_WORDS.values())) == len(Permission)


def test_the_matrix_of_the_team_page_shows_every_permission() -> None:
    drawn = str(team())
    assert [one.value for one in Permission if f'"{PERMISSION_WORDS[one]}"' not in drawn] == []


def test_the_form_of_a_new_key_offers_every_scope_and_no_other() -> None:
    assert list(SCOPE_WORDS) == [scope.value for scope in KEY_SCOPES]
    drawn = str(api_keys())
    assert [scope.value for scope in KEY_SCOPES if f"scope_{scope.value}" not in drawn] == []
    beyond = set(Permission) - set(KEY_SCOPES)
    assert [one.value for one in beyond if f"scope_{one.value}" in drawn] == []
