"""A customer whose work waits because staff have paused it reads so on the pages of the job, the run, the list and the
dry run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cursive_app.services import enrichment
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import StaffActor
from state.enrichment import EnrichmentState
from state.jobs import JobsState
from state.segment_builder import SegmentBuilderState
from tests.factories import Cast
from tests.factories_admin import staff
from tests.factories_credits import fund
from tests.factories_enrichment import known_line, make_list, start_run
from tests.factories_segments import make_segment, start
from tests.state.driver import sign_in

BEGINS = "Work of this kind is paused at the moment. Yours has been waiting since "
ENDS = " and starts by itself when the pause ends."


@pytest.fixture
def operator(database: object) -> Iterator[StaffActor]:
    """Somebody who leaves no queue paused behind."""
    actor = staff("operate")
    yield actor
    if next(one for one in admin.queues(actor).queues if one.name == "runs").paused is not None:
        admin.resume_queue(actor, "runs", reason="The test is over")


async def test_the_pages_say_that_work_waits_and_only_then(driver, cast: Cast, operator: StaffActor) -> None:
    fund(cast.workspace_id, 100)
    segment = make_segment(cast.alice).id
    run = start(cast.alice, segment, max_leads=4)
    people = [{"BUSINESS_EMAIL": f"p{n}@example.com", "FIRST_NAME": "Ann", "LAST_NAME": "Lee"} for n in range(100)]
    made = make_list(cast.alice, [known_line(one) for one in people])
    start_run(cast.alice, made)
    tried = make_list(cast.alice, [known_line({**one, "FIRST_NAME": "Bea"}) for one in people])
    with cast.alice.begin() as scope:
        enrichment.start_sample(scope, tried)
    tab = driver(sign_in(cast.alice))

    async def told() -> list[str]:
        await tab.send(JobsState.load, path=f"/jobs?job={run.job_id}")
        await tab.send(SegmentBuilderState.load, path=f"/segments/{segment}?run={run.id}")
        await tab.send(EnrichmentState.load, path=f"/enrichments/{made}")
        run_of_the_list = tab.var(EnrichmentState, "run")["kept_back"]
        await tab.send(EnrichmentState.load, path=f"/enrichments/{tried}?step=price")
        return [
            tab.var(JobsState, "drawer")["row"]["kept_back"],
            tab.var(SegmentBuilderState, "run")["kept_back"],
            run_of_the_list,
            tab.var(EnrichmentState, "sample_kept_back"),
        ]

    assert await told() == ["", "", "", ""]
    admin.pause_queue(operator, "runs", reason="Acme Data Ltd does not answer")
    for words in await told():
        assert words.startswith(BEGINS)
        assert words.endswith(ENDS)
    assert "Acme Data" not in tab.text()
    assert "Acme Data" not in str(tab.state)
    admin.resume_queue(operator, "runs", reason="It is back")
    assert await told() == ["", "", "", ""]
