"""Leads: the people a workspace owns.

Owns leads, lead_emails, lead_phones, lead_sources and lead_raw_records. Keeps the promise that one person is one lead
of a workspace, however often and however concurrently it is delivered, and that every lead has its receipt.
"""

from __future__ import annotations

from cursive_app.services.leads.detail import get_lead, get_raw_record
from cursive_app.services.leads.export import export_csv
from cursive_app.services.leads.filters import HAS, NOUNS, LeadFilter, parse_filter
from cursive_app.services.leads.identity import IdentityKeys, identity_keys
from cursive_app.services.leads.intake import IntakeResult, intake, owned, owned_by_keys, record_charge
from cursive_app.services.leads.paging import SORTS, Sort, parse_sort
from cursive_app.services.leads.preferences import DEFAULT_COLUMNS, choose_columns, shown_columns
from cursive_app.services.leads.search import PAGE_SIZE, choices, count_leads, list_leads, owns_any, relax
from cursive_app.services.leads.views import Email, LeadDetail, LeadPage, LeadRow, Phone, Receipt, Relaxed

__all__ = [
    "DEFAULT_COLUMNS",
    "HAS",
    "NOUNS",
    "PAGE_SIZE",
    "SORTS",
    "Email",
    "IdentityKeys",
    "IntakeResult",
    "LeadDetail",
    "LeadFilter",
    "LeadPage",
    "LeadRow",
    "Phone",
    "Receipt",
    "Relaxed",
    "Sort",
    "choices",
    "choose_columns",
    "count_leads",
    "export_csv",
    "get_lead",
    "get_raw_record",
    "identity_keys",
    "intake",
    "list_leads",
    "owned",
    "owned_by_keys",
    "owns_any",
    "parse_filter",
    "parse_sort",
    "record_charge",
    "relax",
    "shown_columns",
]
