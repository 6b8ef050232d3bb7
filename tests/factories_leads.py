"""Makers of people and leads. Everyone made is a different person; domains and numbers are reserved ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from cursive_app.integrations.audiencelab.contacts import PersonEmail, PersonPhone
from cursive_app.integrations.audiencelab.records import Person
from cursive_app.services.leads import intake
from db.engine import Database
from db.scope import Tenant

SENIORITIES = ("cxo", "vp", "director", "manager", "staff")
STATES = ("CA", "TX", "NY", "FL", "WA")
INDUSTRIES = ("Software Development", "Hospitals and Health Care", "Retail", "Construction")


def make_person(**changes: Any) -> Person:
    """One person with an e-mail, a phone and a profile that nobody else has. `email=` replaces all addresses."""
    mark = uuid4().hex[:12]
    address = changes.pop("email", f"dana.{mark}@acme.example")
    person = Person(
        provider_uuid=str(uuid4()),
        first_name="Dana",
        last_name="Testperson",
        emails=(PersonEmail(address, "business", "verified"),) if address else (),
        primary_email=address,
        primary_email_verification="verified" if address else "none",
        phones=(PersonPhone("+15125550101", "mobile", False, True),),
        linkedin_url=f"https://www.linkedin.com/in/dana-{mark}",
        job_title="VP Marketing",
        department="marketing",
        seniority="vp",
        years_experience=12,
        company_name="Acme Example LLC",
        company_domain="acme.example",
        industry="Software Development",
        company_size="51 to 100",
        company_revenue="5 Million to 10 Million",
        city="Austin",
        state="TX",
        postal_code="78701",
        raw={"UUID": mark, "FIRST_NAME": "Dana", "SKIPTRACE_ETHNIC_CODE": "-", "NEW_FIELD": "kept"},
    )
    return replace(person, **changes)


def make_people(count: int, **changes: Any) -> list[Person]:
    """`count` different people, varied in the ways lists are filtered and sorted by."""
    return [
        make_person(
            **{
                "first_name": f"Person{i:05d}",
                "seniority": SENIORITIES[i % 5],
                "state": STATES[i % 5],
                "industry": INDUSTRIES[i % 4],
                "company_name": f"Company {i % 7}",
                "job_title": ("VP Marketing", "Head of Sales", "Engineer")[i % 3],
            }
            | changes
        )
        for i in range(count)
    ]


def make_lead(tenant: Tenant, person: Person | None = None, *, source: str = "database", **changes: Any) -> UUID:
    """One owned lead."""
    with tenant.begin() as scope:
        return intake(scope, [person or make_person(**changes)], source=source).new[0]


def make_leads(tenant: Tenant, count: int, **changes: Any) -> list[UUID]:
    with tenant.begin() as scope:
        return list(intake(scope, make_people(count, **changes), source="database").new)


@contextmanager
def counted_queries(database: Database) -> Iterator[list[str]]:
    """The statements the restricted role runs inside the block."""
    from sqlalchemy import event

    statements: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(database.app, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(database.app, "before_cursor_execute", record)
