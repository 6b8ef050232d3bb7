"""What staff do to jobs and schedules is written down, for staff and for the customer whose job it is (JOB-13)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from cursive_app.errors import Conflict, NotFound
from cursive_app.jobs.schedule import Scheduled
from cursive_app.services import jobs
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import Selection, StaffActor, staff_log
from db.engine import Database
from tests.factories import Cast
from tests.factories_admin import actions_of, done_job, of, staff, trail_of
from tests.factories_jobs import grow_stale, make_job


def stuck_job(cast: Cast) -> UUID:
    job = make_job(cast.alice)
    assert jobs.claim(job.id) is not None
    grow_stale(job.id, seconds=90)
    return job.id


@pytest.mark.parametrize(
    ("action", "make", "do"),
    [
        ("job.rescue", stuck_job, admin.rescue),
        ("job.cancel", lambda cast: make_job(cast.alice).id, lambda actor, id: admin.act(actor, "cancel", id)),
        ("job.delete", lambda cast: done_job(cast.alice).id, lambda actor, id: admin.act(actor, "delete", id)),
    ],
)
def test_both_records_tell_what_was_done_to_a_job(
    cast: Cast, action: str, make: Callable[[Cast], UUID], do: Callable[[StaffActor, UUID], object]
) -> None:
    """The customer reads that it was Cursive support, and not which person."""
    actor, id = staff("all"), make(cast)
    do(actor, id)
    (written,) = actions_of(actor)
    assert (written.action, written.object_type, written.object_id) == (action, "job", str(id))
    assert (written.actor_label, written.details["role"]) == ("Sam", "all")
    (entry,) = trail_of(cast.alice, id)
    assert (entry.action, entry.actor_label, entry.actor_user_id) == (action, "Cursive support", None)
    assert entry.details == {"title": "A trial"}
    assert trail_of(cast.charlie, id) == []


def test_a_rescue_tells_how_the_job_was_stuck(cast: Cast) -> None:
    actor = staff("operate")
    admin.rescue(actor, stuck_job(cast))
    (written,) = actions_of(actor)
    assert written.details["found"] == "silent"
    assert written.details["silent_seconds"] >= 90


def test_a_rescue_that_the_jobs_own_state_refuses_is_written_down(cast: Cast) -> None:
    actor, waiting, ended = staff("operate"), make_job(cast.alice), done_job(cast.alice)
    for id, error in ((waiting.id, Conflict), (ended.id, Conflict), (uuid4(), NotFound)):
        with pytest.raises(error):
            admin.rescue(actor, id)
    written = actions_of(actor)
    assert [one.action for one in written] == ["refused.job.rescue"] * 3
    assert written[0].object_id == str(waiting.id)
    assert "not stuck" in written[0].details["reason"]
    assert written[1].details["reason"] == "Only a job that waits or runs can be rescued."
    assert trail_of(cast.alice, waiting.id) == []  # nothing was done to it


def test_pausing_and_resuming_a_schedule_is_written_down_with_the_reason(database: Database) -> None:
    one, actor = Scheduled(f"trial.{uuid4().hex[:8]}", every=timedelta(hours=1)), staff("operate")
    admin.pause_schedule(actor, one.name, reason="Too  loud", declared=[one])
    admin.resume_schedule(actor, one.name, reason="Quiet again", declared=[one])
    assert [(each.action, each.object_type, each.object_id, each.details["reason"]) for each in actions_of(actor)] == [
        ("schedule.pause", "schedule", one.name, "Too loud"),
        ("schedule.resume", "schedule", one.name, "Quiet again"),
    ]


def test_older_actions_are_reached_page_by_page(cast: Cast) -> None:
    actor = staff("operate")
    for _ in range(5):
        admin.act(actor, "cancel", make_job(cast.alice).id)
    first = admin.actions(actor, limit=2)
    second = admin.actions(actor, before=first[-1].id, limit=2)
    third = admin.actions(actor, before=second[-1].id, limit=2)
    ids = [one.id for page in (first, second, third) for one in page]
    assert ids == sorted(set(ids), reverse=True)
    assert ids[:5] == [one.id for one in reversed(actions_of(actor))]


def test_all_actions_are_a_file_masked_for_readers(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff_log, "BATCH", 2)
    operator, reader = staff("operate"), staff("read_only")
    for number in range(3):
        query = of(cast.alice, f"args.file:spring-{number}")
        admin.apply(operator, admin.plan(operator, "cancel", Selection(query=query)))

    def rows(actor: StaffActor) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(b"".join(admin.actions_csv(actor)).decode(), newline="")))

    full, seen = rows(operator), rows(reader)
    assert (full[0]["action"], full[0]["by"], full[0]["role"]) == ("actions.export", "Sam", "operate")
    assert [json.loads(row["details"])["query"][-8:] for row in full[1:4]] == ["spring-2", "spring-1", "spring-0"]
    assert [row["id"] for row in seen[1:]] == [row["id"] for row in full]
    assert "spring-" not in str(seen)
