"""A query that is not understood is the reader's to change; what the database could not answer is asked again."""

from __future__ import annotations

import pytest

from cursive_app.errors import Unavailable
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.views import STATUSES
from state.admin_jobs import AdminJobsState as Jobs
from tests.factories import Cast
from tests.factories_admin import done_job
from tests.state.admin import as_staff


async def test_a_mistake_is_told_from_a_failure(driver, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    tab = driver(as_staff(cast.alice))
    await tab.send(Jobs.load, path="/admin/jobs")
    assert "all" in tab.var(Jobs, "counts")
    path = "/admin/jobs?q=colour%3Ared"
    await tab.send(Jobs.load, path=path)
    assert (tab.var(Jobs, "status"), tab.var(Jobs, "is_mistaken")) == ("error", True)
    assert tab.var(Jobs, "query") == "colour:red"

    def down(*_: object, **__: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(admin, "list_jobs", down)
        await tab.send(Jobs.load, path="/admin/jobs?q=state%3Afailed")
    assert (tab.var(Jobs, "status"), tab.var(Jobs, "is_mistaken")) == ("error", False)
    await tab.send(Jobs.load, path="/admin/jobs?q=state%3Afailed")
    assert tab.var(Jobs, "status") in ("ready", "no_match")
    assert tab.var(Jobs, "query") == "state:failed"


async def test_a_mistake_shows_no_counts_and_no_export_of_the_query_before(driver, cast: Cast) -> None:
    kind = f"trial_{cast.alice.workspace_id.hex[:8]}"
    done_job(cast.alice, kind=kind)
    tab = driver(as_staff(cast.alice))
    await tab.send(Jobs.load, path=f"/admin/jobs?q=kind%3A{kind}")
    assert (tab.var(Jobs, "counts")["completed"], tab.var(Jobs, "counts")["all"]) == ("1", "1")
    await tab.send(Jobs.load, path="/admin/jobs?q=colour%3Ared")
    assert set(tab.var(Jobs, "counts").values()) == {"–"}
    assert set(tab.var(Jobs, "counts")) == {"all", *STATUSES}
    assert (tab.var(Jobs, "export_url"), tab.var(Jobs, "shown")) == ("", "")
    await tab.send(Jobs.load, path=f"/admin/jobs?q=kind%3A{kind}")
    assert tab.var(Jobs, "counts")["completed"] == "1"
    assert kind in tab.var(Jobs, "export_url")
