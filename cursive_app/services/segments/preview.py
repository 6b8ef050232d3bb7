"""A free look at a provider segment before anything is spent (SEG-06, SEG-07).

The provider's preview is a sample: its size says nothing about how many people there are (contract §2.3), so no total
is shown or priced. Names are masked. Preview rows are slim: where one does not carry a field, the condition on it is
reported as "cannot tell", never as a match.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from cursive_app.clock import now
from cursive_app.errors import Invalid
from cursive_app.integrations.audiencelab import AudienceLab, Person, Preview, ProviderRefused
from cursive_app.services import leads, limits
from cursive_app.services.accounts import Permission, require
from cursive_app.services.segments.compile_provider import Narrowing, narrowing
from cursive_app.services.segments.delivery import why_ignored
from cursive_app.services.segments.fields import FIELDS
from cursive_app.services.segments.filters import Filters, parse, require_runnable
from cursive_app.services.segments.match import matches, person_values
from cursive_app.services.segments.refusals import refused_field
from cursive_app.settings import settings
from db.scope import Tenant

SAMPLE = 100
SHOWN = 25
PREVIEWS = limits.Rate(name="segments.preview", limit=30, period=timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One masked person. `fits`: satisfies every condition, fails one, or (None) the sample does not say."""

    name: str
    job_title: str | None
    company: str | None
    place: str | None
    has_email: bool
    has_verified_email: bool
    has_phone: bool
    has_linkedin: bool
    fits: bool | None
    owned: bool


@dataclass(frozen=True, slots=True)
class PreviewView:
    """A sample of `sample_size` people: how many fit, and how many of those are the workspace's own or new to it.

    `narrowed`: what the provider narrows by; `checked`: conditions only Cursive checks, before charging; `dropped`:
    what the provider refused to narrow by this time. `ignored`: why a run would refuse to bill, or None.
    """

    sample_size: int
    fits: int
    fails: int
    unknown: int
    owned: int
    new: int
    rows: tuple[PreviewRow, ...]
    narrowed: tuple[str, ...]
    checked: tuple[str, ...]
    dropped: tuple[str, ...]
    ignored: str | None
    price_each: Decimal
    at: datetime


def preview_segment(tenant: Tenant, filters: object, *, provider: AudienceLab) -> PreviewView:
    """Ask the provider for a sample. Free; 30 a minute per workspace.

    Raises Invalid, RateLimited, UpstreamFailed, Forbidden.
    """
    require(tenant, Permission.VIEW_SEGMENTS)
    read = filters.complete() if isinstance(filters, Filters) else parse(filters)
    if read.scope != "provider":
        raise Invalid(fields={"scope": "A preview is for the people database; your own leads are counted exactly."})
    require_runnable(read)
    narrowing(read)  # refuse before counting against the limit
    limits.require(tenant, PREVIEWS)
    sample, sent, dropped = _ask(read, provider.for_workspace(tenant.workspace_id))
    with tenant.begin() as scope:
        owned = leads.owned(scope, sample.people)
    return _view(read, sample.people, owned, sent, dropped)


def _ask(filters: Filters, lab: AudienceLab) -> tuple[Preview, Narrowing, dict[str, str]]:
    """The sample; without the filters the provider refuses, as a run would do it."""
    dropped: dict[str, str] = {}
    while True:
        sent = narrowing(filters, without=dropped)
        try:
            return lab.preview(filters=sent.filters, limit=SAMPLE), sent, dropped
        except ProviderRefused as error:
            refused = refused_field(sent, error)
            if refused is None:
                raise
            dropped[FIELDS[refused].member or ""] = FIELDS[refused].noun


def _view(
    filters: Filters,
    people: tuple[Person, ...],
    owned: list[UUID | None],
    sent: Narrowing,
    dropped: Mapping[str, str],
) -> PreviewView:
    values = [person_values(person, slim=True) for person in people]
    answers = [matches(filters, one) for one in values]
    rows = [
        _row(person, one, fits, lead is not None)
        for person, one, fits, lead in zip(people, values, answers, owned, strict=True)
    ]
    fits = sum(answer is True for answer in answers)
    mine = sum(answer is True and lead is not None for answer, lead in zip(answers, owned, strict=True))
    return PreviewView(
        sample_size=len(people),
        fits=fits,
        fails=sum(answer is False for answer in answers),
        unknown=sum(answer is None for answer in answers),
        owned=mine,
        new=fits - mine,
        rows=tuple(sorted(rows, key=lambda row: (row.fits is False, row.fits is None))[:SHOWN]),
        narrowed=sent.narrowed,
        checked=sent.checked,
        dropped=tuple(dropped.values()),
        ignored=why_ignored(sent.sent, values),
        price_each=settings().database_lead_price,
        at=now(),
    )


def _row(person: Person, values: Mapping[str, object], fits: bool | None, owned: bool) -> PreviewRow:
    place = ", ".join(part for part in (person.city, person.state) if part)
    return PreviewRow(
        name=mask(person.first_name, person.last_name),
        job_title=person.job_title,
        company=person.company_name,
        place=place or None,
        has_email=bool(values["has_email"]),
        has_verified_email=bool(values["has_verified_email"]),
        has_phone=bool(values["has_phone"]),
        has_linkedin=bool(values["has_linkedin"]),
        fits=fits,
        owned=owned,
    )


def mask(first: str | None, last: str | None) -> str:
    """ "Dana Testperson" is "D. T." until she is delivered."""
    initials = [f"{name[0].upper()}." for name in (first, last) if name]
    return " ".join(initials) or "Name not known"
