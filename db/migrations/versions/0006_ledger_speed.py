"""The ledger's key check without a counted repetition, which cost an eighth of a spend (docs/performance.md)."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"

FUNCTIONS = Path(__file__).parent.parent / "sql" / "0002_credits.sql"
START, END = "CREATE FUNCTION credit_post(", "\nEND $$;\n"
COUNTED = "p_key !~ '^[!-~]{1,200}$'"
# The same keys pass: `[!-~]` are the printable characters without space, and `$` without flags is the end of the text.
# A counted repetition becomes an automaton of 200 states, and Postgres walks it anew for every match.
PLAIN = "length(p_key) NOT BETWEEN 1 AND 200 OR p_key ~ '[^!-~]'"


def upgrade() -> None:
    _replace(_original().replace(COUNTED, PLAIN))


def downgrade() -> None:
    _replace(_original())


def _original() -> str:
    """`credit_post` as migration 0002 made it."""
    source = FUNCTIONS.read_text(encoding="utf-8")
    start = source.index(START)
    body = source[start : source.index(END, start) + len(END)]
    assert body.count(COUNTED) == 1
    return body


def _replace(function: str) -> None:
    statement = function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
    op.get_bind().exec_driver_sql(statement.replace("%", "%%"))
