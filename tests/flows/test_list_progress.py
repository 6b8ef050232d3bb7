"""Where the rows of a run are, while it runs and after Stop: answered, at the provider, not sent; and what is told."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text

from cursive_app.services import enrichment, jobs, notices
from cursive_app.services.enrichment.views import EnrichmentView
from db.models.accounts import User
from db.system import system_scope
from tests.factories import Cast
from tests.factories_accounts import mails_to
from tests.factories_credits import fund
from tests.factories_enrichment import (
    Line,
    check,
    known_line,
    known_people,
    list_row,
    make_list,
    rows_of,
    run_job_id,
    start_run,
    step,
    unknown_line,
    work_off,
)
from tests.flows.use_cases import do
from tests.sandbox_fixtures import Sandbox

pytestmark = pytest.mark.usefixtures("tens")


def lines_with_doubles(sandbox: Sandbox) -> list[Line]:
    """45 rows to look up (five chunks), and between them 5 that are duplicates."""
    lines = [known_line(record) for record in known_people(sandbox.population, 45)]
    for place in range(5):
        double = lines[0]
        lines.insert(place * 8 + 1, Line(double.cells, double.record, verdict="duplicate", duplicate_of=1))
    return lines


def begin(cast: Cast, lines: list[Line]) -> UUID:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, lines)
    start_run(cast.alice, id)
    return id


def seen(cast: Cast, id: UUID) -> EnrichmentView:
    return do(cast.alice, enrichment.get_enrichment, id)


def places(cast: Cast, id: UUID) -> tuple[int, int, int]:
    progress = seen(cast, id).progress
    assert progress is not None
    return progress.answered, progress.at_provider, progress.not_sent


def test_a_run_says_where_its_rows_are(cast: Cast, sandbox: Sandbox) -> None:
    id = make_list(cast.alice, lines_with_doubles(sandbox))
    assert seen(cast, id).progress is None, "it was not started"
    id = begin(cast, lines_with_doubles(sandbox))
    assert places(cast, id) == (0, 0, 45)
    lab = sandbox.client()
    sandbox.faults({"mode": "job_unknown"})
    step(id, lab)
    progress = seen(cast, id).progress
    assert progress is not None
    assert places(cast, id) == (0, 30, 15)
    assert (progress.batches_answered, progress.batches) == (0, 5)
    assert progress.sent_at is not None and progress.looks_at is not None
    assert progress.sent_at <= progress.looks_at
    assert seen(cast, id).rerunnable.skipped == 0, "it has not ended"
    [listed] = [one for one in do(cast.alice, enrichment.list_enrichments).items if one.id == id]
    assert listed.progress == progress
    sandbox.faults()
    work_off(id, lab)
    progress = seen(cast, id).progress
    assert progress is not None
    assert places(cast, id) == (45, 0, 0)
    assert (progress.batches_answered, progress.batches, progress.sent_at, progress.looks_at) == (5, 5, None, None)


def test_after_stop_the_same_counts_open_their_rows(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, lines_with_doubles(sandbox))
    lab = sandbox.client()
    sandbox.faults({"mode": "job_unknown"})
    step(id, lab)
    do(cast.alice, enrichment.cancel, id)
    step(id, lab)
    sandbox.faults()
    check(cast.alice, id)
    assert (list_row(id).status, list_row(id).skipped_count) == ("cancelled", 50)
    assert places(cast, id) == (0, 30, 15)
    at_provider = do(cast.alice, enrichment.list_rows, id, view="at_provider", limit=200)
    not_sent = do(cast.alice, enrichment.list_rows, id, view="not_sent", limit=200)
    assert (at_provider.total, len(at_provider.rows)) == (30, 30)
    assert (not_sent.total, len(not_sent.rows)) == (15, 15)
    assert {row.verdict for row in (*at_provider.rows, *not_sent.rows)} == {"valid"}
    assert {row.reason for row in at_provider.rows} == {
        "The run was stopped: at the provider when the run ended; not charged"
    }
    assert {row.reason for row in not_sent.rows} == {"The run was stopped"}
    assert seen(cast, id).rerunnable.skipped == 45, "duplicates cannot be sent again"
    assert do(cast.alice, enrichment.rerun, id, outcomes=("skipped",)).counts.total == 45


def test_where_only_duplicates_were_skipped_nothing_can_be_run_again(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, lines_with_doubles(sandbox))
    work_off(id, sandbox.client())
    assert list_row(id).skipped_count == 5
    found = seen(cast, id).rerunnable
    assert (found.error, found.no_match, found.skipped) == (0, 0, 0)


def test_owned_rows_count_only_where_they_are_sent(cast: Cast, sandbox: Sandbox) -> None:
    lines = [Line(line.cells, line.record, verdict="owned") for line in lines_with_doubles(sandbox)[:6]]
    id = begin(cast, [*lines, *(unknown_line(number) for number in range(12))])
    lab = sandbox.client()
    sandbox.faults({"mode": "job_unknown"})
    step(id, lab)
    do(cast.alice, enrichment.cancel, id)
    step(id, lab)
    sandbox.faults()
    assert places(cast, id) == (0, 12, 0)
    assert do(cast.alice, enrichment.list_rows, id, view="at_provider").total == 12
    assert {row.reason for row in rows_of(id) if row.verdict == "owned"} == {"Already in your leads"}


def test_deleted_rows_are_nowhere(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, [unknown_line(number) for number in range(12)])
    work_off(id, sandbox.client())
    gone = do(cast.alice, enrichment.delete_files, id)
    assert (gone.progress, gone.rerunnable.no_match) == (None, 0)


# What is told


def address_of(cast: Cast) -> str:
    with system_scope() as scope:
        return scope.get(User, cast.alice.user_id or "").email


def test_each_pause_for_credits_is_mailed_once(cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, "2.50")
    lines = [known_line(record) for record in known_people(sandbox.population, 45)]
    id = make_list(cast.alice, lines)
    start_run(cast.alice, id, spend_available=True)
    lab = sandbox.client()
    for paused in (1, 2):
        assert work_off(id, lab).status == "paused"
        assert enrichment.mail_run(run_job_id(id)) is True
        assert enrichment.mail_run(run_job_id(id)) is False
        mails = mails_to(address_of(cast))
        assert [mail.kind for mail in mails] == ["enrichment_paused"] * paused
        assert f"/enrichments/{id}" in mails[0].text_body
        assert list_row(id).message in mails[0].text_body or paused == 2
        fund(cast.workspace_id, 5 if paused == 1 else 100)
        do(cast.alice, enrichment.resume, id, spend_available=True)
    assert enrichment.mail_run(run_job_id(id)) is False, "it goes on again"
    assert work_off(id, lab).status == "completed"
    assert enrichment.mail_run(run_job_id(id)) is True
    assert sorted(mail.kind for mail in mails_to(address_of(cast))) == [
        "enrichment_ended", "enrichment_paused", "enrichment_paused",
    ]  # fmt: skip


def test_a_pause_puts_its_mail_on_the_queue(cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, "2.50")
    id = make_list(cast.alice, [known_line(record) for record in known_people(sandbox.population, 45)])
    start_run(cast.alice, id, spend_available=True)
    assert work_off(id, sandbox.client()).status == "paused"
    waiting = text(
        "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'enrichment.mail' AND queueing_lock = :of"
    )
    with system_scope() as scope:
        assert scope.session.scalar(waiting, {"of": f"enrichment:{id}:mail"}) == 1


def test_a_stopped_run_is_called_stopped_everywhere(cast: Cast, sandbox: Sandbox) -> None:
    id = begin(cast, [unknown_line(number) for number in range(12)])
    do(cast.alice, enrichment.cancel, id)
    step(id, sandbox.client())
    enrichment.mail_run(run_job_id(id))
    [mail] = mails_to(address_of(cast))
    [notice] = do(cast.alice, notices.list_notices).notices
    job = do(cast.alice, jobs.get_job, run_job_id(id))
    told = [
        list_row(id).message or "", notice.title, notice.body, mail.subject, mail.text_body,
        *(line.message for line in job.events), *(row.reason or "" for row in rows_of(id)),
    ]  # fmt: skip
    assert "stopped" in notice.title and "stopped" in mail.subject
    assert (list_row(id).message or "").startswith("Stopped. ")
    assert not any("cancel" in words.lower() for words in told)


@pytest.mark.parametrize(("known", "level"), [(0, "info"), (3, "success")])
def test_the_end_is_good_news_only_for_who_found_somebody(cast: Cast, sandbox: Sandbox, known: int, level: str) -> None:
    people = [known_line(record) for record in known_people(sandbox.population, known)] if known else []
    id = begin(cast, [*people, *(unknown_line(number) for number in range(12))])
    work_off(id, sandbox.client())
    [notice] = do(cast.alice, notices.list_notices).notices
    assert notice.level == level
