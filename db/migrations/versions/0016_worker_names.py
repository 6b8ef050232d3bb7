"""Workers are listed under the name that their tries have."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.policies import system_only

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "worker_names",
        sa.Column("worker_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_worker_names")),
    )
    system_only("worker_names")


def downgrade() -> None:
    op.drop_table("worker_names")
