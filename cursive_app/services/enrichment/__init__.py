"""Enrichment: a customer's own list, from the dropped file to the download.

Owns the tables `enrichments`, `enrichment_file_parts`, `enrichment_rows`, `enrichment_chunks` and `column_mappings`.
Promise: every row of the list ends with exactly one outcome, only matched rows are charged, once each (P1, P5), and a
list that cannot be used says why before anything is spent (P12).
"""

from __future__ import annotations
