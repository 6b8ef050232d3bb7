"""The queues, for staff: GET /api/v1/admin/queues, POST …/{queue}/pause, …/{queue}/resume, PUT …/{queue}/limit.

Who may do what, the reasons and the record of it are those of the page (`services.jobs.admin`). A request whose wish is
fulfilled already answers with the queue as it is: nothing changes and nothing is written down a second time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from cursive_app.api.staff import staff_of
from cursive_app.errors import Conflict, NotFound
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import QueuesView, StaffActor
from cursive_app.services.jobs.admin.views import QueueView

FULFILLED = ("paused", "not_paused", "unchanged")  # reasons of a Conflict
Name = Annotated[str, Path(max_length=128, examples=["runs"])]
Actor = Annotated[StaffActor, Depends(staff_of)]
Reason = Annotated[str, Field(max_length=1_000, description="3 to 500 characters, written down with the change.")]


class ReasonIn(BaseModel):
    """Why a queue is paused or resumed."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class LimitIn(BaseModel):
    """How many tasks of a queue all workers together may have in hand at once."""

    model_config = ConfigDict(extra="forbid")

    at_most: Annotated[int | None, Field(strict=True, description="1 to 1,000; null: as many as the workers can.")]
    reason: Reason


router = APIRouter(prefix="/admin/queues", tags=["Queues"])


@router.get("", summary="All queues and workers")
def get_queues(actor: Actor) -> QueuesView:
    """Depth, age and throughput of every queue, with its pause and its limit. For every role."""
    return admin.queues(actor)


@router.post("/{queue}/pause", summary="Pause a queue")
def pause_queue(queue: Name, body: ReasonIn, actor: Actor) -> QueueView:
    """Keep its work waiting until it is resumed; what runs leaves at its next chunk. For the role operate."""
    return _after(actor, queue, lambda: admin.pause_queue(actor, queue, reason=body.reason))


@router.post("/{queue}/resume", summary="Resume a queue")
def resume_queue(queue: Name, body: ReasonIn, actor: Actor) -> QueueView:
    """Let its work go on, at once. For the role operate."""
    return _after(actor, queue, lambda: admin.resume_queue(actor, queue, reason=body.reason))


@router.put("/{queue}/limit", summary="Limit a queue")
def limit_queue(queue: Name, body: LimitIn, actor: Actor) -> QueueView:
    """Holds from the next task that any worker takes on; what is in hand goes on. For the role operate."""
    return _after(actor, queue, lambda: admin.limit_queue(actor, queue, at_most=body.at_most, reason=body.reason))


def _after(actor: StaffActor, name: str, change: Callable[[], None]) -> QueueView:
    """The queue as it is after the change, or already was. Raises what the change does, and NotFound."""
    try:
        change()
    except Conflict as refused:
        if refused.reason not in FULFILLED:
            raise
    found = next((one for one in admin.queues(actor).queues if one.name == name), None)
    if found is None:
        raise NotFound(f"There is no queue {name[:60]}.")
    return found
