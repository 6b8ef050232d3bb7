"""In-app notices: what happened while somebody was away. Owns the table `notices`.

Promise: a notice is written in the transaction of what it tells about, at most once per `dedupe_key`, and only the
person it is for can read it or mark it as read.
"""

from __future__ import annotations

from cursive_app.services.notices.inbox import (
    LARGEST_PAGE,
    NoticePage,
    NoticeView,
    list_notices,
    mark_all_read,
    mark_read,
)
from cursive_app.services.notices.writing import LEVELS, Level, notify

__all__ = [
    "LARGEST_PAGE",
    "LEVELS",
    "Level",
    "NoticePage",
    "NoticeView",
    "list_notices",
    "mark_all_read",
    "mark_read",
    "notify",
]
