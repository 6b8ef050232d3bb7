"""The ceiling a customer has typed holds for every price the page shows, also after it has loaded anew."""

from __future__ import annotations

from pathlib import Path

from cursive_app.services import enrichment, jobs
from db.scope import Tenant
from state.enrichment import EnrichmentState as S
from tests.factories import Cast
from tests.factories_credits import fund
from tests.factories_enrichment import list_row
from tests.state.driver import sign_in

PEOPLE = "E-mail,First name\n" + "".join(f"dana{n}@acme-{n}.example,Dana\n" for n in range(120))


def ready_list(tenant: Tenant, folder: Path) -> str:
    """A list of 120 valid rows, read."""
    file = folder / "upload"
    file.write_text(PEOPLE, encoding="utf-8")
    id = enrichment.open_upload(tenant, path=file, filename="people.csv").id
    job = list_row(id).read_job_id
    assert job is not None
    jobs.work(job, enrichment.read_list, on_dead=enrichment.bury_read)
    return str(id)


async def test_a_typed_ceiling_outlives_the_end_of_a_dry_run(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 10)
    id = ready_list(cast.alice, tmp_path)
    path = f"/enrichments/{id}?step=price"
    tab = driver(sign_in(cast.alice))
    await tab.send(S.load, path=path)
    await tab.send(S.set_ceiling, path=path, text="8")
    before = tab.var(S, "quote")
    assert (before["most"], before["ends_at"], before["shortfall"]) == ("8.00", "32", "")
    await tab.send(S.load, path=path)  # as the page does when the dry run has ended, and after a reload
    assert tab.var(S, "ceiling") == "8"
    assert tab.var(S, "quote") == before


async def test_a_ceiling_that_is_none_keeps_its_error(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, 100)
    id = ready_list(cast.alice, tmp_path)
    path = f"/enrichments/{id}?step=price"
    tab = driver(sign_in(cast.alice))
    await tab.send(S.load, path=path)
    await tab.send(S.set_ceiling, path=path, text="lots")
    await tab.send(S.load, path=path)
    assert "such as" in tab.var(S, "quote_error")
    assert tab.var(S, "status") == "ready"


async def test_nothing_is_started_with_nothing(driver, cast: Cast, tmp_path: Path) -> None:
    fund(cast.workspace_id, "0.20")
    id = ready_list(cast.alice, tmp_path)
    path = f"/enrichments/{id}?step=price"
    tab = driver(sign_in(cast.alice))
    await tab.send(S.load, path=path)
    assert (tab.var(S, "quote")["shortfall"], tab.var(S, "quote")["affordable_rows"]) == ("29.80", "0")
    await tab.send(S.set_spends_available, path=path, chosen=True)
    await tab.send(S.ask_start, path=path)
    assert (tab.var(S, "spends_available"), tab.var(S, "confirming_start")) == (False, True)
    await tab.send(S.start, path=path)
    assert "missing" in tab.var(S, "start_error")
