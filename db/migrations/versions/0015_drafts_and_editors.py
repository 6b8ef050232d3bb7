"""A draft keeps the typed limits of a run, and a segment knows who changed it last, not only under which name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("segment_drafts", sa.Column("typed_max_leads", sa.Text(), nullable=True))
    op.add_column("segment_drafts", sa.Column("typed_ceiling", sa.Text(), nullable=True))
    op.add_column("saved_segments", sa.Column("updated_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_saved_segments_updated_by"),
        "saved_segments",
        "users",
        ["updated_by"],
        ["id"],
        ondelete="SET NULL",
    )


def downgrade() -> None:
    op.drop_column("saved_segments", "updated_by")
    op.drop_column("segment_drafts", "typed_ceiling")
    op.drop_column("segment_drafts", "typed_max_leads")
