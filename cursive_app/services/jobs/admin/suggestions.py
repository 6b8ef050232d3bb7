"""What could follow in the query box: qualifiers, and the values there are (JOB-02)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Select, func, select

from cursive_app.services.jobs.admin.masking import is_secret
from cursive_app.services.jobs.admin.query import QUALIFIERS, workspace_ids
from cursive_app.services.jobs.admin.staff import has_role, require_staff
from cursive_app.services.jobs.admin.views import StaffActor, Suggestion
from cursive_app.services.jobs.tags import TAGS
from cursive_app.services.jobs.views import STATUSES
from db.models.accounts import Workspace
from db.models.jobs import Job
from db.system import SystemScope, system_scope

MOST = 10
RECENT = 5_000  # values are taken from so many of the newest jobs
SAMPLED = 500  # arguments are taken from so many of them
LONGEST_VALUE = 100
_NAME = re.compile(r"[\w-]+")  # what the query can name; dots lead into a structure
_UNSAID = re.compile(r'"|[^\S ]+|\s{2,}')
_STATE_WORDS = {"pending": "queued", "processing": "running", "cancelled": "stopped"}
"""What the pages call a state, where that is another word; both are understood."""
_COLUMNS = {
    "kind": Job.kind,
    "stage": Job.stage,
    "queue": Job.queue,
    "actor": Job.actor_label,
    "error": Job.error_code,
    "met": Job.error_code,
}


def suggestions(actor: StaffActor, text: str) -> tuple[Suggestion, ...]:
    """At most ten ways to complete the last word of `text`. Raises Forbidden."""
    require_staff(actor, "read_only", attempted="list_jobs")
    word = text[-200:].rsplit(" ", 1)[-1] if text.count('"') % 2 == 0 else _open_word(text)
    minus = "-" if word.startswith("-") else ""
    key, colon, value = word.removeprefix("-").partition(":")
    typed = value.replace('"', "").replace("\0", "")
    if key.startswith("args."):
        return _of_arguments(actor, key.removeprefix("args."), typed, minus=minus, wants_value=bool(colon))
    if not colon:
        fitting = (name for name in QUALIFIERS if name.startswith(key.lower()))
        return tuple(_key(minus, name) for name in fitting)
    with system_scope() as scope:
        found = [(name, label) for name, label in _values(scope, key.lower(), typed) if _can_be_said(name)]
    return tuple(Suggestion(text=f"{minus}{key}:{_quoted(name)}", label=label) for name, label in found[:MOST])


def _of_arguments(actor: StaffActor, name: str, typed: str, *, minus: str, wants_value: bool) -> tuple[Suggestion, ...]:
    """Names and values of arguments and links of the newest jobs; of links alone for who does not see arguments."""
    columns = [Job.links, *([Job.arguments] if has_role(actor, "operate") else [])]
    with system_scope() as scope:
        recent = scope.session.execute(select(*columns).order_by(Job.created_at.desc(), Job.id.desc()).limit(SAMPLED))
        told = [pair for row in recent for each in row for pair in (each or {}).items() if not is_secret(pair[0])]
    if not wants_value:
        counted = Counter(each for each, _ in told if each.startswith(name) and _NAME.fullmatch(each))
        return tuple(
            Suggestion(text=f"{minus}args.{each}:", label=_of_newest(number))
            for each, number in counted.most_common(MOST)
        )
    values = Counter(str(value) for each, value in told if each == name and isinstance(value, str | int))
    fitting = [(value, number) for value, number in values.most_common() if typed.lower() in value.lower()]
    return tuple(
        Suggestion(text=f"{minus}args.{name}:{_quoted(value)}", label=_of_newest(number))
        for value, number in fitting[:MOST]
        if _can_be_said(value)
    )


def _of_newest(number: int) -> str:
    return f"{number:,} of the newest jobs" if number > 1 else "1 of the newest jobs"


def _open_word(text: str) -> str:
    """The last word when its quotation is still open."""
    head, _, tail = text.rpartition('"')
    return f'{head.rsplit(" ", 1)[-1]}"{tail}'


def _key(minus: str, name: str) -> Suggestion:
    return Suggestion(text=f"{minus}{name}" if name.endswith(".") else f"{minus}{name}:", label=QUALIFIERS[name])


def _can_be_said(value: str) -> bool:
    return bool(value.strip()) and len(value) <= LONGEST_VALUE


def _quoted(value: str) -> str:
    """A value as a word of the query. A quotation mark would end it, and of blanks a box keeps single spaces only: any
    letters may stand in their place."""
    said = _UNSAID.sub("*", value)
    return f'"{said}"' if " " in said or "," in said else said


def _values(scope: SystemScope, key: str, typed: str) -> Iterator[tuple[str, str]]:
    if key in ("state", "status"):
        yield from ((state, _STATE_WORDS.get(state, "")) for state in STATUSES if _fits(state, typed.lower()))
    elif key == "tag":
        yield from ((tag, words) for tag, words in TAGS.items() if typed.lower() in tag)
    elif key == "workspace":
        called = select(Workspace.name, func.min(Workspace.slug)).where(workspace_ids(typed))
        called = called.group_by(Workspace.name).order_by(Workspace.name).limit(MOST)
        for name, slug in scope.session.execute(called):
            yield (slug, name) if '"' in name else (name, "workspace")
    elif key in _COLUMNS or key == "type":
        recent = _recent(_COLUMNS.get(key, Job.kind))
        value = recent.subquery()
        counted = (
            select(value.c[0], func.count())
            .where(
                value.c[0].is_not(None),
                value.c[0] != "",
                func.lower(value.c[0]).contains(typed.lower(), autoescape=True),
            )
            .group_by(value.c[0])
            .order_by(func.count().desc(), value.c[0])
            .limit(MOST)
        )
        for name, number in scope.session.execute(counted):
            yield name, _of_newest(number)


def _fits(state: str, typed: str) -> bool:
    return state.startswith(typed) or _STATE_WORDS.get(state, state).startswith(typed)


def _recent(column: object) -> Select:
    # `column` is a column, a label or a computed value; select() is typed for each of them alone.
    return select(column).order_by(Job.created_at.desc(), Job.id.desc()).limit(RECENT)  # type: ignore[call-overload]
