"""The enrichment half of the client: single look-ups (§3) and batch jobs (§4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from cursive_app.errors import Invalid
from cursive_app.integrations.audiencelab.connection import LIST_PAGE_SIZE, Connection
from cursive_app.integrations.audiencelab.downloads import result_address, stream_rows
from cursive_app.integrations.audiencelab.errors import (
    ProviderError,
    ProviderNotFound,
    ProviderNotWanted,
    ProviderProtocolError,
    ProviderRefused,
)
from cursive_app.integrations.audiencelab.records import Person, normalize
from cursive_app.integrations.audiencelab.results import Enrichment, Match, enrichment_of, page_of, rows_of, total_of
from cursive_app.integrations.audiencelab.values import person_name, phone, text

ENRICH_FILTERS = ("email", "first_name", "last_name", "phone", "company_domain", "address", "city", "state", "zip")
BATCH_COLUMNS = (
    "EMAIL", "PERSONAL_EMAIL", "BUSINESS_EMAIL", "FIRST_NAME", "LAST_NAME", "PHONE", "PERSONAL_ADDRESS",
    "PERSONAL_CITY", "PERSONAL_STATE", "PERSONAL_ZIP", "COMPANY_NAME", "COMPANY_DOMAIN", "COMPANY_INDUSTRY",
    "SHA256_PERSONAL_EMAIL", "LINKEDIN_URL", "UP_ID", "JOB_TITLE",
)  # fmt: skip
_MAX_JOB_PAGES = 100


class EnrichmentCalls(Connection):
    """Enrichment calls of one account."""

    def enrich(
        self, *, filter: Mapping[str, str], fields: Sequence[str] | None = None, is_or_match: bool = False
    ) -> Match:
        """Look one person up; the best match first (§3). Nobody found is an answer, not an error.

        Raises Invalid when what is given is too little to name one person.
        """
        given = {name: cleaned for name, value in filter.items() if (cleaned := _said(name, value))}
        _check_identifying(given)
        body: dict[str, Any] = {"filter": given, "is_or_match": is_or_match}
        if fields:
            body["fields"] = list(fields)
        answer = self._send("POST", "/enrich", body=body)
        people = [normalize(row) for row in rows_of(answer)]
        people.sort(key=lambda person: _closeness(person, given), reverse=True)
        found = total_of({"count": answer.get("found")}) if isinstance(answer, Mapping) else None
        return Match(found=len(people) if found is None else found, people=tuple(people))

    def create_enrichment(
        self, *, name: str, records: Sequence[Mapping[str, str]], operator: Literal["OR", "AND"] = "OR"
    ) -> Enrichment:
        """Start a batch job (§4.1). Records have lower-case keys; empty values are left out. `name` must be unique: a
        job whose answer was lost is found again by it.

        Raises Invalid for a key the provider does not know.
        """
        sent = [{key: value for key, item in record.items() if (value := _said(key, item))} for record in records]
        columns = sorted({key.upper() for record in sent for key in record})
        unknown = [column for column in columns if column not in BATCH_COLUMNS]
        if unknown or not columns:
            raise Invalid(
                fields={"columns": f"These columns cannot be looked up: {', '.join(unknown) or 'none given'}."}
            )
        body = {"name": name, "records": sent, "operator": operator, "columns": columns}
        try:
            answer = self._send("POST", "/enrichments", body=body)
            if not isinstance(answer, Mapping):
                raise ProviderProtocolError
            return enrichment_of({"name": name, **answer})
        except ProviderError as error:
            if not error.uncertain:
                raise
            found = self.find_enrichment(name=name)
            if found is None:
                raise
            return found

    def enrichments(self, *, page: int = 1, page_size: int = 100) -> tuple[Enrichment, ...]:
        """One page of the account's batch jobs (§4.2); empty after the last."""
        body = self._get("/enrichments", page=page, page_size=page_size)
        return tuple(enrichment_of(row) for row in rows_of(body))

    def enrichment(self, job_id: str) -> Enrichment:
        """One batch job, by its own address or, where that is refused, from the list (§4.3).

        Raises ProviderNotFound when the job is in neither.
        """
        try:
            body = self._get(f"/enrichments/{quote(job_id, safe='')}", template="/enrichments/{id}")
            if isinstance(body, Mapping):
                inner = body.get("data")
                return enrichment_of({"id": job_id, **(inner if isinstance(inner, Mapping) else body)})
        except (ProviderNotFound, ProviderRefused):
            pass
        for job in self._all_enrichments():
            if job.id == job_id:
                return job
        raise ProviderNotFound

    def find_enrichment(self, *, name: str) -> Enrichment | None:
        """The batch job with exactly this name, or None."""
        return next((job for job in self._all_enrichments() if job.name == name), None)

    def download_enrichment(self, result_url: str, **limits: Any) -> Iterator[dict[str, str]]:
        """The result's rows, streamed; header name to text (§4.5). `limits`: `max_packed_bytes`, `max_unpacked_bytes`.

        Raises ProviderProtocolError for a link outside the provider's stores and for an oversize or damaged file.
        """
        address = result_address(result_url, base_url=self._transport.base_url, also=self._result_hosts)
        if self._wanted is not None and not self._wanted():
            raise ProviderNotWanted
        return stream_rows(address, timeout_seconds=self._timeout_seconds, **limits)

    def _all_enrichments(self) -> Iterator[Enrichment]:
        for page in range(1, _MAX_JOB_PAGES + 1):
            with self._pacing.page("enrichments", page=page):
                found = page_of(self._get("/enrichments", page=page, page_size=LIST_PAGE_SIZE), page=page)
            yield from (enrichment_of(row) for row in found.rows)
            if found.is_last:
                return


def _said(key: str, item: str) -> str | None:
    return person_name(item) if key in ("first_name", "last_name") else text(item)


def _check_identifying(given: Mapping[str, str]) -> None:
    unknown = [name for name in given if name not in ENRICH_FILTERS]
    if unknown:
        raise Invalid(fields={unknown[0]: f"People cannot be looked up by {unknown[0].replace('_', ' ')}."})
    named = "first_name" in given and "last_name" in given
    placed = "company_domain" in given or ("address" in given and "zip" in given)
    if not ("email" in given or "phone" in given or (named and placed)):
        raise Invalid(
            "Give an e-mail address, a phone number, or a full name with a company domain or a postal address."
        )


def _closeness(person: Person, given: Mapping[str, str]) -> tuple[bool, bool, bool, int]:
    """Exact address, exact phone, same name, then how much is known."""
    number = phone(given.get("phone"))
    known = sum(
        value not in (None, (), {}) for value in (person.emails, person.phones, person.company_name, person.state)
    )
    return (
        any(email.address == given.get("email", "").casefold() for email in person.emails),
        number is not None and any(found.e164 == number for found in person.phones),
        (person.first_name or "").casefold() == given.get("first_name", "").casefold()
        and (person.last_name or "").casefold() == given.get("last_name", "").casefold(),
        known,
    )
