"""One thing has one word on every page: work that somebody ended early was stopped, as its customer reads it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from cursive_app.settings import ROOT

SHOWN = ("cursive_app/pages", "components", "state")
STORED = "cancelled"
OTHER_WORD = re.compile(r"[Cc]ancel(?:l?ed|l?ing|s)\b|[Cc]ancel (?:the )?(?:run|jobs?)\b")


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """Every text of a module but its docstrings and the status as it is stored."""
    tree = ast.parse(file.read_text())
    told = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in told and node.value != STORED:
            yield node.lineno, node.value


def test_what_was_ended_early_was_stopped() -> None:
    files = [file for folder in SHOWN for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    wrong = [f"{file}:{line}: {text}" for file in files for line, text in texts(file) if OTHER_WORD.search(text)]
    assert wrong == []
