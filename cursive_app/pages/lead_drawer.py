"""Everything about one lead, beside the list: contacts, facts, receipts, and the raw record for those allowed."""

from __future__ import annotations

from typing import Any, cast

import reflex as rx

from components.binding import items
from components.buttons import copy_button, secondary
from components.dialog import drawer
from components.feedback import nothing_yet, pill, relative_time, skeleton_lines
from components.icons import icon
from components.primitives.anchor import anchor
from components.tokens import Tone
from state.lead_lines import ContactLine, Fact, FactGroup, ReceiptLine
from state.leads import LeadsState as S


def lead_drawer() -> rx.Component:
    """The drawer of the leads page; `?lead=` in the address opens it."""
    card = S.card
    links = [
        rx.cond(address != "", _outside(address, word, name), rx.fragment())
        for address, word, name in (
            (card.linkedin_url, "LinkedIn", "external-link"),
            (card.twitter_url, "Twitter", "external-link"),
            (card.facebook_url, "Facebook", "external-link"),
        )
    ]
    ready: rx.Component = rx.el.div(
        rx.el.div(*links, class_name="flex flex-wrap gap-2 empty:hidden"),
        _part("E-mail", _contacts(card.emails, "No e-mail address is known.")),
        _part("Phone", _contacts(card.phones, "No phone number is known.")),
        rx.foreach(card.groups, _facts),
        _part("Where it came from", rx.el.ul(rx.foreach(card.receipts, _receipt), class_name="flex flex-col")),
        rx.cond(card.may_see_raw, _raw(), rx.fragment()),
        class_name="flex flex-col gap-6",
    )
    missing = nothing_yet("Not here", "This lead does not exist in your workspace.", icon_name="search-x")
    return drawer(
        rx.cond(S.card_status == "ready", card.name, "Lead"),
        rx.el.div(rx.match(S.card_status, ("ready", ready), ("missing", missing), skeleton_lines(8))),
        is_open=S.is_open,
        on_open_change=S.set_open,
        subtitle=card.headline,
    )


def _outside(address: Any, word: str, name: str) -> rx.Component:
    return anchor(
        icon(name, size=14),
        word,
        href=address,
        target="_blank",
        rel="noopener noreferrer nofollow",
        class_name="btn btn-secondary btn-sm",
    )


def _part(title: Any, *content: Any) -> rx.Component:
    return rx.el.section(
        rx.el.h3(title, class_name="mb-1.5 text-12 font-semibold text-ink-3"), *content, class_name="min-w-0"
    )


def _contacts(lines: list[ContactLine], nothing: str) -> rx.Component:
    return rx.cond(
        items(lines).length() > 0,
        rx.el.ul(rx.foreach(lines, _contact), class_name="flex flex-col divide-y divide-line"),
        rx.el.p(nothing, class_name="text-13 text-ink-3"),
    )


def _contact(line: ContactLine) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.span(line.text, class_name="num text-13 text-ink break-all"),
            rx.el.span(line.kind, class_name="text-12 text-ink-3"),
            class_name="flex min-w-0 flex-1 flex-col",
        ),
        pill(line.word, cast("Tone", line.tone)),
        copy_button(line.copied, "Copy"),
        key=line.text,
        class_name="flex items-center gap-2 py-1.5",
    )


def _facts(group: FactGroup) -> rx.Component:
    return _part(
        group.title,
        rx.el.dl(rx.foreach(group.facts, _fact), class_name="flex flex-col"),
        rx.cond(
            group.unknown != "",
            rx.el.p("Not known: ", group.unknown, class_name="mt-1 text-12 text-ink-3"),
            rx.fragment(),
        ),
    )


def _fact(fact: Fact) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.label, class_name="w-28 flex-none text-13 text-ink-3"),
        rx.el.dd(fact.value, class_name="min-w-0 flex-1 text-13 text-ink break-words whitespace-pre-line"),
        key=fact.label,
        class_name="flex gap-4 py-1",
    )


def _receipt(line: ReceiptLine) -> rx.Component:
    title = rx.cond(
        line.run_href != "",
        rx.el.a(line.title, href=line.run_href, class_name="text-link"),
        rx.el.span(line.title, class_name="text-ink"),
    )
    cost = rx.cond(
        line.ledger_href != "",
        rx.el.a(line.cost, href=line.ledger_href, class_name="num text-link"),
        rx.el.span(line.cost, class_name="num text-ink-2"),
    )
    return rx.el.li(
        rx.el.div(title, rx.el.span(cost, class_name="ml-auto"), class_name="flex gap-3 text-13"),
        rx.el.div(
            relative_time(line.ago, exact=line.exact),
            rx.cond(line.actor != "", rx.el.span("by ", line.actor), rx.fragment()),
            class_name="flex gap-2 text-12 text-ink-3",
        ),
        class_name="flex flex-col gap-0.5 py-1.5 border-b border-line last:border-0",
    )


def _raw() -> rx.Component:
    return _part(
        "Raw record",
        rx.cond(
            S.raw != "",
            rx.el.div(
                rx.el.pre(
                    S.raw,
                    class_name="max-h-96 overflow-auto rounded-control border border-line bg-sunken p-3 text-12",
                    tab_index=0,
                    aria_label="Raw record",
                ),
                rx.el.div(copy_button(S.raw, "Copy the raw record"), class_name="absolute right-2 top-2"),
                class_name="relative",
            ),
            secondary("Show raw record", size="sm", on_click=S.show_raw),
        ),
    )
