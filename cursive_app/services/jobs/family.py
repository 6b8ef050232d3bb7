"""Jobs that belong together (JOB-15): the reading, dry run, run and leads of one list, and of lists that were made of
its rows to run them again; the runs of one segment.

They are found by their links: `enrichment_id` and `run_id` name the thing, `rerun_of` the list whose rows it has,
`segment_id` the segment a run is of.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from cursive_app.services.jobs.views import ENDED, RelatedSum, Relation
from db.models.jobs import Job

RELATED_SHOWN = 20
_SAME_THING = ("enrichment_id", "run_id")
_FOUND_BY = (*_SAME_THING, "segment_id")
# What went wrong comes first, then what is under way, then what has ended well.
FIRST_THINGS_FIRST = (
    case((Job.status == "failed", 0), (Job.status.not_in(ENDED), 1), else_=2),
    Job.created_at.desc(),
    Job.id.desc(),
)


def others(row: Job) -> ColumnElement[bool] | None:
    """The other jobs of the same workspace that belong to this one; None for a job that is of nothing."""
    belong = _belonging(row.links)
    return and_(Job.workspace_id == row.workspace_id, Job.id != row.id, or_(*belong)) if belong else None


def relation(row: Job, links: Mapping[str, Any]) -> Relation:
    """How a job with these links stands to `row`: on the same thing, another run of its segment, on what was made of
    its rows, or on what its rows come from."""
    if any(_shared(row.links, links, name) for name in _SAME_THING):
        return "same"
    if _shared(row.links, links, "segment_id"):
        return "segment"
    return "rerun" if _named(links, "rerun_of") and links["rerun_of"] == row.links.get("enrichment_id") else "origin"


def sum_of(session: Session, row: Job) -> RelatedSum:
    """What `row` and all that belong to it came to."""
    found = others(row)
    everyone = Job.id == row.id if found is None else or_(Job.id == row.id, found)
    open_holds = func.greatest(Job.credits_held - Job.credits_captured - Job.credits_released, 0)
    by_status = session.execute(
        select(Job.status, func.count(), func.sum(Job.credits_captured), func.sum(open_holds))
        .where(Job.workspace_id == row.workspace_id, everyone)
        .group_by(Job.status)
    ).all()
    return RelatedSum(
        jobs=sum(one[1] for one in by_status),
        ended=sum(one[1] for one in by_status if one[0] in ENDED),
        by_status={one[0]: one[1] for one in by_status},
        credits_captured=sum((one[2] for one in by_status), start=Decimal(0)),
        credits_held=sum((Decimal(one[3]) for one in by_status), start=Decimal(0)),
    )


def _belonging(links: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    found = [Job.links.contains({name: links[name]}) for name in _FOUND_BY if _named(links, name)]
    if _named(links, "enrichment_id"):
        found.append(Job.links.contains({"rerun_of": links["enrichment_id"]}))
    if _named(links, "rerun_of"):
        found.append(Job.links.contains({"enrichment_id": links["rerun_of"]}))
    return found


def _shared(links: Mapping[str, Any], others: Mapping[str, Any], name: str) -> bool:
    return _named(links, name) and links[name] == others.get(name)


def _named(links: Mapping[str, Any], name: str) -> bool:
    return isinstance(links.get(name), str) and bool(links[name])
