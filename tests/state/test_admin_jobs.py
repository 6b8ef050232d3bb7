"""The staff's list of jobs through the real event pipeline: who may see it, what it shows, how it is narrowed."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from reflex_base.registry import RegistrationContext

from cursive_app.api.app import rest
from db.models.accounts import User
from db.system import system_scope
from state import admin_base
from state.admin_actions import AdminActionState as Actions
from state.admin_base import day_start
from state.admin_failures import AdminFailuresState as Failures
from state.admin_jobs import AdminJobsState as Jobs
from state.admin_queues import AdminQueuesState as Queues
from state.admin_schedules import AdminSchedulesState as Schedules
from state.admin_stuck import AdminStuckState as Stuck
from state.admin_totals import AdminTotalsState as Totals
from state.jobs import JobsState
from tests.factories import Cast
from tests.factories_admin import ANY_SIZE, done_job, failing_job, of, retryable_kind
from tests.factories_jobs import job_row, make_job
from tests.state.admin import as_staff, at
from tests.state.driver import sign_in


@pytest.fixture
def kind() -> str:
    """A kind of work that can be taken up again, with any `size`."""
    return retryable_kind(size=ANY_SIZE)


async def test_nobody_else_sees_or_does_anything(driver, cast: Cast) -> None:
    import cursive_app.cursive_app  # noqa: F401  (registers every state)

    failed = failing_job(cast.alice)
    tab = driver(sign_in(cast.alice))
    for state in (Jobs, Failures, Queues, Schedules, Stuck, Totals):
        await tab.send(state.load, path=at(of(cast.alice)))
        assert tab.var(state, "status") == "forbidden"
        await tab.send(state.follow, path="/admin/jobs")  # ends at once instead of looking
    for name, payload in (("retry", {"action": "retry", "job_id": str(failed.id)}), ("cancel", {"action": "cancel"})):
        await tab.send(Actions.ask_one if name == "retry" else Actions.ask_selected, path="/admin/jobs", **payload)
    assert not tab.var(Jobs, "rows")
    assert not tab.var(Actions, "is_open")
    assert str(failed.id) not in str(tab.state)


async def test_one_link_opens_the_job_for_staff_and_for_its_customer(driver, cast: Cast) -> None:
    theirs = make_job(cast.charlie)
    customer = driver(sign_in(cast.charlie))
    await customer.send(Jobs.load, path=f"/admin/jobs?job={theirs.id}")
    assert f"/jobs?job={theirs.id}" in customer.text()
    assert "/admin" not in customer.text()
    await customer.send(Jobs.load, path="/admin/jobs")
    assert customer.var(Jobs, "status") == "forbidden"
    somebody = driver(as_staff(cast.bob))
    await somebody.send(JobsState.load, path=f"/jobs?job={theirs.id}")
    assert f"/admin/jobs?job={theirs.id}" in somebody.text()
    stranger = driver(sign_in(cast.alice))
    await stranger.send(JobsState.load, path=f"/jobs?job={theirs.id}")
    assert "/admin" not in stranger.text()
    assert stranger.var(JobsState, "drawer_missing") is True


def test_every_handler_that_acts_is_for_staff() -> None:
    import cursive_app.cursive_app  # noqa: F401  (registers every state)

    harmless = {"follow", "set_hidden", "setvar"}
    seen = set()
    for registered in RegistrationContext.get().event_handlers.values():
        state, handler = registered.states[0], registered.handler.fn
        if state.__module__.startswith("state.admin") and handler.__name__ not in harmless:
            seen.add(handler.__name__)
            assert handler.__cursive_allow__ == "staff", f"{state.__name__}.{handler.__name__}"
    assert {"load", "apply", "rescue", "change", "run_now", "retry_edited"} <= seen


async def test_a_visitor_is_asked_to_log_in(driver, cast: Cast) -> None:
    tab = driver("")
    await tab.send(Jobs.load, path="/admin/jobs?q=state%3Afailed")
    assert "/login?next=" in tab.text()


async def test_the_open_job_shows_its_tags_as_ways_to_others_with_them(driver, cast: Cast) -> None:
    job = make_job(cast.charlie)
    tab = driver(as_staff(cast.alice, "read_only"))
    await tab.send(Jobs.load, path=at(of(cast.charlie, "tag:person"), f"&job={job.id}"))
    assert [row["id"] for row in tab.var(Jobs, "rows")] == [str(job.id)]
    assert tab.var(Jobs, "drawer")["row"]["tags"] == [
        {"name": "person", "words": "started by somebody who was logged in", "href": "/admin/jobs?q=tag%3Aperson"}
    ]
    await tab.send(Jobs.suggest, path="/admin/jobs", text="tag:dr")
    assert [one["text"] for one in tab.var(Jobs, "suggestions")] == ["tag:dry-run"]


async def test_a_reader_sees_masked_arguments_and_changes_nothing(driver, cast: Cast, kind: str) -> None:
    job = failing_job(cast.charlie, kind=kind, arguments={"size": 90071992547409931})
    reader = driver(as_staff(cast.alice, "read_only"))
    await reader.send(Jobs.load, path=at(of(cast.charlie), f"&job={job.id}"))
    drawer = reader.var(Jobs, "drawer")
    assert drawer["arguments"][0]["masked"] is True
    assert "90071992547409931" not in str(reader.state)
    assert drawer["attempts"][0]["internal"] == ""
    await reader.send(Actions.ask_one, path="/admin/jobs", action="retry", job_id=str(job.id))
    assert not reader.var(Actions, "is_open")
    assert "read-only" in reader.text()
    with system_scope() as scope:
        scope.get(User, cast.alice.user_id).staff_role = "all"
    boss = driver(sign_in(cast.alice))
    await boss.send(Jobs.load, path=at(of(cast.charlie), f"&job={job.id}"))
    drawer = boss.var(Jobs, "drawer")
    assert drawer["arguments"][0]["value"] == "90071992547409931"
    assert "Invalid" in drawer["attempts"][0]["internal"]
    assert job_row(job.id).status == "failed"


async def test_jobs_of_every_workspace_in_words(driver, cast: Cast) -> None:
    done_job(cast.alice, processed=1240)
    failing_job(cast.charlie)
    tab = driver(as_staff(cast.bob))
    await tab.send(Jobs.load, path=at(f"workspace:{cast.workspace_id},{cast.charlie.workspace_id}"))
    first, second = tab.var(Jobs, "rows")
    assert (first["workspace"], first["status"], first["tries"]) == ("Other", "failed", "1 of 5")
    assert (second["workspace"], second["status"], second["done"]) == ("Acme", "completed", "1,240")
    assert first["error"] == "The list of 12 rows is empty."
    assert tab.var(Jobs, "counts") == {
        "all": "2", "completed": "1", "failed": "1", "pending": "0", "processing": "0", "paused": "0", "cancelled": "0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "pressed", "value", "address"),
    [
        ("dana", "", "failed", "q=dana+state%3Afailed"),
        ('state:failed "my state:list"', "failed", "paused", "q=%22my+state%3Alist%22+state%3Apaused"),
        ("state:failed kind:x", "failed", "", "q=kind%3Ax"),
        ("-state:failed", "-", "failed", "q=state%3Afailed"),
    ],
)
async def test_a_state_tab_takes_the_place_of_the_states_words(
    driver, cast: Cast, query: str, pressed: str, value: str, address: str
) -> None:
    tab = driver(as_staff(cast.alice))
    await tab.send(Jobs.load, path=at(query))
    assert tab.var(Jobs, "chosen_state") == pressed or (pressed == "" and tab.var(Jobs, "chosen_state") in ("", None))
    await tab.send(Jobs.choose_state, path=at(query), value=value)
    assert f"/admin/jobs?{address}" in tab.text()


@pytest.mark.parametrize(
    ("more", "says"),
    [("q=colour%3Ared", "no qualifier colour:"), ("q=%22open", "not closed"), ("since=yesterday", "is no day"),
     ("since=2026-03-02&until=2026-03-01", "later"), ("cursor=%27--", "page link")],
)  # fmt: skip
async def test_a_bad_address_says_what_is_wrong(driver, cast: Cast, more: str, says: str) -> None:
    tab = driver(as_staff(cast.alice))
    await tab.send(Jobs.load, path=f"/admin/jobs?{more}")
    assert tab.var(Jobs, "status") == "error"
    assert says in tab.var(Jobs, "error")


async def test_suggestions_follow_the_last_word(driver, cast: Cast) -> None:
    failing_job(cast.alice)
    tab = driver(as_staff(cast.alice))
    await tab.send(Jobs.suggest, path="/admin/jobs", text="kind:trial st")
    assert [one["text"] for one in tab.var(Jobs, "suggestions")] == ["state:", "stage:"]
    await tab.send(Jobs.suggest, path="/admin/jobs", text="kind:trial state:fa")
    assert [one["text"] for one in tab.var(Jobs, "suggestions")] == ["state:failed"]


def test_dates_are_days_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reader:
        timezone = "America/New_York"

    monkeypatch.setattr(admin_base, "person", Reader)
    assert day_start("2026-03-08") == datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert day_start("2026-03-08", later=1) == datetime(2026, 3, 9, 4, tzinfo=UTC)  # the clocks went forward
    assert day_start("") is None


async def test_opening_a_job_keeps_what_is_ticked_and_coming_anew_does_not(driver, cast: Cast) -> None:
    job = make_job(cast.alice)
    tab = driver(as_staff(cast.bob))
    path = at(of(cast.alice))
    await tab.send(Jobs.load, path=path)
    await tab.send(Jobs.select_page, path=path, on=True)
    await tab.send(Jobs.load, path=f"{path}&job={job.id}")
    assert tab.var(Jobs, "selected") == [str(job.id)]
    await tab.send(Jobs.load, path=f"{path}&job={job.id}")
    assert tab.var(Jobs, "selected") == []


async def test_the_export_asks_for_what_is_shown(driver, cast: Cast) -> None:
    with system_scope() as scope:
        scope.get(User, cast.bob.user_id).timezone = "Asia/Tokyo"
    tab = driver(as_staff(cast.bob))
    await tab.send(Jobs.load, path=at("state:failed", "&since=2026-03-01&until=2026-03-01"))
    address = urlsplit(tab.var(Jobs, "export_url"))
    assert parse_qs(address.query) == {
        "query": ["state:failed"], "since": ["2026-03-01T00:00:00+09:00"], "until": ["2026-03-02T00:00:00+09:00"],
    }  # fmt: skip
    client = TestClient(rest(), headers={"cookie": sign_in(cast.bob)})
    answer = client.get(tab.var(Jobs, "export_url"))
    assert (answer.status_code, answer.text.split(",")[0]) == (200, "\ufeffid")  # a person's file: the mark Excel needs
