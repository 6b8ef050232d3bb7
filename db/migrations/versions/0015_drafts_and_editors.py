"""A draft keeps the typed limits of a run, a segment knows who changed it last, not only under which name, and the
employer's state is marked by the name the API has for it."""

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
    op.alter_column("leads", "state_is_company_derived", new_column_name="state_from_company")


def downgrade() -> None:
    op.alter_column("leads", "state_from_company", new_column_name="state_is_company_derived")
    op.drop_column("saved_segments", "updated_by")
    op.drop_column("segment_drafts", "typed_ceiling")
    op.drop_column("segment_drafts", "typed_max_leads")
