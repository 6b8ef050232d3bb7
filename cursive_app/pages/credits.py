"""The statement: what can be spent, what is held and for what, and every line that led there."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import items
from components.buttons import button, secondary
from components.documentation import how_it_works
from components.feedback import (
    list_failure,
    list_states,
    metric,
    nothing_matches,
    nothing_yet,
    pill,
    relative_time,
)
from components.form import search_input, select
from components.icons import icon
from components.primitives.anchor import anchor
from components.table import Column, data_table, list_pager, newer_line, skeleton_table, table_card, toolbar
from components.tokens import Tone
from cursive_app.pages.frame import page
from state.credit_rows import KIND_WORDS, CreditRow, HoldRow
from state.credits import KIND_OPTIONS
from state.credits import CreditsState as S
from state.session import SessionState

KIND_TONES: dict[str, Tone] = {
    "purchase": "good",
    "grant": "good",
    "refund": "good",
    "hold": "warn",
    "release": "neutral",
    "capture": "info",
    "debit": "info",
    "adjustment": "neutral",
    "reversal": "bad",
}


def credits() -> rx.Component:
    """The page."""
    return page(
        _balances(),
        toolbar(*_filters()),
        table_card(
            newer_line("Credits have moved. Show the new lines", when=S.has_newer, on_click=S.show_newest),
            list_states(
                S.status,
                ready=_table(),
                loading=skeleton_table(COLUMNS, rows=8),
                empty=nothing_yet(
                    "No credits have moved yet",
                    "Every grant, hold, charge and refund of this workspace will stand here, with the balance it left.",
                    icon_name="coins",
                ),
                no_match=nothing_matches(
                    "No line fits", "No line of the statement fits all of these filters.", on_clear=S.clear_filters
                ),
                failed=list_failure(
                    S.error,
                    bad_address=S.bad_address,
                    on_retry=S.load,
                    out="Show the whole statement",
                    start_over=S.clear_filters,
                ),
            ),
        ),
        title="Credits",
        active="credits",
        actions=[
            secondary("Month to print", icon_name="printer", href=S.month_url),
            secondary("Export CSV", icon_name="download", href=S.export_url, plain=True),
        ],
    )


def _balances() -> rx.Component:
    """Two numbers side by side, what belongs to them under both, and beside them how runs are paid."""
    return rx.el.section(
        rx.el.div(
            rx.el.div(
                metric("Available", SessionState.balance, unit="credits", note="Paid credits never expire."),
                metric(
                    "Held for running work",
                    rx.cond(SessionState.has_held, SessionState.held, "0.00"),
                    unit="credits",
                    note=rx.cond(
                        SessionState.has_held,
                        "Already taken off what is available.",
                        "Nothing is held at the moment.",
                    ),
                ),
                class_name="grid flex-1 grid-cols-1 gap-5 p-5 sm:grid-cols-2",
            ),
            rx.cond(
                items(S.holds).length() > 0,
                rx.el.ul(
                    rx.foreach(S.holds, _hold),
                    aria_label="What credits are held for",
                    class_name="flex max-h-28 flex-col overflow-y-auto border-t border-line px-5 py-2",
                ),
                rx.fragment(),
            ),
            rx.el.p(
                "To add credits, ask the people who run your Cursive and tell them the short name in your ",
                anchor("workspace settings", href="/settings/workspace", class_name="link"),
                ": they grant credits to the workspace, and the grant appears below with its reason.",
                class_name="border-t border-line px-5 py-3 text-12 text-ink-3 text-pretty",
            ),
            class_name="flex min-w-0 flex-col",
        ),
        _explained(),
        aria_label="Balances",
        class_name="card grid grid-cols-1 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]",
    )


def _hold(hold: HoldRow) -> rx.Component:
    words = rx.cond(
        hold.job_href,
        rx.el.a(hold.description, href=hold.job_href, class_name="link truncate"),
        rx.el.span(hold.description, class_name="truncate text-ink"),
    )
    return rx.el.li(
        rx.el.span(words, class_name="min-w-0 flex-1 truncate text-13"),
        rx.el.span(
            hold.remaining,
            rx.cond(hold.of, rx.el.span(" of ", hold.of, class_name="text-ink-3"), rx.fragment()),
            class_name="num text-13 whitespace-nowrap",
            title=hold.at_exact,
        ),
        class_name="flex items-center gap-3 py-1.5",
        key=hold.id,
    )


def _explained() -> rx.Component:
    """Hold, charge and release in words."""
    steps = (
        ("Hold", "Starting a run sets aside the most it may cost."),
        ("Charge", "Each new lead is charged from that hold; leads you own already cost nothing."),
        ("Release", "When the run ends, whatever the hold still has comes back."),
    )
    return rx.el.div(
        rx.el.h2("How runs are paid", class_name="text-13 text-ink-2"),
        rx.el.ol(
            *[
                rx.el.li(
                    rx.el.strong(word, class_name="w-16 flex-none font-medium text-ink"),
                    rx.el.span(what, class_name="min-w-0 text-ink-2"),
                    class_name="flex gap-2 text-13",
                )
                for word, what in steps
            ],
            class_name="mt-2 flex flex-col gap-1.5",
        ),
        rx.el.p(how_it_works("credits#hold-charge-release", class_name="text-13"), class_name="mt-2"),
        class_name="min-w-0 border-t border-line p-5 lg:border-l lg:border-t-0",
    )


def _filters() -> list[rx.Component]:
    return [
        search_input(
            "statement-search",
            "Search descriptions",
            default_value=S.q,
            key=S.search_key,
            on_change=S.search.debounce(300),
            class_name="w-full sm:w-56",
        ),
        select(
            "kind",
            [("", "Every kind"), *KIND_OPTIONS],
            value=S.kind,
            on_change=S.filter_kind,
            aria_label="Kind",
            class_name="w-36",
        ),
        rx.cond(
            items(S.people).length() > 1,
            rx.el.div(
                rx.el.select(
                    rx.el.option("Everybody", value=""),
                    rx.foreach(S.people, lambda one: rx.el.option(one["label"], value=one["value"], key=one["value"])),
                    id="user",
                    value=S.user,
                    on_change=S.filter_user,
                    aria_label="Who",
                    class_name="input",
                ),
                icon("chevron-down"),
                class_name="select-wrap w-40",
            ),
            rx.fragment(),
        ),
        _day("since", "From", S.since, S.filter_since),
        _day("until", "To", S.until, S.filter_until),
        rx.cond(S.filtered, button("Clear", look="ghost", icon_name="x", on_click=S.clear_filters), rx.fragment()),
    ]


def _day(control: str, word: str, value: Any, on_change: Any) -> rx.Component:
    return rx.el.label(
        rx.el.span(word, class_name="text-12 text-ink-3"),
        rx.el.input(
            id=control,
            type="date",
            default_value=value,
            key=rx.Var.create(control) + rx.Var.create(value).to(str),
            on_change=on_change,
            class_name="input num w-36",
        ),
        class_name="inline-flex items-center gap-1.5",
    )


def kind_pill(row: CreditRow) -> rx.Component:
    """The kind of a line as a word with its tone."""
    return rx.fragment(
        rx.match(
            row.kind,
            *[(kind, pill(word, KIND_TONES[kind], dot=False)) for kind, word in KIND_WORDS.items()],
            pill(row.word),
        )
    )


def _description(row: CreditRow) -> rx.Component:
    return rx.el.span(
        rx.el.span(row.description, class_name="truncate", title=row.description),
        rx.cond(
            row.leads_href,
            rx.el.a("Leads", href=row.leads_href, class_name="link text-12 flex-none"),
            rx.fragment(),
        ),
        rx.cond(row.job_href, rx.el.a("Job", href=row.job_href, class_name="link text-12 flex-none"), rx.fragment()),
        class_name="flex min-w-0 max-w-[52ch] items-baseline gap-2.5",
    )


def _change(row: CreditRow) -> rx.Component:
    return rx.cond(
        row.change,
        rx.el.span(row.change, class_name=rx.cond(row.adds, "num text-good", "num text-ink")),
        rx.fragment(),
    )


def _held(row: CreditRow) -> rx.Component:
    return rx.cond(
        row.held_change,
        rx.el.span(row.held_change, class_name="num text-ink-2"),
        rx.fragment(),
    )


COLUMNS = (
    Column("at", "When", lambda row: relative_time(row.at, exact=row.at_exact, class_name="text-ink-2")),
    Column("kind", "Kind", kind_pill),
    Column("description", "What for", _description),
    Column("by", "By", lambda row: rx.el.span(row.by, class_name="text-ink-2 truncate")),
    Column("held", "Held", _held, right=True),
    Column("change", "Available", _change, right=True),
    Column("balance", "Balance", lambda row: rx.el.span(row.balance, class_name="num font-medium"), right=True),
)


def _table() -> rx.Component:
    return rx.fragment(
        data_table(COLUMNS, rows=S.rows, key=lambda row: row.id, caption="Statement, newest line first"),
        list_pager(S.shown, S),
    )
