"""An action does what was counted before it: a job that came since is not dragged along (JOB-05)."""

from __future__ import annotations

import pytest

from cursive_app.errors import Conflict
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import Selection
from tests.factories import Cast
from tests.factories_admin import done_job, of, staff
from tests.factories_jobs import job_row, make_job


def test_one_job_that_was_counted_is_never_two(cast: Cast) -> None:
    actor, chosen = staff("all"), Selection(query=of(cast.alice))
    first = done_job(cast.alice)
    assert admin.plan(actor, "delete", chosen).possible == 1
    second = done_job(cast.alice)
    with pytest.raises(Conflict) as refused:
        admin.apply(actor, "delete", chosen, expected=1)
    assert refused.value.reason == "count_changed"
    assert {job_row(job.id).status for job in (first, second)} == {"completed"}
    assert admin.apply(actor, "delete", chosen, expected=2).done == 2


def test_a_job_that_ended_meanwhile_is_left_out(cast: Cast) -> None:
    actor, chosen = staff("operate"), Selection(query=of(cast.alice))
    make_job(cast.alice)
    done_job(cast.alice)
    assert admin.apply(actor, "cancel", chosen, expected=2).done == 1
