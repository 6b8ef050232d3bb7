"""How many tasks of a queue all workers together may have in hand at once (JOB-08).

Workers ask for the limit whenever they fetch, so it holds from the next fetch on, half a second later at most. What is
already in hand goes on: a job of many chunks goes back into its queue every 20 seconds. What is to be canceled gets
through. More places than the living workers have are no error: the limit then changes nothing.
"""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

from cursive_app.clock import now
from cursive_app.errors import Conflict, Invalid, NotFound
from cursive_app.services.jobs.admin.queues import known_queues
from cursive_app.services.jobs.admin.staff import read_reason, record_action, require_staff
from cursive_app.services.jobs.admin.views import StaffActor
from db.models.jobs import QueueLimit
from db.system import SystemScope, system_scope

MOST_AT_ONCE = 1_000


def limit_queue(actor: StaffActor, name: str, *, at_most: int | None, reason: str) -> None:
    """Let at most so many tasks of the queue be worked at once; None: as many as the workers can.

    Raises Forbidden, NotFound, Invalid for the number or the reason, Conflict (reason "unchanged").
    """
    require_staff(actor, "operate", attempted="queue.limit", object_type="queue", object_id=name)
    said = read_reason(reason)
    if at_most is not None and not 1 <= at_most <= MOST_AT_ONCE:
        raise Invalid(fields={"at_most": f"Let 1 to {MOST_AT_ONCE:,} run at once; to let none run, pause the queue."})
    with system_scope() as scope:
        if name not in known_queues(scope):
            raise NotFound(f"There is no queue {name[:60]}.")
        before = _replace(scope, name, at_most, said=said, by=actor.label)
        if before == at_most:
            raise Conflict("That is its limit already.", reason="unchanged")
        record_action(
            scope, actor, action="queue.limit", object_type="queue", object_id=name, reason=said, before=before,
            after=at_most,
        )  # fmt: skip


def _replace(scope: SystemScope, name: str, at_most: int | None, *, said: str, by: str) -> int | None:
    """Put the new limit in the place of the old one, which is returned."""
    row = scope.session.get(QueueLimit, name, with_for_update=True)
    before = row.at_most if row is not None else None
    if at_most is None:
        if row is not None:
            scope.session.delete(row)
        return before
    new = {"at_most": at_most, "reason": said, "set_by_label": by, "set_at": now()}
    scope.session.execute(
        insert(QueueLimit).values(queue=name, **new).on_conflict_do_update(index_elements=["queue"], set_=new)
    )
    return before


__all__ = ["limit_queue"]
