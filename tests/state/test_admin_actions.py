"""The staff's actions through the real event pipeline: first the count, then the deed, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import update

from cursive_app.clock import now
from cursive_app.services import jobs
from cursive_app.services.jobs import admin
from db.models.jobs import Job, JobAttempt
from db.system import system_scope
from state.admin_actions import AdminActionState as Actions
from state.admin_failures import AdminFailuresState as Failures
from state.admin_jobs import AdminJobsState as Jobs
from tests.factories import Cast
from tests.factories_admin import ANY_SIZE, done_job, failing_job, of, retryable_kind, staff
from tests.factories_jobs import job_row, make_job
from tests.state.admin import as_staff, at


@pytest.fixture
def kind() -> str:
    """A kind of work that can be taken up again, with any `size`."""
    return retryable_kind(size=ANY_SIZE)


async def test_retry_of_all_matching_names_the_count_and_does_it(driver, cast: Cast, kind: str) -> None:
    failed = [failing_job(cast.alice, kind=kind) for _ in range(2)]
    done = done_job(cast.alice)
    tab = driver(as_staff(cast.bob, "operate"))
    path = at(of(cast.alice))
    await tab.send(Jobs.load, path=path)
    await tab.send(Jobs.select, path=path, job_id=str(done.id), on=True)
    assert tab.var(Jobs, "selected_text") == "1 job selected"
    await tab.send(Jobs.select_all, path=path)
    assert tab.var(Jobs, "selected_text") == "All 3 matching jobs selected"
    await tab.send(Actions.ask_selected, path=path, action="retry")
    assert tab.var(Actions, "title") == "Retry 2 jobs?"
    assert tab.var(Actions, "reach") == "2 jobs in 1 workspace."
    assert tab.var(Actions, "refused") == [{"count": "1", "reason": "Only a failed job can be retried."}]
    assert {job_row(job.id).status for job in failed} == {"failed"}  # a dry run changes nothing
    await tab.send(Actions.apply, path=path)
    assert {job_row(job.id).status for job in failed} == {"pending"}
    assert "2 jobs retried." in tab.text()
    assert tab.var(Actions, "is_open") is False


async def test_a_retried_job_says_that_it_waits_again_and_what_keeps_it(driver, cast: Cast, kind: str) -> None:
    queue = f"spare-{uuid4().hex[:8]}"
    job = failing_job(cast.alice, kind=kind, queue=queue)
    began = job_row(job.id).first_started_at
    make_job(cast.alice, queue=queue)
    admin.pause_queue(staff(), queue, reason="The provider is down")
    tab = driver(as_staff(cast.bob, "operate"))
    path = at(f"queue:{queue} kind:{kind}", f"&job={job.id}")
    await tab.send(Jobs.load, path=path)
    before = tab.var(Jobs, "drawer")["row"]
    assert (before["waits_again"], before["again_exact"]) == ("", "")
    await tab.send(Actions.ask_one, path=path, action="retry", job_id=str(job.id))
    assert tab.var(Actions, "consequence").startswith("It goes on where it stopped")
    await tab.send(Actions.apply, path=path)
    await tab.send(Jobs.load, path=path)
    after = tab.var(Jobs, "drawer")
    assert after["row"]["waits_again"].startswith("waits again for ")
    assert (after["row"]["started_exact"], after["queue_paused"]) == (before["started_exact"], True)
    assert (after["row"]["status"], tab.var(Jobs, "rows")[0]["status"]) == ("pending", "pending")
    admin.resume_queue(staff(), queue, reason="It is back")
    assert jobs.claim(job.id) is not None
    await tab.send(Jobs.load, path=path)
    running = tab.var(Jobs, "drawer")
    assert (running["row"]["waits_again"], running["queue_paused"]) == ("", False)
    assert running["row"]["again_exact"] != ""
    assert job_row(job.id).first_started_at == began


async def test_jobs_that_came_after_the_count_are_left_alone(driver, cast: Cast, kind: str) -> None:
    counted = failing_job(cast.alice, kind=kind)
    tab = driver(as_staff(cast.bob, "operate"))
    query = of(cast.alice, "state:failed")
    await tab.send(Actions.ask_query, path="/admin/jobs/failures", action="retry", query=query)
    late = [failing_job(cast.alice, kind=kind) for _ in range(3)]
    await tab.send(Actions.apply, path="/admin/jobs/failures")
    assert "1 job retried." in tab.text()
    assert job_row(counted.id).status == "pending"
    assert {job_row(job.id).status for job in late} == {"failed"}


async def test_a_group_of_one_day_means_its_failures_of_that_day(driver, cast: Cast, kind: str) -> None:
    """However long ago the jobs were created: what the button counts is what the dialog asks about."""
    jobs_of_it = [make_job(cast.alice, kind=kind) for _ in range(3)]
    for job in jobs_of_it:
        claimed = jobs.claim(job.id)
        assert claimed is not None
        with cast.alice.begin() as scope:
            jobs.fail(scope, claimed, code=f"odd_{kind}", message="It is odd.")
    days_ago = now() - timedelta(days=3)
    with system_scope() as scope:
        for table, column in ((Job, Job.id), (JobAttempt, JobAttempt.job_id)):
            moved = {"finished_at": days_ago} if table is Job else {"ended_at": days_ago}
            scope.session.execute(update(table).where(column == jobs_of_it[0].id).values(**moved))
        # Created long ago, failed today.
        scope.session.execute(
            update(Job).where(Job.id == jobs_of_it[1].id).values(created_at=now() - timedelta(days=9))
        )
    tab = driver(as_staff(cast.bob, "operate"))
    path = f"/admin/jobs/failures?since={(now() - timedelta(days=1)).date().isoformat()}"
    await tab.send(Failures.load, path=path)
    group = next(one for one in tab.var(Failures, "groups") if one["code"] == f"odd_{kind}")
    assert group["retry_word"] == "Retry 2 jobs"
    for address, shows in ((group["href"], 2), (group["workspaces"][0]["href"], 2)):
        await tab.send(Jobs.load, path=address)
        assert {row["id"] for row in tab.var(Jobs, "rows")} == {str(job.id) for job in jobs_of_it[1:]}, address
        assert tab.var(Jobs, "counts")["all"] == str(shows)
    assert tab.var(Jobs, "failed_days").startswith("Only jobs that failed since ")
    await tab.send(Jobs.select_all, path=address)
    await tab.send(Actions.ask_selected, path=address, action="retry")
    assert tab.var(Actions, "title") == "Retry 2 jobs?"
    await tab.send(Jobs.choose_state, path=address, value="failed")
    assert "&failed_since=" in tab.text()
    export = parse_qs(urlsplit(tab.var(Jobs, "export_url")).query)
    assert export["failed_since"][0].startswith(path[-10:])
    await tab.send(Jobs.clear_failed_days, path=address)
    await tab.send(Jobs.load, path=address.split("&failed_since")[0])
    assert (tab.var(Jobs, "failed_days"), len(tab.var(Jobs, "rows"))) == ("", 3)
    await tab.send(Actions.ask_query, path=path, action="retry", query=group["query"])
    assert tab.var(Actions, "title") == "Retry 2 jobs?"
    await tab.send(Actions.apply, path=path)
    assert [job_row(job.id).status for job in jobs_of_it] == ["failed", "pending", "pending"]


@pytest.mark.parametrize("action", ["retry", "cancel", "delete"])
async def test_asking_for_chosen_jobs_with_none_chosen_asks_for_nothing(driver, cast: Cast, action: str) -> None:
    """The bar may still be drawn when the choice has been cleared: nothing chosen is not everything."""
    make_job(cast.alice)
    tab = driver(as_staff(cast.bob))
    await tab.send(Jobs.load, path=at(of(cast.alice)))
    await tab.send(Actions.ask_selected, path=at(of(cast.alice)), action=action)
    assert tab.var(Actions, "is_open") is False
    assert "No job is selected any more" in tab.text()


async def test_deleting_asks_for_the_count(driver, cast: Cast) -> None:
    job = failing_job(cast.alice)
    tab = driver(as_staff(cast.bob))
    await tab.send(Actions.ask_one, path="/admin/jobs", action="delete", job_id=str(job.id))
    await tab.send(Actions.apply, path="/admin/jobs")
    assert job_row(job.id) is not None
    await tab.send(Actions.set_typed, path="/admin/jobs", value="1")
    await tab.send(Actions.apply, path="/admin/jobs")
    assert "1 job deleted." in tab.text()
    await tab.send(Jobs.load, path=at(of(cast.alice)))
    assert tab.var(Jobs, "status") == "no_match"


async def test_a_retry_with_other_arguments_says_what_is_wrong(driver, cast: Cast, kind: str) -> None:
    job = failing_job(cast.alice, kind=kind, arguments={"size": 3})
    tab = driver(as_staff(cast.bob))
    path = at(of(cast.alice), f"&job={job.id}")
    await tab.send(Jobs.load, path=path)
    assert tab.var(Jobs, "drawer")["can_edit"] is True
    for typed, says in (("3", "Nothing was changed"), ("{", "whole number"), ("0", "from 1 to")):
        await tab.send(Jobs.retry_edited, path=path, form={"size": typed})
        assert says in tab.var(Jobs, "editing_error")
    await tab.send(Jobs.retry_edited, path=path, form={"size": "12345678901234567890"})
    assert job_row(job.id).arguments == {"size": 12345678901234567890}
    assert tab.var(Jobs, "drawer")["row"]["status"] == "pending"
