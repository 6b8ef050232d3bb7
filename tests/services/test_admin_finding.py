"""Finding jobs: the list of all workspaces, the query, its suggestions, the history as a file (JOB-01..03, JOB-16)."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.services import jobs
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import JobSearch, StaffActor, listing
from db.models.accounts import Workspace
from db.models.jobs import Job
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import actions_of, done_job, failing_job, of, staff
from tests.factories_jobs import job_row, make_job


def test_every_workspace_in_one_list_newest_first_and_back(cast: Cast) -> None:
    actor, title = staff("read_only"), f"w{uuid4().hex[:10]}"
    made = []
    for tenant in (cast.alice, cast.charlie, cast.bob, cast.alice, cast.charlie):
        with tenant.begin() as scope:
            made.append(jobs.open_job(scope, kind="trial", title=title, task="trial.run").id)
    first = admin.list_jobs(actor, JobSearch(query=title), limit=2)
    second = admin.list_jobs(actor, JobSearch(query=title), limit=2, cursor=first.next_cursor)
    third = admin.list_jobs(actor, JobSearch(query=title), limit=2, cursor=second.next_cursor)
    assert [row.id for page in (first, second, third) for row in page.jobs] == made[::-1]
    assert (first.previous_cursor, third.next_cursor, first.matching) == (None, None, 5)
    back = admin.list_jobs(actor, JobSearch(query=title), limit=2, cursor=third.previous_cursor)
    assert [row.id for row in back.jobs] == [row.id for row in second.jobs]
    assert {row.workspace_name for row in first.jobs} == {"Acme", "Other"}
    with pytest.raises(Invalid):
        admin.list_jobs(actor, cursor="nonsense")


def test_the_query_narrows(cast: Cast) -> None:
    actor = staff("operate")
    failed = failing_job(cast.alice, arguments={"file": "leads_100%.csv"}, links={"run_id": "r-1"})
    done = done_job(cast.alice)
    waiting = make_job(cast.alice)
    other = make_job(cast.charlie)

    def found(words: str) -> set[UUID]:
        return {row.id for row in admin.list_jobs(actor, JobSearch(query=words)).jobs}

    mine = {failed.id, done.id, waiting.id}
    assert found(of(cast.alice)) == mine
    assert found(of(cast.alice, "state:failed")) == {failed.id}
    assert found(of(cast.alice, "state:failed,completed")) == {failed.id, done.id}
    assert found(of(cast.alice, "-state:failed")) == mine - {failed.id}
    assert found(of(cast.alice, "error:invalid")) == {failed.id}
    assert found(of(cast.alice, f"error:{job_row(failed.id).error_fingerprint}")) == {failed.id}
    assert found(of(cast.alice, "-error:invalid")) == {done.id, waiting.id}
    assert found(of(cast.alice, "args.file:leads_100%.csv")) == {failed.id}
    assert found(of(cast.alice, "args.file:leads*")) == {failed.id}
    assert found(of(cast.alice, "args.file:leadsX100*")) == set()
    assert found(of(cast.alice, "args.run_id:r-1")) == {failed.id}
    assert found(f"id:{failed.id}") == {failed.id}
    assert found(of(cast.alice, f"id:job_{failed.id.hex[-8:]}")) == {failed.id}
    assert found(of(cast.alice, "kind:nothing")) == set()
    assert found(of(cast.alice, "actor:alice")) == mine
    assert found(of(cast.charlie)) == {other.id}
    assert found(of(cast.alice, '"rows is empty"')) == {failed.id}


def test_the_state_tabs_stay_while_a_state_is_chosen(cast: Cast) -> None:
    failing_job(cast.alice)
    make_job(cast.alice)
    page = admin.list_jobs(staff("read_only"), JobSearch(query=of(cast.alice, "state:failed")))
    assert (page.by_status["failed"], page.by_status["pending"], page.matching) == (1, 1, 1)


def test_dates_bound_the_list(cast: Cast) -> None:
    actor = staff("read_only")
    make_job(cast.alice)
    soon, before = now() + timedelta(minutes=1), now() - timedelta(minutes=1)
    assert admin.list_jobs(actor, JobSearch(query=of(cast.alice), since=before, until=soon)).matching == 1
    assert admin.list_jobs(actor, JobSearch(query=of(cast.alice), until=before)).matching == 0
    with pytest.raises(Invalid):
        admin.list_jobs(actor, JobSearch(since=soon, until=before))


def test_the_search_is_bounded_and_says_so(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        make_job(cast.alice)
    monkeypatch.setattr(listing, "SEARCHED_JOBS", 3)
    page = admin.list_jobs(staff("read_only"), JobSearch(query=of(cast.alice)))
    assert (page.is_bounded, page.matching) == (True, 3)
    assert page.oldest_searched is not None


def test_a_refresh_keeps_rows_and_counts_newer_ones(cast: Cast) -> None:
    actor = staff("read_only")
    shown = [make_job(cast.alice).id for _ in range(2)]
    make_job(cast.alice)
    fresh = admin.refresh(actor, [*shown, uuid4()], JobSearch(query=of(cast.alice)))
    assert {row.id for row in fresh.jobs} == set(shown)
    assert (fresh.newer, fresh.matching) == (1, 3)


def test_suggestions(cast: Cast) -> None:
    actor = staff("read_only")
    failing_job(cast.alice, kind="rare_kind")
    assert [one.text for one in admin.suggestions(actor, "kind:x sta")] == ["state:", "stage:"]
    assert "state:failed" in [one.text for one in admin.suggestions(actor, "state:f")]
    assert [(one.text, one.label) for one in admin.suggestions(actor, "state:sto")] == [("state:cancelled", "stopped")]
    assert "kind:rare_kind" in [one.text for one in admin.suggestions(actor, "-x kind:RARE_")]
    found = [one.text for one in admin.suggestions(actor, "workspace:acm")]  # other tests have theirs too
    assert "workspace:Acme" in found
    assert all("acm" in text.lower() for text in found)
    assert admin.suggestions(actor, "nonsense:x") == ()


NASTY = (
    'The "Best" Co', "Comma, Inc", "Tab\there", "No\u00a0break", "two  blanks", "-minus", "star*", "50%_off",
    "back\\slash", '"', "a:b",
)  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
def test_every_suggestion_is_understood_and_finds(cast: Cast, name: str) -> None:
    """Names are typed by people and hold what the language of the query means something by."""
    actor, mark = staff("operate"), uuid4().hex[:6]
    called = f"{mark}{name}" if name != '"' else f'{mark}"'
    with system_scope() as scope:
        scope.get(Workspace, cast.workspace_id).name = called
    job = failing_job(cast.alice, kind=f"{mark}{name}", arguments={"file": f"{mark}{name}"})
    with system_scope() as scope:
        scope.get(Job, job.id).actor_label = called
    for typed in (f"workspace:{mark}", f"kind:{mark}", f"actor:{mark}", f"args.file:{mark}"):
        offered = [one.text for one in admin.suggestions(actor, typed)]
        assert offered, typed
        for text in offered:
            sent = " ".join(text.split())  # as the query box does
            assert [row.id for row in admin.list_jobs(actor, JobSearch(query=sent)).jobs] == [job.id], text


def test_what_cannot_be_said_in_a_query_is_not_suggested(cast: Cast) -> None:
    actor, mark = staff("operate"), uuid4().hex[:6]
    failing_job(cast.alice, arguments={f"{mark} blank": "x", f"{mark}.dot": "x", f"{mark}ok": "x" * 101})
    assert [one.text for one in admin.suggestions(actor, f"args.{mark}")] == [f"args.{mark}ok:"]
    assert admin.suggestions(actor, f"args.{mark}ok:") == ()


def test_arguments_are_found_and_offered_to_those_who_see_them(cast: Cast) -> None:
    """JOB-12: a reader does not see an argument's value and must not be able to guess it by searching."""
    segment = str(uuid4())
    job = failing_job(cast.alice, arguments={"file": "spring.csv", "api_token": "t-77"}, links={"segment_id": segment})
    operator, reader = staff("operate"), staff("read_only")

    def found(actor: StaffActor, words: str) -> list[UUID]:
        return [row.id for row in admin.list_jobs(actor, JobSearch(query=of(cast.alice, words))).jobs]

    assert found(operator, "args.file:spring*") == [job.id]
    assert found(reader, "args.file:spring*") == found(reader, "args.file:*") == []
    hidden = failing_job(
        cast.alice, arguments={"outer": {"token": "abc-77", "size": 7}, "many": ["abc-77"], "on": True}
    )
    for guess in ("args.outer:*token*abc*", "args.outer:*abc*", "args.outer:*", "args.many:*abc*"):
        assert found(staff("all"), guess) == [], guess
    assert found(operator, "args.outer.size:7") == found(operator, "args.on:true") == [hidden.id]
    assert found(operator, f"args.segment_id:{segment}") == found(reader, f"args.segment_id:{segment}") == [job.id]
    for actor in (operator, reader, staff("all")):
        with pytest.raises(Invalid):
            found(actor, "args.api_token:t*")
        with pytest.raises(Invalid):
            found(actor, "args.nested.api_token:t*")
    assert "args.file:" in [one.text for one in admin.suggestions(operator, "-x args.fi")]
    assert "args.file:spring.csv" in [one.text for one in admin.suggestions(operator, "args.file:SPR")]
    assert f"-args.segment_id:{segment}" in [
        one.text for one in admin.suggestions(reader, f"-args.segment_id:{segment}")
    ]
    assert admin.suggestions(reader, "args.file:") == ()
    assert admin.suggestions(operator, "args.api_t") == admin.suggestions(operator, "args.api_token:t") == ()


def test_the_history_is_a_file_no_spreadsheet_runs(cast: Cast) -> None:
    actor = staff("read_only")
    with cast.alice.begin() as scope:
        jobs.open_job(scope, kind="trial", title=' =HYPERLINK("x")', task="trial.run")
    failing_job(cast.alice)
    text = b"".join(admin.history_csv(actor, JobSearch(query=of(cast.alice)))).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["title"] for row in rows] == ["A trial", '\' =HYPERLINK("x")']
    assert (rows[0]["state"], rows[0]["error_code"], rows[1]["finished_at"]) == ("failed", "invalid", "")
    assert actions_of(actor)[-1].action == "jobs.export"
    with pytest.raises(Invalid):
        admin.history_csv(actor, JobSearch(query="nonsense:x"))


def test_a_history_that_ends_before_the_jobs_do_says_so(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    since = now()
    made = [make_job(cast.alice) for _ in range(4)]
    whole = admin.history_csv(staff(), JobSearch(query=of(cast.alice), since=since))
    assert (whole.searched_back_to, len(list(csv.reader(io.StringIO(b"".join(whole).decode()))))) == (None, 5)
    monkeypatch.setattr(listing, "SEARCHED_JOBS", 2)
    part = admin.history_csv(staff(), JobSearch(query=of(cast.alice), since=since))
    header, *rows, last = csv.reader(io.StringIO(b"".join(part).decode(), newline=""))
    assert [row[0] for row in rows] == [str(job.id) for job in reversed(made[2:])]
    assert part.searched_back_to == job_row(made[1].id).created_at
    assert last[0].startswith("Only the newest 100,000 jobs were searched, back to 20")
    assert (len(last), set(last[1:])) == (len(header), {""})
