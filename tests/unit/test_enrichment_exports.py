"""Lists as other programs export them are understood without a choice of the customer's (ENR-02, ENR-03).

The files in tests/data/exports have the layout of what each program writes, and invented people.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cursive_app.services.enrichment.mapping import guess_mapping
from cursive_app.services.enrichment.understanding import Source, understand_csv

EXPORTS = Path(__file__).parents[1] / "data" / "exports"
FIELDS_OF = {
    "linkedin_connections": {
        "First Name": "first_name",
        "Last Name": "last_name",
        "URL": "linkedin_url",
        "Email Address": "email",
        "Company": "company_name",
        "Position": "job_title",
    },
    "apollo": {
        "First Name": "first_name",
        "Last Name": "last_name",
        "Title": "job_title",
        "Company": "company_name",
        "Email": "email",
        "Mobile Phone": "phone",
        "Industry": "industry",
        "Person Linkedin Url": "linkedin_url",
        "Website": "company_domain",
        "City": "city",
        "State": "state",
        "Secondary Email": "personal_email",
    },
    "zoominfo": {
        "Last Name": "last_name",
        "First Name": "first_name",
        "Job Title": "job_title",
        "Email Address": "email",
        "Mobile phone": "phone",
        "LinkedIn Contact Profile URL": "linkedin_url",
        "Company Name": "company_name",
        "Website": "company_domain",
        "Person City": "city",
        "Person State": "state",
        "Person Zip Code": "zip",
        "Primary Industry": "industry",
        "Person Street": "address",
    },
    "hubspot": {
        "First Name": "first_name",
        "Last Name": "last_name",
        "Email": "email",
        "Phone Number": "phone",
        "Job Title": "job_title",
        "Company Name": "company_name",
        "Website URL": "company_domain",
        "City": "city",
        "State/Region": "state",
        "Postal Code": "zip",
        "Street Address": "address",
    },
    "salesforce_report": {
        "First Name": "first_name",
        "Last Name": "last_name",
        "Title": "job_title",
        "Account Name": "company_name",
        "Mailing Street": "address",
        "Mailing City": "city",
        "Mailing State/Province": "state",
        "Mailing Zip/Postal Code": "zip",
        "Phone": "phone",
        "Email": "email",
    },
    "salesforce_data_export": {
        "LastName": "last_name",
        "FirstName": "first_name",
        "MailingStreet": "address",
        "MailingCity": "city",
        "MailingState": "state",
        "MailingPostalCode": "zip",
        "Phone": "phone",
        "Email": "email",
        "Title": "job_title",
    },
    "google_contacts": {
        "First Name": "first_name",
        "Last Name": "last_name",
        "Organization Name": "company_name",
        "Organization Title": "job_title",
        "E-mail 1 - Value": "email",
        "Phone 1 - Value": "phone",
        "Address 1 - Street": "address",
        "Address 1 - City": "city",
        "Address 1 - Region": "state",
        "Address 1 - Postal Code": "zip",
        "Website 1 - Value": "company_domain",
    },
    "google_contacts_before_2024": {
        "Given Name": "first_name",
        "Family Name": "last_name",
        "E-mail 1 - Value": "email",
        "Phone 1 - Value": "phone",
        "Organization 1 - Name": "company_name",
        "Organization 1 - Title": "job_title",
        "Address 1 - City": "city",
    },
    "outlook_contacts": {
        "First Name": "first_name",
        "Last Name": "last_name",
        "E-mail Address": "email",
        "Company": "company_name",
        "Job Title": "job_title",
        "Home Street": "address",
        "Home City": "city",
        "Home State": "state",
        "Home Postal Code": "zip",
        "Mobile Phone": "phone",
        "Web Page": "company_domain",
    },
    "mailchimp": {
        "Email Address": "email",
        "First Name": "first_name",
        "Last Name": "last_name",
        "Phone Number": "phone",
        "Address": "address",
        "Company": "company_name",
        "REGION": "state",
    },
    "shopify": {
        "First Name": "first_name",
        "Last Name": "last_name",
        "Email": "email",
        "Phone": "phone",
        "Default Address Address1": "address",
        "Default Address City": "city",
        "Default Address Province Code": "state",
        "Default Address Zip": "zip",
        "Default Address Company": "company_name",
    },
    "stripe": {
        "Email": "email",
        "Name": "full_name",
    },
    "phantombuster": {
        "firstName": "first_name",
        "lastName": "last_name",
        "companyName": "company_name",
        "title": "job_title",
        "industry": "industry",
        "linkedInProfileUrl": "linkedin_url",
    },
    "pipedrive": {
        "Person - Name": "full_name",
        "Person - Organization": "company_name",
        "Person - Email - Work": "business_email",
        "Person - Email - Home": "personal_email",
        "Person - Phone - Work": "phone",
    },
    "zoho": {
        "Company": "company_name",
        "First Name": "first_name",
        "Last Name": "last_name",
        "Designation": "job_title",
        "Email": "email",
        "Phone": "phone",
        "Website": "company_domain",
        "Industry": "industry",
        "Street": "address",
        "City": "city",
        "State": "state",
        "Zip Code": "zip",
        "Secondary Email": "personal_email",
    },
    "eventbrite": {
        "First Name": "first_name",
        "Surname": "last_name",
        "Email": "email",
        "Mobile Phone": "phone",
        "Job Title": "job_title",
        "Company": "company_name",
        "Home City": "city",
        "Home Postcode": "zip",
        "Home Address 1": "address",
    },
    "calendly": {
        "Invitee First Name": "first_name",
        "Invitee Last Name": "last_name",
        "Invitee Email": "email",
    },
    "zoom_attendees": {
        "First Name": "first_name",
        "Last Name": "last_name",
        "Email": "email",
        "Job Title": "job_title",
        "Organization": "company_name",
        "Phone": "phone",
    },
    "woocommerce": {
        "user_email": "email",
        "first_name": "first_name",
        "last_name": "last_name",
        "billing_phone": "phone",
    },
    "german": {
        "Vorname": "first_name",
        "Nachname": "last_name",
        "Firma": "company_name",
        "Position": "job_title",
        "E-Mail": "email",
        "Telefon": "phone",
        "Straße": "address",
        "PLZ": "zip",
        "Ort": "city",
        "Webseite": "company_domain",
        "Branche": "industry",
        "Bundesland": "state",
    },
    "french": {
        "Prénom": "first_name",
        "Nom": "last_name",
        "Société": "company_name",
        "Fonction": "job_title",
        "Adresse e-mail": "email",
        "Téléphone": "phone",
        "Adresse": "address",
        "Code postal": "zip",
        "Ville": "city",
        "Site web": "company_domain",
        "Secteur d'activité": "industry",
        "Région": "state",
    },
    "spanish": {
        "Nombre": "first_name",
        "Apellidos": "last_name",
        "Empresa": "company_name",
        "Cargo": "job_title",
        "Correo electrónico": "email",
        "Teléfono": "phone",
        "Dirección": "address",
        "Código postal": "zip",
        "Ciudad": "city",
        "Provincia": "state",
        "Sitio web": "company_domain",
        "Sector": "industry",
    },
    "facebook_lead_ads": {
        "email": "email",
        "full_name": "full_name",
        "phone_number": "phone",
        "company_name": "company_name",
        "job_title": "job_title",
    },
    "activecampaign": {
        "Email": "email",
        "First Name": "first_name",
        "Last Name": "last_name",
        "Phone": "phone",
        "Organization": "company_name",
        "Job Title": "job_title",
    },
    "clay": {
        "First Name": "first_name",
        "Last Name": "last_name",
        "Job Title": "job_title",
        "Company Domain": "company_domain",
        "LinkedIn Profile": "linkedin_url",
        "Work Email": "business_email",
        "Final Email": "email",
    },
    "seamless": {
        "First Name": "first_name",
        "Last Name": "last_name",
        "Title": "job_title",
        "Email 1": "email",
        "Personal Email": "personal_email",
        "Contact Phone 1": "phone",
        "Contact LI Profile URL": "linkedin_url",
        "Contact City": "city",
        "Contact State": "state",
        "Company Name": "company_name",
        "Website": "company_domain",
        "Company Industry": "industry",
    },
    "lemlist": {
        "email": "email",
        "firstName": "first_name",
        "lastName": "last_name",
        "companyName": "company_name",
        "jobTitle": "job_title",
        "phone": "phone",
        "linkedinUrl": "linkedin_url",
        "companyDomain": "company_domain",
    },
}
"""Of each file, the columns that are looked up. All others are kept as they are."""


@pytest.mark.parametrize("name", sorted(path.stem for path in EXPORTS.glob("*.csv")))
def test_an_export_is_understood_as_it_is(name: str) -> None:
    understood = understand_csv(Source(kind="csv"), head=(EXPORTS / f"{name}.csv").read_bytes(), is_whole=True)
    found = {understood.columns[int(place)]["name"]: field for place, field in understood.mapping.items()}
    assert found == FIELDS_OF[name]


def fields_of(**columns: list[str]) -> dict[str, str]:
    names = [name.replace("_", " ") for name in columns]
    return {names[place]: guess.field for place, guess in guess_mapping(names, list(columns.values())).items()}


PEOPLE = ["Dana Testperson", "Sam van Sample", "Robin Example", "Kim Placeholder"]
FIRST = [name.split()[0] for name in PEOPLE]
ADDRESSES = [f"{name.lower()}@acme.example" for name in FIRST]
REP = ["rep@ours.example"] * 4


def test_a_link_to_a_profile_is_no_website() -> None:
    profiles = [f"https://www.linkedin.com/in/{name.lower()}-testperson" for name in FIRST]
    assert fields_of(Name=PEOPLE, URL=profiles) == {"Name": "full_name", "URL": "linkedin_url"}
    assert fields_of(Name=PEOPLE, Website=profiles) == {"Name": "full_name", "Website": "linkedin_url"}
    pages = [f"https://www.linkedin.com/company/{name.lower()}" for name in FIRST]
    assert fields_of(Name=PEOPLE, Company_URL=pages) == {"Name": "full_name"}


def test_the_address_of_a_colleague_is_not_the_persons() -> None:
    assert fields_of(User_Email=REP, Invitee_Email=ADDRESSES) == {"Invitee Email": "email"}
    assert fields_of(User_Email=ADDRESSES) == {"User Email": "email"}
    mixed = ["a@ours.example", "b@ours.example", "c@ours.example", "d@ours.example"]
    for header in ("Contact_Owner", "Account_manager", "Assigned_to_rep", "Created_by"):
        assert fields_of(**{header: mixed}) == {}, header
    assert fields_of(Hiring_manager=mixed) == {"Hiring manager": "email"}, "may be whom the list is about"
    few = [f"{'ab'[n % 2]}@ours.example" for n in range(40)]
    assert fields_of(Login=few) == {}
    assert fields_of(Column_1=few) == {"Column 1": "email"}, "nothing else can say it"
    orders = [f"{name}@acme.example" for name in "abcdefghij" for _ in range(4)]
    assert fields_of(Login=orders) == {"Login": "email"}, "people with several orders"
    assert fields_of(Login=REP) == {}, "one address for all people is nobody's of them"
    assert fields_of(Login=mixed) == {"Login": "email"}


def test_of_several_columns_the_filled_one_is_looked_up() -> None:
    numbers = [f"+1 415-555-010{n}" for n in range(4)]
    assert fields_of(Home_Phone=[], Mobile_Phone=numbers) == {"Mobile Phone": "phone"}
    assert fields_of(Phone=numbers[:1] * 2, Mobile_Phone=numbers * 4) == {"Mobile Phone": "phone"}
    assert fields_of(Phone=numbers[:1], Mobile_Phone=numbers) == {"Phone": "phone"}, "a quarter of it is enough"
    assert fields_of(Business_Phone=numbers, Mobile_Phone=numbers) == {"Mobile Phone": "phone"}, "the person's own"
    assert fields_of(Email=[], Contact_Owner=ADDRESSES) == {"Email": "email"}


def test_one_column_for_the_name_holds_all_of_it() -> None:
    assert fields_of(Nom=PEOPLE, Courriel=ADDRESSES) == {"Nom": "full_name", "Courriel": "email"}
    assert fields_of(Name=FIRST, Surname=["Testperson"] * 4) == {"Name": "first_name", "Surname": "last_name"}
    both = fields_of(Name=PEOPLE, Surname=["Testperson"] * 4)
    assert both == {"Name": "full_name", "Surname": "last_name"}
    assert fields_of(First_name=["Mary Ann", "Dana", "Sam", "Kim"]) == {"First name": "first_name"}


def test_a_title_may_stand_before_the_name() -> None:
    assert fields_of(Title=["Mr.", "Ms", "Dr.", "Mrs."], Email=ADDRESSES) == {"Email": "email"}
    assert fields_of(Title=["CEO", "CTO", "Dr."], Email=ADDRESSES) == {"Title": "job_title", "Email": "email"}
