"""Telling a person something inside the transaction that makes it true."""

from __future__ import annotations

from typing import Literal, get_args
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from cursive_app.errors import Invalid
from cursive_app.paths import local_path
from db.models.notices import Notice
from db.scope import Scope

Level = Literal["info", "success", "warning", "error"]
LEVELS: tuple[str, ...] = get_args(Level)
LONGEST_TITLE = 200
LONGEST_BODY = 1_000


def notify(
    scope: Scope,
    *,
    user_id: UUID | None,
    level: Level,
    title: str,
    body: str = "",
    link: str | None = None,
    dedupe_key: str | None = None,
) -> bool:
    """Write one notice for a person of this workspace; it exists exactly if the transaction commits.

    `link` is a path of this site. A second notice with the same `dedupe_key` changes nothing, so a flow that is run
    again may say it again. Returns whether a notice was written; without a person (an API key's work) there is none.
    Raises Invalid for a link that leads elsewhere.
    """
    if user_id is None:
        return False
    if link is not None and local_path(link) != link:
        raise Invalid("A notice links to a page of this site.")
    statement = (
        insert(Notice)
        .values(
            workspace_id=scope.workspace_id,
            user_id=user_id,
            level=level,
            title=title[:LONGEST_TITLE],
            body=body[:LONGEST_BODY],
            link=link,
            dedupe_key=dedupe_key,
        )
        .on_conflict_do_nothing(index_elements=["workspace_id", "user_id", "dedupe_key"])
        .returning(Notice.id)
    )
    return scope.session.scalar(statement) is not None
