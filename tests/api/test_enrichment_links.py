"""Private download links: for ten minutes, for whoever still may, and nothing for anybody who guesses (T10)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from itsdangerous import URLSafeTimedSerializer
from itsdangerous.timed import TimestampSigner
from sqlalchemy import delete, select, update
from starlette.testclient import TestClient

from cursive_app.api import links
from cursive_app.api.app import create
from cursive_app.clock import now
from cursive_app.services import accounts
from cursive_app.settings import settings
from db.models.accounts import AuditEntry, Membership, Workspace
from db.models.enrichment import EnrichmentRow
from db.scope import Tenant
from db.system import system_scope
from tests.api.client import browser
from tests.factories import Cast
from tests.factories_enrichment import Line, as_stored, make_list

ROWS = [Line(("dana@acme.example", "Dana", "Reyes", "=1+1"), {"email": "dana@acme.example"})]


@pytest.fixture
def ended(cast: Cast) -> UUID:
    return make_list(cast.alice, ROWS, status="completed")


@pytest.fixture
def anybody() -> TestClient:
    return browser(create(), None, origin=None)


def link_of(tenant: Tenant, id: UUID, **query: str) -> Any:
    return browser(create(), tenant).post(f"/api/v1/enrichments/{id}/download-link", params=query)


def test_a_link_opens_what_it_was_made_for(cast: Cast, ended: UUID, anybody: TestClient) -> None:
    answer = link_of(cast.alice, ended, format="xlsx", fields="FIRST_NAME")
    assert answer.status_code == 200
    got = anybody.get(answer.json()["url"])
    assert got.content[:2] == b"PK"
    assert got.headers["content-disposition"].endswith(".xlsx")
    assert got.headers["cache-control"] == "private, no-store"
    assert got.headers["referrer-policy"] == "no-referrer"
    with cast.alice.begin() as scope:
        entries = scope.session.scalars(scope.select(AuditEntry).where(AuditEntry.action == "enrichment.downloaded"))
        assert [(one.object_id, one.actor_label) for one in entries] == [(str(ended), accounts.actor_label(scope))]


def test_own_columns_are_filled_by_the_request_and_by_its_link(cast: Cast, anybody: TestClient) -> None:
    id = make_list(cast.alice, [Line(("", "Dana", "", ""), {})], status="completed", matched_count=1)
    found = {"BUSINESS_EMAIL": "dana@acme.example", "FIRST_NAME": "Danielle", "LAST_NAME": "Reyes"}
    with cast.alice.begin() as scope:
        mine = (scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == id)
        scope.session.execute(update(EnrichmentRow).where(*mine).values(outcome="matched", found=as_stored(found)))
    asked = {"fill": "email,last_name", "overwrite": "first_name", "fields": ""}
    link = link_of(cast.alice, id, **asked).json()["url"]
    for answer in (
        anybody.get(link),
        browser(create(), cast.alice).get(f"/api/v1/enrichments/{id}/download", params=asked),
        browser(create(), cast.alice).get(f"/api/audiencelab/batch-enrichment/{id}/download", params=asked),
    ):
        assert answer.text.splitlines()[1].startswith('"dana@acme.example","Danielle","Reyes","",'), answer.text
    for wrong in ({"fill": "city"}, {"overwrite": "shoe_size"}, {"fill": "email", "overwrite": "email"}):
        refused = link_of(cast.alice, id, **wrong)
        assert (refused.status_code, set(refused.json()["fields"]) <= {"fill", "overwrite"}) == (422, True)


def test_an_expired_link_says_so(cast: Cast, ended: UUID, anybody: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    url = link_of(cast.alice, ended).json()["url"]
    real = TimestampSigner.get_timestamp
    later = int(links.LIFETIME.total_seconds()) + 1
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: real(self) + later)
    answer = anybody.get(url)
    assert (answer.status_code, answer.json()["code"]) == (410, "link_expired")
    assert "expired" in answer.json()["detail"]
    seen = anybody.get(url, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})  # as a browser asks
    assert (seen.status_code, seen.headers["content-type"]) == (410, "text/html; charset=utf-8")
    assert "<h1>This link has expired</h1>" in seen.text
    assert 'href="/enrichments"' in seen.text


def test_lifetime_is_short() -> None:
    assert links.LIFETIME.total_seconds() <= 15 * 60


@pytest.mark.parametrize("token", ["x", "a.b.c", "%00", "..%2F..", "W10.Y0.sig", "é", "a" * 5_000])
def test_a_guessed_link_finds_nothing(anybody: TestClient, token: str, database: object) -> None:
    answer = anybody.get(links.OPEN_PREFIX + token)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_changed_link_finds_nothing(cast: Cast, ended: UUID, anybody: TestClient) -> None:
    url: str = link_of(cast.alice, ended).json()["url"]
    head, _, tail = url.rpartition("/")
    for place in (0, len(tail) // 2, len(tail) - 3):
        other = "A" if tail[place] != "A" else "B"
        assert anybody.get(f"{head}/{tail[:place]}{other}{tail[place + 1 :]}").status_code == 404
    of_another_use = URLSafeTimedSerializer(settings().secret_key.get_secret_value(), salt="enrichment.rows")
    assert anybody.get(links.OPEN_PREFIX + of_another_use.dumps(["x"] * 7)).status_code == 404
    same_use = URLSafeTimedSerializer(settings().secret_key.get_secret_value(), salt="enrichment.download")
    for odd in ([], {}, "x", ["x"] * 7, [1, 2, 3, 4, 5, 6, 7]):
        assert anybody.get(links.OPEN_PREFIX + same_use.dumps(odd)).status_code == 404


def test_who_has_left_finds_nothing(cast: Cast, ended: UUID, anybody: TestClient) -> None:
    url = link_of(cast.bob, ended).json()["url"]
    assert anybody.get(url).status_code == 200
    with system_scope() as scope:
        scope.session.execute(delete(Membership).where(Membership.user_id == cast.bob.user_id))
    answer = anybody.get(url)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_lesser_role_finds_nothing(cast: Cast, ended: UUID, anybody: TestClient) -> None:
    url = link_of(cast.bob, ended).json()["url"]
    with system_scope() as scope:
        mine = update(Membership).where(Membership.user_id == cast.bob.user_id)
        scope.session.execute(mine.values(role="read_only"))
    assert anybody.get(url).status_code == 404


def test_a_revoked_keys_link_finds_nothing(cast: Cast, ended: UUID, anybody: TestClient) -> None:
    with cast.alice.begin() as scope:
        key = accounts.create_api_key(scope, name="d", scopes=["enrichments:download"])
    asked = anybody.post(f"/api/v1/enrichments/{ended}/download-link", headers={"Authorization": f"Bearer {key.key}"})
    assert asked.status_code == 200, asked.text
    assert anybody.get(asked.json()["url"]).status_code == 200
    with cast.alice.begin() as scope:
        accounts.revoke_api_key(scope, key_id=key.id)
    assert anybody.get(asked.json()["url"]).status_code == 404


def test_a_deleted_workspaces_link_finds_nothing(cast: Cast, ended: UUID, anybody: TestClient) -> None:
    url = link_of(cast.alice, ended).json()["url"]
    with system_scope() as scope:
        workspace = scope.session.scalars(select(Workspace).where(Workspace.id == cast.workspace_id)).one()
        workspace.deleted_at = now()
    assert anybody.get(url).status_code == 404


def test_who_gets_a_link(cast: Cast, ended: UUID) -> None:
    stranger, nobody = link_of(cast.charlie, ended), link_of(cast.charlie, UUID(int=7))
    assert stranger.status_code == nobody.status_code == 404
    assert link_of(cast.alice, ended, only="problems", format="pdf").status_code == 422
    assert link_of(cast.alice, make_list(cast.alice, ROWS)).json()["reason"] == "not_ended"
