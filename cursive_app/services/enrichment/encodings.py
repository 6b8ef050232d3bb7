"""The encoding of a text file, found over its whole length, and its text as UTF-8, piece by piece.

UTF-8 is believed where it is valid: no other encoding looks like it by accident. A file that is mostly UTF-8 keeps it,
and its few broken places are problems of their rows (bad input 8); only a file without any valid multi-byte character
is something else.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from charset_normalizer import from_bytes

from cursive_app.services.enrichment.unpacking import looks_like_utf16

ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
    "cp1252": "Windows-1252 (Western Europe)",
    "cp1250": "Windows-1250 (Central Europe)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "iso8859-15": "ISO-8859-15 (Western Europe)",
    "mac_roman": "Mac Roman",
    "shift_jis": "Shift-JIS (Japanese)",
    "euc_jp": "EUC-JP (Japanese)",
    "gb18030": "GB 18030 (Chinese)",
    "big5": "Big5 (Chinese)",
    "euc_kr": "EUC-KR (Korean)",
}
"""What may be chosen, with what people call it."""

_CANDIDATES = ["cp1252", "cp1250", "cp1251", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"]
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_EVIDENCE_BYTES = 128 * 1024
_LOOKED_AT_BYTES = 256 * 1024 * 1024
_HIGH = re.compile(rb"[\x80-\xff]+")
_AROUND = 24  # bytes of context on both sides, which the guess of an encoding needs
_MULTI_BYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)  # close enough to count by; the decoder decides
_WESTERN = re.compile(rb"[\xc0-\xff]|[\x80\x91-\x94\x96\x97]")
_ALONE = re.compile(
    rb"(?<![\x80-\xff])(?:[\xc0-\xff\x80\x8a\x8c\x8e\x91-\x97\x9a\x9c\x9e\xa0-\xbf]|[\xe4\xf6\xfc]\xdf|\xe1\xf1|\xe9\xe9)"
    rb"(?![\x80-\xff])"
)  # letters among ASCII ones; of those side by side what German (üß), Spanish (áñ) and French (éé) have
_CENTRAL = re.compile(
    rb"[\xa3\x8d\x8f\xbc][a-z\xe0-\xff]|[A-Za-z\xc0-\xff][\xb3\xb9\xbe\xbf\x9d][a-z\xe0-\xff]|[A-Za-z]\xf5(?!e)"
)  # Ł and ł, ą, ľ, ż, ť and others are signs no Western word has inside; ő is õ there, which stands before e


@dataclass(frozen=True, slots=True)
class Encoding:
    """`name` is a key of ENCODINGS. `note` is for the customer when there is something to know or to check."""

    name: str
    has_mark: bool
    note: str | None


def detect(chunks: Iterable[bytes]) -> Encoding:
    """The encoding of a whole file."""
    evidence = bytearray()
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    is_utf8, first, seen = True, True, 0
    for chunk in chunks:
        if first:
            for mark, name in _MARKS:
                if chunk.startswith(mark):
                    return Encoding(name, has_mark=True, note=None)
            if wide := looks_like_utf16(chunk[:4096]):
                return Encoding(wide, has_mark=False, note=f"Read as {ENCODINGS[wide]}, without a byte order mark.")
            first = False
        seen += len(chunk)
        if chunk.isascii():
            continue
        if len(evidence) < _EVIDENCE_BYTES:
            evidence += _places(chunk)
        if is_utf8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
                evidence = _places(chunk[_first_broken(chunk) :]) + evidence
        if seen > _LOOKED_AT_BYTES:
            break
    if is_utf8:
        return Encoding("utf-8", has_mark=False, note=None)
    return _of_evidence(bytes(evidence))


def _places(chunk: bytes) -> bytearray:
    """The places of a piece with bytes beyond ASCII, each with what stands around it."""
    found, end = bytearray(), 0
    for place in _HIGH.finditer(chunk):
        start = max(place.start() - _AROUND, end)
        found += b"\n" * (start > end) + chunk[start : place.end() + _AROUND]
        end = place.end() + _AROUND
        if len(found) >= _EVIDENCE_BYTES // 4:
            break
    return found + b"\n"


def _first_broken(chunk: bytes) -> int:
    """Shortly before the first byte that is not UTF-8; a character cut by the piece's edge may be taken for one."""
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError as error:
        return max(error.start - _AROUND, 0)
    return 0


def _of_evidence(evidence: bytes) -> Encoding:
    valid = _MULTI_BYTE.findall(evidence)
    broken = len(re.findall(rb"[\x80-\xff]", _MULTI_BYTE.sub(b"", evidence)))
    if valid and len(valid) >= 2 * broken:
        note = "The file is UTF-8 with a few characters in another encoding. The rows concerned are marked."
        return Encoding("utf-8", has_mark=False, note=note)
    name = _guess(evidence)
    note = f"Read as {ENCODINGS[name]}. If names look wrong below, choose another encoding."
    return Encoding(name, has_mark=False, note=note)


def _guess(evidence: bytes) -> str:
    """Western letters among ASCII ones are Windows-1252, which the general method often takes for a cousin of it; so is
    text that its cousin reads alike."""
    high = len(re.findall(rb"[\x80-\xff]", evidence))
    alone = sum(map(len, _ALONE.findall(evidence)))
    if high and alone / high > 0.9 and len(_WESTERN.findall(evidence)) / high > 0.5:
        return "cp1250" if _CENTRAL.search(evidence) else "cp1252"
    best = from_bytes(evidence, cp_isolation=_CANDIDATES).best()
    found = (best.encoding if best is not None else "cp1252").lower()
    found = {"windows-1252": "cp1252", "cp932": "shift_jis", "sjis": "shift_jis", "cp949": "euc_kr"}.get(found, found)
    if found == "cp1250" and evidence.decode("cp1250", "replace") == evidence.decode("cp1252", "replace"):
        return "cp1252"
    return found if found in ENCODINGS else "cp1252"


def as_utf8(chunks: Iterable[bytes], *, encoding: str) -> Iterator[bytes]:
    """The same text in UTF-8 without a byte order mark. What cannot be decoded becomes U+FFFD, except in UTF-8, which
    passes as it is (`csv_blocks` looks at it row by row)."""
    mark = next((mark for mark, name in _MARKS if name == encoding), b"")
    chunks = _without_mark(chunks, mark)
    if encoding == "utf-8":
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _without_mark(chunks: Iterable[bytes], mark: bytes) -> Iterator[bytes]:
    first = True
    for chunk in chunks:
        yield chunk.removeprefix(mark) if first and mark else chunk
        first = False
