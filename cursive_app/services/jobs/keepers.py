"""What still needs the record of an ended job: then it is neither deleted by hand nor pruned (JOB-05, JOB-14)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, ForeignKeyConstraint, and_, case, literal, not_, select

from db.base import Base
from db.models.jobs import Job


def kept_by() -> ColumnElement[str | None]:
    """The first table with a row that refers to the job and does not say what becomes of it when the job goes: what
    the database itself would refuse. A table of later rooms counts as soon as it has such a foreign key."""
    cases = [(_refers(key), literal(key.table.name)) for key in _keys_that_keep()]
    return case(*cases, else_=None)


def nothing_refers() -> ColumnElement[bool]:
    """The same as a condition that Postgres answers for many jobs at once."""
    return and_(*(not_(_refers(key)) for key in _keys_that_keep()))


def _keys_that_keep() -> list[ForeignKeyConstraint]:
    """Foreign keys to `jobs` without ON DELETE, the ledger's first: it says most."""
    found = [
        key
        for table in Base.metadata.tables.values()
        for key in table.foreign_key_constraints
        if key.referred_table.name == Job.__tablename__ and key.ondelete is None
    ]
    return sorted(found, key=lambda key: (key.table.name != "credit_ledger", key.table.name))


def _refers(key: ForeignKeyConstraint) -> ColumnElement[bool]:
    pairs = [element.parent == element.column for element in key.elements]
    return select(literal(1)).select_from(key.table).where(*pairs).correlate(Job).exists()
