"""Enrichment of a customer's own list: /api/v1/enrichments and what is below it; downloads.

The roadmap's paths below /api/audiencelab/batch-enrichment lead to the same use cases (`batch_enrichment.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote as percent
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import StreamingResponse

from cursive_app.api import links
from cursive_app.api.auth import tenant_of
from cursive_app.api.bodies import check_json
from cursive_app.api.csv_files import is_for_a_person, marked
from cursive_app.api.gate import idempotency_key_of
from cursive_app.api.problems import documented
from cursive_app.api.uploads import upload_of
from cursive_app.api.v1.enrichment_shapes import (
    Ceiling,
    CellChange,
    EnrichmentChange,
    EnrichmentOut,
    EnrichmentsOut,
    FieldNames,
    FillNames,
    HeadOut,
    Kind,
    LayoutChoice,
    LinkOut,
    Matching,
    NewRecords,
    Only,
    OverwriteNames,
    QuoteOut,
    ReplacedOut,
    Replacement,
    RerunRequest,
    ResumeRequest,
    RowOut,
    RowsOut,
    StartRequest,
    Status,
    UndoneOut,
    UndoRequest,
    View,
)
from cursive_app.api.v1.jobs import JobOut
from cursive_app.errors import Invalid, RateLimited
from cursive_app.services import accounts, enrichment, limits
from cursive_app.services.accounts import Permission
from cursive_app.services.enrichment import EnrichmentView
from db.scope import Tenant

Who = Annotated[Tenant, Depends(tenant_of)]
Cursor = Annotated[str | None, Query(max_length=500)]
IfMatch = Annotated[str | None, Header(description='The revision, as ETag gave it: "3".', max_length=40)]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The row's number, from 1.")]
FILE = {"schema": {"type": "string", "format": "binary"}}
BODY = {
    "parameters": [
        {
            "name": "filename",
            "in": "query",
            "description": "The name of a file that is sent as it is; Content-Disposition does as well.",
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {
        "required": True,
        "description": "A file (CSV or XLSX, also packed with gzip) as a form or as it is, or records as JSON.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "text/csv": FILE,
            "application/octet-stream": FILE,
            "application/json": {"schema": NewRecords.model_json_schema()},
        },
    },
}
OUTPUT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": dict.fromkeys(enrichment.MEDIA_TYPES.values(), FILE)}
}
router = APIRouter(prefix="/enrichments", tags=["Enrichments"])
downloads = APIRouter(include_in_schema=False)


@router.get("", summary="List enrichments")
def list_enrichments(
    tenant: Who,
    status: Annotated[list[Status] | None, Query(description="Any of these; may be repeated.")] = None,
    q: Annotated[str, Query(max_length=100, description="In the file name.")] = "",
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
) -> EnrichmentsOut:
    """The lists of the workspace, newest first."""
    with tenant.begin() as scope:
        page = enrichment.list_enrichments(scope, statuses=status or (), search=q, cursor=cursor, limit=limit)
    return EnrichmentsOut.model_validate(page)


@router.post(
    "", status_code=201, summary="Upload a list", openapi_extra=BODY, responses=documented(400, 408, 413, 415, 507)
)
def create_enrichment(tenant: Who, request: Request, response: Response) -> EnrichmentOut:
    """Send a list of people. It is read and checked in the background, free of charge: follow it with GET until
    `status` is `ready` or `refused`. Files may have 25 MB and 50,000 rows, JSON 10 MB."""
    view = new_list(tenant, request)
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{view.id}"
    return shown(response, view)


@router.get("/{enrichment_id}", summary="One enrichment")
def get_enrichment(tenant: Who, enrichment_id: UUID, response: Response) -> EnrichmentOut:
    """A list as it stands; its revision is also the ETag."""
    with tenant.begin() as scope:
        return shown(response, enrichment.get_enrichment(scope, enrichment_id))


@router.patch("/{enrichment_id}", summary="Choose layout or mapping")
def change_enrichment(
    tenant: Who, enrichment_id: UUID, body: EnrichmentChange, response: Response, if_match: IfMatch = None
) -> EnrichmentOut:
    """Say how the file is to be read, or what its columns hold. The list is checked again; an older revision is 409."""
    revision = body.revision if body.revision is not None else _revision(if_match)
    if revision is None:
        raise Invalid(fields={"revision": "Name the revision your change is based on, here or in If-Match."})
    if (body.layout is None) == (body.mapping is None):
        raise Invalid(fields={"layout": "Send either layout or mapping."})
    with tenant.begin() as scope:
        if body.layout is not None:
            view = enrichment.choose_layout(scope, enrichment_id, revision=revision, **_choices(body.layout))
        else:
            mapping = _places(body.mapping or {})
            view = enrichment.map_columns(scope, enrichment_id, revision=revision, mapping=mapping)
    return shown(response, view)


@router.delete("/{enrichment_id}", summary="Delete file and results")
def delete_files(tenant: Who, enrichment_id: UUID) -> EnrichmentOut:
    """Delete the file, its rows and what was found for them, now. What it cost stays on record."""
    with tenant.begin() as scope:
        return EnrichmentOut.model_validate(enrichment.delete_files(scope, enrichment_id))


@router.get("/{enrichment_id}/head", summary="First rows of the file")
def get_head(tenant: Who, enrichment_id: UUID) -> HeadOut:
    """Up to 20 rows as they stand in the file, above and below the header."""
    with tenant.begin() as scope:
        return HeadOut(rows=[list(cells) for cells in enrichment.head_rows(scope, enrichment_id)])


@router.get("/{enrichment_id}/rows", summary="Rows of an enrichment")
def list_rows(
    tenant: Who,
    enrichment_id: UUID,
    view: View = "all",
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RowsOut:
    """Rows in file order, with what is wrong with them and what became of them."""
    with tenant.begin() as scope:
        page = enrichment.list_rows(scope, enrichment_id, view=view, cursor=cursor, limit=limit)
    return RowsOut.model_validate(page)


@router.patch("/{enrichment_id}/rows/{number}", summary="Correct a cell")
def edit_cell(tenant: Who, enrichment_id: UUID, number: Number, body: CellChange) -> RowOut:
    """Write one cell; the row is checked again and the list's revision grows by one. When somebody else has changed
    the cell, `seen` makes that 409 `stale_cell`."""
    with tenant.begin() as scope:
        row = enrichment.edit_cell(scope, enrichment_id, number=number, **body.model_dump())
    return RowOut.model_validate(row)


@router.post("/{enrichment_id}/replace", summary="Replace in a column")
def replace(tenant: Who, enrichment_id: UUID, body: Replacement) -> ReplacedOut:
    """Replace a text wherever it occurs in a column; `dry_run` says how many cells that would change."""
    replacing = enrichment.count_in_column if body.dry_run else enrichment.replace_in_column
    with tenant.begin() as scope:
        changed = replacing(scope, enrichment_id, **body.model_dump(exclude={"dry_run"}))
        view = enrichment.get_enrichment(scope, enrichment_id)
    return ReplacedOut(changed=changed, enrichment=EnrichmentOut.model_validate(view))


@router.post("/{enrichment_id}/undo", summary="Undo the last change of cells")
def undo(tenant: Who, enrichment_id: UUID, body: UndoRequest) -> UndoneOut:
    """Take back the last correction or replacement, and with the next request the one before. Nothing can be undone
    once the list was mapped or read anew, or started."""
    with tenant.begin() as scope:
        restored = enrichment.undo(scope, enrichment_id, **body.model_dump())
        view = enrichment.get_enrichment(scope, enrichment_id)
    return UndoneOut(restored=restored, enrichment=EnrichmentOut.model_validate(view))


@router.post("/{enrichment_id}/sample", status_code=202, summary="Free dry run")
def start_sample(tenant: Who, enrichment_id: UUID, matching: Matching = "balanced") -> EnrichmentOut:
    """Look up some random rows, free of charge; `sample` then says how many of them were found with this matching."""
    with tenant.begin() as scope:
        return EnrichmentOut.model_validate(enrichment.start_sample(scope, enrichment_id, matching=matching))


@router.get("/{enrichment_id}/quote", summary="What a run would cost")
def get_quote(
    tenant: Who,
    enrichment_id: UUID,
    includes_owned: bool = False,
    ceiling: Annotated[Ceiling, Query()] = None,
    matching: Matching = "balanced",
) -> QuoteOut:
    """The worst case, and after a dry run with the same matching what is to be expected."""
    asked: dict[str, Any] = {"includes_owned": includes_owned, "ceiling": ceiling, "matching": matching}
    with tenant.begin() as scope:
        return QuoteOut.model_validate(enrichment.quote(scope, enrichment_id, **asked))


@router.post("/{enrichment_id}/start", status_code=202, summary="Start the run", responses=documented(402))
def start(tenant: Who, enrichment_id: UUID, body: StartRequest, request: Request) -> EnrichmentOut:
    """Hold the most the run may cost and start it. Only matched rows are charged; the rest of the hold comes back. Send
    an Idempotency-Key so that a repeated request starts nothing twice."""
    key = idempotency_key_of(request)
    with tenant.begin() as scope:
        view = enrichment.start(scope, enrichment_id, idempotency_key=key, **body.model_dump())
    return EnrichmentOut.model_validate(view)


@router.post("/{enrichment_id}/cancel", status_code=202, summary="Stop the run")
def cancel(tenant: Who, enrichment_id: UUID) -> EnrichmentOut:
    """Stop what works on the list. What was matched stays yours and paid; the rest of the hold comes back."""
    with tenant.begin() as scope:
        return EnrichmentOut.model_validate(enrichment.cancel(scope, enrichment_id))


@router.post("/{enrichment_id}/pause", status_code=202, summary="Pause the run")
def pause(tenant: Who, enrichment_id: UUID) -> EnrichmentOut:
    """Send nothing more. What is at the provider is waited for, then it is `paused`; what is held stays held."""
    with tenant.begin() as scope:
        return EnrichmentOut.model_validate(enrichment.pause(scope, enrichment_id))


@router.post("/{enrichment_id}/resume", status_code=202, summary="Resume a paused run", responses=documented(402))
def resume(tenant: Who, enrichment_id: UUID, body: ResumeRequest | None = None) -> EnrichmentOut:
    """Go on. After a pause for lack of credits they are held for the rows that remain, after one by hand they are."""
    spend_available = body.spend_available if body is not None else False
    with tenant.begin() as scope:
        view = enrichment.resume(scope, enrichment_id, spend_available=spend_available)
    return EnrichmentOut.model_validate(view)


@router.post("/{enrichment_id}/rerun", status_code=201, summary="Run rows again")
def rerun(
    tenant: Who, enrichment_id: UUID, request: Request, response: Response, body: RerunRequest | None = None
) -> EnrichmentOut:
    """A new list, ready to be started, of the rows that ended with these outcomes."""
    outcomes = body.outcomes if body is not None else ["error"]
    with tenant.begin() as scope:
        view = enrichment.rerun(scope, enrichment_id, outcomes=outcomes)
    response.headers["Location"] = f"{request.url.path.rpartition('/')[0].rpartition('/')[0]}/{view.id}"
    return shown(response, view)


@router.post("/{enrichment_id}/leads", status_code=202, summary="Add matched rows to the leads")
def add_to_leads(tenant: Who, enrichment_id: UUID) -> JobOut:
    """Take the matched people into your leads, in the background. They are paid for already."""
    with tenant.begin() as scope:
        return JobOut.model_validate(enrichment.add_to_leads(scope, enrichment_id))


def wanted_output(
    enrichment_id: UUID,
    format: Kind = "csv",
    only: Only = "all",
    fields: FieldNames = None,
    fill: FillNames = "",
    overwrite: OverwriteNames = "",
) -> links.Download:
    """What a caller asks for. `fields` None: all output columns, empty: none."""
    names = links.names_of(fields) if fields is not None else None
    return links.Download(enrichment_id, format, only, names, links.names_of(fill), links.names_of(overwrite))


Wanted = Annotated[links.Download, Depends(wanted_output)]


@router.get(
    "/{enrichment_id}/download", summary="Download", response_class=StreamingResponse,
    responses={**OUTPUT, **documented(409)},
)  # fmt: skip
def download(tenant: Who, wanted: Wanted) -> StreamingResponse:
    """The original columns first, as they are or filled as you ask, then what was found and what became of each row.
    CSV is UTF-8; to a session and by its links it begins with a byte order mark, to a key it does not."""
    return sent(tenant, wanted)


@router.post("/{enrichment_id}/download-link", summary="Private download link")
def make_link(tenant: Who, wanted: Wanted) -> LinkOut:
    """A link that works without session or key for ten minutes, for handing to a browser or a download program."""
    enrichment.check_output(tenant, wanted.enrichment_id, **links.chosen_output(wanted))
    url, expires_at = links.make_link(tenant, wanted)
    return LinkOut(url=url, expires_at=expires_at)


@downloads.get("/v1/downloads/{token}")
def follow_link(token: str, request: Request) -> StreamingResponse:
    """The file behind a private link."""
    tenant, wanted = links.open_link(token)
    request.state.tenant = tenant  # so that refusals stand in its workspace's trail
    allowance = limits.take(tenant)
    if not allowance.allowed:
        raise RateLimited(retry_after=allowance.retry_after)
    return sent(tenant, wanted)


def new_list(tenant: Tenant, request: Request) -> EnrichmentView:
    """A list out of whatever body the gate received. Raises as `open_upload` and `open_records`."""
    accounts.require(tenant, Permission.EDIT_ENRICHMENTS)
    upload = upload_of(request)
    if upload.kind == "file":
        source = "upload" if tenant.api_key_id is None else "api"
        return enrichment.open_upload(tenant, path=upload.path, filename=upload.filename, source=source)
    body = upload.path.read_bytes()
    check_json(body, "application/json")
    try:
        records = NewRecords.model_validate_json(body or b"null", strict=False)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None
    return enrichment.open_records(tenant, records=records.records, filename=records.filename)


def sent(tenant: Tenant, wanted: links.Download) -> StreamingResponse:
    """The output as an attachment. Raises as `enrichment.output`, before the first byte."""
    found = enrichment.output(tenant, wanted.enrichment_id, **links.chosen_output(wanted))
    is_marked = wanted.kind == "csv" and is_for_a_person(tenant)
    return StreamingResponse(
        marked(found.chunks) if is_marked else found.chunks,
        media_type=found.media_type,
        headers={
            "Content-Disposition": attachment(found.filename),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
            "Referrer-Policy": "no-referrer",
        },
    )


def attachment(filename: str) -> str:
    """Content-Disposition with the name in ASCII for old clients and in full for the others (RFC 6266)."""
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{percent(filename, safe='', errors='replace')}"


def shown(response: Response, view: EnrichmentView) -> EnrichmentOut:
    """The view as JSON, with its revision as ETag."""
    response.headers["ETag"] = f'"{view.revision}"'
    return EnrichmentOut.model_validate(view)


def _choices(layout: LayoutChoice) -> dict[str, Any]:
    chosen = {name: getattr(layout, name) for name in layout.model_fields_set}
    empty = {f"layout.{name}": "Leave it out, or name a value." for name, value in chosen.items() if value is None}
    empty.pop("layout.header_row", None)  # null means: there is no header
    if empty:
        raise Invalid(fields=empty)
    return chosen


def _places(mapping: Mapping[str, str | None]) -> dict[int, str | None]:
    """Column places as numbers. Raises Invalid for a key that is none."""
    wrong = {f"mapping.{key}"[:200]: "Name columns by their place, from 0." for key in mapping if not _is_place(key)}
    if wrong:
        raise Invalid(fields=dict(list(wrong.items())[:20]))
    return {int(key): field for key, field in mapping.items()}


def _is_place(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= 5 and str(int(key)) == key


def _revision(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Invalid(fields={"If-Match": 'Send the revision as the ETag gave it, such as "3".'})
    return int(text)


aliases = APIRouter()  # what stands below /api without being a resource of the API
aliases.include_router(downloads)
