"""A run of a list can be paused by hand: who asked for it, until what is at the provider has come back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("enrichments", sa.Column("pause_requested_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("enrichments", "pause_requested_by")
