"""Headers with a slip of the keyboard find their field; other words, however near, do not (ENR-03)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cursive_app.services.enrichment.fields import FIELDS
from cursive_app.services.enrichment.header_words import normal
from cursive_app.services.enrichment.mapping import guess_mapping
from cursive_app.services.enrichment.spelling import ALONE_FROM, OTHER_WORDS, SWAPPED_FROM

OTHERS = """
Status|State Tax|Lead Status|Status Code|Stage|Stage Code|Estate|Statement|Slate|Rate|Rating|Date|Create Date
Close Date|Fame|Game Name|Tile|Tilt|Title Case|File name|Host name|Event Name|Product Name|Load Name|List Name
Middle Name|Maiden Name|Nickname|Username|User ID|Opportunity Name|Contract|Contracts|Contract Name|Contract Number
Contact owner|Content|Amount|Discount|Account Owner|Account Site|Account Number|Parent Account|Parent Company|Employee
Employees|# Employees|Number of Employees|Persona|Personal|Person Type|Officer|Owner|Manager|County|Country
Company Country|Company Size|Company Type|Company ID|Company Phone Type|Company LinkedIn URL|Address 2|Address2
Address Line 2|Street 2|Street2|Phone 2|E-mail 2|Email Status|Email Confidence|Email Opt Out|Email Opens|Emails Sent
Phone Type|Phase|Vector|Remain|Reason|Legion|Petition|Positive|Position Start|Provider|Mobility|Residence|Vertices
Organizer|Industrial|Industry Code|Foreman|Fist|Frist|First Seen|First Touch|Last Visit|Last Contacted
Last Name Initial|Form|Size|Job Level|Job Function|Job Start Date|Department|Seniority|Founded|Founded Year
Annual Revenue|SIC Code|CIK|Ticker|Symbol|Security|GICS Sector|Headquarters Location|Billing Street|Billing City
Shipping City|Sales Region|Portal Code|Promo Code|Time Zone|Tags|Notes|Description|Record ID|Lifecycle Stage
Lead Source|Type|Score|Rank|Gender|Birthday|Fax|Page URL|Referrer URL|Image URL|Facebook URL|Twitter URL
Website Visits|Webinar|Unsubscribed|Cite|Citi|Lease|Stats|Column 3
"""
"""Names of columns as CRMs, directories and shops write them, and words near to ours; none names one of our fields."""


def field_of(header: str) -> str | None:
    guess = guess_mapping([header], [[]]).get(0)
    return guess.field if guess else None


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Webiste", "company_domain"), ("Websit", "company_domain"), ("Websitr", "company_domain"),
        ("Emial", "email"), ("E-Mial", "email"), ("Emial adress", "email"), ("Emailadress", "email"),
        ("Compnay", "company_name"), ("Compny", "company_name"), ("Comapny Name", "company_name"),
        ("Compant", "company_name"), ("Frist name", "first_name"), ("FristName", "first_name"),
        ("Fristname", "first_name"), ("Last Nmae", "last_name"), ("Surnmae", "last_name"), ("Phoen", "phone"),
        ("Telehpone", "phone"), ("Phone numer", "phone"), ("Linkdin profil", "linkedin_url"), ("Titel", "job_title"),
        ("Job tilte", "job_title"), ("Adress line 1", "address"), ("Oragnization", "company_name"),
        ("Name (first)", "first_name"), ("Company's name", "company_name"), ("E-mail addresses", "email"),
        ("Phone numbers", "phone"), ("Zip coed", "zip"), ("Stae", None), ("Nmae", None),
    ],
)  # fmt: skip
def test_a_slip_finds_its_field(header: str, field: str | None) -> None:
    assert field_of(header) == field


@pytest.mark.parametrize("header", [name for line in OTHERS.strip().splitlines() for name in line.split("|")])
def test_another_word_is_no_slip(header: str) -> None:
    assert field_of(header) is None


def swapped() -> Iterator[tuple[str, str]]:
    """Every known name with two neighbors of one of its words changed, and its field."""
    for field in FIELDS.values():
        for known in (normal(field.label), *field.synonyms):
            words = known.split()
            shortest = ALONE_FROM if len(words) == 1 else SWAPPED_FROM
            for place, word in enumerate(words):
                for at in range(len(word) - 1) if len(word) >= shortest and word.isalpha() else ():
                    slip = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
                    if slip != word and not (len(words) == 1 and slip in OTHER_WORDS):
                        yield " ".join([*words[:place], slip, *words[place + 1 :]]), field.name


def test_two_neighbors_that_changed_places_are_always_seen_through() -> None:
    seen = dict(swapped())
    assert len(seen) > 1_000
    assert {header: field_of(header) for header in seen} == seen
