"""Leads a workspace owns, their addresses and numbers, where each came from, and the record as it arrived.

Identity (ADR 0010): a lead is the same person when the provider's id, any e-mail or the LinkedIn profile agree; a phone
number decides only where nothing else is known, because office lines are shared. Each rule is a partial unique index,
so null never equals null. Columns ending in `_norm` hold the compared form (lower case, trimmed): under row-level
security only plain comparisons can use an index (reliability D-10).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import SchemaItem

from db.base import Base, Identified, Timestamped, WorkspaceOwned

SOURCES = "'database', 'upload', 'pixel', 'marketplace', 'manual'"
VERIFICATIONS = "'verified', 'catch_all', 'unknown', 'invalid', 'none'"
ALIVE = "deleted_at IS NULL"
NAME_SORT = "nullif(btrim(lower(coalesce(first_name, '') || ' ' || coalesce(last_name, ''))), '')"
SEARCH_TEXT = (
    "lower(' ' || coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || coalesce(company_name, '') "
    "|| ' ' || coalesce(job_title, '') || ' ' || coalesce(email, ''))"
)


def _identity(name: str, column: str, condition: str | None = None) -> Index:
    where = f"{condition or f'{column} IS NOT NULL'} AND {ALIVE}"
    return Index(f"uq_leads_{name}", "workspace_id", column, unique=True, postgresql_where=text(where))


def _alive(name: str, *columns: str) -> Index:
    return Index(f"ix_leads_{name}", "workspace_id", *columns, postgresql_where=text(ALIVE))


class Lead(Identified, Timestamped, WorkspaceOwned, Base):
    """One person a workspace owns. The primary e-mail and phone stand here, all of them in the tables below."""

    __tablename__ = "leads"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        CheckConstraint(f"source IN ({SOURCES})", name="source"),
        CheckConstraint(f"email_verification IN ({VERIFICATIONS})", name="email_verification"),
        CheckConstraint("years_experience BETWEEN 0 AND 99", name="years_experience"),
        _identity("email_norm", "email_norm"),
        _identity("linkedin_norm", "linkedin_norm"),
        _identity("provider_uuid", "provider_uuid"),
        _identity(
            "phone_norm",
            "phone_norm",
            "phone_norm IS NOT NULL AND email_norm IS NULL AND linkedin_norm IS NULL AND provider_uuid IS NULL",
        ),
        # one index per sortable column; `id` breaks ties so that keyset pages never skip or repeat a row
        _alive("created_at", "created_at", "id"),
        _alive("name_sort", "name_sort", "id"),
        _alive("company_norm", "company_norm", "id"),
        _alive("job_title_norm", "job_title_norm", "id"),
        _alive("state", "state", "id"),
        _alive("city_norm", "city_norm", "id"),
        _alive("industry", "industry", "id"),
        _alive("company_domain", "company_domain"),
        # few distinct values: deduplicated to some bytes a row, so one condition is counted in a small index
        _alive("contactable", "has_email", "has_verified_email", "has_phone", "has_linkedin", "source"),
        _alive("seniority", "seniority"),
        _alive("department", "department"),
        _alive("company_size", "company_size"),
        # every column a filter may ask for, so that an exact count never visits the table
        _alive(
            "filters",
            "seniority",
            "state",
            "industry",
            "company_size",
            "department",
            "has_email",
            "has_verified_email",
            "has_phone",
            "has_linkedin",
            "source",
            "email_verification",
            "years_experience",
            "company_revenue",
            "age_range",
            "gender",
            "created_at",
        ),
        Index(
            "ix_leads_search_text",
            "workspace_id",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
            postgresql_where=text(ALIVE),
        ),
    )

    provider_uuid: Mapped[str | None] = mapped_column(Text)
    first_name: Mapped[str | None] = mapped_column(Text)
    last_name: Mapped[str | None] = mapped_column(Text)
    name_sort: Mapped[str | None] = mapped_column(Text, Computed(NAME_SORT, persisted=True))
    email: Mapped[str | None] = mapped_column(Text)
    email_norm: Mapped[str | None] = mapped_column(Text)
    email_verification: Mapped[str] = mapped_column(Text, server_default=text("'none'"))
    phone: Mapped[str | None] = mapped_column(Text)
    phone_norm: Mapped[str | None] = mapped_column(Text)  # E.164
    phone_do_not_call: Mapped[bool | None]  # None: unknown, which counts as "do not call" in exports
    linkedin_url: Mapped[str | None] = mapped_column(Text)
    linkedin_norm: Mapped[str | None] = mapped_column(Text)
    twitter_url: Mapped[str | None] = mapped_column(Text)
    facebook_url: Mapped[str | None] = mapped_column(Text)
    job_title: Mapped[str | None] = mapped_column(Text)
    job_title_norm: Mapped[str | None] = mapped_column(Text)
    headline: Mapped[str | None] = mapped_column(Text)
    department: Mapped[str | None] = mapped_column(Text)
    seniority: Mapped[str | None] = mapped_column(Text)
    years_experience: Mapped[int | None] = mapped_column(SmallInteger)
    company_name: Mapped[str | None] = mapped_column(Text)
    company_norm: Mapped[str | None] = mapped_column(Text)
    company_domain: Mapped[str | None] = mapped_column(Text)
    company_description: Mapped[str | None] = mapped_column(Text)
    company_linkedin_url: Mapped[str | None] = mapped_column(Text)
    company_phone: Mapped[str | None] = mapped_column(Text)
    company_address: Mapped[str | None] = mapped_column(Text)
    company_city: Mapped[str | None] = mapped_column(Text)
    company_state: Mapped[str | None] = mapped_column(Text)
    company_postal_code: Mapped[str | None] = mapped_column(Text)
    industry: Mapped[str | None] = mapped_column(Text)
    company_size: Mapped[str | None] = mapped_column(Text)
    company_revenue: Mapped[str | None] = mapped_column(Text)
    sic: Mapped[str | None] = mapped_column(Text)
    naics: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    city: Mapped[str | None] = mapped_column(Text)
    city_norm: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str | None] = mapped_column(Text)  # two-letter code
    state_from_company: Mapped[bool] = mapped_column(server_default=text("false"))
    postal_code: Mapped[str | None] = mapped_column(Text)
    age_range: Mapped[str | None] = mapped_column(Text)
    gender: Mapped[str | None] = mapped_column(Text)
    is_homeowner: Mapped[bool | None]
    is_married: Mapped[bool | None]
    has_children: Mapped[bool | None]
    demographics: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    has_email: Mapped[bool] = mapped_column(server_default=text("false"))
    has_verified_email: Mapped[bool] = mapped_column(server_default=text("false"))
    has_phone: Mapped[bool] = mapped_column(server_default=text("false"))
    has_linkedin: Mapped[bool] = mapped_column(server_default=text("false"))
    source: Mapped[str] = mapped_column(Text)
    search_text: Mapped[str] = mapped_column(Text, Computed(SEARCH_TEXT, persisted=True))
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    deleted_at: Mapped[datetime | None]


def _of_lead(*more: SchemaItem) -> tuple[SchemaItem, ...]:
    """A row below a lead: the composite key keeps it inside the lead's workspace (reliability D-11)."""
    parent = ForeignKeyConstraint(["workspace_id", "lead_id"], ["leads.workspace_id", "leads.id"], ondelete="CASCADE")
    return (parent, *more)


class LeadEmail(WorkspaceOwned, Base):
    """One address of a lead. An address belongs to at most one lead of a workspace: it is an identity key."""

    __tablename__ = "lead_emails"
    __table_args__ = _of_lead(
        PrimaryKeyConstraint("workspace_id", "lead_id", "position"),
        Index("uq_lead_emails_address_norm", "workspace_id", "address_norm", unique=True),
        CheckConstraint("kind IN ('business', 'personal')", name="kind"),
        CheckConstraint(f"verification IN ({VERIFICATIONS})", name="verification"),
    )

    lead_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    address: Mapped[str] = mapped_column(Text)
    address_norm: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    verification: Mapped[str] = mapped_column(Text)


class LeadPhone(WorkspaceOwned, Base):
    """One number of a lead; several leads may share it."""

    __tablename__ = "lead_phones"
    __table_args__ = _of_lead(
        PrimaryKeyConstraint("workspace_id", "lead_id", "position"),
        Index("ix_lead_phones_e164", "workspace_id", "e164"),
    )

    lead_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    e164: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    do_not_call: Mapped[bool | None]
    verified: Mapped[bool] = mapped_column(server_default=text("false"))


class LeadSource(Identified, WorkspaceOwned, Base):
    """The receipt of one delivery of a lead: which run, when, what it cost. `is_new` is false where a run met a lead
    that was owned already and therefore cost nothing. Segments and runs are named by id alone (no foreign key: deleting
    a segment never deletes a receipt)."""

    __tablename__ = "lead_sources"
    __table_args__ = _of_lead(
        Index(None, "workspace_id", "lead_id"),
        Index(
            "uq_lead_sources_segment_run_id",
            "workspace_id",
            "segment_run_id",
            "lead_id",
            unique=True,
            postgresql_where=text("segment_run_id IS NOT NULL"),
        ),
        Index(None, "workspace_id", "segment_id", "lead_id"),
        CheckConstraint(f"source IN ({SOURCES})", name="source"),
        CheckConstraint("cost >= 0", name="cost_not_negative"),
    )

    lead_id: Mapped[UUID]
    source: Mapped[str] = mapped_column(Text)
    segment_id: Mapped[UUID | None]
    segment_run_id: Mapped[UUID | None]
    is_new: Mapped[bool]
    cost: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default=text("0"))
    ledger_line_id: Mapped[UUID | None]
    actor_label: Mapped[str] = mapped_column(Text, server_default=text("''"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LeadRawRecord(WorkspaceOwned, Base):
    """The record a lead was made from, without restricted fields. Read only with Permission.VIEW_RAW_RECORDS."""

    __tablename__ = "lead_raw_records"
    __table_args__ = _of_lead(PrimaryKeyConstraint("workspace_id", "lead_id"))

    lead_id: Mapped[UUID]
    source: Mapped[str] = mapped_column(Text)
    record: Mapped[dict[str, Any]]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
