"""Turning one page of checked people into leads and their price, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from cursive_app.integrations.audiencelab import Person
from cursive_app.plurals import plural
from cursive_app.services import credits, leads
from cursive_app.services.segments.fields import FIELDS
from cursive_app.services.segments.filters import Filters
from cursive_app.services.segments.match import obeys
from db.models.segments import SegmentLead, SegmentRun
from db.scope import Scope

SAMPLE_SIZE = 20  # records that say enough to be judged, before the provider is judged by them
SAMPLE_SHARE = 0.6  # of them must satisfy what we sent
IGNORED = (
    "The data provider returned people who do not fit: only {share:.0%} of a sample of {size} match what it was asked "
    "for. Nothing was delivered or charged."
)


def deliver(scope: Scope, run: SegmentRun, people: list[Person], *, page: int) -> bool:
    """Take matching people in their order until the run is full, and capture the price of the new ones.

    Returns whether somebody was left over. One batch is usually enough; duplicates inside it make room for more.
    """
    new: list[UUID] = []
    queue = people
    while queue and run.new_leads + len(new) < run.max_leads:
        batch, queue = _batch(scope, queue, room=run.max_leads - run.new_leads - len(new))
        taken = leads.intake(
            scope,
            batch,
            source="database",
            run_id=run.id,
            segment_id=run.segment_id,
            cost_each=run.price,
            actor_label=run.actor_label,
        )
        new += taken.new
        paid, twice = _own_deliveries(scope, run, taken.owned)
        run.owned_leads += len(taken.owned) - paid - twice
        run.duplicates += taken.duplicates_in_batch + twice
        _remember(scope, run, dict.fromkeys(taken.new, True) | dict.fromkeys(taken.owned, False))
    if new:
        _charge(scope, run, new, page=page)
    run.new_leads += len(new)
    return bool(queue)


def _batch(scope: Scope, people: list[Person], *, room: int) -> tuple[list[Person], list[Person]]:
    """As many people as can be taken with `room` for new ones, and the rest. Owned ones need no room."""
    for position, lead in enumerate(leads.owned(scope, people)):
        if lead is None:
            if room == 0:
                return people[:position], people[position:]
            room -= 1
    return people, []


def _own_deliveries(scope: Scope, run: SegmentRun, owned: Sequence[UUID]) -> tuple[int, int]:
    """How many of the leads this run met again it has delivered itself: from an audience before the one it reads now,
    where they are among its new leads already, and from this one, where a person has two records."""
    if not owned or not run.new_leads:
        return 0, 0
    delivered = scope.session.scalars(
        select(SegmentLead.added_at).where(
            scope.owned(SegmentLead), SegmentLead.run_id == run.id, SegmentLead.is_new, SegmentLead.lead_id.in_(owned)
        )
    ).all()
    before = sum(run.audience_requested_at is not None and at < run.audience_requested_at for at in delivered)
    return before, len(delivered) - before


def _charge(scope: Scope, run: SegmentRun, new: list[UUID], *, page: int) -> None:
    amount = run.price * len(new)
    if not amount or run.hold_id is None:
        return
    line = credits.capture(
        scope,
        hold_id=run.hold_id,
        amount=amount,
        key=f"run:{run.id}:page:{page}:{run.hold_id}",
        description=plural(len(new), "new lead"),
        reference=f"segment_run:{run.id}",
    )
    leads.record_charge(scope, run_id=run.id, lead_ids=new, ledger_line_id=line.id)
    run.credits_captured += amount


def _remember(scope: Scope, run: SegmentRun, members: Mapping[UUID, bool]) -> None:
    """Write the membership of what the run met; a lead met by an earlier run keeps that one."""
    if members:
        scope.session.execute(
            insert(SegmentLead)
            .values(
                [
                    {
                        "workspace_id": scope.workspace_id,
                        "segment_id": run.segment_id,
                        "lead_id": lead_id,
                        "run_id": run.id,
                        "is_new": is_new,
                    }
                    for lead_id, is_new in members.items()
                ]
            )
            .on_conflict_do_nothing()
        )


def why_ignored(sent: Filters, values: list[dict[str, object]]) -> str | None:
    """Why the provider's answer cannot be trusted, or None. Records that do not say are not held against it.

    Judged by what it documents, where that was asked for: other members it may accept and not apply (contract §2.2);
    those cost pages, and are checked on every record like all conditions.
    """
    asked = [one for _, one in sent.conditions() if one.includes_something]
    judged = [one for one in asked if FIELDS[one.field].is_documented] or asked
    answers: list[bool] = []
    for one in values:
        told = [obeys(condition, one) for condition in judged]
        if False in told or None not in told:
            answers.append(False not in told)
    if len(answers) < SAMPLE_SIZE:
        return None
    share = sum(answers) / len(answers)
    return IGNORED.format(share=share, size=len(answers)) if share < SAMPLE_SHARE else None
