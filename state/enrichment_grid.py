"""The columns and rows of a list as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cursive_app.printable import shortened
from cursive_app.services.enrichment.encodings import ENCODINGS
from cursive_app.services.enrichment.fields import FIELDS
from cursive_app.services.enrichment.views import ColumnView, Layout, Problem, RowView

MOST_COLUMNS = 60  # of the mapping list; the search reaches the others
WIDE = 20  # columns from which on the mapping list begins with those that are looked up
ColumnsShown = Literal["mapped", "kept", "all"]
MOST_CELLS = 10  # columns of the grid that are shown whatever they say
MOST_TROUBLED = 60  # columns shown because a cell of this page needs a look
MOST_EXTRA = 5  # cells of a row beyond the columns
LONGEST_CELL = 300
FIELD_WORDS = {name: field.label for name, field in FIELDS.items()}
GUESSES = {
    "name": "Its name says so",
    "synonym": "A known word for it",
    "similar": "Its name is similar",
    "content": "Its values look like it",
    "remembered": "You mapped it before",
    "chosen": "Chosen by you",
}
DELIMITERS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Pipe"}
VERDICTS = {"valid": "Valid", "invalid": "Invalid", "duplicate": "Duplicate", "owned": "Already owned"}
OUTCOMES = {"matched": "Matched", "no_match": "No match", "skipped": "Skipped", "error": "Error"}


@dataclass(frozen=True)
class LayoutCard:
    """How the file was understood, in words."""

    kind: str = ""
    encoding: str = ""
    encoding_key: str = ""
    delimiter: str = ""
    delimiter_key: str = ""
    sheet: str = ""
    sheets: list[str] = field(default_factory=list)
    header_row: int = 0  # 0: the file has no header row
    header: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ColumnLine:
    """One column of the file and what it is mapped to; `field` is empty when it only travels through."""

    position: int = 0
    name: str = ""
    samples: list[str] = field(default_factory=list)
    field: str = ""
    guess: str = ""
    conflict: str = ""


@dataclass(frozen=True)
class HeadLine:
    """One column of the grid."""

    position: int = 0
    name: str = ""
    field: str = ""


@dataclass(frozen=True)
class CellLine:
    """One cell of the grid; `level` is error, warning, info or empty."""

    key: str = ""
    position: int = 0
    name: str = ""
    text: str = ""
    level: str = ""
    problem: str = ""
    edited: bool = False


@dataclass(frozen=True)
class ProblemLine:
    """What is wrong and how to mend it, with the name of the column."""

    key: str = ""
    level: str = ""
    column: str = ""
    message: str = ""
    fix: str = ""


@dataclass(frozen=True)
class GridLine:
    """One data row. `verdict` before a run, `outcome` after it; both as words."""

    number: int = 0
    label: str = ""
    line: str = ""
    verdict: str = ""
    verdict_key: str = ""
    outcome: str = ""
    outcome_key: str = ""
    reason: str = ""
    email: str = ""  # what was found, of a matched row
    phone: str = ""
    title: str = ""
    company: str = ""
    lead_href: str = ""
    cells: list[CellLine] = field(default_factory=list)
    problems: list[ProblemLine] = field(default_factory=list)


@dataclass(frozen=True)
class RawRow:
    """One row of the file as it stands there, for choosing the header."""

    number: int = 0
    cells: list[str] = field(default_factory=list)


def layout_card(layout: Layout | None) -> LayoutCard:
    if layout is None:
        return LayoutCard()
    kind = {"csv": "CSV", "xlsx": "Excel (XLSX)", "json": "Records sent through the API"}[layout.kind]
    header = f"Row {layout.header_row}" if layout.header_row else "None: columns are numbered"
    return LayoutCard(
        kind=f"{kind}, compressed with gzip" if layout.compression else kind,
        encoding=ENCODINGS.get(layout.encoding or "", layout.encoding or ""),
        encoding_key=layout.encoding or "",
        delimiter=DELIMITERS.get(layout.delimiter or "", layout.delimiter or ""),
        delimiter_key=layout.delimiter or "",
        sheet=layout.sheet or "",
        sheets=list(layout.sheets),
        header_row=layout.header_row or 0,
        header=header,
        notes=list(layout.notes),
    )


def column_lines(
    columns: tuple[ColumnView, ...], draft: Mapping[int, str], *, search: str, view: ColumnsShown
) -> list[ColumnLine]:
    """The columns to show: those whose name has the words; without words those of the view, of all the mapped ones and
    the first others. What is chosen for a column moves it nowhere until it is applied."""
    conflicts = _conflicts(columns, draft)
    wanted = search.casefold()
    if wanted:
        shown = [column for column in columns if wanted in column.name.casefold()]
    elif view == "mapped":
        shown = [column for column in columns if column.field or draft.get(column.position)]
    elif view == "kept":
        shown = [column for column in columns if not column.field]
    else:
        shown = [column for column in columns if column.position < MOST_COLUMNS or draft.get(column.position)]
    return [_column(column, draft, conflicts) for column in shown[:MOST_COLUMNS]]


def column_counts(columns: Sequence[ColumnView]) -> dict[str, int]:
    """How many columns each view has."""
    mapped = sum(column.field is not None for column in columns)
    return {"mapped": mapped, "kept": len(columns) - mapped, "all": len(columns)}


def _column(column: ColumnView, draft: Mapping[int, str], conflicts: Mapping[int, str]) -> ColumnLine:
    chosen = draft.get(column.position, "")
    guess = "" if not chosen else column.guess if chosen == (column.field or "") else "chosen"
    return ColumnLine(
        position=column.position,
        name=column.name,
        samples=[shortened(sample, 80) for sample in column.samples[:3]],
        field=chosen,
        guess=GUESSES.get(guess or "", ""),
        conflict=conflicts.get(column.position, ""),
    )


def _conflicts(columns: tuple[ColumnView, ...], draft: Mapping[int, str]) -> dict[int, str]:
    """Columns that claim the same field, each with what to do about it."""
    names = {column.position: column.name for column in columns}
    by_field: dict[str, list[int]] = {}
    for position, chosen in draft.items():
        if chosen:
            by_field.setdefault(chosen, []).append(position)
    told: dict[int, str] = {}
    for chosen, positions in by_field.items():
        for position in positions if len(positions) > 1 else ():
            others = ", ".join(f"“{names.get(other, other)}”" for other in positions if other != position)
            told[position] = (
                f"{FIELD_WORDS.get(chosen, chosen)} is also taken from {others}. One field comes from one column: "
                "set one of them to “Keep as it is”."
            )
    return told


def heads(columns: tuple[ColumnView, ...], rows: Sequence[RowView]) -> list[HeadLine]:
    """The columns of the grid in file order: all mapped ones, those in which a cell of these rows has a problem or was
    changed, and the first others up to the grid's width (ENR-05)."""
    mapped = [column.position for column in columns if column.field]
    others = [column.position for column in columns if not column.field]
    troubled = {problem.column for row in rows for problem in row.problems} | {n for row in rows for n in row.edited}
    shown = {
        *mapped,
        *[position for position in others if position in troubled][:MOST_TROUBLED],
        *others[: max(MOST_CELLS - len(mapped), 0)],
    }
    return [
        HeadLine(column.position, column.name, FIELD_WORDS.get(column.field or "", column.field or ""))
        for column in columns
        if column.position in shown
    ]


def hidden_told(columns: tuple[ColumnView, ...], shown: Sequence[HeadLine], *, may_edit: bool) -> str:
    """What becomes of the columns that are not shown; empty when there are none."""
    left = len(columns) - len(shown)
    if not left:
        return ""
    one = left == 1
    told = f"{left:,} more {'column is' if one else 'columns are'} not shown here; {'it comes' if one else 'they come'}"
    told += " back in the output as in your list."
    return f"{told} Find and replace reaches {'it' if one else 'them'} too." if may_edit else told


def grid_line(row: RowView, shown: list[HeadLine], names: Mapping[int, str]) -> GridLine:
    """One row of the grid."""
    by_column = {problem.column: problem for problem in reversed(row.problems) if problem.column is not None}
    return GridLine(
        number=row.number,
        label=f"{row.number:,}",
        line=f"Line {row.line:,} of the file",
        verdict=VERDICTS.get(row.verdict, row.verdict),
        verdict_key=row.verdict,
        outcome=OUTCOMES.get(row.outcome or "", ""),
        outcome_key=row.outcome or "",
        reason=row.reason or "",
        email=(row.found and row.found.email) or "",
        phone=(row.found and row.found.phone) or "",
        title=(row.found and row.found.title) or "",
        company=(row.found and row.found.company) or "",
        lead_href=f"/leads?lead={row.lead_id}" if row.lead_id else "",
        cells=[_cell(row, head, by_column.get(head.position)) for head in [*shown, *_extra(row, len(names))]],
        problems=[_problem(n, problem, names) for n, problem in enumerate(row.problems)],
    )


def _extra(row: RowView, width: int) -> list[HeadLine]:
    """Cells beyond the columns of the file, so that they can be emptied where they stand."""
    most = min(len(row.cells), width + MOST_EXTRA)
    return [HeadLine(position, f"Extra cell {position - width + 1}") for position in range(width, most)]


def _cell(row: RowView, head: HeadLine, problem: Problem | None) -> CellLine:
    text = row.cells[head.position] if head.position < len(row.cells) else ""
    return CellLine(
        key=f"{row.number}-{head.position}",
        position=head.position,
        name=head.name,
        text=shortened(text, LONGEST_CELL),
        level=problem.level if problem else "",
        problem=f"{problem.message} {problem.fix}".strip() if problem else "",
        edited=head.position in row.edited,
    )


def _problem(number: int, problem: Problem, names: Mapping[int, str]) -> ProblemLine:
    column = names.get(problem.column, "") if problem.column is not None else ""
    return ProblemLine(
        key=f"{number}-{problem.code}", level=problem.level, column=column, message=problem.message, fix=problem.fix
    )
