"""Files whose rows differ in length: which separates their cells is still told by the row of names."""

from __future__ import annotations

import pytest

from cursive_app.services.enrichment.sniffing import sniff


def ragged(delimiter: str) -> str:
    """Names, then as many rows with one cell too few as rows that fit and rows with two too many."""
    rows = [["email", "first", "last"]]
    for n in range(30):
        rows.append([f"dana{n}@acme.example", "Dana", *(["Tester", "more", "and more"][: n % 3 and 2 * (n % 3) - 1])])
    return "".join(delimiter.join(row) + "\n" for row in rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_rows_of_other_lengths_do_not_make_a_file_one_column(delimiter: str) -> None:
    text = ragged(delimiter)
    widths = {len(line.split(delimiter)) for line in text.splitlines()}
    assert widths == {2, 3, 5}
    found = sniff(text, is_whole=True)
    assert found.delimiter == delimiter
    assert found.rows[0] == ("email", "first", "last")
    assert "different numbers of cells" in found.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "note\nHello, you\nOne, two, three, four\nno comma\n\n",
        "name, address\nAcme\nBeta\nGamma, 5 Main St, Austin\nDelta\n",
        "a@x.example,b@x.example\nc@x.example,d@x.example,e@x.example\nf@x.example,g@x.example,h@x.example,i@x.example\n",
    ],
)
def test_a_column_of_sentences_stays_one_column(text: str) -> None:
    assert sniff(text, is_whole=True).delimiter is None
