"""How many matched among those that a segment's last run looked at, also where it did not look at everybody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    # Of runs before this it stays unsaid on the segment; their history has the numbers.
    op.add_column("saved_segments", sa.Column("last_matched", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("saved_segments", "last_matched")
