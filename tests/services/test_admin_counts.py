"""An action is about the jobs that were counted before it, and about no others (JOB-05)."""

from __future__ import annotations

import pytest

from cursive_app.errors import Invalid, NotFound
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import Action, Selection
from tests.factories import Cast
from tests.factories_admin import done_job, end_job, of, staff
from tests.factories_jobs import job_row, make_job


def test_a_job_that_came_since_is_not_dragged_along(cast: Cast) -> None:
    actor = staff("all")
    counted = done_job(cast.alice)
    dry = admin.plan(actor, "delete", Selection(query=of(cast.alice)))
    late = done_job(cast.alice)
    assert admin.apply(actor, dry).done == 1
    with pytest.raises(NotFound):
        job_row(counted.id)
    assert job_row(late.id).status == "completed"


def test_another_job_does_not_take_the_place_of_one_that_is_gone(cast: Cast) -> None:
    """One was counted and one matches now; they are not the same."""
    actor = staff("all")
    gone = done_job(cast.alice)
    dry = admin.plan(actor, "delete", Selection(query=of(cast.alice)))
    admin.act(actor, "delete", gone.id)
    late = done_job(cast.alice)
    applied = admin.apply(actor, dry)
    assert (applied.done, [one.reason for one in applied.refused]) == (0, ["It is not there any more."])
    assert job_row(late.id).status == "completed"


def test_a_job_that_ended_meanwhile_is_left_out(cast: Cast) -> None:
    actor = staff("operate")
    running, ended = make_job(cast.alice), make_job(cast.alice)
    dry = admin.plan(actor, "cancel", Selection(query=of(cast.alice)))
    end_job(ended)
    applied = admin.apply(actor, dry)
    assert (applied.done, [one.reason for one in applied.refused]) == (1, ["It has already ended."])
    assert job_row(running.id).cancel_requested_at is not None


@pytest.mark.parametrize("action", ["retry", "cancel", "delete"])
def test_choosing_nothing_is_not_choosing_everything(cast: Cast, action: Action) -> None:
    make_job(cast.alice)
    with pytest.raises(Invalid, match="No job is selected"):
        admin.plan(staff("all"), action, Selection(ids=()))
