"""Enrichment: a customer's own list, from the dropped file to the download.

Owns the tables `enrichments`, `enrichment_file_parts`, `enrichment_rows`, `enrichment_changes`, `enrichment_chunks` and
`column_mappings`.
Promise: every row of the list ends with exactly one outcome, only matched rows are charged, once each (P1, P5), and a
list that cannot be used says why before anything is spent (P12).
"""

from __future__ import annotations

from cursive_app.services.enrichment.announcing import mail_run
from cursive_app.services.enrichment.batches import read_batches, trace_batches
from cursive_app.services.enrichment.changes import last_change
from cursive_app.services.enrichment.columns import OUTCOME_COLUMNS, OUTPUT_COLUMNS, OutputColumn
from cursive_app.services.enrichment.editing import CellChanged, edit_cell, undo
from cursive_app.services.enrichment.encodings import ENCODINGS
from cursive_app.services.enrichment.fields import FIELDS, Field
from cursive_app.services.enrichment.files import clean_filename
from cursive_app.services.enrichment.layouts import KEEP, choose_layout, head_rows, map_columns
from cursive_app.services.enrichment.leads import LeadsView, add_to_leads, leads_of, take_leads
from cursive_app.services.enrichment.lists import get_enrichment, list_enrichments
from cursive_app.services.enrichment.opening import open_records, open_upload
from cursive_app.services.enrichment.output import MEDIA_TYPES, Output, check_output, output
from cursive_app.services.enrichment.pausing import pause
from cursive_app.services.enrichment.pricing import quote
from cursive_app.services.enrichment.reading import bury_read, read_list
from cursive_app.services.enrichment.refusals import Refused
from cursive_app.services.enrichment.replacing import count_in_column, replace_in_column
from cursive_app.services.enrichment.rerun import rerun
from cursive_app.services.enrichment.retention import delete_files, purge_expired
from cursive_app.services.enrichment.retry import retry_leads, retry_reading, retry_run
from cursive_app.services.enrichment.rows import VIEWS, list_rows
from cursive_app.services.enrichment.running import bury_enrichment, run_enrichment
from cursive_app.services.enrichment.sampling import bury_sample, run_sample, start_sample
from cursive_app.services.enrichment.sniffing import DELIMITERS
from cursive_app.services.enrichment.starting import cancel, resume, start
from cursive_app.services.enrichment.views import ChangeView, EnrichmentView, Quote, SampleView

__all__ = [
    "DELIMITERS",
    "ENCODINGS",
    "FIELDS",
    "KEEP",
    "MEDIA_TYPES",
    "OUTCOME_COLUMNS",
    "OUTPUT_COLUMNS",
    "VIEWS",
    "CellChanged",
    "ChangeView",
    "EnrichmentView",
    "Field",
    "LeadsView",
    "Output",
    "OutputColumn",
    "Quote",
    "Refused",
    "SampleView",
    "add_to_leads",
    "bury_enrichment",
    "bury_read",
    "bury_sample",
    "cancel",
    "check_output",
    "choose_layout",
    "clean_filename",
    "count_in_column",
    "delete_files",
    "edit_cell",
    "get_enrichment",
    "head_rows",
    "last_change",
    "leads_of",
    "list_enrichments",
    "list_rows",
    "mail_run",
    "map_columns",
    "open_records",
    "open_upload",
    "output",
    "pause",
    "purge_expired",
    "quote",
    "read_batches",
    "read_list",
    "replace_in_column",
    "rerun",
    "resume",
    "retry_leads",
    "retry_reading",
    "retry_run",
    "run_enrichment",
    "run_sample",
    "start",
    "start_sample",
    "take_leads",
    "trace_batches",
    "undo",
]
