"""What other rooms, pages and the API see of a lead: frozen values, never rows. None means "not known"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class LeadRow:
    """One lead in a list. `phone_do_not_call` None is unknown, which must be treated as "do not call"."""

    id: UUID
    first_name: str | None
    last_name: str | None
    job_title: str | None
    seniority: str | None
    department: str | None
    company_name: str | None
    company_domain: str | None
    industry: str | None
    company_size: str | None
    city: str | None
    state: str | None
    email: str | None
    email_verification: str
    phone: str | None
    phone_do_not_call: bool | None
    linkedin_url: str | None
    source: str
    created_at: datetime
    state_from_company: bool

    @property
    def name(self) -> str:
        """Both names; empty when neither is known."""
        return " ".join(part for part in (self.first_name, self.last_name) if part)


@dataclass(frozen=True, slots=True)
class LeadPage:
    """One page of leads. `total` is the exact number of leads that match; None when it was not asked for. Cursors are
    None where there is no further page; `number` counts pages from 1 as they were walked."""

    rows: tuple[LeadRow, ...]
    total: int | None
    number: int
    next_cursor: str | None
    previous_cursor: str | None


@dataclass(frozen=True, slots=True)
class Email:
    """One address of a lead. `kind`: business or personal; `verification`: verified, catch_all, unknown, invalid."""

    address: str
    kind: str
    verification: str


@dataclass(frozen=True, slots=True)
class Phone:
    """One number of a lead in E.164. `do_not_call` None is unknown and must be treated as "do not call"."""

    e164: str
    kind: str
    do_not_call: bool | None
    verified: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a lead came from: which run of which segment, when, by whom, and what it cost in credits. `is_new` is
    False where a run met a lead that was owned already."""

    source: str
    segment_id: UUID | None
    run_id: UUID | None
    ledger_line_id: UUID | None
    is_new: bool
    cost: Decimal
    actor_label: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LeadDetail:
    """All that is known of one lead. Contact lists start with the primary one."""

    row: LeadRow
    emails: tuple[Email, ...]
    phones: tuple[Phone, ...]
    receipts: tuple[Receipt, ...]
    headline: str | None
    years_experience: int | None
    twitter_url: str | None
    facebook_url: str | None
    company_description: str | None
    company_linkedin_url: str | None
    company_phone: str | None
    company_address: str | None
    company_city: str | None
    company_state: str | None
    company_postal_code: str | None
    company_revenue: str | None
    sic: str | None
    naics: str | None
    address: str | None
    postal_code: str | None
    age_range: str | None
    gender: str | None
    is_homeowner: bool | None
    is_married: bool | None
    has_children: bool | None
    demographics: dict[str, str]
    updated_at: datetime
    may_see_raw: bool


@dataclass(frozen=True, slots=True)
class Relaxed:
    """What dropping one part of a filter that matches nothing would give."""

    part: str
    total: int
