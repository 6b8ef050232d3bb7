"""The numbers of the user documentation, as this installation has them.

An article names them as `[0.25](figure:enrichment_price)`: its words are the default, its page shows what is in force.
"""

from __future__ import annotations

from datetime import timedelta

import reflex as rx

from cursive_app.api import bodies, links, uploads
from cursive_app.plurals import plural
from cursive_app.services import enrichment, limits, segments
from cursive_app.services.accounts import api_keys, invitations, mailed_tokens, passwords, throttle
from cursive_app.services.enrichment.changes import MOST_CHANGES
from cursive_app.services.enrichment.refusals import MAX_COLUMNS
from cursive_app.services.enrichment.spreadsheet import MAX_CELLS
from cursive_app.services.leads.export import COLUMNS
from cursive_app.services.limits.idempotency import KEPT
from cursive_app.services.segments import filters, preview, rules, runs
from cursive_app.settings import Settings, settings


def figures_of(config: Settings) -> dict[str, str]:
    """Every number an article may name, ready to read: what is configured, and what is the same everywhere."""
    days = config.job_history_days
    configured = {
        "lead_price": f"{config.database_lead_price:,.2f}",
        "lead_price_of_usual_run": f"{config.database_lead_price * runs.DEFAULT_MAX_LEADS:,.2f}",
        "enrichment_price": f"{config.enrichment_price:,.2f}",
        "list_minimum_rows": f"{config.enrichment_minimum_rows:,}",
        "list_maximum_rows": f"{config.enrichment_maximum_rows:,}",
        "list_maximum_size": f"{config.enrichment_maximum_bytes / 1048576:g} MB",
        "list_kept": plural(config.enrichment_keep_days, "day"),
        "dry_run_rows": f"{config.enrichment_sample_rows:,}",
        "dry_runs_a_day": f"{config.enrichment_samples_per_day:,}",
        "job_kept": "an unlimited time" if days is None else plural(days, "day"),
        "signup_grant": f"{config.signup_grant:,.2f}",
        "session_idle": plural(config.session_idle_hours, "hour"),
        "session_longest": plural(config.session_absolute_days, "day"),
    }
    return configured | _OF_SEGMENTS | _OF_LISTS | _OF_ACCOUNTS | _OF_THE_API


def _span(length: timedelta) -> str:
    """Whole days, hours or minutes."""
    if length.days > 1:
        return plural(length.days, "day")
    minutes = int(length.total_seconds() // 60)
    return plural(minutes // 60, "hour") if minutes >= 60 else plural(minutes, "minute")


_OF_SEGMENTS = {
    "usual_leads": f"{runs.DEFAULT_MAX_LEADS:,}",
    "most_leads": f"{rules.MAX_RUN_LEADS:,}",
    "highest_ceiling": f"{rules.MAX_CEILING:,}",
    "sample_people": f"{preview.SAMPLE:,}",
    "samples_a_minute": f"{preview.PREVIEWS.limit:,}",
    "most_conditions": f"{filters.MAX_CONDITIONS:,}",
    "most_values": f"{filters.MAX_VALUES:,}",
    "deepest_groups": f"{filters.MAX_DEPTH:,}",
    "name_length": f"{rules.MAX_NAME:,}",
    "description_length": f"{rules.MAX_DESCRIPTION:,}",
    "restorable": _span(segments.RESTORABLE),
    "lead_columns": f"{len(COLUMNS):,}",
}
_OF_LISTS = {
    "list_maximum_columns": f"{MAX_COLUMNS:,}",
    "sheet_maximum_cells": f"{MAX_CELLS:,}",
    "kept_changes": f"{MOST_CHANGES:,}",
    "added_columns": f"{len(enrichment.OUTPUT_COLUMNS):,}",
    "outcome_columns": f"{len(enrichment.OUTCOME_COLUMNS):,}",
}
_OF_ACCOUNTS = {
    "invitation_works": _span(invitations.LIFETIME),
    "confirmation_works": _span(mailed_tokens.LIFETIME["verify_email"]),
    "reset_works": _span(mailed_tokens.LIFETIME["reset_password"]),
    "password_length": f"{passwords.MIN_LENGTH:,}",
    "free_tries": f"{throttle.LOGIN_ACCOUNT.free:,}",
    "first_pause": f"{throttle.LOGIN_ACCOUNT.first_pause:,} seconds",
    "longest_pause": _span(timedelta(seconds=throttle.LOGIN_ACCOUNT.longest_pause)),
    "tries_forgotten": _span(timedelta(seconds=throttle.LOGIN_ACCOUNT.memory)),
}
_OF_THE_API = {
    "most_keys": f"{api_keys.MAX_KEYS:,}",
    "requests_a_minute": f"{limits.API.limit:,}",
    "uploads_an_hour": f"{uploads.RATE.limit:,}",
    "body_size": f"{bodies.MAX_BODY_BYTES / 1_000_000:g} MB",
    "records_size": f"{uploads.JSON_BYTES / 1_000_000:g} MB",
    "answers_kept": _span(KEPT),
    "link_works": _span(links.LIFETIME),
}
FIGURES = frozenset(figures_of(settings()))


class DocsState(rx.State):
    """A built page shows the figures of the build until it has heard of the server's."""

    figures: dict[str, str] = figures_of(settings())
