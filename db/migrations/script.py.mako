"""${message}

The former version of the code must keep working on this schema while a deploy rolls: add first, remove a release later.
Large indexes go CONCURRENTLY in an autocommit block. Every table with workspace_id calls `protect`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
