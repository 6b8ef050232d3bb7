"""A workspace setting that is no UUID shows no rows instead of ending in an error (T3): every policy that reads the
setting, and the functions that do so themselves, ask first whether it is one (ADR 0031)."""

from __future__ import annotations

import re

from alembic import op
from sqlalchemy import text

from db.policies import CURRENT_WORKSPACE

revision = "0011"
down_revision = "0010"

FORMER = "nullif(current_setting('app.workspace_id', true), '')::uuid"
FUNCTIONS = ("person_label(uuid)", "search_leads(text[], integer)")


def upgrade() -> None:
    _rewrite_policies(CURRENT_WORKSPACE)
    _rewrite_functions(FORMER, CURRENT_WORKSPACE)


def downgrade() -> None:
    _rewrite_policies(FORMER)
    _rewrite_functions(CURRENT_WORKSPACE, FORMER)


def _rewrite_policies(workspace: str) -> None:
    """Every policy that looks at the setting compares one column with it; raises for one that does anything else."""
    policies = op.get_bind().execute(
        text(
            "SELECT tablename, policyname, qual, with_check FROM pg_policies WHERE schemaname = 'public' "
            "AND concat(qual, with_check) LIKE '%app.workspace_id%' ORDER BY 1, 2"
        )
    )
    for policy in policies.all():
        clauses = [
            f"{clause} ({_column(expression)} = {workspace})"
            for clause, expression in (("USING", policy.qual), ("WITH CHECK", policy.with_check))
            if expression is not None
        ]
        op.execute(f"ALTER POLICY {policy.policyname} ON {policy.tablename} {' '.join(clauses)}")


def _column(expression: str) -> str:
    found = re.match(r"^\((\w+) =\s", expression)
    if found is None:
        raise RuntimeError(f"A policy of an unknown form: {expression}")
    return found[1]


def _rewrite_functions(former: str, workspace: str) -> None:
    for signature in FUNCTIONS:
        definition = op.get_bind().scalar(
            text("SELECT pg_get_functiondef(to_regprocedure(:signature))"), {"signature": signature}
        )
        changed = definition.replace(former, workspace)
        if changed != definition:
            op.get_bind().exec_driver_sql(changed.replace("%", "%%"))
