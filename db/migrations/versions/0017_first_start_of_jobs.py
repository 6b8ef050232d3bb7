"""When a job began for the first time: a retry begins its own time anew, and looks take over the record of the first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

# Of jobs from before the best that is known: of a job that was retried, the oldest try whose record is left.
_KNOWN = """
UPDATE jobs SET first_started_at = least(jobs.started_at, tries.began)
  FROM jobs AS old
  LEFT JOIN (SELECT workspace_id, job_id, min(started_at) AS began FROM job_attempts GROUP BY workspace_id, job_id)
         AS tries ON tries.workspace_id = old.workspace_id AND tries.job_id = old.id
 WHERE old.id = jobs.id AND (old.started_at IS NOT NULL OR tries.began IS NOT NULL)
"""


def upgrade() -> None:
    op.add_column("jobs", sa.Column("first_started_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_KNOWN)


def downgrade() -> None:
    op.drop_column("jobs", "first_started_at")
