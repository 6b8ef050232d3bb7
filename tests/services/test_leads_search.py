"""The leads list: exact totals, keyset pages, word search, filters, and nothing of another workspace."""

from __future__ import annotations

from uuid import uuid4

import pytest

from cursive_app.errors import Forbidden, Invalid, NotFound
from cursive_app.services.leads import (
    SORTS,
    LeadFilter,
    LeadPage,
    Sort,
    choices,
    choose_columns,
    count_leads,
    filters,
    get_lead,
    get_raw_record,
    intake,
    list_leads,
    parse_filter,
    parse_sort,
    relax,
    shown_columns,
)
from db.engine import Database
from db.roles import Role
from db.scope import Tenant
from tests.factories import Cast, make_member, make_user
from tests.factories_leads import counted_queries, make_lead, make_leads, make_people, make_person


def page(tenant: Tenant, **options: object) -> LeadPage:
    with tenant.begin() as scope:
        return list_leads(scope, **options)  # type: ignore[arg-type]


def found(tenant: Tenant, query: str) -> set[str]:
    return {row.name for row in page(tenant, filter=parse_filter({"query": query})).rows}


@pytest.mark.parametrize("sort", [f"{sign}{by}" for by in SORTS for sign in ("", "-")])
def test_pages_walk_forward_and_back_without_skipping_or_repeating(cast: Cast, sort: str) -> None:
    make_leads(cast.alice, 17)
    make_leads(cast.alice, 6, company_name=None, job_title=None, state=None, city=None, industry=None)
    order, forward, cursor = parse_sort(sort), [], None
    while True:
        now = page(cast.alice, sort=order, cursor=cursor, limit=5)
        forward.append(now)
        assert (now.total, now.number) == (23, len(forward))
        if now.next_cursor is None:
            break
        cursor = now.next_cursor
    ids = [row.id for each in forward for row in each.rows]
    assert len(ids) == len(set(ids)) == 23
    column = {"name": "name", "company": "company_name", "title": "job_title", "created": "created_at"}.get(
        order.by, order.by
    )
    values = [getattr(row, column) for each in forward for row in each.rows]
    known = [str(value).lower() for value in values if value]
    assert known == sorted(known, reverse=order.descending)
    assert not any(values[len(known) :]), "leads without a value come last"
    backward = forward[-1]
    for expected in reversed(forward[:-1]):
        assert backward.previous_cursor
        backward = page(cast.alice, sort=order, cursor=backward.previous_cursor, limit=5)
        assert [row.id for row in backward.rows] == [row.id for row in expected.rows]
        assert backward.number == expected.number
    assert backward.previous_cursor is None


def test_a_cursor_is_worth_nothing_elsewhere(cast: Cast) -> None:
    make_leads(cast.alice, 3)
    cursor = page(cast.alice, limit=1).next_cursor
    assert cursor
    for tenant, sort, wrong in (
        (cast.charlie, Sort(), cursor),
        (cast.alice, Sort("name", False), cursor),
        (cast.alice, Sort(), cursor[:-2]),
        (cast.alice, Sort(), "eyJ2IjoxfQ"),
        (cast.alice, Sort(), "' OR 1=1 --"),
        (cast.alice, Sort(), "\x00"),
    ):
        with pytest.raises(Invalid, match="first page"):
            page(tenant, sort=sort, cursor=wrong)


def test_filters_narrow_and_values_of_one_field_are_alternatives(cast: Cast) -> None:
    make_leads(cast.alice, 10)
    make_lead(cast.alice, email=None, phones=(), seniority="cxo", source="upload")
    with cast.alice.begin() as scope:

        def total(**given: object) -> int:
            return count_leads(scope, filter=parse_filter(given))

        assert total() == 11
        assert total(seniority="vp") == 2
        assert total(seniority=["vp", "cxo"]) == 5
        assert total(seniority=["vp", "cxo"], has="email") == 4
        assert total(has=["email", "phone", "linkedin", "verified_email"]) == 10
        assert total(source="upload") == 1
        assert total(state="CA", industry="Software Development") == 1
        assert total(run=str(uuid4())) == 0


@pytest.mark.parametrize(
    "given",
    [
        {"has": "money"},
        {"run": "not-a-uuid"},
        {"query": "x" * 201},
        {"query": "a\x00b"},
        {"state": [f"S{i}" for i in range(51)]},
        {"state": "x" * 201},
        {"industry": {"nested": "object"}},
        {"industry": [1, 2]},
    ],
)
def test_a_wrong_filter_says_which_and_why(given: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refused:
        parse_filter(given)
    assert set(refused.value.fields) == set(given)
    with pytest.raises(Invalid, match="Sort by one of"):
        parse_sort("password_hash")


def test_words_find_names_companies_titles_and_addresses_in_any_order(cast: Cast) -> None:
    make_lead(cast.alice, first_name="Ada", last_name="Lovelace", company_name="Engines Ltd", email="ada@eng.example")
    make_lead(cast.alice, first_name="José", last_name="Núñez", job_title="Head of 100% _Growth\\", company_name=None)
    assert found(cast.alice, "lovelace engines") == found(cast.alice, "ADA@ENG") == {"Ada Lovelace"}
    assert found(cast.alice, "josé") == found(cast.alice, "100%") == found(cast.alice, "_growth\\") == {"José Núñez"}
    assert found(cast.alice, "lo") == {"Ada Lovelace"}, "one or two letters match beginnings of words"
    assert found(cast.alice, "ov") == set()


@pytest.mark.parametrize(
    "query", ["%", "_", "%%%", "\\", "' OR '1'='1", "$$; DROP TABLE leads; --", "') --", "*", "🦊"]
)
def test_search_text_is_only_ever_text(cast: Cast, query: str) -> None:
    make_leads(cast.alice, 3)
    assert found(cast.alice, query) == set()
    assert page(cast.alice).total == 3


def test_a_search_that_matches_many_gives_the_same_answers(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    make_leads(cast.alice, 12)
    wanted = parse_filter({"query": "testperson vp", "has": "email"})
    few = page(cast.alice, filter=wanted, sort=Sort("name", False), limit=3)
    monkeypatch.setattr(filters, "MAX_IDS", 2)
    many = page(cast.alice, filter=wanted, sort=Sort("name", False), limit=3)
    assert (many.total, many.rows) == (few.total, few.rows) == (4, few.rows)
    assert page(cast.charlie, filter=wanted).total == 0


def test_another_workspace_finds_nothing_at_all(cast: Cast) -> None:
    run = uuid4()
    with cast.alice.begin() as scope:
        lead = intake(scope, [make_person(last_name="Findable")], source="database", run_id=run).new[0]
    assert found(cast.alice, "findable")
    assert found(cast.charlie, "findable") == set()
    with cast.charlie.begin() as scope:
        assert list_leads(scope, filter=LeadFilter(run_id=run)).rows == ()
        assert choices(scope, field="state") == ()
        for read in (get_lead, get_raw_record):
            for wrong in (lead, str(lead), "not-an-id", str(uuid4())):
                with pytest.raises(NotFound):
                    read(scope, wrong)


def test_the_leads_of_a_run_are_those_it_delivered(cast: Cast) -> None:
    run, people = uuid4(), make_people(4)
    make_lead(cast.alice, people[0])
    with cast.alice.begin() as scope:
        result = intake(scope, people, source="database", run_id=run)
    assert {row.id for row in page(cast.alice, filter=LeadFilter(run_id=run)).rows} == set(result.new)
    assert len(result.new) == 3


def test_an_empty_result_says_which_filter_to_drop(cast: Cast) -> None:
    make_leads(cast.alice, 10)
    wanted = parse_filter({"query": "zebra", "seniority": "vp", "state": "TX"})
    with cast.alice.begin() as scope:
        assert list_leads(scope, filter=wanted).total == 0
        assert [(each.part, each.total) for each in relax(scope, filter=wanted)] == [("query", 2)]


def test_choices_are_the_values_there_are(cast: Cast) -> None:
    make_leads(cast.alice, 10)
    make_lead(cast.alice, state=None)
    with cast.alice.begin() as scope:
        assert choices(scope, field="state") == ("CA", "FL", "NY", "TX", "WA")
        with pytest.raises(Invalid):
            choices(scope, field="email")


def test_a_page_costs_a_fixed_number_of_statements(cast: Cast, database: Database) -> None:
    make_leads(cast.alice, 60)
    for limit in (5, 50):
        with counted_queries(database) as statements:
            page(cast.alice, limit=limit)
        assert len(statements) <= 4, statements
    lead = page(cast.alice, limit=1).rows[0].id
    with counted_queries(database) as statements, cast.alice.begin() as scope:
        get_lead(scope, lead)
    assert len(statements) <= 5, statements


def test_detail_shows_contacts_in_order_and_raw_only_to_those_allowed(cast: Cast) -> None:
    lead = make_lead(cast.alice)
    with cast.alice.begin() as scope:
        detail, raw = get_lead(scope, lead), get_raw_record(scope, lead)
    assert detail.may_see_raw
    assert raw["NEW_FIELD"] == "kept"
    assert "SKIPTRACE_ETHNIC_CODE" not in raw
    assert [each.verification for each in detail.emails] == ["verified"]
    with cast.bob.begin() as scope:
        assert not get_lead(scope, lead).may_see_raw
        with pytest.raises(Forbidden):
            get_raw_record(scope, lead)


def test_a_billing_member_sees_no_leads(cast: Cast) -> None:
    billing = make_member(cast.workspace_id, make_user("Bill"), Role.BILLING)
    lead = make_lead(cast.alice)
    with billing.begin() as scope:
        for use in (
            lambda: list_leads(scope),
            lambda: count_leads(scope),
            lambda: get_lead(scope, lead),
            lambda: choices(scope, field="state"),
            lambda: relax(scope, filter=LeadFilter()),
            lambda: shown_columns(scope),
        ):
            with pytest.raises(Forbidden):
                use()


def test_columns_are_remembered_per_person(cast: Cast) -> None:
    with cast.alice.begin() as scope:
        default = shown_columns(scope)
        assert choose_columns(scope, columns=["created", "email"]) == ("email", "created")
        with pytest.raises(Invalid):
            choose_columns(scope, columns=["password"])
    with cast.alice.begin() as scope:
        assert shown_columns(scope) == ("email", "created")
    with cast.bob.begin() as scope:
        assert shown_columns(scope) == default


def test_limits_are_checked(cast: Cast) -> None:
    for limit in (0, -1, 201, 10**9):
        with pytest.raises(Invalid):
            page(cast.alice, limit=limit)
