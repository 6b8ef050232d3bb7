"""A month of the statement on paper: no navigation, nothing to press in print, one table that breaks over pages."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.buttons import primary, secondary
from components.feedback import failure, list_states, no_permission, skeleton_lines
from state.credit_rows import CreditRow
from state.credits_month import CreditsMonthState as S


def credits_month() -> rx.Component:
    """The page."""
    return rx.el.main(
        rx.el.nav(
            secondary("Statement", icon_name="arrow-left", href="/credits"),
            rx.cond(
                S.previous_url, secondary("Earlier month", icon_name="chevron-left", href=S.previous_url), rx.fragment()
            ),
            rx.cond(S.next_url, secondary("Later month", href=S.next_url), rx.fragment()),
            rx.el.span(class_name="flex-1"),
            rx.cond(
                S.export_url,
                secondary("Export CSV", icon_name="download", href=S.export_url, plain=True),
                rx.fragment(),
            ),
            primary("Print", icon_name="printer", on_click=rx.call_script("window.print()")),
            aria_label="Month",
            class_name="mb-8 flex flex-wrap items-center gap-2 print:hidden",
        ),
        list_states(
            S.status,
            ready=_sheet(_lines()),
            empty=_sheet(rx.el.p("No credits moved in this month.", class_name="mt-6 text-13 text-ink-2")),
            loading=skeleton_lines(10),
            failed=failure(S.error, on_retry=rx.redirect("/credits/month")),
            forbidden=no_permission(),
        ),
        id="content",
        class_name="mx-auto min-h-screen max-w-[960px] bg-surface px-6 py-8 text-ink print:max-w-none print:p-0",
    )


def _sheet(body: rx.Component) -> rx.Component:
    sums: tuple[tuple[str, Any], ...] = (
        ("Available at the start", S.opening),
        ("Added (grants, purchases, corrections)", S.added),
        ("Spent", S.spent),
        ("Refunded", S.returned),
        ("Available at the end", S.closing),
        ("Held at the end", S.held),
    )
    return rx.el.article(
        rx.el.header(
            rx.el.p("Cursive · credit statement", class_name="text-12 text-ink-3"),
            rx.el.h1(S.title, class_name="text-28 font-semibold tracking-tight"),
            rx.el.p(S.workspace, " · ", S.count, " · made ", S.made, class_name="text-13 text-ink-2"),
        ),
        rx.el.dl(
            *[
                rx.el.div(
                    rx.el.dt(word, class_name="text-12 text-ink-3"),
                    rx.el.dd(value, class_name="num text-16 font-medium"),
                )
                for word, value in sums
            ],
            class_name="mt-6 grid grid-cols-2 gap-x-6 gap-y-4 border-y border-line py-4 sm:grid-cols-3 "
            "print:grid-cols-3",
        ),
        body,
    )


def _lines() -> rx.Component:
    heads = (("Time", ""), ("Kind", ""), ("What for", ""), ("By", ""), ("Held", "right"), ("Available", "right"))
    return rx.fragment(
        rx.el.div(
            rx.el.table(
                rx.el.caption("Lines of the month, oldest first", class_name="sr-only"),
                rx.el.thead(
                    rx.el.tr(
                        *[rx.el.th(word, scope="col", class_name=f"pb-2 pr-3 {_side(side)}") for word, side in heads],
                        rx.el.th("Balance", scope="col", class_name=f"pb-2 {_side('right')}"),
                        class_name="text-12 font-medium text-ink-3",
                    )
                ),
                rx.el.tbody(rx.foreach(S.rows, _line)),
                class_name="w-full border-collapse text-12",
            ),
            role="region",
            aria_label="Lines of the month",
            tab_index=0,
            class_name="mt-6 overflow-x-auto print:overflow-visible",
        ),
        rx.cond(S.cut, rx.el.p(S.cut, class_name="mt-4 text-13 text-ink-2"), rx.fragment()),
    )


def _side(side: str) -> str:
    return "text-right" if side else "text-left"


def _line(row: CreditRow) -> rx.Component:
    def cell(content: Any, names: str = "") -> rx.Component:
        return rx.el.td(content, class_name=f"py-1.5 pr-3 align-top {names}")

    return rx.el.tr(
        cell(row.at_exact, "num whitespace-nowrap text-ink-2"),
        cell(row.word),
        cell(row.description, "break-words"),
        cell(row.by, "text-ink-2"),
        cell(row.held_change, "num text-right whitespace-nowrap text-ink-2"),
        cell(row.change, "num text-right whitespace-nowrap"),
        rx.el.td(row.balance, class_name="num py-1.5 text-right align-top font-medium"),
        key=row.id,
        class_name="border-t border-line break-inside-avoid",
    )
