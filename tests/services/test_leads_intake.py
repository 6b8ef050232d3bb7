"""The one door: one person is one lead, whoever delivers, however often, however many at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from cursive_app.integrations.audiencelab.contacts import PersonEmail, PersonPhone
from cursive_app.integrations.audiencelab.records import Person
from cursive_app.services.leads import IntakeResult, count_leads, get_lead, intake, owned, record_charge
from db.engine import Database
from db.models.leads import Lead, LeadEmail
from db.scope import Tenant
from tests.factories import Cast
from tests.factories_leads import counted_queries, make_people, make_person


def deliver(tenant: Tenant, *people: Person, run_id: UUID | None = None) -> IntakeResult:
    with tenant.begin() as scope:
        return intake(scope, people, source="database", run_id=run_id, cost_each=Decimal("0.50"))


def total(tenant: Tenant) -> int:
    with tenant.begin() as scope:
        return count_leads(scope)


def test_a_second_delivery_of_the_same_people_adds_nobody(cast: Cast) -> None:
    people = make_people(20)
    first = deliver(cast.alice, *people)
    again = deliver(cast.bob, *people)
    assert len(first.new) == 20
    assert (again.new, set(again.owned)) == ((), set(first.new))
    assert total(cast.alice) == 20


def test_a_lead_is_found_by_any_of_its_addresses_and_by_its_profile(cast: Cast) -> None:
    mark = uuid4().hex[:8]
    second = PersonEmail(f"second-{mark}@example.net", "personal", "unknown")
    person = make_person()
    lead = deliver(cast.alice, replace(person, emails=(*person.emails, second))).new[0]
    by_second = Person(emails=(PersonEmail(second.address.upper(), "personal", "unknown"),))
    by_profile = Person(linkedin_url=f"linkedin.com/{person.linkedin_url.split('.com/')[1].upper()}/")  # type: ignore[union-attr]
    by_id = Person(provider_uuid=person.provider_uuid)
    stranger = make_person()
    with cast.alice.begin() as scope:
        assert owned(scope, [by_second, by_profile, by_id, stranger, Person()]) == [lead, lead, lead, None, None]
    with cast.charlie.begin() as scope:
        assert owned(scope, [by_second, by_profile, by_id]) == [None, None, None]


def test_duplicates_inside_a_batch_are_counted_and_taken_once(cast: Cast) -> None:
    person = make_person()
    result = deliver(cast.alice, person, replace(person, job_title="CEO"), make_person(), Person(first_name="Nobody"))
    assert (len(result.new), result.owned, result.duplicates_in_batch, result.unidentified) == (2, (), 1, 1)


def test_a_person_bridged_to_an_owned_lead_is_not_new(cast: Cast) -> None:
    known = make_person()
    lead = deliver(cast.alice, known).new[0]
    bridge = PersonEmail(f"{uuid4().hex}@example.org", "personal", "unknown")
    stranger = Person(emails=(bridge,))
    both = Person(emails=(bridge, *known.emails))
    result = deliver(cast.alice, stranger, both)
    assert (result.new, result.owned) == ((), (lead,))


def test_people_with_nothing_in_common_but_null_are_different_people(cast: Cast) -> None:
    people = [
        make_person(email=None, linkedin_url=None, phones=()),
        make_person(email=None, linkedin_url=None, phones=()),
        make_person(provider_uuid=None, linkedin_url=None, phones=()),
        make_person(provider_uuid=None, linkedin_url=None, phones=()),
    ]
    assert len(deliver(cast.alice, *people).new) == 4


def test_a_shared_office_line_keeps_colleagues_apart_but_joins_the_otherwise_unknown(cast: Cast) -> None:
    line = (PersonPhone("+15125550110", "direct", None),)
    assert len(deliver(cast.alice, make_person(phones=line), make_person(phones=line)).new) == 2
    only_phone = Person(first_name="Front", last_name="Desk", phones=line)
    first, again = deliver(cast.alice, only_phone), deliver(cast.alice, only_phone)
    assert (len(first.new), again.owned) == (1, first.new)


def test_an_owned_lead_is_left_as_it_is_and_only_gets_a_receipt(cast: Cast) -> None:
    person, run, other = make_person(), uuid4(), uuid4()
    lead = deliver(cast.alice, person, run_id=run).new[0]
    deliver(cast.alice, replace(person, job_title="Changed", company_name="Other"), run_id=other)
    deliver(cast.alice, person, run_id=other)
    with cast.alice.begin() as scope:
        detail = get_lead(scope, lead)
    assert (detail.row.job_title, detail.row.company_name) == ("VP Marketing", "Acme Example LLC")
    receipts = {each.run_id: (each.is_new, each.cost) for each in detail.receipts}
    assert receipts == {run: (True, Decimal("0.50")), other: (False, Decimal("0.00"))}


def test_a_charge_is_put_on_the_receipts_of_new_leads_only(cast: Cast) -> None:
    old, run, line = make_person(), uuid4(), uuid4()
    deliver(cast.alice, old)
    result = deliver(cast.alice, old, make_person(), run_id=run)
    with cast.alice.begin() as scope:
        record_charge(scope, run_id=run, lead_ids=[*result.new, *result.owned], ledger_line_id=line)
        paid = get_lead(scope, result.new[0]).receipts
        free = get_lead(scope, result.owned[0]).receipts
    assert [each.ledger_line_id for each in paid] == [line]
    assert {each.ledger_line_id for each in free} == {None}


def test_runs_that_deliver_the_same_people_at_once_make_one_lead_each(cast: Cast) -> None:
    people = make_people(60)
    start = threading.Barrier(6)

    def run(turn: int) -> IntakeResult:
        start.wait()
        return deliver(cast.alice, *(people if turn % 2 else reversed(people)), run_id=uuid4())

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(run, range(6)))
    assert total(cast.alice) == 60
    new = [lead for result in results for lead in result.new]
    assert len(new) == len(set(new)) == 60
    assert all(len(result.new) + len(result.owned) == 60 for result in results)


def test_two_workspaces_own_the_same_person_apart(cast: Cast) -> None:
    person = make_person()
    mine, theirs = deliver(cast.alice, person).new[0], deliver(cast.charlie, person).new[0]
    assert mine != theirs
    assert (total(cast.alice), total(cast.charlie)) == (1, 1)


def test_an_address_that_went_past_the_lock_is_an_owned_lead_not_an_error(cast: Cast) -> None:
    person = make_person()
    with cast.alice.begin() as scope:
        scope.add(Lead(email="x", email_norm=person.emails[0].address, source="manual"))
        result = intake(scope, [person], source="database")
    assert (result.new, total(cast.alice)) == ((), 1)


@pytest.mark.parametrize(
    "value", ["NUL\x00inside", "🦊 émoji ZWJ 👩‍💻", "x" * 10_000, "'; DROP TABLE leads; --", "<b>&"]
)
def test_hostile_text_is_stored_as_text(cast: Cast, value: str) -> None:
    person = make_person(
        first_name=value, job_title=value, company_name=value, city=value, industry=value, raw={"K\x00": value}
    )
    lead = deliver(cast.alice, person).new[0]
    with cast.alice.begin() as scope:
        detail = get_lead(scope, lead)
    assert detail.row.job_title == value.replace("\x00", "")[:300]


def test_a_page_of_people_is_a_handful_of_statements(cast: Cast, database: Database) -> None:
    people = make_people(300)
    with counted_queries(database) as statements:
        deliver(cast.alice, *people)
    assert len(statements) <= 8, statements


def test_the_database_itself_refuses_a_second_lead_and_a_foreign_parent(cast: Cast) -> None:
    person = make_person()
    lead = deliver(cast.alice, person).new[0]
    with pytest.raises(DBAPIError, match="uq_leads_email_norm"), cast.alice.begin() as scope:
        scope.add(Lead(email_norm=person.emails[0].address, source="manual"))
    with pytest.raises(DBAPIError, match="fk_lead_emails"), cast.charlie.begin() as scope:
        row = LeadEmail(lead_id=lead, position=9, address="a@x.example", address_norm="a@x.example")
        row.kind, row.verification = "business", "unknown"
        scope.add(row)
    with cast.charlie.begin() as scope:
        assert scope.session.scalar(select(func.count()).select_from(Lead)) == 0
        assert scope.session.execute(text("SELECT count(*) FROM search_leads(ARRAY['%%'], 10)")).scalar_one() == 0
    with pytest.raises(DBAPIError, match="permission denied"), cast.alice.begin() as scope:
        scope.session.execute(text("UPDATE lead_sources SET cost = 0"))
