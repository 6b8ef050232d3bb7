"""Enrichment: a customer's own list, from the dropped file to the download.

Owns the tables `enrichments`, `enrichment_file_parts`, `enrichment_rows`, `enrichment_chunks` and `column_mappings`.
Promise: every row of the list ends with exactly one outcome, only matched rows are charged, once each (P1, P5), and a
list that cannot be used says why before anything is spent (P12).
"""

from __future__ import annotations

from cursive_app.services.enrichment.announcing import mail_end
from cursive_app.services.enrichment.columns import OUTCOME_COLUMNS, OUTPUT_COLUMNS, OutputColumn
from cursive_app.services.enrichment.leads import add_to_leads, take_leads
from cursive_app.services.enrichment.output import Output, output
from cursive_app.services.enrichment.pricing import quote
from cursive_app.services.enrichment.rerun import rerun
from cursive_app.services.enrichment.retention import delete_files, purge_expired
from cursive_app.services.enrichment.running import bury_enrichment, run_enrichment
from cursive_app.services.enrichment.sampling import bury_sample, run_sample, start_sample
from cursive_app.services.enrichment.starting import cancel, resume, start
from cursive_app.services.enrichment.views import EnrichmentView, Quote, SampleView

__all__ = [
    "OUTCOME_COLUMNS",
    "OUTPUT_COLUMNS",
    "EnrichmentView",
    "Output",
    "OutputColumn",
    "Quote",
    "SampleView",
    "add_to_leads",
    "bury_enrichment",
    "bury_sample",
    "cancel",
    "delete_files",
    "mail_end",
    "output",
    "purge_expired",
    "quote",
    "rerun",
    "resume",
    "run_enrichment",
    "run_sample",
    "start",
    "start_sample",
    "take_leads",
]
