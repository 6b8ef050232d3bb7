"""A session's token is replaced when what its person may do changes: since when that is due, and the tokens around it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

TABLE = "user_sessions"
HASHES = ("next_token_hash", "former_token_hash")


def upgrade() -> None:
    for name in HASHES:
        op.add_column(TABLE, sa.Column(name, sa.LargeBinary(), nullable=True))
        op.create_unique_constraint(op.f(f"uq_{TABLE}_{name}"), TABLE, [name])
    for name in ("renewal_due_at", "former_until"):
        op.add_column(TABLE, sa.Column(name, sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in ("former_until", "renewal_due_at", *reversed(HASHES)):
        op.drop_column(TABLE, name)
