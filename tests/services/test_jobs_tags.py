"""Tags of jobs: who sets which, and how staff find by them (JOB-02)."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

import pytest
from sqlalchemy import text

from cursive_app.errors import Invalid
from cursive_app.services import accounts, enrichment, jobs
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import JobSearch
from cursive_app.services.jobs.tags import TAGS, Tag
from db.models.accounts import Workspace
from db.scope import Tenant
from db.system import system_scope
from tests.factories import Cast
from tests.factories_admin import ANY_SIZE, failing_job, of, retryable_kind, staff
from tests.factories_enrichment import known_line, make_list
from tests.factories_jobs import grow_stale, job_row, make_job

PERSON = {"BUSINESS_EMAIL": "ann@example.com", "FIRST_NAME": "Ann", "LAST_NAME": "Lee"}


def tags(id: UUID) -> list[str]:
    return job_row(id).tags


def found(words: str) -> set[UUID]:
    return {row.id for row in admin.list_jobs(staff("read_only"), JobSearch(query=words)).jobs}


def test_the_starter_is_a_tag(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        key = accounts.create_api_key(scope, name="k", scopes=[one.value for one in accounts.KEY_SCOPES])
    keyed = Tenant(cast.workspace_id, user_id=None, role=cast.alice.role, api_key_id=key.id)
    nobody = Tenant(cast.workspace_id, user_id=None, role=cast.alice.role)
    by = {name: make_job(tenant).id for name, tenant in (("person", cast.bob), ("api", keyed), ("system", nobody))}
    assert {name: tags(id) for name, id in by.items()} == {name: [name] for name in by}
    for name, id in by.items():
        assert found(of(cast.alice, f"tag:{name}")) == {id}
    assert found(of(cast.alice, "tag:api,system")) == {by["api"], by["system"]}
    assert found(of(cast.alice, "-tag:api")) == {by["person"], by["system"]}


def test_jobs_of_the_demo_and_samples_say_so(cast: Cast) -> None:
    with system_scope() as scope:
        scope.get(Workspace, cast.workspace_id).is_demo = True
    made = make_list(cast.alice, [known_line(PERSON)])
    with cast.alice.begin() as scope:
        sample = enrichment.start_sample(scope, made).sample_job_id
    assert sample is not None
    assert tags(sample) == ["person", "dry-run", "demo"]
    assert sample in found(of(cast.alice, "tag:dry-run tag:demo"))
    assert tags(make_job(cast.charlie).id) == ["person"]


def test_what_staff_and_the_clock_do_is_added_once(cast: Cast) -> None:
    actor, kind = staff("all"), retryable_kind(size=ANY_SIZE)
    job = failing_job(cast.alice, kind=kind, arguments={"size": 1})
    admin.act(actor, "retry", job.id)
    assert tags(job.id) == ["person", "retry", "staff"]
    admin.act(actor, "cancel", job.id)
    assert tags(job.id) == ["person", "retry", "staff"]
    edited = failing_job(cast.alice, kind=kind, arguments={"size": 1})
    assert admin.retry_edited(actor, edited.id, arguments={"size": 2}).tags == ("person", "retry", "edited", "staff")
    silent = make_job(cast.alice)
    assert jobs.claim(silent.id) is not None
    grow_stale(silent.id)
    assert jobs.claim(silent.id) is not None
    assert tags(silent.id) == ["person", "rescued"]
    grow_stale(silent.id)
    admin.rescue(actor, silent.id)
    assert tags(silent.id) == ["person", "rescued", "staff"]
    assert found(of(cast.alice, "tag:re*")) == {job.id, edited.id, silent.id}
    assert found(of(cast.alice, "tag:RETRY -tag:edited")) == {job.id}
    assert found(of(cast.charlie, "tag:staff")) == set()


def test_tags_are_offered_explained_and_nothing_else_is_one(cast: Cast) -> None:
    reader = staff("read_only")
    assert set(get_args(Tag)) == set(TAGS)
    assert [one.text for one in admin.suggestions(reader, "kind:x ta")] == ["tag:"]
    offered = admin.suggestions(reader, "-tag:R")
    assert [(one.text, one.label) for one in offered] == [(f"-tag:{name}", TAGS[name]) for name in TAGS if "r" in name]
    with pytest.raises(Invalid) as refused:
        found("tag:leads_2026.csv")
    assert "There is no tag leads_2026.csv; use person, api" in refused.value.fields["query"]


def test_a_reader_learns_nothing_masked_from_tags(cast: Cast) -> None:
    """JOB-12: they come from a closed list, whatever the job is about."""
    job = failing_job(cast.alice, arguments={"file": "spring.csv", "api_token": "t-77"})
    seen = admin.get_job(staff("read_only"), job.id).job.tags
    assert seen == ("person",)
    assert set(seen) <= set(TAGS)


def test_the_history_has_them(cast: Cast) -> None:
    admin.act(staff("operate"), "cancel", make_job(cast.alice).id)
    header, line = (
        b"".join(admin.history_csv(staff("read_only"), JobSearch(query=of(cast.alice)))).decode().splitlines()
    )
    assert header.endswith(",tags")
    assert line.endswith(",person staff")


def test_the_search_can_use_the_index(cast: Cast) -> None:
    """The restricted role's policies would keep it away from an index; the one of staff's searches does not."""
    make_job(cast.alice)
    with system_scope() as scope:
        scope.session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(scope.session.scalars(text("EXPLAIN SELECT id FROM jobs WHERE tags && ARRAY['retry']")))
    assert "ix_jobs_tags" in plan, plan
