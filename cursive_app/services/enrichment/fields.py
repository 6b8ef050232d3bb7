"""What a column can be mapped to, and under which name the provider takes it (contract §4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FieldKind = Literal["email", "sha256", "phone", "linkedin", "domain", "name", "text"]


@dataclass(frozen=True, slots=True)
class Field:
    """`key` is the provider's lower-case name; None for a full name, which is sent as first and last name. `synonyms`
    are written as `header_words.normal` writes headers: lower case, words apart."""

    name: str
    label: str
    key: str | None
    kind: FieldKind
    synonyms: tuple[str, ...] = ()


_ALL = (
    Field(
        "email", "E-mail", "email", "email",
        ("e mail", "mail", "email address", "e mail address", "mail address", "emailaddress", "contact email",
         "primary email", "email 1", "e mail 1", "correo", "correo electronico",
         "adresse e mail", "e mail adresse", "email id", "courriel", "to email"),
    ),
    Field(
        "business_email", "Business e-mail", "business_email", "email",
        ("work email", "company email", "corporate email", "professional email", "office email", "business mail",
         "work e mail", "business e mail", "b2b email", "business emails"),
    ),
    Field(
        "personal_email", "Personal e-mail", "personal_email", "email",
        ("private email", "home email", "personal e mail", "private e mail", "personal emails", "secondary email"),
    ),
    Field(
        "email_sha256", "SHA-256 of e-mail", "sha256_personal_email", "sha256",
        ("sha256", "email hash", "hashed email", "hem", "hem sha256", "sha 256", "email sha 256",
         "sha256 personal email", "hash", "email sha256 hash"),
    ),
    Field(
        "phone", "Phone", "phone", "phone",
        ("phone number", "phone no", "telephone no", "mobile no", "direct line", "telephone", "telephone number",
         "tel", "mobile", "mobile phone", "mobile number", "cell",
         "cell phone", "cellphone", "work phone", "direct phone", "direct number", "direct dial", "phone 1",
         "primary phone", "telefon", "telefono", "handy", "contact number", "business phone", "home phone"),
    ),
    Field(
        "linkedin_url", "LinkedIn profile", "linkedin_url", "linkedin",
        ("linkedin", "linked in", "linkedin profile", "linkedin link", "linkedin profile url", "person linkedin url",
         "contact linkedin", "linkedin url person", "individual linkedin url", "li url", "profile url"),
    ),
    Field(
        "first_name", "First name", "first_name", "name",
        ("firstname", "fname", "given name", "forename", "first", "vorname", "prenom", "nombre", "contact first name"),
    ),
    Field(
        "last_name", "Last name", "last_name", "name",
        ("lastname", "lname", "surname", "family name", "last", "nachname", "nom", "apellido", "contact last name"),
    ),
    Field(
        "full_name", "Full name", None, "name",
        ("name", "fullname", "contact name", "person name", "contact", "person", "lead name", "customer name",
         "display name", "your name"),
    ),
    Field(
        "company_name", "Company", "company_name", "text",
        ("company", "organization", "organisation", "organization name", "employer", "account", "account name",
         "business name", "firm", "firma", "unternehmen", "empresa", "current company", "entreprise",
         "current employer", "associated company"),
    ),
    Field(
        "company_domain", "Company domain", "company_domain", "domain",
        ("domain", "website", "web site", "company website", "company url", "homepage",
         "website url", "company web", "web page", "web address", "domain name", "organization website"),
    ),
    Field(
        "job_title", "Job title", "job_title", "text",
        ("title", "position", "role", "job", "job position", "jobtitle", "current title", "occupation", "puesto",
         "designation", "organization title", "professional title", "current position", "job role"),
    ),
    Field(
        "address", "Street address", "personal_address", "text",
        ("street", "address 1", "address line 1", "street address", "home address", "mailing address", "address1",
         "personal address", "adresse", "strasse", "direccion"),
    ),
    Field("city", "City", "personal_city", "text", ("town", "personal city", "home city", "stadt", "ciudad", "ville")),
    Field(
        "state", "State", "personal_state", "text",
        ("region", "province", "state province", "personal state", "state code", "us state",
         "state region", "province code", "state province code"),
    ),
    Field(
        "zip", "ZIP code", "personal_zip", "text",
        ("zip code", "zipcode", "postal code", "postcode", "postalcode", "personal zip", "plz", "post code",
         "zip postal code"),
    ),
    Field(
        "industry", "Industry", "company_industry", "text",
        ("sector", "company industry", "branche", "vertical", "industria"),
    ),
    Field("up_id", "Provider id", "up_id", "text", ("upid", "provider id")),
)  # fmt: skip

FIELDS: dict[str, Field] = {field.name: field for field in _ALL}
"""By name, in the order a list of choices shows them."""

EMAIL_FIELDS = ("email", "business_email", "personal_email")
"""In the order in which they name a person."""

NOBODY = "No column identifies a person: add an e-mail, phone, LinkedIn or name + company domain."


def identifies(mapped: set[str]) -> bool:
    """Whether columns mapped to these fields can name a person (contract §4.1)."""
    if mapped & {*EMAIL_FIELDS, "email_sha256", "phone", "linkedin_url", "up_id"}:
        return True
    return "company_domain" in mapped and ({"first_name", "last_name"} <= mapped or "full_name" in mapped)
