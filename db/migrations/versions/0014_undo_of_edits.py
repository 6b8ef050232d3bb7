"""What edits and replacements in customers' lists wrote over, kept so that they can be undone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.policies import protect

revision = "0014"
down_revision = "0013"

TABLE = "enrichment_changes"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("enrichment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("cell_count", sa.Integer(), nullable=False),
        sa.Column("first_row", sa.Integer(), nullable=False),
        sa.Column("byte_size", sa.BigInteger(), nullable=False),
        sa.Column("before", postgresql.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "enrichment_id"],
            ["enrichments.workspace_id", "enrichments.id"],
            name=op.f("fk_enrichment_changes_workspace_id_enrichment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_enrichment_changes_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "enrichment_id", "number", name=op.f("pk_enrichment_changes")),
    )
    protect(TABLE)


def downgrade() -> None:
    op.drop_table(TABLE)
