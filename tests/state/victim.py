"""Alice's workspace with one of everything, what of it may never show elsewhere, and a fingerprint of all its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, create_engine, select, text

from cursive_app.services import accounts
from cursive_app.services.accounts.sessions import open_session
from cursive_app.settings import Settings
from db.engine import Database, owner_url
from db.models.accounts import User, UserSession
from db.models.credits import CreditLine
from db.scope import Tenant
from db.system import system_scope
from tests.db.catalog import tables, workspace_column
from tests.factories import Cast
from tests.factories_credits import fund
from tests.factories_enrichment import Line, make_list
from tests.factories_leads import make_lead, make_person
from tests.factories_segments import make_segment, start


@dataclass(frozen=True)
class Victim:
    """Ids by the name of the parameter that takes them, and words that only Alice's workspace holds."""

    tenant: Tenant
    ids: dict[str, str]
    words: tuple[str, ...]
    engine: Engine = field(repr=False)

    def fingerprint(self) -> dict[str, str | None]:
        """A hash per table over all rows of the workspace."""
        found: dict[str, str | None] = {}
        with self.engine.connect() as connection:
            for table in tables():
                column = workspace_column(table)
                # what reading itself writes: the moment a session was last seen, how often somebody asked
                if column is None or table.name in ("user_sessions", "rate_limits", "provider_calls"):
                    continue
                found[table.name] = connection.scalar(
                    text(
                        f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table.name} t WHERE {column} = :w"
                    ),
                    {"w": self.tenant.workspace_id},
                )
        return found

    def said_in(self, answer: str) -> list[str]:
        """Which of her words stand in an answer somebody else got."""
        return [word for word in self.words if word in answer]


def make_victim(cast: Cast, engine: Engine) -> Victim:
    """One of everything, made through the services."""
    alice, mark = cast.alice, uuid4().hex[:10]
    fund(alice.workspace_id, 100)
    segment = make_segment(alice, name=f"Quarry {mark}")
    run = start(alice, segment.id, max_leads=10)
    person = make_person(first_name=f"Odalys{mark}", email=f"odalys.{mark}@acme.example")
    lead = make_lead(alice, person)
    with system_scope() as scope:
        line = scope.session.scalars(
            select(CreditLine.id).where(CreditLine.workspace_id == alice.workspace_id).limit(1)
        ).one()
        token = open_session(
            scope, user_id=_id(alice), ip="192.0.2.9", user_agent="victim", workspace_id=alice.workspace_id
        )
        assert token
        session = scope.session.scalars(select(UserSession.id).where(UserSession.user_id == alice.user_id)).first()
        email = scope.get(User, _id(alice)).email
    record = {"email": f"listed.{mark}@acme.example"}
    listed = make_list(
        alice, [Line((record["email"], "Listed", mark, ""), record)], filename=f"Roster {mark}.csv", status="completed"
    )
    invited = accounts.invite(alice, email=f"guest{mark}@example.com", role="member")
    with alice.begin() as scope:
        key = accounts.create_api_key(scope, name=f"Guest{mark}", scopes=["segments:read"])
    ids = {
        "segment_id": str(segment.id), "run_id": str(run.id), "job_id": str(run.job_id), "lead_id": str(lead),
        "line_id": str(line), "session_id": str(session), "invitation_id": str(invited), "key_id": str(key.id),
        "enrichment_id": str(listed), "number": "1",
        "user_id": str(alice.user_id), "workspace_id": str(alice.workspace_id),
    }  # fmt: skip
    words = (
        f"Quarry {mark}", f"Odalys{mark}", f"odalys.{mark}", f"Guest{mark}", f"guest{mark}", f"Roster {mark}",
        f"listed.{mark}", email,
    )  # fmt: skip
    return Victim(alice, ids, words, engine)


def _id(tenant: Tenant) -> UUID:
    assert tenant.user_id is not None
    return tenant.user_id


@pytest.fixture(scope="module")
def engine(config: Settings, database: Database) -> Iterator[Engine]:
    engine = create_engine(owner_url(config))
    yield engine
    engine.dispose()


@pytest.fixture
def victim(cast: Cast, engine: Engine) -> Victim:
    return make_victim(cast, engine)
