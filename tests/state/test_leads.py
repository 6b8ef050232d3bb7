"""The leads page through the real event pipeline: the address decides, foreigners see nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from uuid import uuid4

import pytest

from cursive_app.services import segments
from cursive_app.services.leads import intake
from db.roles import Role
from state.lead_address import Address, read_address
from state.leads import LeadsState
from tests.factories import Cast, make_member, make_user
from tests.factories_leads import make_lead, make_leads, make_person
from tests.factories_segments import make_segment
from tests.state.driver import Tab, sign_in

Driver = Callable[..., Tab]


def names(tab: Tab) -> list[str]:
    return [row.name if hasattr(row, "name") else row["name"] for row in tab.var(LeadsState, "rows") or []]


async def test_the_address_decides_what_is_shown(driver: Driver, cast: Cast) -> None:
    make_leads(cast.alice, 10)
    tab = driver(sign_in(cast.alice))
    await tab.send(LeadsState.load, path="/leads?seniority=vp&seniority=cxo&q=person&sort=name")
    assert tab.var(LeadsState, "status") == "ready"
    assert names(tab) == sorted(names(tab))
    assert len(names(tab)) == 4
    assert tab.var(LeadsState, "range_text") == "1–4 of 4 leads"
    assert [chip["label"] for chip in tab.var(LeadsState, "chips")] == ["Seniority: VP", "Seniority: C-level"]
    assert "seniority=vp&seniority=cxo&sort=name" in tab.var(LeadsState, "export_url")


async def test_handlers_only_change_the_address(driver: Driver, cast: Cast) -> None:
    make_leads(cast.alice, 60)
    tab = driver(sign_in(cast.alice))
    path = "/leads?state=TX"
    await tab.send(LeadsState.load, path="/leads")
    for handler, payload, expected in (
        (LeadsState.toggle, {"name": "state", "value": "CA"}, "/leads?state=TX&state=CA"),
        (LeadsState.toggle, {"name": "state", "value": "TX"}, '"/leads"'),
        (LeadsState.search, {"text": " a  b "}, "/leads?q=a+b&state=TX"),
        (LeadsState.sort_by, {"column": "name"}, "/leads?state=TX&sort=name"),
        (LeadsState.open, {"lead_id": "x"}, "/leads?state=TX&lead=x"),
        (LeadsState.next_page, {}, "/leads?state=TX&cursor="),
        (LeadsState.clear, {}, '"/leads"'),
    ):
        tab.forget()
        await tab.send(handler, path=path, **payload)
        assert expected in tab.text(), tab.text()
    for handler, payload in (
        (LeadsState.toggle, {"name": "__class__", "value": "x"}),
        (LeadsState.sort_by, {"column": "password_hash"}),
        (LeadsState.drop, {"part": "sort"}),
        (LeadsState.previous_page, {}),
    ):
        tab.forget()
        await tab.send(handler, path=path, **payload)
        assert "_redirect" not in tab.text()


async def test_three_kinds_of_nothing(driver: Driver, cast: Cast) -> None:
    tab = driver(sign_in(cast.alice))
    await tab.send(LeadsState.load, path="/leads")
    assert tab.var(LeadsState, "status") == "empty"
    await tab.send(LeadsState.load, path="/leads?q=zebra&state=TX")  # no filter is to blame
    assert tab.var(LeadsState, "status") == "empty"
    make_leads(cast.alice, 5)
    await tab.send(LeadsState.load, path="/leads?q=zebra&state=TX")
    assert tab.var(LeadsState, "status") == "no_match"
    assert tab.var(LeadsState, "relaxed") == [{"part": "query", "text": "Without the search: 1 lead"}]
    billing = driver(sign_in(make_member(cast.workspace_id, make_user("Bill"), Role.BILLING)))
    await billing.send(LeadsState.load, path="/leads")
    assert billing.var(LeadsState, "status") == "forbidden"
    assert not names(billing)


async def test_a_wrong_address_says_what_is_wrong(driver: Driver, cast: Cast) -> None:
    make_leads(cast.alice, 2)
    tab = driver(sign_in(cast.alice))
    for path, word in (
        ("/leads?run=nonsense", "not the id"),
        ("/leads?has=money", "Unknown"),
        ("/leads?sort=password", "an order"),
        ("/leads?q=" + "x" * 300, "at most 200"),
        (f"/leads?segment={uuid4()}", "not here"),
    ):
        await tab.send(LeadsState.load, path=path)
        assert tab.var(LeadsState, "status") == "error", path
        assert word in tab.var(LeadsState, "error")
    tab.forget()
    await tab.send(LeadsState.load, path="/leads?state=TX&cursor=forged")
    assert '"/leads?state=TX"' in tab.text()


async def test_the_drawer_shows_everything_and_raw_only_to_those_allowed(driver: Driver, cast: Cast) -> None:
    with cast.alice.begin() as scope:
        lead = intake(scope, [make_person()], source="database", run_id=uuid4(), segment_id=uuid4()).new[0]
    tab = driver(sign_in(cast.alice))
    await tab.send(LeadsState.load, path=f"/leads?lead={lead}")
    card = tab.var(LeadsState, "card")
    card = card if isinstance(card, dict) else {name: getattr(card, name) for name in card.__dataclass_fields__}
    assert (tab.var(LeadsState, "card_status"), tab.var(LeadsState, "is_open")) == ("ready", True)
    assert card["name"] == "Dana Testperson"
    number = card["phones"][0]
    number = number if isinstance(number, dict) else asdict(number)
    assert (number["text"], number["copied"]) == ("+1 512 555 0101", "+15125550101")
    await tab.send(LeadsState.show_raw, path=f"/leads?lead={lead}")
    assert "NEW_FIELD" in tab.var(LeadsState, "raw")
    assert "ETHNIC" not in tab.var(LeadsState, "raw")
    member = driver(sign_in(cast.bob))
    await member.send(LeadsState.load, path=f"/leads?lead={lead}")
    await member.send(LeadsState.show_raw, path=f"/leads?lead={lead}")
    assert not member.var(LeadsState, "raw")
    assert "does not allow" in member.text()


@pytest.mark.parametrize(
    ("place", "address", "state"),
    [
        ({"city": "Austin", "state": "TX", "postal_code": "78701"}, "Austin, TX, 78701", "TX"),
        ({"city": None, "state": "TX", "postal_code": None}, None, "TX"),
        (
            {"city": "Austin", "state": "TX", "postal_code": None, "state_from_company": True},
            None,
            "TX (the company's)",
        ),
    ],
)
async def test_the_drawer_calls_only_the_persons_own_place_their_address(
    driver: Driver, cast: Cast, place: dict[str, Any], address: str | None, state: str
) -> None:
    lead = make_lead(cast.alice, **place)
    tab = driver(sign_in(cast.alice))
    await tab.send(LeadsState.load, path=f"/leads?lead={lead}")
    (group,) = [one for one in tab.var(LeadsState, "card")["groups"] if one["title"] == "Person"]
    facts = {fact["label"]: fact["value"] for fact in group["facts"]}
    assert (facts.get("Address"), facts["State"]) == (address, state)


async def test_opening_a_lead_does_not_read_the_list_again(driver: Driver, cast: Cast) -> None:
    lead = make_lead(cast.alice)
    tab = driver(sign_in(cast.alice))
    await tab.send(LeadsState.load, path="/leads")
    make_leads(cast.alice, 3)
    await tab.send(LeadsState.open, path="/leads", lead_id=str(lead))
    await tab.send(LeadsState.load, path=f"/leads?lead={lead}")
    assert len(names(tab)) == 1
    assert tab.var(LeadsState, "card_status") == "ready"
    await tab.send(LeadsState.load, path=f"/leads?lead={lead}")
    assert len(names(tab)) == 4, "a reload reads everything"


async def test_who_opens_a_lead_and_goes_back_at_once_sees_the_list_of_the_address(driver: Driver, cast: Cast) -> None:
    """Back overtakes the load of the opened lead, and must not take over its promise that the list stays."""
    make_lead(cast.alice, state="TX")
    lead = make_lead(cast.alice, state="CA")
    tab = driver(sign_in(cast.alice))
    await tab.send(LeadsState.load, path="/leads?state=TX")
    await tab.send(LeadsState.load, path="/leads")
    await tab.send(LeadsState.open, path="/leads", lead_id=str(lead))
    await tab.send(LeadsState.load, path="/leads?state=TX")
    assert (len(names(tab)), tab.var(LeadsState, "range_text")) == (1, "1–1 of 1 lead")


async def test_another_workspace_sees_nothing_through_any_handler(driver: Driver, cast: Cast) -> None:
    lead = make_lead(cast.alice, last_name="Secretperson")
    tab = driver(sign_in(cast.charlie))
    for path in ("/leads", "/leads?q=secretperson", f"/leads?lead={lead}"):
        await tab.send(LeadsState.load, path=path)
        await tab.send(LeadsState.show_raw, path=path)
    assert not names(tab)
    assert "Secretperson" not in str(tab.state)
    assert tab.var(LeadsState, "card_status") == "missing"


async def test_columns_are_kept_for_the_person(driver: Driver, cast: Cast) -> None:
    make_lead(cast.alice)
    tab = driver(sign_in(cast.alice))
    await tab.send(LeadsState.load, path="/leads")
    await tab.send(LeadsState.toggle_column, path="/leads", column="email")
    other = driver(sign_in(cast.alice))
    await other.send(LeadsState.load, path="/leads")
    assert "email" not in other.var(LeadsState, "columns")
    tab.forget()
    await tab.send(LeadsState.toggle_column, path="/leads", column="password")
    assert "no column" in tab.text()


@pytest.mark.parametrize(
    "path", ["/leads?q=a%00b&state=x&state=x", "/leads?" + "&".join(f"state=S{i}" for i in range(40))]
)
def test_an_address_survives_the_way_there_and_back(path: str) -> None:
    address = read_address(path)
    assert read_address(address.url()) == address
    assert Address().url() == "/leads"


def test_an_absurd_address_asks_for_nothing() -> None:
    assert read_address("/leads?" + "state=TX&" * 10_000) == Address()


@pytest.mark.parametrize("query", ["sort=bogus", "state=Atlantis", "seniority=emperor", "run=nonsense"])
async def test_an_address_that_cannot_be_read_is_said_for_a_person(driver: Driver, cast: Cast, query: str) -> None:
    make_lead(cast.alice)
    tab = driver(sign_in(cast.alice))
    await tab.send(LeadsState.load, path="/leads")
    assert "1 lead" in tab.var(LeadsState, "range_text")
    await tab.send(LeadsState.load, path=f"/leads?{query}")
    assert (tab.var(LeadsState, "status"), tab.var(LeadsState, "bad_address")) == ("error", True)
    assert tab.var(LeadsState, "range_text") == "", "no number of another address stands beside the error"
    assert "put - in front" not in tab.var(LeadsState, "error")
    await tab.send(LeadsState.start_over, path=f"/leads?{query}")
    assert '"/leads"' in tab.text()
    await tab.send(LeadsState.load, path="/leads")
    assert (tab.var(LeadsState, "status"), tab.var(LeadsState, "bad_address")) == ("ready", False)


async def test_a_receipt_names_its_segment_to_those_who_may_see_it(driver: Driver, cast: Cast) -> None:
    segment = make_segment(cast.alice, name="Texans", is_shared=False)
    with cast.alice.begin() as scope:
        lead_id = intake(scope, [make_person()], source="database", run_id=uuid4(), segment_id=segment.id).new[0]
        segments.delete_segment(scope, segment.id)
    titles = []
    for tenant in (cast.alice, cast.bob):
        tab = driver(sign_in(tenant))
        await tab.send(LeadsState.load, path=f"/leads?lead={lead_id}")
        titles.append(tab.var(LeadsState, "card")["receipts"][0]["title"])
    assert titles == ["Delivered by a run of “Texans”", "Delivered by a segment run"]


async def test_a_receipt_leads_to_its_run_only_where_that_can_be_opened(driver: Driver, cast: Cast) -> None:
    shared, private, gone = (make_segment(cast.alice, is_shared=shared) for shared in (True, False, True))
    person = make_person()
    with cast.alice.begin() as scope:
        for made in (shared, private, gone):
            result = intake(scope, [person], source="database", run_id=uuid4(), segment_id=made.id)
            lead_id = (*result.new, *result.owned)[0]
        segments.delete_segment(scope, gone.id)
    reached: list[set[str]] = []
    for tenant in (cast.alice, cast.bob):
        tab = driver(sign_in(tenant))
        await tab.send(LeadsState.load, path=f"/leads?lead={lead_id}")
        receipts = tab.var(LeadsState, "card")["receipts"]
        assert len(receipts) == 3
        reached.append({receipt["run_href"].split("?")[0] for receipt in receipts})
    assert reached == [{f"/segments/{shared.id}", f"/segments/{private.id}", ""}, {f"/segments/{shared.id}", ""}]


@pytest.mark.parametrize("kind", ["deleted", "private"])
async def test_leads_of_a_segment_that_is_gone_have_a_way_out_and_no_retry(
    driver: Driver, cast: Cast, kind: str
) -> None:
    made = make_segment(cast.alice, is_shared=kind != "private")
    if kind == "deleted":
        with cast.alice.begin() as scope:
            segments.delete_segment(scope, made.id)
    tab = driver(sign_in(cast.bob))
    await tab.send(LeadsState.load, path=f"/leads?segment={made.id}")
    assert (tab.var(LeadsState, "status"), tab.var(LeadsState, "bad_address")) == ("error", True)
    assert "deleted" in tab.var(LeadsState, "error")
