"""Settling one chunk: outcomes, price, counters and the job's progress, in one fenced transaction (P1, P5).

The token fences a worker that was given up for dead, the chunk's locked row a second one: whoever comes later finds the
chunk settled and changes nothing. Nobody of a list is charged for twice, also when two rows lead to the same person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Text, Update, any_, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from cursive_app.clock import now
from cursive_app.plurals import plural
from cursive_app.services import credits, jobs
from cursive_app.services.enrichment.chunks import get_chunk, rows_of
from cursive_app.services.enrichment.finds import count_found
from cursive_app.services.enrichment.joining import Match
from cursive_app.services.enrichment.pricing import cost_of, rows_answered
from cursive_app.services.enrichment.stored_found import packed
from cursive_app.services.jobs import ClaimedJob
from cursive_app.services.jobs.causes import Cause
from db.models.enrichment import Enrichment, EnrichmentChunk, EnrichmentRow
from db.scope import Scope

NOBODY = "The provider knows nobody by this"
SOMEBODY_ELSE = "The provider named somebody else: the name or a stronger identifier differs"

_BETWEEN = "\x1e"  # JSON escapes it; the text of what was found is stored as it is and not parsed twice
_MATCHED = text(
    """
    UPDATE enrichment_rows AS row
       SET outcome = 'matched', reason = given.reason, matched_by = given.matched_by, person = given.person,
           charged = given.charged, found = CAST(given.found AS json), fetched_at = :at, chunk = :chunk
      FROM ROWS FROM (
               json_to_recordset(CAST(:rows AS json))
                   AS (number int, reason text, matched_by text, person text, charged boolean),
               unnest(string_to_array(:found, chr(30)))
           ) AS given (number, reason, matched_by, person, charged, found)
     WHERE row.workspace_id = :workspace AND row.enrichment_id = :enrichment AND row.number = given.number
       AND row.number BETWEEN :first AND :last AND row.outcome IS NULL
    """
)


def settle(
    scope: Scope, claimed: ClaimedJob, *, number: int, matches: Mapping[int, Match], refused: set[int], strangers: int
) -> bool:
    """Write what became of a chunk's rows and capture the price of the matched ones; False when that was done before.

    Raises LostClaim.
    """
    row, chunk = lock(scope, claimed, number=number)
    if chunk.status != "sent":
        return False
    at = now()
    charged = _write_matches(scope, row, chunk, matches, at=at)
    unmatched = _write_rest(scope, row, chunk, refused, at=at)
    amount = cost_of(charged, row.price)
    if amount:
        assert row.hold_id is not None
        credits.capture(
            scope,
            hold_id=row.hold_id,
            amount=amount,
            key=f"enrichment:{row.id}:chunk:{number}",
            description=f"{plural(charged, 'matched row')} of “{row.filename[:200]}”",
            reference=f"enrichment:{row.id}",
        )
    chunk.status, chunk.settled_at = "settled", at
    chunk.matched, chunk.captured = len(matches), amount
    row.matched_count += len(matches)
    count_found(row, (match.found for match in matches.values()))
    row.no_match_count += unmatched
    row.credits_captured += amount
    ignored = f"; ignored {plural(strangers, 'result')} without a row" if strangers else ""
    rows = plural(chunk.row_count, "row")
    advance(scope, claimed, row, f"Batch {number:,}: {rows}, {len(matches):,} matched{ignored}")
    return True


def settle_failed(scope: Scope, claimed: ClaimedJob, *, number: int, cause: Cause, why: str) -> None:
    """Give a chunk up: its rows end with an error and cost nothing. `cause` is for staff, `why` for the rows.

    Raises LostClaim.
    """
    row, chunk = lock(scope, claimed, number=number)
    if chunk.status not in ("pending", "sent"):
        return
    at = now()
    failed = scope.session.execute(
        update(EnrichmentRow)
        .where(rows_of(row, chunk), EnrichmentRow.outcome.is_(None))
        .values(outcome="error", reason=why[:500], chunk=number)
        .returning(EnrichmentRow.number)
    ).all()
    chunk.status, chunk.settled_at = "failed", at
    chunk.error_code, chunk.error_message = cause.code, why[:500]
    row.error_count += len(failed)
    text = f"Batch {number:,} could not be looked up; {plural(len(failed), 'row')} of it cost nothing"
    advance(scope, claimed, row, text, cause=cause)


def lock(scope: Scope, claimed: ClaimedJob, *, number: int) -> tuple[Enrichment, EnrichmentChunk]:
    """The list and one chunk for writing, after the fence: job, list, chunk, in this order everywhere."""
    jobs.advance(scope, claimed)
    row = scope.get(Enrichment, claimed.links["enrichment_id"], lock=True)
    return row, get_chunk(scope, row.id, number)


def advance(scope: Scope, claimed: ClaimedJob, row: Enrichment, message: str | None = None, **more: Any) -> None:
    """Put the list's figures on its job."""
    scope.session.flush()
    jobs.advance(
        scope,
        claimed,
        processed=rows_answered(row),
        failed=row.error_count,
        held=row.credits_held,
        captured=row.credits_captured,
        released=row.credits_released,
        message=message,
        **more,
    )


def _write_matches(
    scope: Scope, row: Enrichment, chunk: EnrichmentChunk, matches: Mapping[int, Match], *, at: Any
) -> int:
    """Write the matched rows; how many of them are charged."""
    if not matches:
        return 0
    paid = _paid(scope, row, [match.person for match in matches.values() if match.person])
    given: list[dict[str, Any]] = []
    for number, match in sorted(matches.items()):
        first = paid.get(match.person) if match.person else None
        if match.person and first is None:
            paid[match.person] = number
        given.append(
            {
                "number": number,
                "reason": f"Same person as row {first:,}; not charged again" if first is not None else None,
                "matched_by": match.matched_by,
                "person": match.person,
                "charged": first is None,
            }
        )
    written: Any = scope.session.execute(
        _MATCHED,
        {
            "rows": json.dumps(given, ensure_ascii=False),
            "found": _BETWEEN.join(packed(match.found) for _, match in sorted(matches.items())),
            "at": at,
            "chunk": chunk.number,
            "first": chunk.first_number,
            "last": chunk.last_number,
            "workspace": row.workspace_id,
            "enrichment": row.id,
        },
    )
    if written.rowcount != len(given):
        raise RuntimeError(f"chunk {chunk.number} of {row.id} has rows that were settled before it")
    return sum(one["charged"] for one in given)


def _paid(scope: Scope, row: Enrichment, people: list[str]) -> dict[str, int]:
    """The people among these who were charged before in this list, with their row."""
    found = scope.session.execute(
        select(EnrichmentRow.person, EnrichmentRow.number).where(
            scope.owned(EnrichmentRow),
            EnrichmentRow.enrichment_id == row.id,
            EnrichmentRow.charged,
            EnrichmentRow.person == any_(bindparam("people", people, ARRAY(Text))),
        )
    )
    return {person: number for person, number in found if person is not None}


def _write_rest(scope: Scope, row: Enrichment, chunk: EnrichmentChunk, refused: set[int], *, at: Any) -> int:
    """Write the rows of the chunk for which nobody came; how many there are."""
    rest = update(EnrichmentRow).where(rows_of(row, chunk), EnrichmentRow.outcome.is_(None))
    common = {"outcome": "no_match", "chunk": chunk.number, "fetched_at": at}
    count = 0
    if refused:
        among = EnrichmentRow.number == any_(bindparam("refused", sorted(refused), ARRAY(EnrichmentRow.number.type)))
        other = rest.where(among).values(reason=SOMEBODY_ELSE, **common)
        count = _written(scope, other)
    return count + _written(scope, rest.values(reason=NOBODY, **common))


def _written(scope: Scope, statement: Update) -> int:
    done: Any = scope.session.execute(statement, execution_options={"synchronize_session": False})
    return done.rowcount
