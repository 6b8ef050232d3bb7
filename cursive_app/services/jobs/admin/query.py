"""The language of the query box (JOB-02): `kind:enrichment workspace:"Acme Inc" state:failed -error:rate_limited dana`.

Words are separated by blanks; quotes hold a value together; `-` in front turns a word around. The same qualifier twice
(or a list with commas) means either, different ones mean all. `*` stands for any letters. Words without a qualifier are
looked for in title, error, actor and id.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression, Text, and_, cast, false, func, not_, or_

from cursive_app.errors import Invalid
from cursive_app.services.jobs.admin.masking import MASK, is_secret
from cursive_app.services.jobs.admin.times import of_tries
from cursive_app.services.jobs.tags import TAGS
from cursive_app.services.jobs.views import STATUSES
from db.models.accounts import Workspace
from db.models.jobs import Job, JobAttempt

LONGEST_QUERY = 500
MOST_TERMS = 20
QUALIFIERS = {
    "kind": "kind of work, such as kind:segment_run",
    "workspace": "name or id of the workspace",
    "state": ", ".join(STATUSES),
    "stage": "what the job was doing",
    "queue": "queue it waits in",
    "actor": "who started it",
    "error": "error code, words of the message or fingerprint",
    "met": "an error any of its tries ended with, also when it went on: code or fingerprint",
    "tag": ", ".join(TAGS),
    "id": "job id, or its last letters",
    "args.": "an argument or link by name, such as args.run_id:",
}
_SAME = {"type": "kind", "status": "state", "by": "actor"}
_STATES = {
    "stopped": "cancelled",
    "canceled": "cancelled",
    "running": "processing",
    "queued": "pending",
    "done": "completed",
}
_TERM = re.compile(
    r"""(?P<minus>-)?(?:(?P<key>[A-Za-z][A-Za-z_]*(?:\.[\w.\-]+)?):)?"""
    r"""(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+))?(?P<rest>[^\s]*)"""
)
_ARGUMENT = re.compile(r"""(args\.[^\s:]*:)(?:"[^"]*"?|[^\s"]*)\S*""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """One word: a qualifier ('' for free text), its values, and whether it is turned around."""

    key: str
    values: tuple[str, ...]
    negated: bool


def parse(query: str) -> tuple[Term, ...]:
    """The words of a query. Raises Invalid that says which word is wrong and what would be right."""
    if len(query) > LONGEST_QUERY:
        raise _wrong(f"The query is longer than {LONGEST_QUERY} characters; leave something out.")
    if query.count('"') % 2:
        raise _wrong("A quotation mark is not closed.")
    if "\0" in query:
        raise _wrong("The query holds a character that no text has.")
    terms: list[Term] = []
    position = 0
    while position < len(query):
        if query[position].isspace():
            position += 1
            continue
        found = _TERM.match(query, position)
        assert found is not None
        terms.append(_term(found))
        position = max(found.end(), position + 1)
    if len(terms) > MOST_TERMS:
        raise _wrong(f"A query holds at most {MOST_TERMS} words.")
    return tuple(terms)


def _term(found: re.Match[str]) -> Term:
    word, quoted, plain = found.group(0), found.group("quoted"), found.group("plain")
    if found.group("rest"):
        raise _wrong(f"Put a blank after the quotation in {word[:60]}.")
    given = found.group("key")
    key = _SAME.get(given.lower(), given.lower()) if given and not given.startswith("args.") else given or ""
    if key and key not in QUALIFIERS and not key.startswith("args."):
        known = ", ".join(f"{name}:" if not name.endswith(".") else f"{name}name:" for name in QUALIFIERS)
        raise _wrong(f"There is no qualifier {key}:. Use {known} or put the word in quotes.")
    values = (quoted,) if quoted is not None else tuple(part for part in (plain or "").split(",") if part)
    if not key:
        values = (quoted if quoted is not None else plain or "",)
    if not any(value.strip() for value in values):
        raise _wrong(f"Say what to look for after {word[:60]}." if key else "A minus stands in front of a word.")
    if key == "state":
        values = tuple(_state(value) for value in values)
    return Term(key=key, values=values, negated=bool(found.group("minus")))


def _state(value: str) -> str:
    state = _STATES.get(value.lower(), value.lower())
    if state not in STATUSES:
        raise _wrong(f"There is no state {value[:40]}; use {', '.join(STATUSES)}.")
    return state


def _wrong(message: str) -> Invalid:
    return Invalid(fields={"query": message})


def condition(terms: tuple[Term, ...], *, values_seen: bool) -> list[ColumnElement[bool]]:
    """The predicates over `jobs` joined with `workspaces`; all must hold.

    `values_seen`: the reader sees the values of arguments. Who does not could guess them by searching, so `args.` finds
    links only. Raises Invalid.
    """
    wanted: dict[str, list[ColumnElement[bool]]] = {}
    found: list[ColumnElement[bool]] = []
    for term in terms:
        either = or_(*(_test(term.key, values_seen=values_seen)(value) for value in term.values))
        if term.negated:
            found.append(not_(func.coalesce(either, false())))
        elif term.key:
            wanted.setdefault(term.key, []).append(either)
        else:
            found.append(either)
    return found + [or_(*tests) for tests in wanted.values()]


def without_arguments(query: str) -> str:
    """A query for those who do not see arguments: what was looked for in one is masked, also when it cannot be read."""
    return _ARGUMENT.sub(rf"\1{MASK}", query)


def met(terms: tuple[Term, ...]) -> list[ColumnElement[bool]]:
    """The errors that `met:` asks for, as predicates over a try."""
    return [_met(value) for term in terms if term.key == "met" and not term.negated for value in term.values]


def without_state(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    return tuple(term for term in terms if term.key != "state")


def _test(key: str, *, values_seen: bool) -> Callable[[str], ColumnElement[bool]]:
    if key.startswith("args."):
        path = tuple(part for part in key.removeprefix("args.").split(".") if part)
        return lambda value: _argument(path, value, values_seen=values_seen)
    return _TESTS[key]


def _argument(path: tuple[str, ...], value: str, *, values_seen: bool) -> ColumnElement[bool]:
    if not path:
        raise _wrong("Name the argument: args.run_id:…")
    if any(map(is_secret, path)):
        raise _wrong(f"{'.'.join(path)[:60]} is a secret and cannot be searched.")
    link = _scalar(Job.links[path], value)
    return or_(_scalar(Job.arguments[path], value), link) if values_seen else link


def _scalar(held: Any, value: str) -> ColumnElement[bool]:
    """A text, a number, true or false. The text of a structure would tell of the secrets in it."""
    is_scalar = func.jsonb_typeof(held).in_(("string", "number", "boolean"))
    return and_(is_scalar, _whole(held.astext, value))


def _whole(column: SQLColumnExpression[Any], value: str) -> ColumnElement[bool]:
    return column.ilike(_pattern(value), escape="\\")


def _part(column: SQLColumnExpression[Any], value: str) -> ColumnElement[bool]:
    return column.ilike(f"%{_pattern(value)}%", escape="\\")


def _pattern(value: str) -> str:
    return value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")


def _workspace(value: str) -> ColumnElement[bool]:
    try:
        return Job.workspace_id == UUID(value)
    except ValueError:
        return or_(_part(Workspace.name, value), func.lower(Workspace.slug) == value.lower())


def _error(value: str) -> ColumnElement[bool]:
    return or_(_whole(Job.error_code, value), Job.error_fingerprint == value.lower(), _part(Job.error_message, value))


def _met(value: str) -> ColumnElement[bool]:
    return or_(_whole(JobAttempt.error_code, value), JobAttempt.fingerprint == value.lower())


def _tag(value: str) -> ColumnElement[bool]:
    """The tags are known, so a pattern is matched here and the index is asked for whole ones."""
    shape = ".*".join(map(re.escape, value.lower().split("*")))
    fitting = [tag for tag in TAGS if re.fullmatch(shape, tag)]
    if not fitting:
        raise _wrong(f"There is no tag {value[:40]}; use {', '.join(TAGS)}.")
    return Job.tags.overlap(fitting)


def _id(value: str) -> ColumnElement[bool]:
    try:
        return Job.id == UUID(value)
    except ValueError:
        short = value.lower().removeprefix("job_").replace("-", "")
        if not re.fullmatch(r"[0-9a-f]{4,32}", short):
            raise _wrong(f"{value[:40]} is no job id; give the whole id or at least four of its letters.") from None
        plain = func.replace(cast(Job.id, Text), "-", "")
        return or_(plain.like(f"{short}%"), plain.like(f"%{short}"))


def _free(value: str) -> ColumnElement[bool]:
    columns = (Job.title, Job.error_message, Job.actor_label, Workspace.name)
    tests: list[ColumnElement[bool]] = [func.coalesce(_part(column, value), false()) for column in columns]
    if re.fullmatch(r"(?:job_)?[0-9a-fA-F-]{6,36}", value):
        tests.append(_id(value))
    return or_(*tests)


_TESTS: dict[str, Callable[[str], ColumnElement[bool]]] = {
    "": _free,
    "kind": lambda value: _whole(Job.kind, value),
    "workspace": _workspace,
    "state": lambda value: Job.status == value,
    "stage": lambda value: _whole(Job.stage, value),
    "queue": lambda value: _whole(Job.queue, value),
    "actor": lambda value: _part(Job.actor_label, value),
    "error": _error,
    "met": lambda value: of_tries(_met(value)),
    "tag": _tag,
    "id": _id,
}


def workspace_ids(name: str) -> ColumnElement[bool]:
    """Workspaces whose name begins with `name`, for suggestions."""
    return and_(Workspace.deleted_at.is_(None), Workspace.name.ilike(f"{_pattern(name)}%", escape="\\"))
