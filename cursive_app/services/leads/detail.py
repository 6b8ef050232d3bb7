"""One lead with everything known about it, and the raw record for those who may see it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from cursive_app.errors import NotFound
from cursive_app.services.accounts.permissions import Permission, allows, require
from cursive_app.services.leads.views import Email, LeadDetail, LeadRow, Phone, Receipt
from db.models.leads import Lead, LeadEmail, LeadPhone, LeadRawRecord, LeadSource
from db.scope import Scope

MAX_RECEIPTS = 100
_OWN = [
    name
    for name in LeadDetail.__dataclass_fields__
    if name not in ("row", "emails", "phones", "receipts", "may_see_raw")
]


def get_lead(scope: Scope, lead_id: UUID | str) -> LeadDetail:
    """All that is known of a lead; receipts newest first (at most 100).

    Raises NotFound for an unknown, deleted or foreign id alike.
    """
    require(scope, Permission.VIEW_LEADS)
    lead = _get(scope, lead_id)
    emails = scope.session.scalars(
        scope.select(LeadEmail).where(LeadEmail.lead_id == lead.id).order_by(LeadEmail.position)
    )
    phones = scope.session.scalars(
        scope.select(LeadPhone).where(LeadPhone.lead_id == lead.id).order_by(LeadPhone.position)
    )
    receipts = scope.session.scalars(
        scope.select(LeadSource)
        .where(LeadSource.lead_id == lead.id)
        .order_by(LeadSource.created_at.desc(), LeadSource.id.desc())
        .limit(MAX_RECEIPTS)
    )
    return LeadDetail(
        row=LeadRow(*(getattr(lead, name) for name in LeadRow.__dataclass_fields__)),
        emails=tuple(Email(each.address, each.kind, each.verification) for each in emails),
        phones=tuple(Phone(each.e164, each.kind, each.do_not_call, each.verified) for each in phones),
        receipts=tuple(
            Receipt(
                source=each.source,
                segment_id=each.segment_id,
                run_id=each.segment_run_id,
                ledger_line_id=each.ledger_line_id,
                is_new=each.is_new,
                cost=each.cost,
                actor_label=each.actor_label,
                at=each.created_at,
            )
            for each in receipts
        ),
        may_see_raw=allows(scope.tenant, Permission.VIEW_RAW_RECORDS),
        **{name: getattr(lead, name) for name in _OWN},
    )


def get_raw_record(scope: Scope, lead_id: UUID | str) -> dict[str, Any]:
    """The record a lead was made from, as it arrived but for restricted facts. Raises Forbidden, NotFound."""
    require(scope, Permission.VIEW_RAW_RECORDS)
    lead = _get(scope, lead_id)
    statement = select(LeadRawRecord.record).where(scope.owned(LeadRawRecord), LeadRawRecord.lead_id == lead.id)
    record = scope.session.scalar(statement)
    if record is None:
        raise NotFound("No raw record is kept for this lead.")
    return record


def _get(scope: Scope, lead_id: UUID | str) -> Lead:
    lead = scope.get(Lead, lead_id)
    if lead.deleted_at is not None:
        raise NotFound
    return lead
