"""A whole column at once: patterns decide nearly every cell, `values` the rest; both give the same (performance §3)."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from cursive_app.services.enrichment.csv_blocks import NUL_SHOWN, REPLACEMENT
from cursive_app.services.enrichment.hosts import MAILBOXES
from cursive_app.services.enrichment.values import (
    LONGEST_TEXT,
    MISSING,
    MISSING_NAMES,
    SPACES,
    UNSEEN,
    read_value,
    split_name,
)

_EMAIL = r"^[a-z0-9_+-][a-z0-9_+'-]*(?:\.[a-z0-9_+'-]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,24}$"
_PHONE = r"^\+?[0-9 ()-][0-9 ().-]{9,19}$"
_DECIMAL = r"^\+?[0-9]+\.[0-9]+$"
_NANP = r"^1?[2-9][0-9]{2}[2-9][0-9]{6}$"
_LINKEDIN = r"^(?:https?://)?(?:www\.|[a-z]{2}\.)?linkedin\.com/in/"
_PROFILE = r"^[a-z0-9_-]{2,100}$"
_WEB = r"^(?:https?://(?:www\.)?|www\.)"
_DOMAIN = r"^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*\.[a-z]{2,24}$"
_MAILBOXES = sorted(MAILBOXES)
_PLAIN_NAME = r"^([A-Za-z'-]{3,40}) ([A-Za-z'-]{4,40})$"
_BARE_NAME = r"^[\p{L}\p{M}'\u2019.-]+(?: [\p{L}\p{M}'\u2019.][\p{L}\p{M}'\u2019.-]*)*$"
_TITLED = r"(?i)^(?:mrs|miss|prof|sir|herr|frau) | (?:esq)$"
_UNUSUAL = r"[^\x21-\x7e ]|  |^ | $"  # what `clean` could change, but for the words for nothing
_SHORT = 64  # longer ones are left to the rules: limits of parts of an address need no thought below this


class Trouble(NamedTuple):
    """What is wrong with one cell of the frame."""

    row: int
    column: int
    code: str
    detail: str


def cleaned(texts: pl.Series, *, kind: str = "text") -> pl.Series:
    """`values.clean` of a column."""
    unusual = texts.str.contains(_UNUSUAL).arg_true()
    if len(unusual):
        odd = pl.lit(texts.gather(unusual)).str.normalize("NFC").str.replace_all(UNSEEN, "")
        texts = texts.scatter(unusual, pl.select(odd.str.replace_all(SPACES, " ").str.strip_chars(" ")).to_series())
    is_nothing = texts.is_in(MISSING_NAMES) if kind == "name" else texts.str.to_lowercase().is_in(MISSING)
    nothing = is_nothing.arg_true()
    return texts.scatter(nothing, "") if len(nothing) else texts


def read_column(texts: pl.Series, *, kind: str, column: int) -> tuple[pl.Series, list[Trouble]]:
    """The usable values of a cleaned column (null where there is none) and what is wrong with the others."""
    name = texts.name
    values = pl.select(_quick(pl.lit(texts), kind).alias(name)).to_series()
    undecided = (values.is_null() & (texts != "")).arg_true()
    if not len(undecided):
        return values, []
    troubles: list[Trouble] = []
    found: list[str | None] = []
    for row, text in zip(undecided.to_list(), texts.gather(undecided).to_list(), strict=True):
        read = read_value(kind, text)
        found.append(read.value)
        if read.code is not None:
            troubles.append(Trouble(row, column, read.code, read.detail))
    return values.scatter(undecided, pl.Series(found, dtype=pl.String)), troubles


def _quick(text: pl.Expr, kind: str) -> pl.Expr:
    """The value where a pattern is sure of it, null where it is not."""
    lower = text.str.to_lowercase()
    nothing = pl.lit(None, dtype=pl.String)
    if kind == "email":
        return pl.when(lower.str.contains(_EMAIL) & (lower.str.len_bytes() <= _SHORT)).then(lower).otherwise(nothing)
    if kind == "phone":
        digits = text.str.replace_many([*" ()-.+"], [""])
        whole = (digits.str.len_bytes() == 11) | ~text.str.starts_with("+")
        fits = text.str.contains(_PHONE) & digits.str.contains(_NANP) & whole & ~text.str.contains(_DECIMAL)
        return pl.when(fits).then("+1" + digits.str.slice(-10)).otherwise(nothing)
    if kind == "linkedin":
        slug = lower.str.replace(_LINKEDIN, "").str.strip_suffix("/")
        fits = (slug.str.len_bytes() < lower.str.len_bytes()) & slug.str.contains(_PROFILE)
        return (
            pl.when(fits & lower.str.contains("linkedin.com/in/", literal=True))
            .then("linkedin.com/in/" + slug)
            .otherwise(nothing)
        )
    if kind == "domain":
        host = lower.str.replace(_WEB, "").str.strip_suffix("/")
        fits = host.str.contains(_DOMAIN) & (host.str.len_bytes() <= _SHORT) & ~host.str.starts_with("www.")
        return pl.when(fits & ~host.is_in(_MAILBOXES)).then(host).otherwise(nothing)
    if kind == "sha256":
        return pl.when(lower.str.contains("^[0-9a-f]{64}$")).then(lower).otherwise(nothing)
    if kind == "name":
        return (
            pl.when(text.str.contains(_BARE_NAME) & (text.str.len_chars() <= LONGEST_TEXT))
            .then(text)
            .otherwise(nothing)
        )
    readable = ~text.str.contains(f"[{REPLACEMENT}{NUL_SHOWN}]") & (text.str.len_chars() <= LONGEST_TEXT)
    return pl.when(readable & (text != "")).then(text).otherwise(nothing)


def split_names(full: pl.Series) -> tuple[pl.Series, pl.Series]:
    """First and last names of a column of full names."""
    plain = full.str.contains(_PLAIN_NAME) & ~full.str.contains(_TITLED)
    frame = pl.select(
        first=pl.when(pl.lit(plain)).then(pl.lit(full).str.extract(_PLAIN_NAME, 1)),
        last=pl.when(pl.lit(plain)).then(pl.lit(full).str.extract(_PLAIN_NAME, 2)),
    )
    first, last = frame["first"], frame["last"]
    undecided = (first.is_null() & full.is_not_null()).arg_true()
    if len(undecided):
        pairs = [split_name(text) for text in full.gather(undecided).to_list()]
        first = first.scatter(undecided, pl.Series([pair[0] for pair in pairs], dtype=pl.String))
        last = last.scatter(undecided, pl.Series([pair[1] for pair in pairs], dtype=pl.String))
    return first, last
