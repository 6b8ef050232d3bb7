"""People as the provider's records: 74 upper-case fields of text, with its conventions (contract §9.1, §9.3)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from cursive_app.integrations.audiencelab import vocabulary as words
from cursive_app.sandbox.population import identity
from cursive_app.sandbox.population.companies import CompanySet
from cursive_app.sandbox.population.people import People
from cursive_app.sandbox.population.reference import Reference

Row = dict[str, Any]
_PREVIEW_FIELDS = (
    "FIRST_NAME", "LAST_NAME", "JOB_TITLE", "COMPANY_NAME", "COMPANY_DOMAIN", "COMPANY_INDUSTRY", "COMPANY_CITY",
    "COMPANY_STATE", "COMPANY_EMPLOYEE_COUNT", "COMPANY_REVENUE", "PERSONAL_CITY", "PERSONAL_STATE", "SENIORITY_LEVEL",
    "DEPARTMENT",
)  # fmt: skip
_V4_NAMES = {
    "MOBILE_PHONE": "ALL_MOBILES", "MOBILE_PHONE_DNC": "MOBILE_DNC", "DIRECT_NUMBER": "ALL_LANDLINES",
    "DIRECT_NUMBER_DNC": "LANDLINE_DNC", "LINKEDIN_URL": "INDIVIDUAL_LINKEDIN_URL",
    "TWITTER_URL": "INDIVIDUAL_TWITTER_URL", "FACEBOOK_URL": "INDIVIDUAL_FACEBOOK_URL",
}  # fmt: skip


class RowWriter:
    """Writes the records of a set of people. `quirks`: mixed case, missing schemes, "null": as the vendor does."""

    def __init__(self, people: People, *, reference: Reference, quirks: bool) -> None:
        self._people = people
        self._reference = reference
        self._quirks = quirks
        self._companies = _companies_by_number(people, reference)

    def rows(self) -> list[Row]:
        """One record for each person, in the order of the indexes."""
        people = self._people
        columns = {
            name: getattr(people, name).tolist()
            for name in (
                "index", "first_name", "last_name", "company", "has_employer", "title", "seniority", "department",
                "gender", "age_range", "exact_age", "income", "net_worth", "homeowner", "married", "children",
                "education", "industry", "size", "revenue", "personal_state", "company_state", "personal_city",
                "company_place_known", "zip", "has_domain", "has_business_email", "has_personal_email",
                "business_email_verified", "personal_email_verified", "has_mobile", "has_direct", "has_personal_phone",
                "has_linkedin", "has_address", "area",
            )
        }  # fmt: skip
        columns["noise"] = people.bits("row").tolist()
        columns["home"] = people.home.tolist()
        columns["has_headline"] = people.known("headline").tolist()
        columns["work_place"] = people.employer.place.tolist()
        for purpose in ("mobile", "mobile2", "direct", "personal", "company"):
            columns[f"line_{purpose}"] = people.line(purpose).tolist()
        names = list(columns)
        return [self._row(dict(zip(names, values, strict=True))) for values in zip(*columns.values(), strict=True)]

    def _row(self, at: dict[str, Any]) -> Row:
        source = self._reference
        first, last = source.first_names[at["first_name"]], source.last_names[at["last_name"]]
        row: Row = {
            "UUID": identity.provider_uuid(at["noise"], index=at["index"]),
            "FIRST_NAME": first,
            "LAST_NAME": last,
            "AGE_RANGE": _word(words.AGE_RANGES, at["age_range"]),
            "GENDER": ("U", "M", "F")[at["gender"]],
            "CHILDREN": ("", "Y", "N")[at["children"]],
            "MARRIED": ("", "Y", "N")[at["married"]],
            "HOMEOWNER": ("", "Y", "N")[at["homeowner"]],
            "INCOME_RANGE": _word(words.INCOME_RANGES, at["income"]),
            "NET_WORTH": _word(words.NET_WORTHS, at["net_worth"]),
        }
        row |= self._home(at)
        row |= self._work(at)
        row |= self._emails(at, first, last)
        row |= self._phones(at)
        row |= self._profile(at, first, last, row)
        return row | self._skiptrace(at, row)

    def _home(self, at: dict[str, Any]) -> Row:
        place, source = self._reference.places, self._reference
        street = f"{1 + at['noise'] % 9_800} {source.last_names[at['noise'] // 7 % len(source.last_names)]} "
        street += source.street_suffixes[at["noise"] // 11 % len(source.street_suffixes)]
        code = place.zips[at["zip"] - 1] if at["zip"] else ""
        return {
            "PERSONAL_ADDRESS": street if at["has_address"] else "",
            "PERSONAL_CITY": place.names[at["personal_city"] - 1] if at["personal_city"] else "",
            "PERSONAL_STATE": _word(place.state_codes, at["personal_state"]),
            "PERSONAL_ZIP": code,
            "PERSONAL_ZIP4": f"{at['noise'] % 10_000:04d}" if code and at["noise"] % 3 else "",
        }

    def _work(self, at: dict[str, Any]) -> Row:
        place = self._reference.places
        name, domain, description = self._companies[at["company"]]
        known = at["has_employer"]
        rank = _word(words.SENIORITIES, at["seniority"])
        title = self._reference.titles.titles[at["title"] - 1] if at["title"] else self._nothing(at)
        return {
            "JOB_TITLE": title,
            "JOB_TITLE_HISTORY": "null",
            "HEADLINE": f"{title} at {name}" if at["has_headline"] and at["title"] and known else "",
            "DEPARTMENT": _word(words.DEPARTMENTS, at["department"]),
            "SENIORITY_LEVEL": rank.capitalize() if self._quirks and at["noise"] % 4 == 0 else rank,
            "INFERRED_YEARS_EXPERIENCE": str(max(0, at["exact_age"] - 21)) if at["noise"] % 5 else "",
            "EDUCATION_HISTORY": json.dumps([{"degree": words.EDUCATION[at["education"] - 1]}])
            if at["education"]
            else "",
            "COMPANY_NAME": name if known else self._nothing(at),
            "COMPANY_NAME_HISTORY": "null",
            "COMPANY_DOMAIN": domain if at["has_domain"] else "",
            "COMPANY_DESCRIPTION": description if known else "",
            "COMPANY_INDUSTRY": _word(self._reference.industries, at["industry"]),
            "COMPANY_EMPLOYEE_COUNT": _word(words.COMPANY_SIZES, at["size"]),
            "COMPANY_REVENUE": _word(words.COMPANY_REVENUES, at["revenue"]),
            "COMPANY_SIC": "",
            "COMPANY_NAICS": "",
            "COMPANY_PHONE": self._phone(at, "company") if known and at["noise"] % 2 else "",
            "COMPANY_CITY": place.names[at["work_place"]] if at["company_place_known"] else "",
            "COMPANY_STATE": _word(place.state_codes, at["company_state"]),
            "COMPANY_ZIP": place.zips[int(place.zip_start[at["work_place"]])] if at["company_place_known"] else "",
            "COMPANY_ADDRESS": "",
            "COMPANY_LINKEDIN_URL": f"linkedin.com/company/{domain.split('.')[0]}" if at["has_domain"] else "",
        }

    def _emails(self, at: dict[str, Any], first: str, last: str) -> Row:
        _, domain, _ = self._companies[at["company"]]
        work = identity.business_email(first, last, index=at["index"], domain=domain)
        own = identity.personal_email(first, last, index=at["index"])
        business = [work] if at["has_business_email"] else []
        if business and at["noise"] % 8 == 0:
            business.append(f"{first[0].lower()}{work.partition('.')[2]}")  # a second form of the same mailbox
        personal = [own] if at["has_personal_email"] else []
        verified_work = [work] if at["business_email_verified"] else []
        verified_own = [own] if at["personal_email_verified"] else []
        if verified_own and self._quirks and at["noise"] % 16 == 1:
            verified_own = [own.title()]  # e-mail comparison must not depend on case
        return {
            "PERSONAL_EMAILS": ", ".join(personal),
            "PERSONAL_VERIFIED_EMAILS": verified_own,
            "BUSINESS_EMAIL": ", ".join(business),
            "BUSINESS_VERIFIED_EMAILS": verified_work,
            "SHA256_PERSONAL_EMAIL": [_sha256(address) for address in personal],
            "SHA256_BUSINESS_EMAIL": [_sha256(address) for address in business[:1]],
        }

    def _phones(self, at: dict[str, Any]) -> Row:
        mobiles = [self._phone(at, "mobile")] if at["has_mobile"] else []
        if mobiles and at["noise"] % 6 == 0 and at["line_mobile2"] != at["line_mobile"]:
            mobiles.append(self._phone(at, "mobile2"))
        flags = ["Y" if (at["noise"] >> shift) % 4 == 0 else "N" for shift in (8, 12, 16, 20)]
        mobile_flags = flags[: len(mobiles)]
        if self._quirks and len(mobiles) == 2 and at["noise"] % 5 == 0:
            mobile_flags = mobile_flags[:1]  # a flag is missing: unknown, not "may be called"
        direct = self._phone(at, "direct") if at["has_direct"] else ""
        personal = self._phone(at, "personal") if at["has_personal_phone"] else ""
        return {
            "DIRECT_NUMBER": direct,
            "DIRECT_NUMBER_DNC": flags[2] if direct else "",
            "MOBILE_PHONE": ", ".join(mobiles),
            "MOBILE_PHONE_DNC": ", ".join(mobile_flags),
            "PERSONAL_PHONE": personal,
            "PERSONAL_PHONE_DNC": flags[3] if personal else "",
            "VALID_PHONES": ", ".join(mobiles[:1]) if at["noise"] % 3 == 0 else "",
        }

    def _phone(self, at: dict[str, Any], purpose: str) -> str:
        return f"+1{self._reference.places.areas[at['area']]}55501{at[f'line_{purpose}']:02d}"

    def _profile(self, at: dict[str, Any], first: str, last: str, row: Row) -> Row:
        slug = identity.linkedin_slug(first, last, index=at["index"])
        link = f"linkedin.com/in/{slug}" if self._quirks and at["noise"] % 2 else f"https://www.linkedin.com/in/{slug}"
        _, adjectives, nouns = self._reference.purpose_words
        skills = [nouns[(at["noise"] >> shift) % len(nouns)] for shift in (3, 9, 15)]
        return {
            "SKILLS": ", ".join(dict.fromkeys(skills)) if row["JOB_TITLE"] and at["noise"] % 3 else "",
            "INTERESTS": adjectives[at["noise"] % len(adjectives)] if at["noise"] % 4 == 0 else "[]",
            "SOCIAL_CONNECTIONS": str(at["noise"] % 500) if at["has_linkedin"] else "",
            "LINKEDIN_URL": link if at["has_linkedin"] else "",
            "TWITTER_URL": f"twitter.com/{slug}" if at["has_linkedin"] and at["noise"] % 9 == 0 else "",
            "FACEBOOK_URL": "",
        }

    def _skiptrace(self, at: dict[str, Any], row: Row) -> Row:
        known = bool(row["PERSONAL_ADDRESS"]) and at["noise"] % 2 == 0
        score = 1 + at["noise"] // 8 % 4  # a number in some records, text in others
        return {
            "SKIPTRACE_NAME": f"{row['FIRST_NAME']} {row['LAST_NAME']}" if known else "",
            "SKIPTRACE_ADDRESS": row["PERSONAL_ADDRESS"] if known else "",
            "SKIPTRACE_CITY": row["PERSONAL_CITY"] if known else "",
            "SKIPTRACE_STATE": row["PERSONAL_STATE"] if known else "",
            "SKIPTRACE_ZIP": row["PERSONAL_ZIP"] if known else "",
            "SKIPTRACE_MATCH_SCORE": (score if at["noise"] % 4 else str(score)) if known else "",
            "SKIPTRACE_LANDLINE_NUMBERS": "",
            "SKIPTRACE_WIRELESS_NUMBERS": row["MOBILE_PHONE"].split(", ")[0] if known else "",
            "SKIPTRACE_CREDIT_RATING": "",
            "SKIPTRACE_DNC": "Y" if known and at["noise"] % 6 == 0 else ("N" if known else ""),
            "SKIPTRACE_EXACT_AGE": str(at["exact_age"]) if known else "",
            "SKIPTRACE_ETHNIC_CODE": "",
            "SKIPTRACE_LANGUAGE_CODE": "EN" if known else "",
            "SKIPTRACE_IP": f"203.0.113.{1 + at['noise'] % 254}" if known else "",
            "SKIPTRACE_B2B_ADDRESS": "",
            "SKIPTRACE_B2B_PHONE": "",
            "SKIPTRACE_B2B_SOURCE": "",
            "SKIPTRACE_B2B_WEBSITE": "",
        }

    def _nothing(self, at: dict[str, Any]) -> str:
        """How "not known" is spelled; the vendor has several ways."""
        return ("", "null", "N/A")[at["noise"] % 3] if self._quirks else ""


def preview_row(row: Mapping[str, Any]) -> Row:
    """The slim lower-case record of a preview (§2.3)."""
    slim = {name.lower(): row[name] for name in _PREVIEW_FIELDS}
    slim["personal_email"] = row["PERSONAL_EMAILS"]
    slim["business_email"] = row["BUSINESS_EMAIL"]
    slim["personal_phone"] = row["PERSONAL_PHONE"]
    slim["sha256"] = (row["SHA256_PERSONAL_EMAIL"] or [""])[0]
    return slim


def version_4(row: Mapping[str, Any]) -> Row:
    """The names and flags of version 4 pixel look-ups (§5.3)."""
    renamed = {_V4_NAMES.get(name, name): value for name, value in row.items() if not name.startswith("SKIPTRACE_")}
    for flag in ("MOBILE_DNC", "LANDLINE_DNC"):
        renamed[flag] = renamed[flag].replace("Y", "true").replace("N", "false")
    return renamed


def descriptions(companies: CompanySet, names: list[str], reference: Reference) -> list[str]:
    """What each company says of itself: two lines, with commas, so that careless readers of CSV break."""
    verbs, adjectives, nouns = reference.purpose_words
    first, second, third = reference.phrase_words
    numbers = (companies.number.astype(np.uint64) * np.uint64(2_654_435_761) % np.uint64(2**32)).tolist()
    return [
        f"{name}: {first[n % len(first)].lower()}, {second[n // 7 % len(second)]} {third[n // 13 % len(third)]}.\n"
        f"We {verbs[n // 17 % len(verbs)]} {adjectives[n // 19 % len(adjectives)]} {nouns[n // 23 % len(nouns)]}"
        f" for {reference.industries[field - 1]}."
        for name, n, field in zip(names, numbers, companies.industry.tolist(), strict=True)
    ]


def _companies_by_number(people: People, reference: Reference) -> dict[int, tuple[str, str, str]]:
    """Name, domain and description of each employer of these people."""
    numbers = np.unique(people.company)
    companies = CompanySet(seed=people.seed, number=numbers, reference=reference)
    names = companies.names()
    texts = descriptions(companies, names, reference)
    return dict(zip(numbers.tolist(), zip(names, companies.domains(names), texts, strict=True), strict=True))


def _word(vocabulary: tuple[str, ...], code: int) -> str:
    return vocabulary[code - 1] if code else ""


def _sha256(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()
