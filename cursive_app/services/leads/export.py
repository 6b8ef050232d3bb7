"""The CSV of a filtered list: the whole filter, not the page.

Postgres writes the lines (COPY), in batches that continue by keyset, each in its own short transaction: memory stays at
one batch, no connection is held while a slow client reads, and nobody is exported twice when leads arrive meanwhile.
Text that a spreadsheet would run as a formula gets an apostrophe in front (ASVS 1.2.10); the one exception is a phone
number in strict E.164, whose "+" is harmless and needed. The stored value never changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    Subquery,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from cursive_app.services import accounts
from cursive_app.services.accounts.permissions import Permission, require
from cursive_app.services.csv_cells import FORMULA_LETTERS
from cursive_app.services.leads.copying import copy_csv
from cursive_app.services.leads.filters import LeadFilter, conditions
from cursive_app.services.leads.paging import Position, Sort, in_order
from db.models.leads import Lead, LeadEmail, LeadPhone
from db.scope import Scope, Tenant

FIRST_BATCH = 200  # small, so that the download starts at once
BATCH = 10_000
_TIMEOUT = "60s"
_FIRST_LETTERS = literal_column(f"'{{{','.join(str(ord(letter)) for letter in FORMULA_LETTERS)}}}'::integer[]")
_END = b"\r\n"
_DIGITS = r"^\+[1-9][0-9]+$"  # with 7 to 15 digits; counting in the pattern would cost more than the rest of the line


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the file and what it says."""

    header: str
    value: SQLColumnExpression[Any]
    meaning: str


def _plain(column: Any) -> ColumnElement[Any]:
    """`plain_cell` in SQL. `ascii` is the code point of the first letter, cheaply."""
    return case((func.ascii(func.ltrim(column)) == any_(_FIRST_LETTERS), literal("'") + column), else_=column)


def _phone(column: Any) -> ColumnElement[Any]:
    """A number in strict E.164 as it is; anything else as text."""
    is_number = and_(func.length(column).between(8, 16), column.op("~")(_DIGITS))
    return case((is_number, column), else_=_plain(column))


def _yes_no(column: Any) -> ColumnElement[Any]:
    return case((column, "yes"), (~column, "no"), else_=None)


def _time(column: Any) -> ColumnElement[Any]:
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')


_WORKSPACE = bindparam("workspace", type_=Uuid())
_WANTED = select(cast(bindparam("ids", type_=Text()), ARRAY(Uuid())).label("ids")).cte("wanted")
# Read from a query, so that the planner does not look at ten thousand ids three times, which took a tenth of a batch.
_IDS = cast(select(_WANTED.c.ids).scalar_subquery(), ARRAY(Uuid()))


def _of_batch(table: type[LeadEmail] | type[LeadPhone], **lists: ColumnElement[Any]) -> Subquery:
    """One row per lead of the batch with its lists; joined once, which is far cheaper than a look-up per lead."""
    rows = select(table.lead_id, *(value.label(name) for name, value in lists.items()))
    mine = rows.where(table.workspace_id == _WORKSPACE, table.lead_id == any_(_IDS))
    return mine.group_by(table.lead_id).subquery()


def _joined(value: Any, position: Any, condition: Any) -> ColumnElement[Any]:
    """Values in their order, separated by "; "."""
    return func.string_agg(value, aggregate_order_by(literal("; "), position)).filter(condition)


_EMAILS = _of_batch(
    LeadEmail,
    business=_joined(LeadEmail.address, LeadEmail.position, LeadEmail.kind == "business"),
    personal=_joined(LeadEmail.address, LeadEmail.position, LeadEmail.kind == "personal"),
)
_PHONES = _of_batch(
    LeadPhone,
    others=_joined(
        LeadPhone.e164 + case((LeadPhone.do_not_call.is_(False), " (may call)"), else_=" (do not call)"),
        LeadPhone.position,
        LeadPhone.position > 0,
    ),
)

COLUMNS: tuple[Column, ...] = (
    Column("lead_id", cast(Lead.id, Text), "Id of the lead in Cursive"),
    Column("first_name", _plain(Lead.first_name), "First name"),
    Column("last_name", _plain(Lead.last_name), "Last name"),
    Column("job_title", _plain(Lead.job_title), "Job title"),
    Column("headline", _plain(Lead.headline), "Headline of the professional profile"),
    Column("seniority", _plain(Lead.seniority), "cxo, vp, director, manager or staff"),
    Column("department", _plain(Lead.department), "Department"),
    Column("years_experience", Lead.years_experience, "Years of experience, inferred"),
    Column("email", _plain(Lead.email), "Primary e-mail address"),
    Column("email_verification", Lead.email_verification, "verified, catch_all, unknown, invalid or none"),
    Column("business_emails", _plain(_EMAILS.c.business), "All business addresses"),
    Column("personal_emails", _plain(_EMAILS.c.personal), "All personal addresses"),
    Column("phone", _phone(Lead.phone), "Primary phone in E.164"),
    Column(
        "phone_do_not_call",
        case((Lead.phone.is_(None), None), (Lead.phone_do_not_call.is_(False), "no"), else_="yes"),
        'Whether the primary phone must not be called; unknown counts as "yes"',
    ),
    Column("other_phones", _plain(_PHONES.c.others), 'All further numbers, each with "may call" or "do not call"'),
    Column("linkedin_url", _plain(Lead.linkedin_url), "Professional profile"),
    Column("twitter_url", _plain(Lead.twitter_url), "Twitter profile"),
    Column("facebook_url", _plain(Lead.facebook_url), "Facebook profile"),
    Column("company_name", _plain(Lead.company_name), "Employer"),
    Column("company_domain", _plain(Lead.company_domain), "Employer's domain"),
    Column("industry", _plain(Lead.industry), "Employer's industry"),
    Column("company_size", _plain(Lead.company_size), "Employer's headcount range"),
    Column("company_revenue", _plain(Lead.company_revenue), "Employer's revenue range"),
    Column("company_description", _plain(Lead.company_description), "What the employer does"),
    Column("company_phone", _phone(Lead.company_phone), "Employer's phone in E.164"),
    Column("company_address", _plain(Lead.company_address), "Employer's street address"),
    Column("company_city", _plain(Lead.company_city), "Employer's city"),
    Column("company_state", _plain(Lead.company_state), "Employer's state"),
    Column("company_postal_code", _plain(Lead.company_postal_code), "Employer's postal code"),
    Column("company_linkedin_url", _plain(Lead.company_linkedin_url), "Employer's professional profile"),
    Column("sic", _plain(Lead.sic), "Employer's SIC codes"),
    Column("naics", _plain(Lead.naics), "Employer's NAICS codes"),
    Column("address", _plain(Lead.address), "Street address"),
    Column("city", _plain(Lead.city), "City"),
    Column("state", _plain(Lead.state), "State, two letters"),
    Column("state_from_company", _yes_no(Lead.state_from_company), "Whether the state is the employer's"),
    Column("postal_code", _plain(Lead.postal_code), "Postal code"),
    Column("age_range", _plain(Lead.age_range), "Age range"),
    Column("gender", _plain(Lead.gender), "Gender"),
    Column("is_homeowner", _yes_no(Lead.is_homeowner), "yes, no, or empty when unknown"),
    Column("is_married", _yes_no(Lead.is_married), "yes, no, or empty when unknown"),
    Column("has_children", _yes_no(Lead.has_children), "yes, no, or empty when unknown"),
    Column("source", Lead.source, "database, upload, pixel, marketplace or manual"),
    Column("added_at", _time(Lead.created_at), "When the lead became yours (UTC)"),
    Column("updated_at", _time(Lead.updated_at), "When it last changed (UTC)"),
)
"""The fixed columns of every export; restricted facts are not among them."""


def export_csv(tenant: Tenant, *, filter: LeadFilter | None = None, sort: Sort | None = None) -> Iterator[bytes]:
    """The leads that match as CSV in UTF-8, in batches; the first line names the columns.

    Permission is asked and the audit entry written before the first byte; a second entry says how many leads were sent,
    once all were (counting a million first would keep the reader waiting longer than the first batch does). Raises
    Forbidden; Unavailable when the database goes away midway (the download then breaks off and does not look complete).
    """
    filter, sort = filter or LeadFilter(), sort or Sort()
    with tenant.begin() as scope:
        require(scope, Permission.EXPORT_LEADS)
        where = conditions(scope, filter)
        _write_down(scope, "leads.exported", filters=list(filter.parts))
    return _batches(tenant, where, sort)


def _write_down(scope: Scope, action: str, **details: Any) -> None:
    accounts.record_audit(scope, action=action, object_type="leads", object_id=None, **details)


def _batches(tenant: Tenant, where: Sequence[SQLColumnExpression[bool]], sort: Sort) -> Iterator[bytes]:
    yield _header()
    page = select(sort.column.label("sort_value"), Lead.id.label("id")).where(*where)
    position: Position | None = None
    size, sent = FIRST_BATCH, 0
    while True:
        with tenant.begin() as scope:
            scope.session.execute(text(f"SET LOCAL statement_timeout = '{_TIMEOUT}'"))
            ids, last = _keys(scope, page, sort, position, size)
            lines = _lines(scope, ids)
        if ids:
            yield b"".join(lines[lead_id] for lead_id in ids if lead_id in lines)
            sent += len(lines)
            position = Position(last, UUID(ids[-1]), backward=False, page=0)
        if len(ids) < size:
            break
        size = BATCH
    with tenant.begin() as scope:
        _write_down(scope, "leads.export_finished", leads=sent)


def _keys(
    scope: Scope, page: Select[Any, UUID], sort: Sort, position: Position | None, limit: int
) -> tuple[list[str], Any]:
    """The ids of the next batch, in order, and the sort value of the last.

    They come as one row: making an object of each of ten thousand took three times as long as finding them.
    """
    ids: list[str] = []
    last: Any = None
    for part in in_order(page, sort=sort, position=position):
        stretch = part.limit(limit - len(ids)).subquery()
        found, values = func.array_agg(stretch.c.id), func.array_agg(stretch.c.sort_value)
        row = scope.session.execute(select(cast(found, Text), values[func.count()])).one()
        if row[0] is not None:
            ids += row[0].strip("{}").split(",")
            last = row[1]
        if len(ids) == limit:
            break
    return ids, last


def _lines(scope: Scope, ids: list[str]) -> dict[str, bytes]:
    """The lines of a batch by lead.

    The lists are joined by hash: Postgres takes a list of ids for short, and a nested loop takes minutes for ten
    thousand.
    """
    if not ids:
        return {}
    scope.session.execute(text("SET LOCAL enable_nestloop = off"))
    return {
        str(line[_ID], "ascii"): line[:-1] + _END
        for line in copy_csv(scope, _FOUND, workspace=scope.workspace_id, ids=f"{{{','.join(ids)}}}")
    }


def _header() -> bytes:
    return ",".join(f'"{column.header}"' for column in COLUMNS).encode() + _END


_ID = slice(1, 37)  # a line starts with the lead's id in quotes
_FOUND = (
    select(*(column.value.label(column.header) for column in COLUMNS))
    .select_from(Lead)
    .outerjoin(_EMAILS, _EMAILS.c.lead_id == Lead.id)
    .outerjoin(_PHONES, _PHONES.c.lead_id == Lead.id)
    .where(Lead.workspace_id == _WORKSPACE, Lead.id == any_(_IDS))
)
