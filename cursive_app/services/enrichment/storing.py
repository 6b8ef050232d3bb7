"""Checked rows into `enrichment_rows`: duplicates and owned people told apart, then one statement per batch.

The restricted role may not COPY into a table under row-level security, so a batch travels as one text per column, which
is as fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import polars as pl
from sqlalchemy import any_, bindparam, delete, exists, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Integer

from cursive_app.services import leads
from cursive_app.services.enrichment.duplicates import Seen, first_rows
from db.models.enrichment import EnrichmentRow
from db.models.leads import Lead
from db.scope import Scope

_BETWEEN = "\x1e"  # between values of a column; in none of them, for JSON escapes it and identities have none
_ARRAY = "string_to_array(%({0})s, %(between)s, '')"  # '' stands for NULL; ten times faster than a list of parameters
_COLUMNS = {
    "number": "int", "line": "int", "cells": "json", "verdict": "text", "problems": "json", "identity": "text",
    "duplicate_of": "int", "lead_id": "uuid",
}  # fmt: skip
_GIVEN = f"""
FROM unnest({", ".join(_ARRAY.format(name) for name in _COLUMNS)}) AS t ({", ".join(_COLUMNS)})
"""
_INSERT = f"""
INSERT INTO enrichment_rows (workspace_id, enrichment_id, {", ".join(_COLUMNS)})
SELECT %(workspace)s, %(enrichment)s, {", ".join(f"t.{name}::{kind}" for name, kind in _COLUMNS.items())}
{_GIVEN}
"""
_KEPT = ("number", "line")
_UPDATE = f"""
UPDATE enrichment_rows r
SET {", ".join(f"{name} = t.{name}::{kind}" for name, kind in _COLUMNS.items() if name not in _KEPT)}
{_GIVEN}
WHERE r.workspace_id = %(workspace)s AND r.enrichment_id = %(enrichment)s AND r.number = t.number::int
"""
_SAID = "coalesce(r.originals ->> %(key)s::text, r.cells ->> %(place)s::int, '')"  # by the file, in an edited column
_EDIT = _UPDATE.replace(
    "SET ",
    f"""
SET originals = CASE
        WHEN t.cells::json ->> %(place)s::int = {_SAID} THEN nullif(r.originals - %(key)s::text, '{{}}'::jsonb)
        ELSE coalesce(r.originals, '{{}}'::jsonb) || jsonb_build_object(%(key)s::text, {_SAID}) END,
    """,
)
VERDICTS = ("valid", "invalid", "duplicate", "owned")


@dataclass(slots=True)
class Tally:
    """How many rows have which verdict so far, and the identities met."""

    seen: Seen = field(default_factory=Seen)
    total: int = 0
    by_verdict: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERDICTS, 0))


def drop_rows(scope: Scope, enrichment_id: UUID) -> None:
    """Forget the rows of a list that is read anew."""
    scope.session.execute(
        delete(EnrichmentRow).where(scope.owned(EnrichmentRow), EnrichmentRow.enrichment_id == enrichment_id)
    )


def judge(scope: Scope, enrichment_id: UUID, checked: pl.DataFrame, tally: Tally) -> pl.DataFrame:
    """The frame of `checking.check` (with `number`) with verdict, duplicate_of and lead_id; the tally is brought up.

    The first row of an identity is valid or owned, the later ones repeat it; an invalid row repeats nothing.
    """
    usable = checked.filter(pl.col("identity").is_not_null())
    nominated = tally.seen.candidates(usable["identity"])
    earlier = _identities(scope, enrichment_id, sorted({n for n in nominated.tolist() if n}))
    firsts = usable.with_columns(first=first_rows(usable, earlier, nominated)).select("number", "first")
    judged = checked.join(firsts, on="number", how="left", maintain_order="left")
    fresh = judged.filter((pl.col("first") == pl.col("number")).fill_null(value=False))
    tally.seen.add(fresh["identity"], fresh["number"].to_list())
    judged = judged.with_columns(lead_id=pl.Series(owners(scope, judged), dtype=pl.String)).with_columns(
        verdict=pl.when(pl.col("first").is_null())
        .then(pl.lit("invalid"))
        .when(pl.col("first") != pl.col("number"))
        .then(pl.lit("duplicate"))
        .when(pl.col("lead_id").is_not_null())
        .then(pl.lit("owned"))
        .otherwise(pl.lit("valid")),
        duplicate_of=pl.when(pl.col("first") != pl.col("number")).then(pl.col("first")),
    )
    tally.total += judged.height
    for verdict, count in judged["verdict"].value_counts().iter_rows():
        tally.by_verdict[verdict] += count
    return judged


def judge_alone(scope: Scope, checked: pl.DataFrame) -> pl.DataFrame:
    """As `judge`, for single rows of a list that is stored; `regroup` sets afterwards who repeats whom."""
    owned = pl.Series("lead_id", owners(scope, checked), dtype=pl.String)
    return checked.with_columns(
        lead_id=owned,
        verdict=pl.when(pl.col("identity").is_null()).then(pl.lit("invalid")).otherwise(pl.lit("valid")),
        duplicate_of=pl.lit(None, dtype=pl.Int64),
    )


def owners(scope: Scope, checked: pl.DataFrame) -> list[str | None]:
    """For each row the lead of this workspace that is the same person, by any of its addresses; None for nobody."""
    nobody: list[str | None] = [None] * checked.height
    if not scope.session.scalar(select(exists().where(scope.owned(Lead), Lead.deleted_at.is_(None)))):
        return nobody
    rows = checked.select("identity", "emails", "phone", "linkedin").iter_rows()
    keys = [
        leads.IdentityKeys(
            email_norms=tuple(address for address in emails if address is not None),
            linkedin_norm=linkedin.removeprefix("linkedin.com/") if linkedin else None,
            phone_norms=(phone,) if phone else (),
            provider_uuid=None,
        )
        if identity is not None
        else leads.IdentityKeys((), None, (), None)
        for identity, emails, phone, linkedin in rows
    ]
    return [str(lead) if lead is not None else None for lead in leads.owned_by_keys(scope, keys)]


def insert_rows(scope: Scope, enrichment_id: UUID, judged: pl.DataFrame) -> None:
    _send(scope, _INSERT, enrichment_id, judged)


def update_rows(scope: Scope, enrichment_id: UUID, judged: pl.DataFrame, *, edited: int | None = None) -> None:
    """Write a new judgment over rows that are there. `edited`: the column of which each of them has a new cell; what
    the file said there stays known."""
    if edited is None:
        _send(scope, _UPDATE, enrichment_id, judged)
    else:
        _send(scope, _EDIT, enrichment_id, judged, place=edited, key=str(edited))


def _send(scope: Scope, statement: str, enrichment_id: UUID, judged: pl.DataFrame, **more: Any) -> None:
    texts = judged.select(pl.col(name).cast(pl.String).fill_null("").str.join(_BETWEEN) for name in _COLUMNS)
    values: dict[str, Any] = texts.row(0, named=True)
    values |= {"workspace": scope.workspace_id, "enrichment": enrichment_id, "between": _BETWEEN, **more}
    connection = scope.session.connection().connection.driver_connection
    assert connection is not None
    connection.execute(statement, values)


def _identities(scope: Scope, enrichment_id: UUID, numbers: list[int]) -> dict[int, str]:
    if not numbers:
        return {}
    rows = scope.session.execute(
        select(EnrichmentRow.number, EnrichmentRow.identity).where(
            scope.owned(EnrichmentRow),
            EnrichmentRow.enrichment_id == enrichment_id,
            EnrichmentRow.number == any_(bindparam("numbers", numbers, ARRAY(Integer))),
        )
    )
    return {number: identity for number, identity in rows if identity is not None}


def regroup(scope: Scope, enrichment_id: UUID, identities: list[str] | None) -> None:
    """After rows changed: of each identity the first row counts, valid or owned, the later ones repeat it. None: of all
    identities of the list."""
    values = {"workspace": scope.workspace_id, "enrichment": enrichment_id}
    # a list that was read a moment ago is not in the statistics yet: every row would be compared with every other
    scope.session.execute(text("SET LOCAL enable_nestloop = off"))
    scope.session.execute(_REGROUP, {**values, "every": identities is None, "identities": identities or []})
    scope.session.execute(text("SET LOCAL enable_nestloop = on"))


_REGROUP = text("""
UPDATE enrichment_rows r
SET verdict = CASE WHEN g.first <> r.number THEN 'duplicate' WHEN r.lead_id IS NULL THEN 'valid' ELSE 'owned' END,
    duplicate_of = nullif(g.first, r.number)
FROM (
    SELECT number, min(number) OVER (PARTITION BY identity) AS first
    FROM enrichment_rows
    WHERE workspace_id = :workspace AND enrichment_id = :enrichment
      AND (identity = ANY(:identities) OR (CAST(:every AS boolean) AND identity IS NOT NULL))
) g
WHERE r.workspace_id = :workspace AND r.enrichment_id = :enrichment AND r.number = g.number
  AND (r.verdict, r.duplicate_of) IS DISTINCT FROM
      (CASE WHEN g.first <> r.number THEN 'duplicate' WHEN r.lead_id IS NULL THEN 'valid' ELSE 'owned' END,
       nullif(g.first, r.number))
""")
