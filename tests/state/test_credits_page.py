"""The statement page through the real event pipeline: what the address asks for, and who may ask."""

from __future__ import annotations

from typing import Any

import pytest

from cursive_app.clock import now
from cursive_app.services import credits
from db.roles import Role
from state.credits import CreditsState
from state.credits_month import CreditsMonthState
from tests.factories import Cast, make_member, make_user
from tests.factories_credits import fund, make_job
from tests.state.driver import sign_in


@pytest.fixture
def ledger(cast: Cast) -> Cast:
    fund(cast.workspace_id, 100)
    with cast.alice.begin() as scope:
        job = make_job(scope)
        held = credits.hold(scope, amount=10, key="h", description="Held for a run", job_id=job.id)
        credits.capture(
            scope, hold_id=held.id, amount="2.50", key="c", description="5 new leads", reference="segment_run:abc"
        )
    with cast.bob.begin() as scope:
        credits.debit(scope, amount=5, key="d", description="<script>alert(1)</script>")
    return cast


def column(tab: Any, name: str) -> list[str]:
    return [row[name] for row in tab.var(CreditsState, "rows")]


async def test_every_line_in_words(driver: Any, ledger: Cast) -> None:
    tab = driver(sign_in(ledger.alice))
    await tab.send(CreditsState.load, path="/credits")
    assert tab.var(CreditsState, "status") == "ready"
    assert column(tab, "word") == ["Spend", "Charge", "Hold", "Grant"]
    assert column(tab, "change") == ["−5.00", "", "−10.00", "+100.00"]
    assert column(tab, "held_change") == ["", "−2.50", "+10.00", ""]
    assert column(tab, "balance") == ["85.00", "90.00", "90.00", "100.00"]
    assert column(tab, "by") == ["Bob", "Alice", "Alice", "Cursive"]
    assert column(tab, "leads_href") == ["", "/leads?run=abc", "", ""]
    assert [(one["remaining"], one["of"]) for one in tab.var(CreditsState, "holds")] == [("7.50", "10.00")]
    assert tab.var(CreditsState, "shown") == "4 of 4 lines"


async def test_the_address_filters_and_the_export_follows_it(driver: Any, ledger: Cast) -> None:
    tab = driver(sign_in(ledger.alice))
    await tab.send(CreditsState.load, path=f"/credits?kind=debit&user={ledger.bob.user_id}")
    assert column(tab, "word") == ["Spend"]
    assert tab.var(CreditsState, "filtered") is True
    assert tab.var(CreditsState, "export_url").endswith(f"ledger.csv?kind=debit&user_id={ledger.bob.user_id}")
    await tab.send(CreditsState.load, path="/credits?q=nothing+like+it")
    assert tab.var(CreditsState, "status") == "no_match"


@pytest.mark.parametrize(
    "query", ["kind=password", "since=30.2.", "until=2026-02-30", "user=x", "cursor=zzz", "q=" + "x" * 201]
)
async def test_an_address_that_is_none_says_so(driver: Any, ledger: Cast, query: str) -> None:
    tab = driver(sign_in(ledger.alice))
    await tab.send(CreditsState.load, path=f"/credits?{query}")
    assert tab.var(CreditsState, "status") == "error"
    assert tab.var(CreditsState, "error")
    assert tab.var(CreditsState, "bad_address") is True


async def test_choosing_a_filter_changes_the_address(driver: Any, ledger: Cast) -> None:
    tab = driver(sign_in(ledger.alice))
    await tab.send(CreditsState.load, path="/credits?kind=hold&cursor=4")
    await tab.send(CreditsState.search, path="/credits?kind=hold&cursor=4", value="run & more")
    assert "/credits?kind=hold&q=run+%26+more" in tab.text()


async def test_nothing_yet(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(CreditsState.load, path="/credits")
    assert tab.var(CreditsState, "status") == "empty"


async def test_charlie_sees_his_own_only(driver: Any, ledger: Cast) -> None:
    tab = driver(sign_in(ledger.charlie))
    await tab.send(CreditsState.load, path=f"/credits?user={ledger.bob.user_id}")
    assert tab.var(CreditsState, "status") == "empty"
    assert "Bob" not in str(tab.state)


async def test_a_visitor_is_sent_to_the_login_page(driver: Any, database: object) -> None:
    tab = driver("")
    await tab.send(CreditsState.load, path="/credits?kind=hold")
    assert "/login" in tab.text()


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_may_read_the_statement(driver: Any, ledger: Cast, role: Role) -> None:
    tab = driver(sign_in(make_member(ledger.workspace_id, make_user("Dora"), role)))
    await tab.send(CreditsState.load, path="/credits")
    assert tab.var(CreditsState, "status") == "ready"


async def test_the_month_adds_up(driver: Any, ledger: Cast) -> None:
    tab = driver(sign_in(ledger.alice))
    await tab.send(CreditsMonthState.load, path="/credits/month")
    shown = {
        name: tab.var(CreditsMonthState, name) for name in ("status", "opening", "added", "spent", "closing", "held")
    }
    assert shown == {
        "status": "ready", "added": "+100.00", "spent": "7.50", "closing": "85.00", "held": "7.50",
        "opening": "0.00",
    }  # fmt: skip
    assert tab.var(CreditsMonthState, "title") == f"{now():%B %Y}"
    await tab.send(CreditsMonthState.load, path="/credits/month?month=2001-01")
    assert tab.var(CreditsMonthState, "status") == "empty"


@pytest.mark.parametrize("month", ["13", "2026-13", "2026-00", "0000-01", "x", "2026-1", "２０２６-01", "2026-1²"])
async def test_a_month_that_is_none_says_so(driver: Any, ledger: Cast, month: str) -> None:
    tab = driver(sign_in(ledger.alice))
    await tab.send(CreditsMonthState.load, path=f"/credits/month?month={month}")
    assert tab.var(CreditsMonthState, "status") == "error"
    assert "YYYY-MM" in tab.var(CreditsMonthState, "error")


async def test_a_kind_the_statement_does_not_have_is_said_for_a_person(driver: Any, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(CreditsState.load, path="/credits?kind=bogus")
    assert (tab.var(CreditsState, "status"), tab.var(CreditsState, "bad_address")) == ("error", True)
    assert "bogus" not in tab.var(CreditsState, "error")
