"""When the try that holds a job began or last moved it forward: what hangs is told from what is only long."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    # Of jobs that are held now it is not known: their tries end or begin anew within an hour.
    op.add_column("jobs", sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "moved_at")
