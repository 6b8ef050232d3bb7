"""The one door by which people become leads. Every source (segment runs, uploads, pixels, marketplace) comes through.

Exactness under concurrency: intake of one workspace happens one batch at a time (a transaction-level advisory lock), so
"is it owned?" and "insert it" cannot be separated by another run. The partial unique indexes stand behind it: whoever
inserts past the lock loses to ON CONFLICT, never to an error. A flow that also moves credits calls intake first, then
captures for what `IntakeResult.new` says, in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Table, Text, any_, bindparam, cast, column, func, literal, select, union_all, update
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.dialects.postgresql import insert as upsert
from uuid_utils.compat import uuid7

from cursive_app.integrations.audiencelab.records import Person
from cursive_app.services.leads.identity import IdentityKeys, Key, first_of_each, identity_keys
from cursive_app.services.leads.records import email_rows, lead_values, phone_rows, raw_record
from db.base import Base
from db.models.leads import Lead, LeadEmail, LeadPhone, LeadRawRecord, LeadSource
from db.scope import Scope

_LOCK = 7_283_003  # the class of our advisory locks; the second number is the workspace


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """What became of a batch. Everyone is in exactly one of: new, owned, a duplicate of another in the batch, or
    unidentified (no e-mail, phone, profile or provider id: cannot be told apart, so is not taken and not charged)."""

    new: tuple[UUID, ...]
    owned: tuple[UUID, ...]
    duplicates_in_batch: int
    unidentified: int


def owned(scope: Scope, people: Sequence[Person]) -> list[UUID | None]:
    """For each person the lead of this workspace that is the same person, or None. Any address of a lead counts."""
    return _owned(scope, [identity_keys(person) for person in people])


def owned_by_keys(scope: Scope, batch: Sequence[IdentityKeys]) -> list[UUID | None]:
    """As `owned`, for people of whom only the keys are known (rows of a customer's own list)."""
    return _owned(scope, batch)


def intake(
    scope: Scope,
    people: Sequence[Person],
    *,
    source: str,
    run_id: UUID | None = None,
    segment_id: UUID | None = None,
    cost_each: Decimal = Decimal(0),
    ledger_line_id: UUID | None = None,
    actor_label: str = "",
) -> IntakeResult:
    """Take a batch of people: new ones become leads that cost `cost_each` credits, owned ones only get a receipt of 0.

    `source`: 'database', 'upload', 'pixel', 'marketplace' or 'manual'. An owned lead is left as it is. Repeating a
    batch of the same run changes nothing, so a resumed run may call it again. Never raises on a duplicate. The caller
    has authorized the act and charges for `new`: two people of a batch who are one person, and a person of whom any
    key leads to an owned lead, are never new.
    """
    scope.session.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(str(scope.workspace_id)))))
    keys = [identity_keys(person) for person in people]
    firsts = first_of_each(keys)
    found = _owned(scope, keys)
    owners = {first for first, lead in zip(firsts, found, strict=True) if lead is not None}
    fresh = [i for i, first in enumerate(firsts) if first == i and i not in owners]
    new = _insert_leads(scope, [(people[i], keys[i]) for i in fresh], source=source)
    if len(new) < len(fresh):  # somebody inserted past the lock: what is new was lost to them, so look again
        found = _owned(scope, keys)
    known = dict.fromkeys(lead for lead in found if lead is not None and lead not in set(new))
    receipts = [(lead, True) for lead in new] + [(lead, False) for lead in known]
    _insert_receipts(
        scope,
        receipts,
        source=source,
        segment_id=segment_id,
        segment_run_id=run_id,
        cost=cost_each,
        ledger_line_id=ledger_line_id,
        actor_label=actor_label,
    )
    unidentified = sum(first is None for first in firsts)
    return IntakeResult(
        new=tuple(new),
        owned=tuple(known),
        duplicates_in_batch=len(people) - len(new) - len(known) - unidentified,
        unidentified=unidentified,
    )


def record_charge(scope: Scope, *, run_id: UUID, lead_ids: Sequence[UUID], ledger_line_id: UUID) -> None:
    """Put the ledger line that paid for them on the receipts of a run's new leads."""
    scope.session.execute(
        update(LeadSource)
        .where(
            scope.owned(LeadSource),
            LeadSource.segment_run_id == run_id,
            LeadSource.lead_id == any_(bindparam("lead_ids", list(lead_ids), ARRAY(LeadSource.lead_id.type))),
            LeadSource.is_new,
        )
        .values(ledger_line_id=ledger_line_id)
    )


def _owned(scope: Scope, batch: Sequence[IdentityKeys]) -> list[UUID | None]:
    wanted: dict[str, list[str]] = {}
    for kind, value in dict.fromkeys(key for keys in batch for key in keys):
        wanted.setdefault(kind, []).append(value)
    if not wanted:
        return [None] * len(batch)
    columns = {"provider": Lead.provider_uuid, "linkedin": Lead.linkedin_norm, "phone": Lead.phone_norm}
    queries: list[Any] = []
    for kind, values in wanted.items():
        among = any_(bindparam(f"{kind}_keys", values, ARRAY(Text)))
        if kind == "email":
            queries.append(
                select(literal(kind), LeadEmail.address_norm, LeadEmail.lead_id).where(
                    scope.owned(LeadEmail), LeadEmail.address_norm == among
                )
            )
            continue
        query = select(literal(kind), columns[kind], Lead.id).where(
            scope.owned(Lead), columns[kind] == among, Lead.deleted_at.is_(None)
        )
        if kind == "phone":
            query = query.where(Lead.email_norm.is_(None), Lead.linkedin_norm.is_(None), Lead.provider_uuid.is_(None))
        queries.append(query)
    rows: Any = scope.session.execute(union_all(*queries)).all()
    leads: dict[Key, UUID] = {(kind, value): lead_id for kind, value, lead_id in rows}
    return [next((leads[key] for key in keys if key in leads), None) for keys in batch]


def _insert_leads(scope: Scope, people: list[tuple[Person, IdentityKeys]], *, source: str) -> list[UUID]:
    rows = [lead_values(person, keys) | {"id": uuid7(), "source": source} for person, keys in people]
    inserted = set(_insert(scope, Lead, rows, returning=Lead.id, created_by=scope.tenant.user_id))
    kept = [(row["id"], person) for row, (person, _) in zip(rows, people, strict=True) if row["id"] in inserted]
    _insert(scope, LeadEmail, [row for lead_id, person in kept for row in email_rows(person, lead_id)])
    _insert(scope, LeadPhone, [row for lead_id, person in kept for row in phone_rows(person, lead_id)])
    _insert(
        scope,
        LeadRawRecord,
        [{"lead_id": lead_id, "record": raw_record(person)} for lead_id, person in kept],
        source=source,
    )
    return [lead_id for lead_id, _ in kept]


def _insert_receipts(
    scope: Scope, receipts: list[tuple[UUID, bool]], *, cost: Decimal, ledger_line_id: UUID | None, **common: Any
) -> None:
    rows = [
        {
            "id": uuid7(),
            "lead_id": lead_id,
            "is_new": is_new,
            "cost": cost if is_new else Decimal(0),
            "ledger_line_id": ledger_line_id if is_new else None,
        }
        for lead_id, is_new in receipts
    ]
    _insert(scope, LeadSource, rows, **common)


def _insert(
    scope: Scope, model: type[Base], rows: list[dict[str, Any]], *, returning: Any = None, **common: Any
) -> list[UUID]:
    """Insert rows that all have the same keys, leaving out those a unique index refuses.

    The rows travel as one JSON value: a page of 500 people with 60 columns each is one statement with one parameter,
    three times faster than as many parameters.
    """
    if not rows:
        return []
    table = model.__table__
    assert isinstance(table, Table)
    columns = [table.c[name] for name in rows[0]]
    payload = json.dumps(rows, default=str, ensure_ascii=False)
    given = (
        func.json_to_recordset(cast(bindparam("rows", payload, Text), JSON))
        .table_valued(*(column(each.name, each.type) for each in columns))
        .render_derived(with_types=True)
    )
    constants = {"workspace_id": scope.workspace_id} | common
    source = select(
        *(given.c[each.name] for each in columns),
        *(bindparam(name, value, table.c[name].type) for name, value in constants.items()),
    )
    statement = upsert(table).from_select([*(each.name for each in columns), *constants], source)
    statement = statement.on_conflict_do_nothing()
    if returning is None:
        scope.session.execute(statement)
        return []
    return list(scope.session.scalars(statement.returning(returning)))
