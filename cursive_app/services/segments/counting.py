"""Exact answers about a workspace's own leads: how many, who first, what each row of the filter does, and why a person
is in or out (SEG-05 and bet 1 of features §21). Everything is read in one transaction of one snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from cursive_app.errors import Invalid, NotFound
from cursive_app.services.accounts import Permission, require
from cursive_app.services.leads.identity import email_norm
from cursive_app.services.segments.compile_leads import lead_predicate
from cursive_app.services.segments.fields import FIELDS
from cursive_app.services.segments.filters import Condition, Filters, Group, parse
from cursive_app.services.segments.match import Verdict, explain, matches
from cursive_app.services.segments.rights import visible
from cursive_app.services.segments.views import readable_filter
from db.models.leads import Lead, LeadEmail
from db.models.segments import SegmentLead
from db.scope import Scope

FIRST_ROWS = 25
MAX_MARGINALS = 20  # rows whose effect is counted; more would make one statement too slow to be live


@dataclass(frozen=True, slots=True)
class Marginal:
    """What one row does, in people: without it there would be `count + removes`, in an OR group `count - adds`."""

    path: tuple[int, ...]
    removes: int
    adds: int


@dataclass(frozen=True, slots=True)
class LeadGlimpse:
    """A lead of the list below the count."""

    id: UUID
    name: str
    job_title: str | None
    company: str | None
    place: str | None
    has_email: bool
    has_verified_email: bool
    has_phone: bool
    has_linkedin: bool


@dataclass(frozen=True, slots=True)
class LeadCount:
    """`count` is exact at the moment of asking; `total` is all leads of the workspace; `uncounted` is how many rows,
    the last ones, have no marginal because there are too many."""

    count: int
    total: int
    marginals: tuple[Marginal, ...]
    first: tuple[LeadGlimpse, ...]
    uncounted: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a lead is in or out: every condition with what the lead has. `verdict` None: in or out cannot be told."""

    lead_id: UUID
    name: str
    verdict: bool | None
    conditions: tuple[Verdict, ...]


def count_leads(scope: Scope, filters: object, *, with_marginals: bool = True) -> LeadCount:
    """The exact count of own leads under a filter, the first rows and what each row does. Raises Invalid, Forbidden."""
    require(scope, Permission.VIEW_LEADS)
    read = _own(filters)
    alive = (scope.owned(Lead), Lead.deleted_at.is_(None))
    predicate = lead_predicate(read)
    every = list(read.conditions()) if with_marginals else []
    rows = every[:MAX_MARGINALS]
    without = [lead_predicate(_without(read, path)) for path, _ in rows]
    counts = [func.count().filter(predicate), func.count(), *(func.count().filter(other) for other in without)]
    if without:
        count, total, *others = scope.session.execute(select(*counts).select_from(Lead).where(*alive)).one()
    else:  # alone, the condition may use an index
        count = scope.session.scalar(select(func.count()).select_from(Lead).where(*alive, predicate)) or 0
        total = scope.session.scalar(select(func.count()).select_from(Lead).where(*alive)) or 0
        others = []
    marginals = tuple(
        Marginal(path, removes=max(other - count, 0), adds=max(count - other, 0))
        for (path, _), other in zip(rows, others, strict=True)
    )
    return LeadCount(count, total, marginals, _first(scope, predicate), uncounted=len(every) - len(rows))


def explain_lead(scope: Scope, filters: object, who: str) -> Explanation:
    """Why a lead, given by its id or any of its e-mail addresses, is in the segment or not.

    Raises NotFound when no lead of this workspace has the id or address, Invalid, Forbidden.
    """
    require(scope, Permission.VIEW_LEADS)
    read = _own(filters)
    lead = _find(scope, who)
    values = {key: getattr(lead, field.attribute) for key, field in FIELDS.items()}
    return Explanation(lead.id, _name(lead), matches(read, values), explain(read, values))


def membership(scope: Scope, segment_id: UUID | str) -> ColumnElement[bool]:
    """The leads of a segment as SQL over Lead: the live filter of a "leads" segment, else the people its runs met.

    For the leads room. Raises NotFound.
    """
    segment = visible(scope, segment_id)
    if segment.scope == "leads":
        return lead_predicate(readable_filter(segment, lenient=True).complete())
    members = select(SegmentLead.lead_id).where(scope.owned(SegmentLead), SegmentLead.segment_id == segment.id)
    return Lead.id.in_(members)


def _own(filters: object) -> Filters:
    read = filters if isinstance(filters, Filters) else parse(filters, lenient=True)
    if read.scope != "leads":
        raise Invalid(fields={"scope": "Only your own leads are counted exactly; the people database gives a sample."})
    return read.complete()


def _without(filters: Filters, path: tuple[int, ...]) -> Filters:
    return Filters(filters.scope, _cut(filters.where, path)).complete()


def _cut(group: Group, path: tuple[int, ...]) -> Group:
    position, *rest = path
    nodes = list(group.nodes)
    node = nodes[position]
    if isinstance(node, Condition) or not rest:
        del nodes[position]
    else:
        nodes[position] = _cut(node, tuple(rest))
    return Group(group.op, tuple(nodes))


def _first(scope: Scope, predicate: ColumnElement[bool]) -> tuple[LeadGlimpse, ...]:
    rows = scope.session.scalars(
        scope.select(Lead)
        .where(Lead.deleted_at.is_(None), predicate)
        .order_by(Lead.created_at.desc(), Lead.id.desc())
        .limit(FIRST_ROWS)
    )
    return tuple(
        LeadGlimpse(
            id=lead.id,
            name=_name(lead),
            job_title=lead.job_title,
            company=lead.company_name,
            place=", ".join(part for part in (lead.city, lead.state) if part) or None,
            has_email=lead.has_email,
            has_verified_email=lead.has_verified_email,
            has_phone=lead.has_phone,
            has_linkedin=lead.has_linkedin,
        )
        for lead in rows
    )


def _find(scope: Scope, who: str) -> Lead:
    unknown = NotFound("No lead of this workspace has this e-mail address or id.")
    text = who.strip()
    if "@" not in text:
        try:
            lead = scope.get(Lead, text)
        except NotFound:
            raise unknown from None
        if lead.deleted_at is not None:
            raise unknown
        return lead
    address = email_norm(text)
    found = scope.session.scalar(
        scope.select(Lead)
        .join(LeadEmail, (LeadEmail.workspace_id == Lead.workspace_id) & (LeadEmail.lead_id == Lead.id))
        .where(LeadEmail.address_norm == (address or ""), Lead.deleted_at.is_(None))
    )
    if found is None:
        raise unknown
    return found


def _name(lead: Lead) -> str:
    return " ".join(part for part in (lead.first_name, lead.last_name) if part) or lead.email or "Name not known"
