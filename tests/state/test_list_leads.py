"""The page says how “Add matched rows to my leads” goes and how it went."""

from __future__ import annotations

from cursive_app.services import enrichment, jobs
from db.models.jobs import Job
from state.enrichment import EnrichmentState as S
from tests.factories import Cast
from tests.factories_credits import fund
from tests.factories_enrichment import make_list, mixed_lines, start_run, work_off
from tests.sandbox_fixtures import Sandbox, sandbox, sandbox_server
from tests.state.driver import sign_in

__all__ = ["sandbox", "sandbox_server"]


async def test_adding_to_the_leads_is_told_to_its_end(driver, cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=5, unknown=1), source="rerun")
    start_run(cast.alice, id)
    work_off(id, sandbox.client())
    path = f"/enrichments/{id}"
    tab = driver(sign_in(cast.alice))
    await tab.send(S.load, path=path)
    assert (tab.var(S, "leads_words"), tab.var(S, "leads_done")) == ("", False)
    await tab.send(S.add_to_leads, path=path)
    await tab.send(S.load, path=path)
    assert (tab.var(S, "leads_words"), tab.var(S, "leads_moving")) == ("Adding to your leads: 0 of 5 rows", True)
    with cast.alice.begin() as scope:
        job = scope.session.scalars(scope.select(Job).where(Job.kind == "enrichment_leads")).one().id
    for _ in range(2):
        jobs.work(job, enrichment.take_leads)
    await tab.send(S.load, path=path)
    assert tab.var(S, "leads_words") == "Added to your leads: 5 new leads, 0 yours already."
    assert (tab.var(S, "leads_moving"), tab.var(S, "leads_done")) == (False, True)
    stranger = driver(sign_in(cast.charlie))
    await stranger.send(S.load, path=path)
    assert stranger.var(S, "leads_words") == ""


async def test_rows_of_an_earlier_list_have_no_size_of_a_file(driver, cast: Cast) -> None:
    id = make_list(cast.alice, [], source="rerun")
    tab = driver(sign_in(cast.alice))
    await tab.send(S.load, path=f"/enrichments/{id}")
    assert (tab.var(S, "card")["source"], tab.var(S, "card")["size"]) == ("Rows of an earlier list", "")
    assert tab.var(S, "card")["has_layout"] is False
