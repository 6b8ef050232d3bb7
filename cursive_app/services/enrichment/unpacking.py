"""What kind of file it is, by its first bytes (never by its name), and gzip unpacked under limits."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Literal

from cursive_app.services.enrichment.refusals import Refused, check_unpacked

Kind = Literal["csv", "xlsx"]
GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
HEAD_BYTES = 256 * 1024
_PIECE = 256 * 1024
_SAVE_AS = "Open it in a spreadsheet program and save it as CSV or XLSX."

_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "pdf", f"This is a PDF document, not a list. {_SAVE_AS}"),
    (b"MZ", "program", "This is a program, not a list. Upload a CSV or XLSX file."),
    (b"\x7fELF", "program", "This is a program, not a list. Upload a CSV or XLSX file."),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "old_excel",
        "This is an old Excel file (.xls) or a workbook with a password. Save it as XLSX without one, or as CSV.",
    ),
    (b"PK\x05\x06", "empty_archive", "This archive is empty. Upload a CSV or XLSX file."),
    (b"7z\xbc\xaf\x27\x1c", "archive", "This is a 7z archive. Unpack it and upload the CSV or XLSX file inside."),
    (b"Rar!", "archive", "This is a RAR archive. Unpack it and upload the CSV or XLSX file inside."),
    (b"BZh", "archive", "This file is packed with bzip2. Unpack it first; gzip may stay."),
    (b"\xfd7zXZ\x00", "archive", "This file is packed with xz. Unpack it first; gzip may stay."),
    (b"\x28\xb5\x2f\xfd", "archive", "This file is packed with zstd. Unpack it first; gzip may stay."),
    (b"\x89PNG", "image", f"This is a picture, not a list. {_SAVE_AS}"),
    (b"\xff\xd8\xff", "image", f"This is a picture, not a list. {_SAVE_AS}"),
    (b"GIF8", "image", f"This is a picture, not a list. {_SAVE_AS}"),
    (b"SQLite format 3\x00", "database", "This is a database file. Export the table as CSV."),
    (b"PAR1", "parquet", "This is a Parquet file. Export it as CSV."),
    (b"{\\rtf", "document", f"This is a text document, not a list. {_SAVE_AS}"),
)


def kind_of(head: bytes) -> Kind:
    """'xlsx' for any zip archive (its contents are looked at later), 'csv' for text. `head` is unpacked.

    Raises Refused for files of other kinds, for an empty one and for what is no text.
    """
    for magic, code, message in _OTHERS:
        if head.startswith(magic) and not (magic == b"MZ" and _looks_like_text(head)):
            raise Refused(code, message)
    if head.startswith(GZIP):
        raise Refused("packed_twice", "This file is packed with gzip twice. Unpack it once and upload it again.")
    if head.startswith(ZIP):
        return "xlsx"
    _refuse_markup(head)
    if not _looks_like_text(head):
        raise Refused("not_text", f"This is not a text file, so it is not a CSV. {_SAVE_AS}")
    return "csv"


def _refuse_markup(head: bytes) -> None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200]
    if not start:
        raise Refused("empty", "The file is empty. Choose the file with your list.")
    lowered = start.lower()
    if lowered.startswith((b"<!doctype html", b"<html", b"<?xml", b"<table")):
        raise Refused("markup", f"This is a web page or XML, whatever its name says. {_SAVE_AS}")
    if lowered.startswith(b"begin:vcard"):
        raise Refused("vcard", "These are contacts as vCards (.vcf). Export the contacts as CSV.")
    if start.startswith((b"{", b"[{", b"[\n", b"[ ")) and b'"' in start:
        raise Refused("json", "This is JSON. Send it to the API as records, or save the list as CSV.")


def _looks_like_text(head: bytes) -> bool:
    """Whether control characters are rare. UTF-16 is full of zeros in every second byte, which is text as well."""
    sample = head[:HEAD_BYTES]
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")) or looks_like_utf16(sample) is not None:
        return True
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return controls <= max(8, len(sample) // 50)


_CONTROLS = bytes(code for code in range(32) if code not in (9, 10, 13, 12, 11, 28, 29, 30, 31, 26))


def looks_like_utf16(sample: bytes) -> Literal["utf-16-le", "utf-16-be"] | None:
    """UTF-16 without a byte order mark: nearly all bytes of one parity are zero, as in any text of Latin letters."""
    if len(sample) < 8:
        return None
    even, odd = sample[0::2], sample[1::2]
    zeros_even, zeros_odd = even.count(0) / len(even), odd.count(0) / len(odd)
    if zeros_odd > 0.7 and zeros_even < 0.1:
        return "utf-16-le"
    if zeros_even > 0.7 and zeros_odd < 0.1:
        return "utf-16-be"
    return None


def unpacked(chunks: Iterable[bytes], *, compression: str | None) -> Iterator[bytes]:
    """The bytes of a file, gunzipped where `compression` is 'gzip', piece by piece and under the limits.

    Raises Refused for a bomb and for a damaged or cut archive.
    """
    if compression is None:
        yield from chunks
        return
    stream = zlib.decompressobj(wbits=31)
    packed = grown = 0
    for chunk in chunks:
        packed += len(chunk)
        rest = chunk
        while rest:
            if stream.eof:  # gzip files may be several put behind each other
                rest = rest.lstrip(b"\x00")
                if not rest:
                    break
                stream = zlib.decompressobj(wbits=31)
            try:
                piece = stream.decompress(rest, _PIECE)
            except zlib.error:
                raise Refused("damaged_gzip", "The gzip file is damaged. Pack or upload it again.") from None
            grown += len(piece)
            check_unpacked(packed=packed, unpacked=grown)
            yield piece
            rest = stream.unused_data if stream.eof else stream.unconsumed_tail
    if not stream.eof:
        raise Refused("cut_gzip", "The end of the gzip file is missing. Upload it again.")


def head_of(chunks: Iterable[bytes], *, size: int = HEAD_BYTES) -> bytes:
    """The first bytes of a stream."""
    found = bytearray()
    for chunk in chunks:
        found += chunk
        if len(found) >= size:
            break
    return bytes(found[:size])
