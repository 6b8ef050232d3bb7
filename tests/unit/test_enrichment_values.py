"""One cell of a list: what is read of it, however people and programs write it (ENR-05)."""

from __future__ import annotations

import pytest

from cursive_app.services.enrichment.values import clean, read_value, split_name

MAIL_PROVIDER = "gmail.com"


@pytest.mark.parametrize(
    ("full", "first", "last"),
    [
        ("Dana Testperson", "Dana", "Testperson"),
        ("Testperson, Dana", "Dana", "Testperson"),
        ("Dr. Dana van Testperson Jr.", "Dana", "van Testperson"),
        ("Testperson, Jr.", "Testperson", None),
        ("Dana", "Dana", None),
        ("Miss Dana Esq", "Dana", None),
        ("Dana Testperson, MBA, PMP", "Dana", "Testperson"),
        ("Dana Testperson, Jr.", "Dana", "Testperson"),
        ("de la Cruz, Maria", "Maria", "de la Cruz"),
        ("TESTPERSON, DANA", "DANA", "TESTPERSON"),
        ("Testperson, JD", "JD", "Testperson"),
        ("Dana (Dee) Testperson 🚀 | Speaker", "Dana", "Testperson"),
        ("Dana Testperson - CEO", "Dana", "Testperson"),
    ],
)
def test_full_names(full: str, first: str | None, last: str | None) -> None:
    assert split_name(read_value("name", clean(full, kind="name")).value or "") == (first, last)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("Testperson, MBA", "Testperson"),
        ("Testperson-Sample", "Testperson-Sample"),
        ("O’Neil", "O’Neil"),
        ("🚀", "🚀"),
        ("(Dana)", "(Dana)"),
        ("Dana, Sam", "Dana, Sam"),
    ],
)
def test_names(cell: str, value: str) -> None:
    assert read_value("name", clean(cell, kind="name")).value == value


@pytest.mark.parametrize(
    "cell", ["/in/dana-testperson", "in/Dana-Testperson/", "https://linkedin.com/in/dana-testperson#x"]
)
def test_profiles(cell: str) -> None:
    assert read_value("linkedin", clean(cell)).value == "linkedin.com/in/dana-testperson"


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("Dana@Acme.Example ", "dana@acme.example"),
        ("mailto:dana@acme.example", "dana@acme.example"),
        ("Dana T <dana@acme.example>", "dana@acme.example"),
        ("dana@münchen.example", "dana@münchen.example"),
        ("dana@xn--mnchen-3ya.example", "dana@münchen.example"),
        ("a@b.example; c@d.example", "a@b.example"),
        ("a@b.example ::: c@d.example", "a@b.example"),
        ("'a@b.example'; 'c@d.example'", "a@b.example"),
        ("a@b.example;", "a@b.example"),
        ("'dana@acme.example'", "dana@acme.example"),
        ("'dana@acme.example", "dana@acme.example"),
        ("o'neil@acme.example", "o'neil@acme.example"),
        ("dana@acme.example (work)", "dana@acme.example"),
        ("E-Mail: dana@acme.example", "dana@acme.example"),
        ("e@acme.example", "e@acme.example"),
        ("MAILTO:dana@acme.example?subject=x", "dana@acme.example"),
        ("(dana@acme.example", None),
        ("a@b", None),
        ("a@@b.example", None),
        ("a@b.example.", None),
        ('"a b"@c.example', None),
        ("a b@c.example", None),
        ("x" * 320 + "@b.example", None),
        ("a@b..example", None),
        ("a@1.2.3.4", None),
        ("n/a", None),
    ],
)
def test_email_addresses(cell: str, value: str | None) -> None:
    assert read_value("email", clean(cell)).value == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("(512) 555-0101", "+15125550101"),
        ("1-512-555-0101 ext. 9", "+15125550101"),
        ("512-555-0101 x12", "+15125550101"),
        ("15125550101.0", "+15125550101"),
        ("+1 (000)", None),
        ("+1 (000) 000-0000", None),
        ("000-000-0000", None),
        ("123-456-7890", None),
        ("+1 512 155 0101", None),
        ("9" * 40, None),
        ("١٢٣", None),
        ("٥١٢-٥٥٥-٠١٠١", "+15125550101"),
        ("+١ (٥١٢) ٥٥٥ ٠١٠١", "+15125550101"),
        ("1-800-FLOWERS", "+18003569377"),
        ("512-CALL-NOW", "+15122255669"),
        ("1.51256E+10", None),
        ("555-0101", None),
        ("512-555-0101 / 512-555-0102", "+15125550101"),
        ("p:+15125550101", "+15125550101"),
        ("5125550101 (mobile)", "+15125550101"),
        ("512-555-0101 (work), 512-555-0102 [cell]", "+15125550101"),
        ("0044 20 7946 0958", "+442079460958"),
        ("001 512 555 0101", "+15125550101"),
        ("'+15125550101", "+15125550101"),
    ],
)
def test_phone_numbers(cell: str, value: str | None) -> None:
    assert read_value("phone", clean(cell)).value == value


@pytest.mark.parametrize(
    ("cell", "value", "code"),
    [
        ("https://www.ACME.example/team?x=1", "acme.example", None),
        ("dana@acme.example", "acme.example", None),
        ("acme.example; gmail.com", "acme.example", "several"),
        ("https://acme.example/a,b", "acme.example", None),
        ("gmail.com, aol.com", None, "domain_mailbox"),
        ("linkedin.com", "linkedin.com", None),
        ("https://www.linkedin.com/", "linkedin.com", None),
        ("https://x.com", "x.com", None),
        ("https://www.linkedin.com/company/acme", None, "domain_network"),
        ("uk.linkedin.com/in/dana", None, "domain_network"),
        ("https://facebook.com?id=3", None, "domain_network"),
        ("notlinkedin.com/in/dana", "notlinkedin.com", None),
        ("GMAIL.com", None, "domain_mailbox"),
        (f"dana@{MAIL_PROVIDER}", None, "domain_mailbox"),
        ("http://www.gmx.de/", None, "domain_mailbox"),
        ("acme", None, "domain_malformed"),
    ],
)
def test_company_domains(cell: str, value: str | None, code: str | None) -> None:
    read = read_value("domain", clean(cell))
    assert (read.value, read.code) == (value, code)
