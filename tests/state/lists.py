"""Lists as their pages make them, and a tab that shows one."""

from __future__ import annotations

from pathlib import Path

from cursive_app.services import enrichment, jobs
from db.scope import Tenant
from state.enrichment import EnrichmentState as S
from tests.factories_enrichment import list_row
from tests.state.driver import Tab, sign_in

HEADER = "E-mail,First name,Last name,Firma,Notes\n"
PEOPLE = "".join(f"dana{n}@acme-{n}.example,Dana,Number {n},Acme {n},n{n}\n" for n in range(120))
UNTIDY = HEADER + "broken(at)example.com,Robin,Typo,,ask\n" + PEOPLE + "DANA3@acme-3.example,Dana,Again,,twice\n"
COMPANIES = "Symbol,Security,GICS Sector,Founded\n" + "".join(f"AA{n},Company {n},Energy,19{n:02}\n" for n in range(60))


def upload(tenant: Tenant, folder: Path, text: str, filename: str = "people.csv", *, read: bool = True) -> str:
    """A list as the page makes one; read by a worker unless told otherwise."""
    path = folder / "upload"
    path.write_text(text, encoding="utf-8")
    view = enrichment.open_upload(tenant, path=path, filename=filename)
    if read:
        read_now(str(view.id))
    return str(view.id)


def read_now(id: str) -> None:
    job = list_row(id).read_job_id  # type: ignore[arg-type]
    assert job is not None
    jobs.work(job, enrichment.read_list, on_dead=enrichment.bury_read)


async def opened(driver, who: Tenant, id: str, query: str = "") -> Tab:
    tab = driver(sign_in(who))
    await tab.send(S.load, path=f"/enrichments/{id}{query}")
    return tab
