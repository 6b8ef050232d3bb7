"""Suggestions while typing (SEG-03): the provider's vocabularies kept here, cities from a gazetteer, own leads' words.

The provider is asked once a day (`sync_words`), never per key. What it adds to a vocabulary becomes a value of the
field; what is built in stays, so that a provider that is down takes nothing away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from cursive_app.clock import now
from cursive_app.integrations.audiencelab import AudienceLab
from cursive_app.integrations.audiencelab.vocabulary import text_key
from cursive_app.services.accounts import Permission, allows, require
from cursive_app.services.segments.fields import FIELDS, TITLE_IDEAS, Option, add_words, cities, options_of
from db.models.leads import Lead
from db.models.segments import ProviderWord
from db.scope import Scope
from db.system import system_scope

SYNCED = {"industries": "industry", "departments": "department"}  # vocabulary of the provider, field of ours
MOST_WORDS = 2_000  # per vocabulary; more is not a vocabulary but a mistake
SHOWN = 12


def sync_words(provider: AudienceLab) -> int:
    """Fetch the vocabularies and keep them; how many words there are now. An empty answer changes nothing."""
    kept = 0
    for vocabulary, field in SYNCED.items():
        words = [attribute.name.strip() for attribute in provider.attributes(vocabulary)]
        words = list(dict.fromkeys(word for word in words if word and len(word) <= 100 and word.isprintable()))
        if not words or len(words) > MOST_WORDS:
            continue
        with system_scope() as scope:
            scope.session.execute(
                delete(ProviderWord).where(ProviderWord.vocabulary == vocabulary, ProviderWord.word.not_in(words))
            )
            scope.session.execute(
                insert(ProviderWord)
                .values([{"vocabulary": vocabulary, "word": word, "synced_at": now()} for word in words])
                .on_conflict_do_update(index_elements=["vocabulary", "word"], set_={"synced_at": now()})
            )
        add_words(field, words)
        kept += len(words)
    return kept


def learn_words(scope: Scope) -> None:
    """Let this process know the words another one has synced."""
    rows = scope.session.execute(select(ProviderWord.vocabulary, ProviderWord.word)).all()
    for vocabulary, field in SYNCED.items():
        add_words(field, [word for kind, word in rows if kind == vocabulary])


def read_gazetteer() -> None:
    """Have the cities at hand: a second, once per process, that no transaction and nobody who types should wait for."""
    _cities()


def suggest(scope: Scope, field: str, typed: str, *, limit: int = SHOWN) -> tuple[Option, ...]:
    """Values to choose from, those that begin with what was typed first. Empty for a field without suggestions."""
    require(scope, Permission.VIEW_SEGMENTS)
    known = FIELDS.get(field)
    if known is None or not known.is_list:
        return ()
    if field == "city":
        return tuple(Option(name.lower(), name) for name in _best(_cities(), typed, limit))
    if known.kind == "enum":
        options = {option.label: option for option in options_of(field)}
        return tuple(options[label] for label in _best(_keyed(options), typed, limit))
    own = _own_words(scope, field, typed, limit) if allows(scope.tenant, Permission.VIEW_LEADS) else []
    ideas = _best(_keyed(TITLE_IDEAS), typed, limit) if field == "job_title" else []
    merged = {text_key(word): word for word in (*own, *ideas)}
    return tuple(Option(word, word) for word in list(merged.values())[:limit])


@lru_cache(maxsize=1)
def _cities() -> tuple[tuple[str, str], ...]:
    return _keyed(cities())


def _keyed(words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Words with their compared form."""
    return tuple((text_key(word), word) for word in words)


def _best(words: Sequence[tuple[str, str]], typed: str, limit: int) -> list[str]:
    wanted = text_key(typed)
    if not wanted:
        return [word for _, word in words[:limit]]
    starts = [word for key, word in words if key.startswith(wanted)][:limit]
    if len(starts) == limit:
        return starts
    begun = set(starts)
    inside = f" {wanted}"
    return (starts + [word for key, word in words if inside in key and word not in begun])[:limit]


def _own_words(scope: Scope, field: str, typed: str, limit: int) -> list[str]:
    """The commonest values among own leads that begin with what was typed; a range, so an index can serve it."""
    columns = {
        "job_title": (Lead.job_title_norm, Lead.job_title),
        "company_name": (Lead.company_norm, Lead.company_name),
        "company_domain": (Lead.company_domain, Lead.company_domain),
    }
    prefix = " ".join(typed.lower().split())
    if field not in columns or len(prefix) < 2 or "\x00" in prefix:
        return []
    norm, shown = columns[field]
    statement = (
        select(func.min(shown))
        .where(scope.owned(Lead), Lead.deleted_at.is_(None), norm >= prefix, norm < prefix + "\U0010ffff")
        .group_by(norm)
        .order_by(func.count().desc(), norm)
        .limit(limit)
    )
    return [word for word in scope.session.scalars(statement) if word]
