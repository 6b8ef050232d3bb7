"""The columns a run adds to a list: 45 documented fields of the provider's record, and what became of the row.

Names are the provider's (contract §9.3). Restricted facts (credit rating, exact age, ethnic and language code, IP
address) are not among them, so they are never stored with a row, shown or exported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from operator import itemgetter
from typing import Any

from cursive_app.errors import Invalid
from cursive_app.integrations.audiencelab.values import items, person_name, slots, text

LONGEST_VALUE = 10_000  # characters kept of one value


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """One column of the output: its name, what it says, and the other names the provider has used for it."""

    name: str
    meaning: str
    aliases: tuple[str, ...] = ()


OUTPUT_COLUMNS: tuple[OutputColumn, ...] = (
    OutputColumn("UUID", "The provider's id of the person", ("UP_ID",)),
    OutputColumn("FIRST_NAME", "First name"),
    OutputColumn("LAST_NAME", "Last name"),
    OutputColumn("AGE_RANGE", "Age range"),
    OutputColumn("GENDER", "M, F or U (unknown)"),
    OutputColumn("CHILDREN", "Whether there are children: Y or N"),
    OutputColumn("MARRIED", "Y or N"),
    OutputColumn("HOMEOWNER", "Y or N"),
    OutputColumn("INCOME_RANGE", "Household income range"),
    OutputColumn("NET_WORTH", "Net worth range"),
    OutputColumn("PERSONAL_ADDRESS", "Street address"),
    OutputColumn("PERSONAL_CITY", "City"),
    OutputColumn("PERSONAL_STATE", "State", ("STATE",)),
    OutputColumn("PERSONAL_ZIP", "Postal code", ("ZIP",)),
    OutputColumn("PERSONAL_EMAILS", "Personal e-mail addresses", ("PERSONAL_EMAIL",)),
    OutputColumn("PERSONAL_VERIFIED_EMAILS", "Those of them that were verified"),
    OutputColumn("BUSINESS_EMAIL", "Business e-mail addresses", ("BUSINESS_EMAILS",)),
    OutputColumn("BUSINESS_VERIFIED_EMAILS", "Those of them that were verified"),
    OutputColumn("DIRECT_NUMBER", "Direct line numbers", ("ALL_LANDLINES",)),
    OutputColumn("DIRECT_NUMBER_DNC", "Do not call: Y or N for each of them", ("LANDLINE_DNC",)),
    OutputColumn("MOBILE_PHONE", "Mobile numbers", ("ALL_MOBILES",)),
    OutputColumn("MOBILE_PHONE_DNC", "Do not call: Y or N for each of them", ("MOBILE_DNC",)),
    OutputColumn("PERSONAL_PHONE", "Personal numbers"),
    OutputColumn("PERSONAL_PHONE_DNC", "Do not call: Y or N for each of them"),
    OutputColumn("JOB_TITLE", "Job title"),
    OutputColumn("DEPARTMENT", "Department"),
    OutputColumn("SENIORITY_LEVEL", "Seniority: cxo, vp, director, manager or staff", ("SENIORITY",)),
    OutputColumn("INFERRED_YEARS_EXPERIENCE", "Years of experience, inferred"),
    OutputColumn("LINKEDIN_URL", "Professional profile", ("INDIVIDUAL_LINKEDIN_URL",)),
    OutputColumn("TWITTER_URL", "Twitter profile", ("INDIVIDUAL_TWITTER_URL",)),
    OutputColumn("FACEBOOK_URL", "Facebook profile", ("INDIVIDUAL_FACEBOOK_URL",)),
    OutputColumn("COMPANY_NAME", "Employer"),
    OutputColumn("COMPANY_DOMAIN", "Employer's domain"),
    OutputColumn("COMPANY_DESCRIPTION", "What the employer does"),
    OutputColumn("COMPANY_INDUSTRY", "Employer's industry"),
    OutputColumn("COMPANY_EMPLOYEE_COUNT", "Employer's headcount range", ("COMPANY_SIZE",)),
    OutputColumn("COMPANY_REVENUE", "Employer's revenue range"),
    OutputColumn("COMPANY_SIC", "Employer's SIC codes", ("SIC",)),
    OutputColumn("COMPANY_NAICS", "Employer's NAICS codes", ("NAICS",)),
    OutputColumn("COMPANY_PHONE", "Employer's phone numbers"),
    OutputColumn("COMPANY_ADDRESS", "Employer's street address"),
    OutputColumn("COMPANY_CITY", "Employer's city"),
    OutputColumn("COMPANY_STATE", "Employer's state"),
    OutputColumn("COMPANY_ZIP", "Employer's postal code"),
    OutputColumn("COMPANY_LINKEDIN_URL", "Employer's professional profile"),
)

OUTCOME_COLUMNS: tuple[OutputColumn, ...] = (
    OutputColumn("cursive_outcome", "matched, no_match, skipped or error"),
    OutputColumn("cursive_reason", "Why, in words; empty for a plain match"),
    OutputColumn("cursive_matched_by", "What the match rests on: email, email_sha256, phone, linkedin or name_company"),
    OutputColumn("cursive_source", "Who answered: provider; empty for a row that was not looked up or got no answer"),
    OutputColumn("cursive_fetched_at", "When that answer was read (UTC); empty where there was none"),
)

_LISTS = frozenset(
    {"PERSONAL_EMAILS", "PERSONAL_VERIFIED_EMAILS", "BUSINESS_EMAIL", "BUSINESS_VERIFIED_EMAILS", "COMPANY_PHONE"}
)
_NUMBERS = ("DIRECT_NUMBER", "MOBILE_PHONE", "PERSONAL_PHONE")  # each with its flags in "…_DNC", by position
_FLAGS = frozenset(f"{name}_DNC" for name in _NUMBERS)
_NAMES_OF_PEOPLE = ("FIRST_NAME", "LAST_NAME")
_YES_NO = _FLAGS | {"CHILDREN", "MARRIED", "HOMEOWNER"}
_NAMES = {column.name: column for column in OUTPUT_COLUMNS}
_PAIRS = {
    name: tuple(zip((name, *_NAMES[name].aliases), (f"{name}_DNC", *_NAMES[f"{name}_DNC"].aliases), strict=True))
    for name in _NUMBERS
}
NOTHING = frozenset({"", "null", "none", "n/a", "na", "nan", "[]", "{}", "undefined", "-"})  # as values.text reads them
_LONGEST_NOTHING = max(map(len, NOTHING))
_MOST_ITEMS = 200  # of a list, as values.slots counts them


def _spelled(word: str) -> Iterator[str]:
    """Every text whose `casefold` is this word."""
    letters = [(letter, letter.upper()) for letter in word]
    yield from map("".join, product(*letters))
    if "fi" in word:  # one character that folds to two
        before, after = word.split("fi")
        yield from (f"{start}\ufb01{end}" for start in _spelled(before) for end in _spelled(after))


_SPELLINGS_OF_NOTHING = frozenset(spelling for word in NOTHING - {""} for spelling in _spelled(word))


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where the documented columns of records with the same keys stand.

    `pick` takes the values of `names` out of a record; `others` are lists and columns that have several keys, best
    first. `paired` are numbers and their flags where the provider used its other names: the keys of both, best first.
    """

    names: tuple[str, ...]
    pick: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    others: tuple[tuple[str, bool, tuple[str, ...]], ...]
    paired: tuple[tuple[str, tuple[tuple[str | None, str | None], ...]], ...]


def documented(record: Mapping[str, Any]) -> dict[str, str]:
    """The documented columns of a provider record that say something, as clean text; lists separated by ", "."""
    plan = _plan(tuple(record))
    values = plan.pick(record)
    if _are_clean(values):
        found = {name: value for name, value in zip(plan.names, values, strict=True) if value}
    else:
        cleaned = ((name, _said(name, value)) for name, value in zip(plan.names, values, strict=True))
        found = {name: value[:LONGEST_VALUE] for name, value in cleaned if value}
    for name, is_list, keys in plan.others:
        for key in keys:
            if value := cell(record[key], is_list=True) if is_list else _said(name, record[key]):
                found[name] = value[:LONGEST_VALUE]
                break
    for name, keys_of_both in plan.paired:
        for number_key, flag_key in keys_of_both:
            if number_key and (value := _said(name, record[number_key])):
                found[name] = value[:LONGEST_VALUE]
                if flag_key and (flags := _said(f"{name}_DNC", record[flag_key])):
                    found[f"{name}_DNC"] = flags[:LONGEST_VALUE]
                break
    return found


def _said(name: str, value: object) -> str | None:
    """`cell` of one column. Of numbers and their flags the positions stay, because the one answers the other by
    position, and a yes or no may come as JSON's own."""
    if name in _YES_NO and isinstance(value, bool):
        return "Y" if value else "N"
    if name in _NAMES_OF_PEOPLE and isinstance(value, str):
        return person_name(value) or None
    if isinstance(value, list | tuple) and (name in _FLAGS or name in _NUMBERS):
        parts = [(_said(name, slot) or "") for slot in slots(value)]
        return ", ".join(parts) if any(parts) else None
    return cell(value)


def _are_clean(values: tuple[Any, ...]) -> bool:
    """Whether `cell` would change none of these. One look at all of them is much quicker than one at each, and enough
    for most records."""
    try:
        together = f"|{'|'.join(values)}|"
    except TypeError:  # not all of them are text
        return False
    if len(together) > LONGEST_VALUE:
        return False
    together = together.replace("\n", " ")
    return (
        together.isprintable()
        and "| " not in together
        and " |" not in together
        and _SPELLINGS_OF_NOTHING.isdisjoint(values)
    )


@lru_cache(maxsize=64)
def _plan(keys: tuple[str, ...]) -> _Plan:
    by_name: dict[str, str] = {}
    for key in sorted(keys, key=lambda name: (not name.isupper(), name)):  # of two spellings upper-case wins
        by_name.setdefault(key.strip().upper(), key)
    paired = tuple(
        (name, tuple((by_name.get(number), by_name.get(flag)) for number, flag in pairs))
        for name, pairs in _PAIRS.items()
        if any(number in by_name or flag in by_name for number, flag in pairs[1:])
    )
    apart = {column for name, _ in paired for column in (name, f"{name}_DNC")}
    sources = [
        (column.name, column.name in _LISTS, found)
        for column in OUTPUT_COLUMNS
        if column.name not in apart
        and (found := tuple(by_name[name] for name in (column.name, *column.aliases) if name in by_name))
    ]
    single = {name: found[0] for name, is_list, found in sources if len(found) == 1 and not is_list}
    return _Plan(
        names=tuple(single),
        pick=_picker(tuple(single.values())),
        others=tuple(source for source in sources if source[0] not in single),
        paired=paired,
    )


def _picker(keys: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda record: tuple(record[key] for key in keys)  # itemgetter of one key gives no tuple


def cell(value: object, *, is_list: bool = False) -> str | None:
    """One value as clean text, None for the provider's ways of saying nothing."""
    if type(value) is str:  # nearly every value: nothing to clean
        if not value:
            return None
        stripped = value.strip()
        if len(stripped) <= _LONGEST_NOTHING and stripped.casefold() in NOTHING:
            return None
        if stripped.isprintable():
            if not is_list or not ("[" in stripped or "," in stripped or ";" in stripped):
                return stripped
            if "[" not in stripped and len(stripped) <= LONGEST_VALUE:
                return _listed(stripped)
    if is_list or isinstance(value, list | tuple):
        return ", ".join(items(value)) or None
    return text(value)


def _listed(value: str) -> str | None:
    """`items` of printable text that holds no array."""
    slots = value.replace(";", ",").split(",")[:_MOST_ITEMS]
    stripped = (slot.strip() for slot in slots)
    return ", ".join(dict.fromkeys(part for part in stripped if part.casefold() not in NOTHING)) or None


def chosen_columns(fields: Sequence[str] | None) -> tuple[str, ...]:
    """The wanted columns in their documented order; None means all. Raises Invalid for one that is not documented."""
    if fields is None:
        return tuple(_NAMES)
    wanted = {field.strip().upper() for field in fields}
    unknown = sorted(wanted - _NAMES.keys())
    if unknown:
        raise Invalid(fields={"fields": f"There is no output column {unknown[0][:60]!r}."})
    return tuple(name for name in _NAMES if name in wanted)
