"""Rows under a mapping: what identifies each, what would be sent for it, and what is wrong with it (ENR-05, 06). Pure.

A row is invalid when nothing usable in it names a person or its cells are not where they belong. A malformed value next
to a good one is a warning: the row is looked up by the good one, and the malformed one is not sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from cursive_app.services.enrichment.column_values import Trouble, cleaned, read_column, split_names
from cursive_app.services.enrichment.csv_blocks import NUL_SHOWN, REPLACEMENT
from cursive_app.services.enrichment.fields import EMAIL_FIELDS, FIELDS
from cursive_app.services.enrichment.problems import SPOILS_ROW, problem

_BETWEEN = "\x1f"  # between cells while they are joined
_ESCAPED = r'["\\\x00-\x1e]'  # what JSON writes in another way

CHECKED = {
    "cells": pl.String,
    "identity": pl.String,
    "problems": pl.String,
    "emails": pl.List(pl.String),
    "phone": pl.String,
    "linkedin": pl.String,
}
"""Columns that `check` gives. `identity` is null for an invalid row; the last three are what leads are known by
(an address that is missing is null among `emails`)."""


def check(frame: pl.DataFrame, mapping: Mapping[int, str]) -> pl.DataFrame:
    """The frame's other columns (`line`, …) with those of CHECKED instead of cells, `flaw` and `extra`.

    `mapping` is column position to field name. `cells` and `problems` are JSON texts; the latter is null where there
    are none.
    """
    width = sum(name[:1] == "c" and name[1:].isdigit() for name in frame.columns)
    cells = [f"c{n}" for n in range(width)]
    values, troubles = _values(frame, mapping)
    checked = pl.DataFrame({"identity": _identity(values, frame.height), "cells": _cells_json(frame, cells)})
    flaws = _row_flaws(frame, checked["cells"], cells)
    spoiled = sorted({trouble.row for trouble in flaws if trouble.code in SPOILS_ROW})
    identity = checked["identity"]
    if spoiled:
        identity = identity.scatter(spoiled, pl.Series([None] * len(spoiled), dtype=pl.String))
    problems = _problems(frame, troubles, flaws, nameless=set(checked["identity"].is_null().arg_true().to_list()))
    nothing = pl.Series([None] * frame.height, dtype=pl.String)
    return frame.drop(*cells, "flaw", "extra").with_columns(
        cells=checked["cells"],
        identity=identity,
        problems=problems,
        emails=_emails(values, frame.height),
        phone=values.get("phone", nothing),
        linkedin=values.get("linkedin_url", nothing),
    )


def records(frame: pl.DataFrame, mapping: Mapping[int, str]) -> list[dict[str, str]]:
    """What is sent for each row of a frame that has the mapped cells: its usable values by the provider's names."""
    values, _ = _values(frame, mapping)
    names = [FIELDS[name].key or name for name in values]  # full_name has been split
    if not names:
        return [{} for _ in range(frame.height)]
    texts = zip(*(series.to_list() for series in values.values()), strict=True)
    return [{name: text for name, text in zip(names, row, strict=True) if text is not None} for row in texts]


def _values(frame: pl.DataFrame, mapping: Mapping[int, str]) -> tuple[dict[str, pl.Series], list[Trouble]]:
    """The usable values by field, and what is wrong with the others."""
    values: dict[str, pl.Series] = {}
    troubles: list[Trouble] = []
    for position, name in mapping.items():
        kind = FIELDS[name].kind
        texts = cleaned(frame[f"c{position}"], kind=kind)
        values[name], wrong = read_column(texts, kind=kind, column=position)
        troubles += wrong
    if "full_name" in values:
        first, last = split_names(values.pop("full_name"))
        values["first_name"] = _either(values.get("first_name"), first)
        values["last_name"] = _either(values.get("last_name"), last)
    return values, troubles


def _either(mapped: pl.Series | None, split: pl.Series) -> pl.Series:
    if mapped is None:
        return split
    return pl.select(pl.coalesce(pl.lit(mapped), pl.lit(split))).to_series()


def _identity(values: Mapping[str, pl.Series], height: int) -> pl.Series:
    """The strongest key that names the person, as "kind:value" (contract §4.1): e-mail, its SHA-256, phone, LinkedIn
    ("linkedin:linkedin.com/in/…"), name and company domain ("name:dana testperson@acme.example"), provider id."""
    keys = ["email:" + pl.lit(values[name]) for name in EMAIL_FIELDS if name in values]
    keys += [
        f"{kind}:" + pl.lit(values[name])
        for kind, name in (("sha256", "email_sha256"), ("phone", "phone"), ("linkedin", "linkedin_url"))
        if name in values
    ]
    if {"first_name", "last_name", "company_domain"} <= values.keys():
        first, last = (pl.lit(values[name]).str.to_lowercase() for name in ("first_name", "last_name"))
        keys.append("name:" + first + " " + last + "@" + pl.lit(values["company_domain"]))
    if "up_id" in values:
        keys.append("up_id:" + pl.lit(values["up_id"]).str.to_lowercase())
    if not keys:
        return pl.Series("identity", [None] * height, dtype=pl.String)
    return pl.select(pl.coalesce(keys).alias("identity")).to_series()


def _cells_json(frame: pl.DataFrame, cells: list[str]) -> pl.Series:
    """Each row's cells as a JSON list, with those beyond the columns at its end."""
    joined = frame.select(cells=pl.concat_str(cells, separator=_BETWEEN)).to_series()
    listed = pl.select('["' + pl.lit(joined).str.replace_all(_BETWEEN, '","', literal=True) + '"]').to_series()
    special = (joined.str.contains(_ESCAPED) | (joined.str.count_matches(_BETWEEN) >= len(cells))).arg_true()
    if len(special):
        texts = pl.struct(pl.concat_list(cells).alias("c")).struct.json_encode()
        escaped = frame[special].select(texts.str.strip_prefix('{"c":').str.strip_suffix("}")).to_series()
        listed = listed.scatter(special, escaped)
    longer = frame["extra"].is_not_null().arg_true()
    if len(longer):
        extras = pl.lit(frame["extra"].gather(longer)).str.strip_prefix("[")
        ends = pl.select(pl.lit(listed.gather(longer)).str.strip_suffix("]") + "," + extras).to_series()
        listed = listed.scatter(longer, ends)
    return listed.alias("cells")


def _emails(values: Mapping[str, pl.Series], height: int) -> pl.Series:
    given = [pl.lit(values[name]) for name in EMAIL_FIELDS if name in values]
    if not given:
        return pl.Series("emails", [[]] * height, dtype=pl.List(pl.String))
    return pl.select(pl.concat_list(given).alias("emails")).to_series()


def _row_flaws(frame: pl.DataFrame, listed: pl.Series, cells: list[str]) -> list[Trouble]:
    """What is wrong with rows whatever the mapping: their structure (column -1), NUL, unreadable characters."""
    flaws: list[Trouble] = []
    for row in frame["flaw"].is_not_null().arg_true().to_list():
        code, extra = frame["flaw"][row], frame["extra"][row]
        found = len(cells) + len(json.loads(extra)) if extra else 0
        flaws.append(Trouble(row, -1, code, f"{found} instead of {len(cells)}"))
    for row in listed.str.contains_any([NUL_SHOWN, REPLACEMENT]).arg_true().to_list():
        for column, text in enumerate(frame.row(row, named=True)[name] for name in cells):
            if NUL_SHOWN in text:
                flaws.append(Trouble(row, column, "nul", ""))
            elif REPLACEMENT in text:
                flaws.append(Trouble(row, column, "encoding", ""))
    return flaws


def _problems(frame: pl.DataFrame, troubles: list[Trouble], flaws: list[Trouble], *, nameless: set[int]) -> pl.Series:
    """The problems of each row as JSON, null where there are none."""
    by_row: dict[int, list[dict[str, Any]]] = {}
    told = {(flaw.row, flaw.column) for flaw in flaws}
    for trouble in flaws:
        column = trouble.column if trouble.column >= 0 else None
        value = "" if column is None else frame[f"c{column}"][trouble.row].strip()
        by_row.setdefault(trouble.row, []).append(
            problem(trouble.code, column=column, value=value, detail=trouble.detail)
        )
    for trouble in troubles:
        if trouble.code == "unreadable" and (trouble.row, trouble.column) in told:
            continue
        value = frame[f"c{trouble.column}"][trouble.row].strip()
        is_error = trouble.row in nameless
        by_row.setdefault(trouble.row, []).append(
            problem(trouble.code, column=trouble.column, value=value, detail=trouble.detail, is_error=is_error)
        )
    for row in nameless:
        by_row.setdefault(row, []).append(problem("no_identifier"))
    texts: list[str | None] = [None] * frame.height
    for row, found in by_row.items():
        texts[row] = json.dumps(found, ensure_ascii=False)
    return pl.Series("problems", texts, dtype=pl.String)
