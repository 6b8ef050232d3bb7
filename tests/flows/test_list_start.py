"""Starting the run of a customer's list: who may, what is held for it, and that no click counts twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from cursive_app.errors import Conflict, Forbidden, InsufficientCredits, Invalid, NotFound
from cursive_app.services import enrichment
from cursive_app.services.accounts import Permission
from db.roles import Role
from tests.factories import Cast, make_member, make_user
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import (
    check,
    list_row,
    make_list,
    mixed_lines,
    start_run,
    work_off,
)
from tests.flows.use_cases import do
from tests.sandbox_fixtures import Sandbox

PRICE = Decimal("0.25")


def test_who_may_start_what(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=5, unknown=5))
    reader = make_member(cast.workspace_id, make_user("Ray"), Role.READ_ONLY)
    for use_case in (enrichment.start_sample, lambda scope, id: enrichment.start(scope, id, revision=1)):
        with pytest.raises(Forbidden):
            do(reader, use_case, id)
    with pytest.raises(NotFound):
        do(cast.charlie, enrichment.quote, id, includes_owned=False)
    for use_case in (
        enrichment.start_sample,
        lambda scope, id: enrichment.start(scope, id, revision=1),
        enrichment.cancel,
        enrichment.pause,
        enrichment.resume,
        enrichment.rerun,
        enrichment.add_to_leads,
        enrichment.delete_files,
    ):
        with pytest.raises(NotFound):
            do(cast.charlie, use_case, id)
    with pytest.raises(NotFound):
        enrichment.output(cast.charlie, id)
    with pytest.raises(Conflict) as stale:
        start_run(cast.alice, id, revision=2)
    assert stale.value.reason == "stale_version"
    for values in ({"ceiling": "0.24"}, {"matching": "loose"}):
        with pytest.raises(Invalid):
            start_run(cast.alice, id, **values)
    assert balance_of(cast.alice) == (100, 0)
    assert list_row(id).status == "ready"


def test_a_key_that_may_not_look_at_credits_can_start(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 2)
    poor, fitting = (make_list(cast.alice, mixed_lines(sandbox.population, known=n, unknown=2)) for n in (9, 3))
    scopes = frozenset({Permission.RUN_ENRICHMENTS.value, Permission.VIEW_ENRICHMENTS.value})
    key = replace(cast.alice, scopes=scopes)
    quote = do(key, enrichment.quote, fitting, includes_owned=False)
    assert (quote.worst, quote.available, quote.shortfall) == (5 * PRICE, None, None)
    with pytest.raises(InsufficientCredits):
        start_run(key, poor)
    with pytest.raises(Forbidden):
        start_run(key, poor, spend_available=True)
    start_run(key, fitting)
    assert balance_of(cast.alice)[1] == 5 * PRICE


def test_two_start_clicks_hold_once(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=5, unknown=5))

    def click(_: int) -> str:
        try:
            return str(start_run(cast.alice, id).run_job_id)
        except Conflict as error:
            return error.reason

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(click, range(8)))
    assert sorted(answers)[1:] == ["started"] * 7
    assert balance_of(cast.alice) == (100 - 10 * PRICE, 10 * PRICE)
    work_off(id, sandbox.client())
    check(cast.alice, id)


def test_the_same_key_starts_once_and_answers_the_same(cast: Cast, sandbox: Sandbox, small: None) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=3, unknown=3))
    first = start_run(cast.alice, id, idempotency_key="click-1")
    again = start_run(cast.alice, id, idempotency_key="click-1")
    assert first.run_job_id == again.run_job_id
    with pytest.raises(Conflict):
        start_run(cast.alice, id, idempotency_key="click-2")
    assert balance_of(cast.alice)[1] == 6 * PRICE
