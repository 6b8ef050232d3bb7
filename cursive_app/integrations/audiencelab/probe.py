"""The contract probe for the day a real key exists (contract §11): seven steps that show what the provider really does.

Nothing here costs credits of ours, and what it makes at the provider it deletes again. Step 3 needs a minute or two,
because a real provider builds audiences slowly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from cursive_app.errors import CursiveError
from cursive_app.integrations.audiencelab.client import AudienceLab
from cursive_app.integrations.audiencelab.errors import (
    ProviderAuthFailed,
    ProviderError,
    ProviderNotFound,
    ProviderProtocolError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderServerError,
    ProviderTimeout,
    ProviderUnavailable,
)
from cursive_app.integrations.audiencelab.records import Person, normalize
from cursive_app.integrations.audiencelab.results import AudiencePage, Enrichment
from cursive_app.integrations.audiencelab.vocabulary import canonical

STATE = "Texas"
SENIORITIES = ("vp", "director")
ENOUGH_MATCHES = 0.6
_SAMPLE = 20  # fewer records than this prove nothing about filters

_MEANINGS: tuple[tuple[type[ProviderError], str], ...] = (
    (ProviderAuthFailed, "the key is refused"),
    (ProviderRefused, "the request is not accepted"),
    (ProviderNotFound, "the address is not known there: is this the provider's?"),
    (ProviderRateLimited, "too many calls; the provider asks to wait"),
    (ProviderUnavailable, "not asked, because the calls before it failed"),
    (ProviderServerError, "nothing answers at this address"),
    (ProviderTimeout, "no answer in time"),
    (ProviderProtocolError, "the answer cannot be read: is this the provider's address?"),
)


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """What one step found. `detail` is one line for an operator; it never holds a person's data or a key."""

    name: str
    ok: bool
    detail: str


def probe_provider(
    base_url: str,
    api_key: str,
    *,
    ready_seconds: float = 180.0,
    poll_seconds: float | None = None,
    client: AudienceLab | None = None,
) -> Iterator[ProbeStep]:
    """Run the seven steps and yield each result as it is known. A failed step does not stop the next ones.

    `ready_seconds`: longest wait for an audience or a batch job; `poll_seconds`: pause between looks (None: 1 s at a
    local address, 10 s elsewhere).
    """
    lab = client or AudienceLab(base_url=base_url, api_key=api_key)
    pause = (
        poll_seconds
        if poll_seconds is not None
        else (1.0 if "127.0.0.1" in base_url or "localhost" in base_url else 10.0)
    )
    probe = _Probe(lab, ready_seconds=ready_seconds, poll_seconds=pause)
    for name, step in (
        ("list pixels", probe.pixels),
        ("form of segment ids", probe.segment_ids),
        ("filtered audience", probe.audience),
        ("single look-up", probe.look_up),
        ("batch of three", probe.batch),
        ("create a pixel", probe.pixel),
        ("visitor look-up, versions 3 and 4; delete the pixel", probe.visitors),
    ):
        yield _step(name, step)
    probe.clean_up()
    if client is None:
        lab.close()


def _step(name: str, run: Callable[[], tuple[bool, str]]) -> ProbeStep:
    try:
        ok, detail = run()
    except ProviderError as error:
        return ProbeStep(name, False, _in_words(error))
    except CursiveError as error:
        return ProbeStep(name, False, error.message)
    return ProbeStep(name, ok, detail)


def _in_words(error: ProviderError) -> str:
    """What a failed call means to the operator who asked."""
    words = next((text for kind, text in _MEANINGS if isinstance(error, kind)), "the call failed")
    if isinstance(error, ProviderServerError) and error.http_status:
        words = "the provider has an error of its own"
    if isinstance(error, ProviderRefused) and error.member:
        words = f"the filter {error.member} is not accepted"
    return f"{words} (HTTP {error.http_status})" if error.http_status else words


class _Probe:
    def __init__(self, lab: AudienceLab, *, ready_seconds: float, poll_seconds: float) -> None:
        self._lab = lab
        self._ready_seconds = ready_seconds
        self._poll_seconds = poll_seconds
        self._person: Person | None = None
        self._pixel_id: str | None = None

    def pixels(self) -> tuple[bool, str]:
        health = self._lab.pixels_health(max_age_seconds=0)
        if health.state in ("down", "auth_failed"):
            return False, "the key is refused" if health.state == "auth_failed" else "no answer"
        return True, f"{len(self._lab.pixels())} pixels on the first page, {health.milliseconds} ms"

    def segment_ids(self) -> tuple[bool, str]:
        segments = self._lab.attributes("segments")
        if not segments:
            return False, "the catalog is empty"
        bare = sum(segment.id.isdigit() for segment in segments)
        form = "bare numbers" if bare == len(segments) else "prefixed" if not bare else "mixed"
        flagged = sum(segment.b2b is not None for segment in segments)
        return True, f"{len(segments):,} segments, ids are {form}, {flagged:,} say whether they are business"

    def audience(self) -> tuple[bool, str]:
        filters = {"state": [STATE], "businessProfile": {"seniority": list(SENIORITIES)}}
        name = f"cursive-probe-{uuid4()}"
        audience = self._lab.create_audience(name=name, filters=filters, days_back=7)
        try:
            if self._lab.find_audience(name=name) != audience:
                return False, "the new audience is not found by its name"
            started = time.monotonic()
            page = self._built(audience)
            if page is None:
                return False, f"not built within {self._ready_seconds:g} seconds"
            people = [normalize(record) for record in page.records]
            self._person = next((person for person in people if person.primary_email and person.last_name), None)
            share = sum(map(_matches, people)) / len(people)
            enough = len(people) >= _SAMPLE
            detail = (
                f"{page.total:,} people after {time.monotonic() - started:.0f} s, {share:.0%} of {len(people)} match"
                if page.total is not None
                else f"no total, {share:.0%} of {len(people)} match"
            )
            if share < ENOUGH_MATCHES and enough:
                return False, f"{detail}: the filters are not applied"
            return True, detail if enough else f"{detail} (too few to judge the filters)"
        finally:
            with suppress(ProviderError):
                self._lab.delete_audience(audience)

    def look_up(self) -> tuple[bool, str]:
        if self._person is None or self._person.primary_email is None:
            return False, "step 3 brought nobody with an e-mail address to look up"
        hit = self._lab.enrich(filter={"email": self._person.primary_email})
        miss = self._lab.enrich(filter={"email": f"nobody-{uuid4().hex}@example.org"})
        if not hit.people or miss.people:
            return False, f"known address: {hit.found} found; unknown address: {miss.found} found"
        return True, f"known address: {hit.found} found; unknown address: none, answered without an error"

    def batch(self) -> tuple[bool, str]:
        if self._person is None or self._person.primary_email is None:
            return False, "step 3 brought nobody with an e-mail address to send"
        records: list[Mapping[str, str]] = [
            {"email": self._person.primary_email},
            {"email": f"nobody-{uuid4().hex}@example.org"},
            {"email": f"no-one-{uuid4().hex}@example.net"},
        ]
        name = f"cursive-probe-{uuid4()}"
        job = self._lab.create_enrichment(name=name, records=records)
        found = self._finished(job.id)
        listed = self._lab.find_enrichment(name=name)
        if found is None or listed is None or listed.id != job.id:
            return False, f"not finished within {self._ready_seconds:g} seconds" if found is None else "not in the list"
        if found.status == "failed" or (found.result_url is None and not found.matches_known_zero):
            return False, f"finished as {found.status} without a result"
        rows = sum(1 for _ in self._lab.download_enrichment(found.result_url)) if found.result_url else 0
        return rows >= 1, f"{rows} rows for 3 records, by its id and in the list"

    def pixel(self) -> tuple[bool, str]:
        pixel = self._lab.create_pixel(
            website_name="Contract probe",
            website_url="https://probe.example.com",
            webhook_url=f"https://probe.example.com/hooks/{uuid4().hex}",
        )
        self._pixel_id = pixel.id
        return True, f"install address {pixel.install_url}"

    def visitors(self) -> tuple[bool, str]:
        if self._pixel_id is None:
            return False, "step 6 made no pixel"
        events = self._lab.pixel_events(self._pixel_id, page_size=5)
        try:
            newer = self._lab.pixel_events(self._pixel_id, page_size=5, version="v4")
            version_4 = "works" if newer.version == "v4" else "fails, version 3 answered instead"
        except ProviderServerError:
            version_4 = "fails"
        total = "unknown" if events.page.total is None else f"{events.page.total:,}"
        self._lab.delete_pixel(self._pixel_id)
        self._pixel_id = None
        return True, f"version 3: {total} events; version 4: {version_4}; deleted"

    def clean_up(self) -> None:
        """Delete the pixel if step 7 did not; audiences were deleted where they were made."""
        if self._pixel_id is not None:
            with suppress(ProviderError):
                self._lab.delete_pixel(self._pixel_id)

    def _built(self, audience: str) -> AudiencePage | None:
        deadline = time.monotonic() + self._ready_seconds
        while not (page := self._lab.audience_page(audience, page=1)).ready:
            if time.monotonic() > deadline:
                return None
            time.sleep(self._poll_seconds)
        return page

    def _finished(self, job_id: str) -> Enrichment | None:
        deadline = time.monotonic() + self._ready_seconds
        while (job := self._lab.enrichment(job_id)).status not in ("completed", "failed"):
            if time.monotonic() > deadline:
                return None
            time.sleep(self._poll_seconds)
        return job


def _matches(person: Person) -> bool:
    return canonical("state", person.state) == canonical("state", STATE) and person.seniority in SENIORITIES
