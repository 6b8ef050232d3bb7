"""The client of the Audience Labs contract: audiences, vocabularies, enrichment, pixels, segments, health.

Synchronous and thread-safe. One `AudienceLab` serves a whole process (`provider()`); `for_workspace` gives the same
connection with calls recorded under a workspace. Every method raises `ProviderError` (errors.py) and nothing else;
section numbers are those of the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from cursive_app.errors import Invalid
from cursive_app.integrations.audiencelab import vocabulary
from cursive_app.integrations.audiencelab.connection import LIST_PAGE_SIZE
from cursive_app.integrations.audiencelab.enrichments import EnrichmentCalls
from cursive_app.integrations.audiencelab.errors import ProviderError, ProviderProtocolError, ProviderRefused
from cursive_app.integrations.audiencelab.pixels import PixelCalls
from cursive_app.integrations.audiencelab.records import normalize
from cursive_app.integrations.audiencelab.results import (
    Attribute,
    AudiencePage,
    Page,
    Preview,
    page_of,
    rows_of,
)
from cursive_app.integrations.audiencelab.values import flat, text

MAX_LIST_PAGES = 100  # audiences to look a name up in; 399 were seen on one account
PREVIEW_LIMIT_RANGE = (0, 500)


class AudienceLab(EnrichmentCalls, PixelCalls):
    """One account at the provider; see `Connection` for how it is made."""

    # Audiences (§2)

    def preview(
        self,
        *,
        filters: Mapping[str, Any],
        days_back: int = 7,
        limit: int = 25,
        segment: Sequence[str] | None = None,
    ) -> Preview:
        """A sample of up to `limit` people (§2.3). Its size says nothing about how many people match.

        With a segment the filters are not sent: some accounts refuse both together, so the sample is the segment's and
        the caller checks it against the filters. Raises Invalid for a limit or look-back outside the contract.
        """
        _check_range("limit", limit, PREVIEW_LIMIT_RANGE)
        _check_range("days_back", days_back, vocabulary.DAYS_BACK_RANGE)
        body: dict[str, Any] = {"days_back": days_back, "limit": limit}
        if segment:
            body["segment"] = list(segment)
        elif filters:
            body["filters"] = without_empty(filters)
        # A preview makes nothing at the provider, so it is the one POST that may be repeated.
        answer = self._with_prefix_retry(
            body, lambda sent: self._send("POST", "/audiences/preview", body=sent, repeatable=True)
        )
        people = tuple(normalize(row) for row in rows_of(answer))
        coverage = answer.get("field_coverage") if isinstance(answer, Mapping) else None
        numbers = {
            str(name).lower(): float(share)
            for name, share in (coverage if isinstance(coverage, Mapping) else {}).items()
            if isinstance(share, int | float)
        }
        return Preview(people=people, sample_size=len(people), field_coverage=numbers)

    def create_audience(
        self,
        *,
        name: str,
        filters: Mapping[str, Any],
        segment: Sequence[str] | None = None,
        days_back: int | None = None,
    ) -> str:
        """Start building an audience and return its id (§2.2). `name` must be unique: it is how a creation whose answer
        was lost is found again, here and by the caller after a crash (`find_audience`).
        """
        body: dict[str, Any] = {"name": name, "filters": without_empty(filters)}
        if segment:
            body["segment"] = list(segment)
        if days_back is not None:
            body["days_back"] = days_back
        try:
            answer = self._with_prefix_retry(body, lambda sent: self._send("POST", "/audiences", body=sent))
            return _id_of(answer, "audienceId", "audience_id", "id")
        except ProviderError as error:
            if not error.uncertain:
                raise
            found = self.find_audience(name=name)
            if found is None:
                raise
            return found

    def create_custom_audience(self, *, topic: str, description: str) -> None:
        """Ask for an audience about a topic (§2.7). The provider names no id: it appears as a new row of the list."""
        self._send("POST", "/audiences/custom", body={"topic": topic, "description": description})

    def audiences(self, *, page: int = 1, page_size: int = 100) -> Page:
        """One page of the account's audiences: id, name and refresh settings; no sizes or states exist (§2.1)."""
        return page_of(self._get("/audiences", page=page, page_size=page_size), page=page)

    def find_audience(self, *, name: str) -> str | None:
        """The id of the audience with exactly this name, or None."""
        for page in range(1, MAX_LIST_PAGES + 1):
            with self._pacing.page("audiences", page=page):
                found = self.audiences(page=page, page_size=LIST_PAGE_SIZE)
            for row in found.rows:
                if row.get("name") == name:
                    return _id_of(row, "id", "audienceId")
            if found.is_last:
                return None
        return None

    def audience_page(self, audience_id: str, *, page: int) -> AudiencePage:
        """One page of records, 1-indexed (§2.4). `ready` is False while the audience is being built; an audience that
        found nobody looks the same for ever, so the caller's schedule decides when that means "nobody".
        """
        path = f"/audiences/{quote(audience_id, safe='')}"
        with self._pacing.page(audience_id, page=page):
            body = self._get(path, template="/audiences/{id}", page=page, page_size=self._page_size)
        says_no_data = isinstance(body, Mapping) and (flat(body.get("status")) or "").casefold() == "no data"
        found = page_of(body, page=page)
        if not found.rows and not says_no_data and found.total is None:
            raise ProviderProtocolError  # neither records, nor a count of none, nor "no data"
        ready = bool(found.rows) or (page > 1 and not says_no_data)
        total = found.total if ready else None
        return AudiencePage(
            ready=ready,
            records=found.rows,
            total=total,
            page=page,
            is_last=ready and found.is_last,
            capped=total is not None and total >= vocabulary.AUDIENCE_CAP,
        )

    def delete_audience(self, audience_id: str) -> None:
        """Delete; one that is gone already counts as done (§2.5)."""
        self._delete("/audiences/{id}", audience_id)
        self._pacing.forget(audience_id)

    def attributes(self, name: str) -> tuple[Attribute, ...]:
        """A whole vocabulary: segments, industries, departments, seniority, sic (§2.6). Large; fetch it daily."""
        body = self._get(f"/audiences/attributes/{quote(name, safe='')}", template="/audiences/attributes/{name}")
        inner = body.get("attributes", body) if isinstance(body, Mapping) else body
        inner = inner.get(name, inner) if isinstance(inner, Mapping) else inner
        raw = inner.get("data", []) if isinstance(inner, Mapping) else inner
        found = [_attribute_of(item) for item in raw] if isinstance(raw, list) else []
        attributes = tuple(item for item in found if item is not None)
        if name == "segments":
            self._segment_is_b2b.update({item.id: item.b2b for item in attributes if item.b2b is not None})
        return attributes

    def segment_page(self, segment_id: str, *, page: int, page_size: int = 500) -> Page:
        """One page of a house segment's records (§6)."""
        path = f"/segments/{quote(segment_id, safe='')}"
        with self._pacing.page(segment_id, page=page):
            body = self._get(path, template="/segments/{id}", page=page, page_size=page_size)
        found = page_of(body, page=page)
        if isinstance(body, Mapping) and body.get("has_more") is False:
            return Page(found.rows, found.total, page, is_last=True)
        return found

    def _with_prefix_retry(self, body: dict[str, Any], send: Callable[[dict[str, Any]], Any]) -> Any:
        """Send; if bare segment ids were refused, once more with the prefix their kind demands (§2.2)."""
        try:
            return send(body)
        except ProviderRefused:
            bare = [segment for segment in body.get("segment", []) if segment.isdigit()]
            if not bare or not self._segment_prefix_retry:
                raise
            if not all(segment in self._segment_is_b2b for segment in bare):
                self.attributes("segments")
            if not all(segment in self._segment_is_b2b for segment in bare):
                raise
            return send({**body, "segment": [self._prefixed(segment) for segment in body["segment"]]})

    def _prefixed(self, segment: str) -> str:
        if not segment.isdigit():
            return segment
        return f"{'b2b' if self._segment_is_b2b[segment] else 'b2c'}_{segment}"


def without_empty(filters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters without empty arrays and groups, which the provider refuses (§2.2)."""
    kept: dict[str, Any] = {}
    for name, value in filters.items():
        inner = without_empty(value) if isinstance(value, Mapping) else value
        if inner is None or inner in ({}, [], ()):
            continue
        kept[name] = list(inner) if isinstance(inner, tuple) else inner
    return kept


def _check_range(name: str, value: int, allowed: tuple[int, int]) -> None:
    if not allowed[0] <= value <= allowed[1]:
        raise Invalid(fields={name: f"Choose a number from {allowed[0]} to {allowed[1]}."})


def _id_of(body: Any, *names: str) -> str:
    found = (
        next((text(body.get(name)) for name in names if body.get(name)), None) if isinstance(body, Mapping) else None
    )
    if found is None:
        raise ProviderProtocolError
    return found


def _attribute_of(item: Any) -> Attribute | None:
    if isinstance(item, str):
        return Attribute(id=item, name=item, b2b=None)
    if not isinstance(item, Mapping):
        return None
    name = flat(item.get("name"))
    identity = flat(item.get("id")) or name
    if identity is None:
        return None
    b2b = item.get("b2b")
    return Attribute(id=identity, name=name or identity, b2b=b2b if isinstance(b2b, bool) else None)
