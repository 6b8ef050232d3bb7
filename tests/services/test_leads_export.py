"""The CSV: the whole filter, formula-safe, honest about who may be called, written down."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from cursive_app.errors import Forbidden
from cursive_app.integrations.audiencelab.contacts import PersonEmail, PersonPhone
from cursive_app.services.leads import LeadFilter, Sort, export, parse_filter
from cursive_app.services.leads.export import COLUMNS, export_csv
from db.models.accounts import AuditEntry
from db.roles import Role
from db.scope import Tenant
from tests.factories import Cast, make_member, make_user
from tests.factories_leads import make_lead, make_leads, make_person


def exported(tenant: Tenant, **options: Any) -> list[dict[str, str]]:
    content = b"".join(export_csv(tenant, **options)).decode()
    return list(csv.DictReader(io.StringIO(content, newline=""), strict=True))


def test_the_file_holds_the_whole_filter_in_the_order_of_the_list(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "FIRST_BATCH", 7)
    monkeypatch.setattr(export, "BATCH", 10)
    make_leads(cast.alice, 43)
    make_leads(cast.alice, 5, company_name=None)
    make_leads(cast.charlie, 3)
    rows = exported(cast.alice, sort=Sort("company", descending=False))
    assert len({row["lead_id"] for row in rows}) == len(rows) == 48
    companies = [row["company_name"] for row in rows]
    assert companies == sorted(companies[:43]) + [""] * 5
    assert len(exported(cast.alice, filter=parse_filter({"seniority": "vp", "query": "person"}))) == 10
    assert len(exported(cast.charlie)) == 3


@pytest.mark.parametrize(
    "value",
    ["=1+1", "+1-2", "-2+3", "@SUM(A1)", "\tx", "＝1", '=HYPERLINK("http://x","y")', '=cmd|" /C calc"!A0'],
)
def test_text_that_looks_like_a_formula_is_only_text(cast: Cast, value: str) -> None:
    make_lead(cast.alice, first_name=value, company_name=value, job_title=value)
    row = exported(cast.alice)[0]
    expected = "x" if value == "\tx" else f"'{value}"
    assert row["first_name"] == row["company_name"] == row["job_title"] == expected


def test_quotes_commas_and_line_breaks_survive(cast: Cast) -> None:
    text = 'He said "hi", then\nleft; 🦊 ñ'
    make_lead(cast.alice, company_description=text, headline="a,b")
    row = exported(cast.alice)[0]
    assert (row["company_description"], row["headline"]) == (text, "a,b")


def test_an_unknown_do_not_call_flag_counts_as_do_not_call(cast: Cast) -> None:
    numbers = {None: "yes", True: "yes", False: "no"}
    for flag, word in numbers.items():
        phones = (PersonPhone("+15125550103", "mobile", flag), PersonPhone("+15125550104", "landline", True))
        lead = make_lead(cast.alice, make_person(phones=phones, company_phone="+15125550100"))
        row = next(row for row in exported(cast.alice) if row["lead_id"] == str(lead))
        assert (row["phone"], row["phone_do_not_call"]) == ("+15125550103", word)
        assert row["company_phone"] == "+15125550100"
        assert "(do not call)" in row["other_phones"]
    none = make_lead(cast.alice, phones=())
    row = next(row for row in exported(cast.alice) if row["lead_id"] == str(none))
    assert (row["phone"], row["phone_do_not_call"], row["other_phones"]) == ("", "", "")


def test_all_addresses_are_there_primary_first(cast: Cast) -> None:
    person = make_person()
    more = (PersonEmail("second@acme.example", "business", "unknown"), PersonEmail("d@example.net", "personal", "none"))
    make_lead(cast.alice, replace(person, emails=(*more, *person.emails)))
    row = exported(cast.alice)[0]
    assert row["business_emails"] == f"{person.emails[0].address}; second@acme.example"
    assert (row["personal_emails"], row["email"]) == ("d@example.net", person.emails[0].address)


def test_what_is_not_known_is_empty_and_times_are_iso(cast: Cast) -> None:
    make_lead(cast.alice, headline=None, years_experience=None, is_homeowner=None, is_married=False)
    row = exported(cast.alice)[0]
    assert (row["headline"], row["years_experience"], row["is_homeowner"], row["is_married"]) == ("", "", "", "no")
    assert len(row["added_at"]) == 20
    assert row["added_at"].endswith("Z")


def test_restricted_facts_are_no_column(cast: Cast) -> None:
    headers = " ".join(column.header for column in COLUMNS)
    assert len(COLUMNS) == len({column.header for column in COLUMNS}) == 45
    for word in ("ethnic", "credit", "language", "exact_age", "ip_", "raw"):
        assert word not in headers


def test_every_export_is_written_down_and_refused_before_the_first_byte(cast: Cast) -> None:
    make_leads(cast.alice, 3)
    list(export_csv(cast.alice, filter=parse_filter({"seniority": "vp"})))
    with cast.alice.begin() as scope:
        entry = scope.session.scalars(scope.select(AuditEntry)).one()
    assert (entry.action, entry.details["leads"], entry.details["filters"]) == ("leads.exported", 1, ["seniority"])
    reader = make_member(cast.workspace_id, make_user("Rita"), Role.READ_ONLY)
    with pytest.raises(Forbidden):
        export_csv(reader, filter=LeadFilter())
