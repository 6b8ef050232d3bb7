"""The CSV: the whole filter, formula-safe, honest about who may be called, written down."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trial
from hypothesis import strategies as st
from sqlalchemy import text as sql

from cursive_app.errors import Forbidden, Unavailable
from cursive_app.integrations.audiencelab.contacts import PersonEmail, PersonPhone
from cursive_app.services.csv_cells import FORMULA_LETTERS, plain_cell
from cursive_app.services.leads import LeadFilter, Sort, export, parse_filter
from cursive_app.services.leads.export import COLUMNS, export_csv
from db.engine import database
from db.models.accounts import AuditEntry
from db.models.leads import Lead, LeadEmail, LeadPhone
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
    content = export_csv(cast.alice, filter=parse_filter({"seniority": "vp"}))
    assert written_down(cast) == [("leads.exported", {"filters": ["seniority"]})]
    list(content)
    assert written_down(cast)[1:] == [("leads.export_finished", {"leads": 1})]
    reader = make_member(cast.workspace_id, make_user("Rita"), Role.READ_ONLY)
    with pytest.raises(Forbidden):
        export_csv(reader, filter=LeadFilter())


def test_an_export_that_is_broken_off_is_written_down_as_begun_only(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "FIRST_BATCH", 2)
    make_leads(cast.alice, 3)
    content = export_csv(cast.alice)
    assert [next(content)[:10], next(content)[:1]] == [b'"lead_id",', b'"']
    content.close()  # type: ignore[attr-defined]  # a generator
    assert [action for action, _ in written_down(cast)] == ["leads.exported"]


def written_down(cast: Cast) -> list[tuple[str, dict[str, Any]]]:
    with cast.alice.begin() as scope:
        entries = scope.session.scalars(scope.select(AuditEntry).order_by(AuditEntry.id)).all()
    return [(entry.action, entry.details) for entry in entries]


TEXTS = (
    "first_name", "last_name", "job_title", "headline", "seniority", "department", "email", "linkedin_url",
    "twitter_url", "facebook_url", "company_name", "company_domain", "industry", "company_size", "company_revenue",
    "company_description", "company_address", "company_city", "company_state", "company_postal_code",
    "company_linkedin_url", "sic", "naics", "address", "city", "state", "postal_code", "age_range", "gender",
)  # fmt: skip
PHONES = ("phone", "company_phone")
EVIL = FORMULA_LETTERS + "'\",;\\. %aé🦊0189\u200b\ufeff"
ANY = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=8)
VALUES = st.none() | st.just("\\.") | st.text(EVIL, max_size=8) | ANY
NUMBERS = VALUES | st.from_regex(r"\+[0-9]{1,17}\n?", fullmatch=True)


def by_the_rule(name: str, value: str | None) -> str:
    """A field as the rule says it in Python: quoted when known, never a formula, a strict E.164 number as it is."""
    if value is None:
        return ""
    number = name in PHONES and re.fullmatch(r"\+[1-9][0-9]{6,14}", value, re.ASCII)
    safe = value if number else plain_cell(value)
    return '"' + safe.replace('"', '""') + '"'


@trial(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(texts=st.tuples(*[VALUES] * len(TEXTS)), phones=st.tuples(NUMBERS, NUMBERS), listed=st.tuples(ANY, NUMBERS))
def test_postgres_writes_exactly_what_the_rule_says(
    cast: Cast, texts: tuple[str | None, ...], phones: tuple[str | None, ...], listed: tuple[str, str | None]
) -> None:
    values = dict(zip((*TEXTS, *PHONES), (*texts, *phones), strict=True))
    with cast.alice.begin() as scope:
        lead = scope.add(Lead(source="upload", years_experience=7, is_married=True, **values))
        scope.add(
            LeadEmail(
                lead_id=lead.id, position=0, address=listed[0], address_norm=lead.id.hex, kind="personal",
                verification="none",
            )
        )  # fmt: skip
        scope.add(LeadPhone(lead_id=lead.id, position=1, e164=listed[1] or "", kind="mobile", do_not_call=False))
        added, changed = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (lead.created_at, lead.updated_at))
    known = {
        **values, "lead_id": str(lead.id), "years_experience": "7", "email_verification": "none", "is_married": "yes",
        "state_from_company": "no", "source": "upload", "added_at": added, "updated_at": changed,
        "personal_emails": listed[0], "other_phones": f"{listed[1] or ''} (may call)",
        "phone_do_not_call": None if values["phone"] is None else "yes",
    }  # fmt: skip
    expected = ",".join(by_the_rule(column.header, known.get(column.header)) for column in COLUMNS) + "\r\n"
    header, first, *_ = export_csv(cast.alice)
    assert header.decode() == ",".join(f'"{column.header}"' for column in COLUMNS) + "\r\n"
    assert first.decode().startswith(expected)


def test_a_connection_that_breaks_midway_ends_the_file_with_an_error(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_leads(cast.alice, 3)
    copy = export.copy_csv

    def cut(scope: Any, *args: Any, **values: Any) -> Any:
        pid = scope.session.scalar(sql("SELECT pg_backend_pid()"))
        with database().app.connect() as other:
            other.execute(sql("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        return copy(scope, *args, **values)

    monkeypatch.setattr(export, "copy_csv", cut)
    with pytest.raises(Unavailable):
        list(export_csv(cast.alice))
    monkeypatch.undo()
    assert len(exported(cast.alice)) == 3


def test_a_slow_reader_holds_no_connection(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "FIRST_BATCH", 2)
    make_leads(cast.alice, 5)
    content = export_csv(cast.alice)
    assert next(content)
    assert next(content).count(b"\r\n") == 2
    assert database().app.pool.checkedout() == 0  # type: ignore[attr-defined]  # QueuePool
    assert sum(chunk.count(b"\r\n") for chunk in content) == 3


def test_a_batch_that_takes_too_long_ends_the_file_with_an_error(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_TIMEOUT", "1ms")
    make_leads(cast.alice, 500)
    with pytest.raises(Unavailable):
        list(export_csv(cast.alice))
