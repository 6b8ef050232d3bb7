"""The browsers in which the person is logged in."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.buttons import quiet_danger, secondary
from components.dialog import confirm
from components.feedback import failure, list_states, nothing_yet, pill, relative_time
from components.table import Column, data_table, skeleton_table, table_card
from cursive_app.pages.settings.layout import settings_page
from state.account import SessionsState as S


def _browser(row: Any) -> rx.Component:
    return rx.el.span(
        row.browser,
        rx.cond(row.is_current, pill("This browser", "good"), rx.fragment()),
        class_name="inline-flex items-center gap-2",
    )


def _whose(row: Any) -> Any:
    """Two sessions may be of the same browser: the name of the button tells them apart."""
    return "Log out " + row.browser + ", logged in " + row.since


def _end(row: Any) -> rx.Component:
    return rx.cond(
        row.is_current,
        rx.el.span("–", class_name="text-ink-3", custom_attrs={"aria-hidden": "true"}),
        quiet_danger("Log out", size="sm", on_click=S.ask_end(row.id), aria_label=_whose(row)),
    )


COLUMNS = (
    Column("browser", "Browser", _browser, lead=True),
    Column("seen", "Last used", lambda r: relative_time(r.last_seen, exact=r.last_seen_exact)),
    Column("ip", "Network address", lambda r: rx.el.span(r.ip, class_name="num")),
    Column("since", "Logged in", lambda r: rx.el.span(r.since, class_name="num")),
    Column("end", "Action", _end, right=True),
)


def sessions() -> rx.Component:
    return settings_page(
        rx.el.p(
            "You are logged in here. ",
            S.rule,
            class_name="text-13 text-ink-2",
        ),
        list_states(
            S.status,
            ready=table_card(data_table(COLUMNS, rows=S.rows, key=lambda r: r.id, caption="Your sessions")),
            loading=table_card(skeleton_table(COLUMNS, rows=3)),
            empty=nothing_yet("No sessions", "You are not logged in anywhere."),
            failed=failure(S.error, on_retry=S.load),
        ),
        confirm(
            is_open=S.ending_id != "",
            on_open_change=S.set_ending,
            title="Log out this browser?",
            consequence=S.ending + ". Whatever is open there ends at once.",
            action="Log out",
            on_confirm=S.end(S.ending_id),
        ),
        confirm(
            is_open=S.asking,
            on_open_change=S.ask_end_others,
            title=rx.cond(S.others == 1, "Log out 1 other browser?", f"Log out {S.others} other browsers?"),
            consequence="Whatever is open there ends at once. This browser stays logged in.",
            action="Log out all others",
            on_confirm=S.end_others,
        ),
        title="Your sessions",
        active="sessions",
        actions=(
            rx.cond(S.others > 0, secondary("Log out all others", on_click=S.ask_end_others(True)), rx.fragment()),
        ),
    )
