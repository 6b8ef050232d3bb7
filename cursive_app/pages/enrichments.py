"""The overview of a workspace's lists, and the drop zone that starts a new one."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.csv_upload import csv_upload
from components.documentation import how_it_works
from components.feedback import failure, list_states, nothing_matches, nothing_yet, relative_time, status_pill
from components.form import search_input, segmented
from components.icons import icon
from components.primitives.anchor import anchor
from components.table import Column, data_table, list_pager, skeleton_table, table_card, toolbar
from components.tokens import Tone
from cursive_app.pages.frame import may, page
from cursive_app.services.accounts import Permission
from state.enrichments import EnrichmentsState as S

LIST_STATUS: dict[str, tuple[str, Tone]] = {
    "received": ("Uploaded", "info"),
    "reading": ("Reading", "info"),
    "ready": ("Ready to start", "good"),
    "waiting": ("Needs a change", "warn"),
    "refused": ("Refused", "bad"),
    "queued": ("Queued", "neutral"),
    "running": ("Running", "info"),
    "paused": ("Paused", "warn"),
    "completed": ("Completed", "good"),
    "failed": ("Failed", "bad"),
    "cancelled": ("Stopped", "neutral"),
    "deleted": ("Deleted", "neutral"),
}
GROUP_WORDS = [
    ("", "All"),
    ("preparing", "Preparing"),
    ("running", "Running"),
    ("done", "Done"),
    ("stopped", "Stopped"),
]


COLUMNS = (
    Column("filename", "List", lambda r: rx.el.span(r.filename, title=r.filename, class_name="truncate"), lead=True),
    Column("status", "Status", lambda r: status_pill(r.badge, LIST_STATUS)),
    Column("rows", "Rows", lambda r: r.rows, right=True),
    Column("matched", "Matched", lambda r: r.matched, right=True),
    Column("credits", "Credits", lambda r: r.credits, right=True),
    Column("author", "By", lambda r: rx.el.span(r.author, class_name="truncate")),
    Column("created", "Uploaded", lambda r: relative_time(r.created, exact=r.created_exact)),
    Column("kept", "Files", lambda r: rx.el.span(r.kept, class_name="num text-12 text-ink-3")),
)


def enrichments() -> rx.Component:
    return page(
        rx.cond(may(Permission.EDIT_ENRICHMENTS) & (S.status != "forbidden"), _drop_zone(), rx.fragment()),
        rx.cond(
            (S.status == "empty") | (S.status == "forbidden"),
            rx.fragment(),
            toolbar(
                segmented(GROUP_WORDS, value=S.chosen, on_change=S.filter_status, label="Show"),
                search_input(
                    "list-search",
                    "Search by file name",
                    default_value=S.query,
                    key=S.search_key,
                    on_change=S.search.debounce(300),
                    class_name="w-full sm:w-64",
                ),
            ),
        ),
        table_card(
            list_states(
                S.status,
                ready=rx.fragment(_table(), list_pager(S.shown, S)),
                loading=skeleton_table(COLUMNS, rows=6),
                empty=nothing_yet(
                    "No lists yet",
                    rx.cond(
                        may(Permission.EDIT_ENRICHMENTS),
                        "Drop a list of people you know something about. You see what was understood, what it would "
                        "cost at most and a free dry run before anything is spent; only rows that are found are "
                        "charged.",
                        "Nobody on the team has uploaded a list yet. Your role may see lists, not upload them.",
                    ),
                    icon_name="table-2",
                ),
                no_match=nothing_matches(
                    "No list here",
                    rx.cond(
                        S.query == "",
                        "None has this status.",
                        rx.cond(S.chosen == "", "None has these words.", "None has this status and these words."),
                    ),
                    on_clear=S.clear,
                ),
                failed=failure(S.error, on_retry=S.load),
            )
        ),
        title="Enrichment",
        active="enrichments",
    )


def _drop_zone() -> rx.Component:
    return csv_upload(
        rx.cond(S.sample_url != "", sample_link(S.sample_url), rx.fragment()),
        how_it_works("enrichment", class_name="text-13"),
        action="/api/v1/enrichments",
        limits=S.limits,
        max_bytes=S.max_bytes,
        compact=S.status != "empty",
        on_uploaded=S.uploaded,
    )


def sample_link(url: Any) -> rx.Component:
    """The list of sandbox people to try the page with."""
    return anchor(
        icon("download", size=14),
        "Try it with a sample list",
        href=url,
        download="sample-list.csv",
        class_name="link inline-flex items-center gap-1.5 text-13",
    )


def _table() -> rx.Component:
    return data_table(COLUMNS, rows=S.rows, key=lambda r: r.id, caption="Lists", href=lambda r: "/enrichments/" + r.id)
