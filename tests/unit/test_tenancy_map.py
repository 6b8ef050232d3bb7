"""The table of tenancy tests names files that exist, and leaves no row out."""

from __future__ import annotations

import re

from cursive_app.settings import ROOT

TEXT = (ROOT / "docs" / "tenancy.md").read_text(encoding="utf-8")


def test_every_row_has_a_test_that_exists() -> None:
    rows = dict(re.findall(r"^\| (T\d+) \|(.+)\|$", TEXT, re.MULTILINE))
    assert set(rows) == {f"T{number}" for number in (*range(1, 18), 21, 22, 23)}
    for name, row in rows.items():
        files = re.findall(r"`(tests/[\w/]+\.py)`", row)
        assert files, name
        assert [file for file in files if not (ROOT / file).is_file()] == [], name
