"""Segments: a filter with a name, what it finds, and its runs.

Owns the tables `saved_segments`, `segment_drafts`, `segment_runs`, `segment_leads` and `provider_words`. Promise: only
people who satisfy the filter are delivered, nothing is charged twice or beyond the ceiling (P1, P5), and a number is
called exact only when it is.
"""

from __future__ import annotations

from cursive_app.services.segments.address import decode, encode
from cursive_app.services.segments.audiences import cleanup_audiences
from cursive_app.services.segments.compile_provider import Narrowing, narrowing
from cursive_app.services.segments.counting import (
    Explanation,
    LeadCount,
    LeadGlimpse,
    Marginal,
    count_leads,
    explain_lead,
    membership,
)
from cursive_app.services.segments.deletion import RESTORABLE, Attached, attached, openable, segment_names
from cursive_app.services.segments.drafts import Draft, drop_draft, drop_saved, get_draft, save_draft, save_draft_limits
from cursive_app.services.segments.fields import FIELDS, Field, Option, fields_of
from cursive_app.services.segments.filters import Condition, Filters, Group, Node, empty, parse, require_runnable
from cursive_app.services.segments.match import Verdict, matches, person_values
from cursive_app.services.segments.preview import PreviewRow, PreviewView, preview_segment
from cursive_app.services.segments.retry import retry_run
from cursive_app.services.segments.rights import StaleVersion
from cursive_app.services.segments.run import bury_run, run_segment
from cursive_app.services.segments.runs import KIND, Quote, cancel_run, get_run, list_runs, quote, start_run
from cursive_app.services.segments.sentence import condition_text, sentence
from cursive_app.services.segments.store import (
    DELETED,
    create_segment,
    delete_segment,
    duplicate_segment,
    get_segment,
    list_segments,
    restore_segment,
    set_status,
    update_segment,
)
from cursive_app.services.segments.views import RunPage, RunView, SegmentPage, SegmentView
from cursive_app.services.segments.words import learn_words, read_gazetteer, suggest, sync_words

__all__ = [
    "DELETED", "FIELDS", "KIND", "RESTORABLE", "Attached", "Condition", "Draft", "Explanation", "Field",
    "Filters", "Group", "LeadCount", "LeadGlimpse", "Marginal", "Narrowing", "Node", "Option", "PreviewRow",
    "PreviewView", "Quote", "RunPage", "RunView", "SegmentPage", "SegmentView", "StaleVersion", "Verdict", "attached",
    "bury_run", "cancel_run", "cleanup_audiences", "condition_text", "count_leads", "create_segment", "decode",
    "delete_segment", "drop_draft", "drop_saved", "duplicate_segment", "empty", "encode", "explain_lead",
    "fields_of", "get_draft", "get_run", "get_segment", "learn_words", "list_runs", "list_segments", "matches",
    "membership", "narrowing", "openable", "parse", "person_values", "preview_segment", "quote", "read_gazetteer",
    "require_runnable", "restore_segment", "retry_run", "run_segment", "save_draft", "save_draft_limits",
    "segment_names", "sentence", "set_status", "start_run", "suggest", "sync_words", "update_segment",
]  # fmt: skip
