"""The uploaded file, kept in pieces in the database: no disk that processes share is needed."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from db.models.enrichment import EnrichmentFilePart
from db.scope import Scope, Tenant

PART_BYTES = 512 * 1024
_AT_ONCE = 4  # pieces read in one transaction
_LONGEST_NAME = 120
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
_FORBIDDEN = re.compile(r'[\\/:*?"<>|]+')


def clean_filename(name: str, *, default: str = "list.csv") -> str:
    """A file name that is safe in a page, a header and on any disk: no folders, control or direction characters, at
    most 120 characters, its ending kept (bad input 21)."""
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    base = "".join("" if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn"} else letter for letter in base)
    base = " ".join(_FORBIDDEN.sub("_", base).split()).lstrip(". ").rstrip(". ")
    if not base.strip("_. "):
        return default
    if _RESERVED.fullmatch(base):
        base = f"_{base}"
    if len(base) > _LONGEST_NAME:
        stem, dot, ending = base.rpartition(".")
        kept = f".{ending}" if dot and len(ending) <= 10 else ""
        base = (stem if kept else base)[: _LONGEST_NAME - len(kept)].rstrip(". ") + kept
    return base


def pieces_of(path: Path) -> Iterator[bytes]:
    """The file on disk, a piece at a time."""
    with path.open("rb") as file:
        while piece := file.read(PART_BYTES):
            yield piece


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def store_file(scope: Scope, enrichment_id: UUID, path: Path) -> None:
    """Keep the file; one piece is in memory at a time."""
    for position, piece in enumerate(pieces_of(path)):
        part = scope.add(EnrichmentFilePart(enrichment_id=enrichment_id, position=position, body=piece))
        scope.session.expunge(part)


def stored_pieces(tenant: Tenant, enrichment_id: UUID) -> Iterator[bytes]:
    """The stored file again, a few pieces read in each transaction, so that a slow reader holds none open."""
    position = 0
    while True:
        with tenant.begin() as scope:
            pieces = scope.session.scalars(
                select(EnrichmentFilePart.body)
                .where(
                    scope.owned(EnrichmentFilePart),
                    EnrichmentFilePart.enrichment_id == enrichment_id,
                    EnrichmentFilePart.position.between(position, position + _AT_ONCE - 1),
                )
                .order_by(EnrichmentFilePart.position)
            ).all()
        for piece in pieces:
            yield bytes(piece)
        if len(pieces) < _AT_ONCE:
            return
        position += _AT_ONCE
