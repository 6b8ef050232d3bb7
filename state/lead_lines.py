"""A lead as its page shows it: every value already a text, every flag already a word with a tone."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import UUID

from cursive_app.services.leads import Email, LeadDetail, LeadRow, Phone, Receipt
from state.session import credits_text
from state.times import ago, exact

DASH = "–"  # "not known"; never a zero
SENIORITIES = {"cxo": "C-level", "vp": "VP", "director": "Director", "manager": "Manager", "staff": "Staff"}
SOURCES = {
    "database": "Database",
    "upload": "Upload",
    "pixel": "Pixel",
    "marketplace": "Marketplace",
    "manual": "Added by hand",
}
VERIFICATIONS = {
    "verified": ("Verified", "good"),
    "catch_all": ("Catch-all", "warn"),
    "unknown": ("Not verified", "neutral"),
    "invalid": ("Invalid", "bad"),
    "none": ("", "neutral"),
}
PHONE_KINDS = {
    "direct": "Direct",
    "mobile": "Mobile",
    "personal": "Personal",
    "landline": "Landline",
    "skiptrace_wireless": "Mobile, from public records",
    "skiptrace_landline": "Landline, from public records",
    "skiptrace_b2b": "Work, from public records",
}


@dataclass(frozen=True, slots=True)
class LeadLine:
    """One row of the list."""

    id: str
    name: str
    title: str
    company: str
    email: str
    verification: str
    phone: str
    may_call: str
    seniority: str
    department: str
    industry: str
    company_size: str
    city: str
    state: str
    source: str
    created: str
    created_exact: str


@dataclass(frozen=True, slots=True)
class ContactLine:
    """One address or number in the drawer: `text` is shown, `copied` is what other programs take."""

    text: str
    copied: str
    kind: str
    word: str
    tone: str


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One line of where a lead came from."""

    title: str
    ago: str
    exact: str
    cost: str
    actor: str
    run_href: str
    ledger_href: str


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Known facts of one kind, and the names of those nobody knows."""

    title: str
    facts: list[Fact]
    unknown: str


@dataclass(frozen=True, slots=True)
class LeadCard:
    """The drawer."""

    id: str = ""
    name: str = ""
    headline: str = ""
    linkedin_url: str = ""
    twitter_url: str = ""
    facebook_url: str = ""
    emails: list[ContactLine] = field(default_factory=list)
    phones: list[ContactLine] = field(default_factory=list)
    receipts: list[ReceiptLine] = field(default_factory=list)
    groups: list[FactGroup] = field(default_factory=list)
    may_see_raw: bool = False


def leads_text(count: int) -> str:
    """ "1 lead", "1,204 leads"."""
    return f"{count:,} {'lead' if count == 1 else 'leads'}"


def lead_line(row: LeadRow, timezone: str) -> LeadLine:
    """A row of the list; what is not known is a dash."""
    return LeadLine(
        id=str(row.id),
        name=row.name or "Name not known",
        title=row.job_title or DASH,
        company=row.company_name or DASH,
        email=row.email or "",
        verification=row.email_verification,
        phone=_phone_text(row.phone),
        may_call="yes" if row.phone_do_not_call is False else "no" if row.phone_do_not_call else "unknown",
        seniority=SENIORITIES.get(row.seniority or "", row.seniority or DASH),
        department=(row.department or DASH).capitalize(),
        industry=row.industry or DASH,
        company_size=row.company_size or DASH,
        city=row.city or DASH,
        state=row.state or DASH,
        source=SOURCES.get(row.source, row.source),
        created=ago(row.created_at),
        created_exact=exact(row.created_at, timezone),
    )


def _phone_text(e164: str | None) -> str:
    """ "+1 512 555 0101"; numbers of other countries as they are."""
    if not e164 or not e164.startswith("+1") or len(e164) != 12:
        return e164 or ""
    return f"+1 {e164[2:5]} {e164[5:8]} {e164[8:]}"


def lead_card(
    detail: LeadDetail,
    timezone: str,
    segment_names: Mapping[UUID, str] | None = None,
    *,
    openable: Container[UUID] = frozenset(),
) -> LeadCard:
    """Everything known of a lead; times in the person's zone. `segment_names`: those the reader may know; `openable`:
    the segments whose page they can open."""
    row = detail.row
    work = " at ".join(part for part in (row.job_title, row.company_name) if part)
    return LeadCard(
        id=str(row.id),
        name=row.name or "Name not known",
        headline=work or detail.headline or "",
        linkedin_url=row.linkedin_url or "",
        twitter_url=detail.twitter_url or "",
        facebook_url=detail.facebook_url or "",
        emails=[_email(each) for each in detail.emails],
        phones=[_phone(each) for each in detail.phones],
        receipts=[_receipt(each, timezone, segment_names or {}, openable) for each in detail.receipts],
        groups=_groups(detail),
        may_see_raw=detail.may_see_raw,
    )


def _email(email: Email) -> ContactLine:
    word, tone = VERIFICATIONS.get(email.verification, (email.verification, "neutral"))
    kind = email.kind.capitalize()
    return ContactLine(text=email.address, copied=email.address, kind=kind, word=word or "Not verified", tone=tone)


def _phone(phone: Phone) -> ContactLine:
    words = {None: ("Do not call: consent unknown", "warn"), True: ("Do not call", "bad"), False: ("May call", "good")}
    word, tone = words[phone.do_not_call]
    kind = PHONE_KINDS.get(phone.kind, "Phone") + (", valid" if phone.verified else "")
    return ContactLine(text=_phone_text(phone.e164), copied=phone.e164, kind=kind, word=word, tone=tone)


def _receipt(
    receipt: Receipt, timezone: str, segment_names: Mapping[UUID, str], openable: Container[UUID]
) -> ReceiptLine:
    paid = receipt.ledger_line_id and receipt.run_id  # the statement finds a run's lines by their reference
    title = f"From {SOURCES.get(receipt.source, receipt.source).lower()}"
    if receipt.run_id:
        name = segment_names.get(receipt.segment_id) if receipt.segment_id else None
        run = f"a run of “{name}”" if name else "a segment run"
        title = f"Delivered by {run}" if receipt.is_new else f"Met again by {run}"
    return ReceiptLine(
        title=title,
        ago=ago(receipt.at),
        exact=exact(receipt.at, timezone),
        cost=f"{credits_text(receipt.cost)} credits" if receipt.cost else "Free",
        actor=receipt.actor_label,
        run_href=f"/segments/{receipt.segment_id}?run={receipt.run_id}"
        if receipt.run_id and receipt.segment_id and receipt.segment_id in openable
        else "",
        ledger_href=f"/credits?{urlencode({'q': f'segment_run:{receipt.run_id}'})}" if paid else "",
    )


def _own_address(detail: LeadDetail) -> str | None:
    """The person's own address; None where no more than the state is known, which has a line of its own."""
    row = detail.row
    city, state = (None, None) if row.state_from_company else (row.city, row.state)
    if not (detail.address or city or detail.postal_code):
        return None
    return ", ".join(part for part in (detail.address, city, state, detail.postal_code) if part)


def _groups(detail: LeadDetail) -> list[FactGroup]:
    row = detail.row
    years = detail.years_experience
    company_place = (detail.company_address, detail.company_city, detail.company_state, detail.company_postal_code)
    return [
        _group(
            "Work",
            {
                "Title": row.job_title,
                "Seniority": SENIORITIES.get(row.seniority or "", row.seniority),
                "Department": row.department.capitalize() if row.department else None,
                "Experience": f"{years} year{'' if years == 1 else 's'}, inferred" if years is not None else None,
                "Headline": detail.headline,
            },
        ),
        _group(
            "Company",
            {
                "Name": row.company_name,
                "Domain": row.company_domain,
                "Industry": row.industry,
                "Size": f"{row.company_size} employees" if row.company_size else None,
                "Revenue": detail.company_revenue,
                "Phone": _phone_text(detail.company_phone),
                "Address": ", ".join(part for part in company_place if part) or None,
                "SIC": detail.sic,
                "NAICS": detail.naics,
                "LinkedIn": detail.company_linkedin_url,
                "About": detail.company_description,
            },
        ),
        _group(
            "Person",
            {
                "Address": _own_address(detail),
                "State": f"{row.state} (the company's)" if row.state and row.state_from_company else row.state,
                "Age": detail.age_range,
                "Gender": detail.gender.capitalize() if detail.gender else None,
                "Homeowner": _yes_no(detail.is_homeowner),
                "Married": _yes_no(detail.is_married),
                "Children": _yes_no(detail.has_children),
                **{name.replace("_", " ").capitalize(): str(value) for name, value in detail.demographics.items()},
            },
        ),
    ]


def _group(title: str, facts: dict[str, str | None]) -> FactGroup:
    unknown = ", ".join(label.lower() if not label.isupper() else label for label, value in facts.items() if not value)
    return FactGroup(
        title=title,
        facts=[Fact(label, value) for label, value in facts.items() if value],
        unknown=unknown,
    )


def _yes_no(value: bool | None) -> str | None:
    return None if value is None else "Yes" if value else "No"
