"""A spend holds its workspace's row for less time: leaner functions, no foreign key to the very row that is locked, no
CHECK that is compiled per line (docs/performance.md, "Credits"). And staff count jobs by state from an index alone."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from db.policies import definer_function
from db.roles import APP_ROLE, SYSTEM_ROLE

revision = "0009"
down_revision = "0008"

FOLDER = Path(__file__).parent.parent / "sql"
POST = "credit_post(uuid, text, numeric, text, text, uuid, uuid, text, timestamptz, jsonb, uuid, text)"
SPEND = "credit_spend(uuid, text, numeric, text, text, uuid, uuid, text, timestamptz, uuid, uuid)"
FUND = "credit_fund(uuid, text, numeric, text, text, uuid, text, uuid, text)"
DEDUCT = "deduct_credits(uuid, numeric, text, jsonb)"
STAYS = "workspace_with_lines_stays()"
# As in migration 0006, whose function this one replaces.
COUNTED, PLAIN = "p_key !~ '^[!-~]{1,200}$'", "length(p_key) NOT BETWEEN 1 AND 200 OR p_key ~ '[^!-~]'"


def upgrade() -> None:
    _drop_functions()
    _run((FOLDER / "0009_credit_post.sql").read_text(encoding="utf-8"))
    _grants()
    op.execute(f"REVOKE ALL ON FUNCTION {STAYS} FROM PUBLIC")
    op.drop_constraint("fk_credit_ledger_workspace_id", "credit_ledger")
    op.drop_constraint("ck_credit_ledger_amount_positive", "credit_ledger")
    _index_of_jobs(["status", "workspace_id"])


def downgrade() -> None:
    _index_of_jobs([])
    op.create_check_constraint("amount_positive", "credit_ledger", "amount > 0")
    op.create_foreign_key(
        "fk_credit_ledger_workspace_id", "credit_ledger", "workspaces", ["workspace_id"], ["id"], ondelete="RESTRICT"
    )
    op.execute("DROP TRIGGER workspace_with_lines_stays ON workspaces")
    op.execute("DROP TRIGGER workspace_with_lines_keeps_id ON workspaces")
    op.execute(f"DROP FUNCTION {STAYS}")
    _drop_functions()
    op.execute("DROP TYPE credit_posting")
    for name in ("credit_post", "credit_spend", "credit_fund", "deduct_credits"):
        _run(_former(name))
    _grants()


def _index_of_jobs(included: list[str]) -> None:
    op.drop_index("ix_jobs_created_at_id", "jobs")
    op.create_index(op.f("ix_jobs_created_at_id"), "jobs", ["created_at", "id"], postgresql_include=included)


def _drop_functions() -> None:
    """They return another type now, which CREATE OR REPLACE cannot change."""
    for signature in (FUND, SPEND, DEDUCT, POST):
        op.execute(f"DROP FUNCTION {signature}")


def _grants() -> None:
    op.execute(f"REVOKE ALL ON FUNCTION {POST} FROM PUBLIC")
    for signature in (SPEND, DEDUCT):
        definer_function(signature, to=(APP_ROLE, SYSTEM_ROLE))
    definer_function(FUND, to=(SYSTEM_ROLE,))


def _former(name: str) -> str:
    """A function as migrations 0002 and 0006 left it."""
    source = (FOLDER / "0002_credits.sql").read_text(encoding="utf-8")
    end = "\nEND $$;\n"
    start = source.index(f"CREATE FUNCTION {name}(")
    return source[start : source.index(end, start) + len(end)].replace(COUNTED, PLAIN)


def _run(statements: str) -> None:
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
