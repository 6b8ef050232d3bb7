"""Why a file is refused as a whole. Trouble in single rows is never a refusal: it is a problem of that row."""

from __future__ import annotations

from cursive_app.errors import Invalid
from cursive_app.settings import settings

MAX_COLUMNS = 500
MAX_ROW_BYTES = 1024 * 1024  # one row, also where a quote swallows the lines after it
MAX_RATIO = 100  # unpacked to packed bytes; real lists reach 20
RATIO_FROM_BYTES = 10 * 1024 * 1024  # small files of equal cells pack better than any limit says


REASONS = frozenset(
    {
        "archive", "bomb", "cut_gzip", "damaged_gzip", "damaged_workbook", "database", "document", "empty",
        "empty_archive", "encrypted", "image", "json", "markup", "no_rows", "no_sheet", "not_a_workbook", "not_text",
        "numbers", "old_excel", "open_document", "packed_twice", "parquet", "pdf", "program", "row_too_long",
        "too_large", "too_many_cells", "too_many_columns", "too_many_rows", "vcard",
    }
)  # fmt: skip
"""Why a file can be refused. All are the customer's to mend; staff who try again get the same answer."""


class Refused(Invalid):
    """The file cannot be used, whatever is tried with it. `reason` is one of REASONS (also in `fields`)."""

    def __init__(self, reason: str, message: str) -> None:
        assert reason in REASONS, reason
        self.reason = reason
        super().__init__(message, fields={"file": message, "code": reason})


def max_unpacked_bytes() -> int:
    """How many bytes a packed file may unpack to: eight times the upload's own limit, at least 200 MB."""
    return max(8 * settings().enrichment_maximum_bytes, 200 * 1024 * 1024)


def check_unpacked(*, packed: int, unpacked: int) -> None:
    """Raises Refused as soon as an archive has grown beyond what a list can be (bad input 18)."""
    limit = max_unpacked_bytes()
    if unpacked > limit or (unpacked > RATIO_FROM_BYTES and unpacked > MAX_RATIO * max(packed, 1)):
        raise Refused(
            "bomb",
            f"Unpacked, this file is {unpacked / 1_000_000:,.0f} MB or more, far more than its size suggests. "
            f"Lists may unpack to {limit // (1024 * 1024):,} MB. Save it unpacked, in several files.",
        )


def too_many_rows() -> Refused:
    limit = settings().enrichment_maximum_rows
    return Refused(
        "too_many_rows", f"The list has more than {limit:,} rows. Split it into files of up to {limit:,} rows each."
    )


def too_many_columns(found: int) -> Refused:
    return Refused(
        "too_many_columns",
        f"The file has {found:,} columns; up to {MAX_COLUMNS} can be used. Keep those that name the people, "
        "and those you want back.",
    )


def no_rows() -> Refused:
    return Refused("no_rows", "The file has a header but no rows below it. Add the people to be looked up.")
