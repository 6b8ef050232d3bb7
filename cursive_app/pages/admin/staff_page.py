"""The frame of the staff's pages: sections, live refresh, dates, and what a role may not do left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import reflex as rx

from components.binding import Props, Text, items, text
from components.buttons import ghost
from components.dialog import fold
from components.feedback import banner, skeleton
from components.form import select, text_input
from components.visibility import watch_hidden
from cursive_app.pages.frame import page
from cursive_app.pages.public.not_found import not_found
from state.admin_base import REFRESH, AdminLiveState
from state.session import SessionState

SECTIONS = (
    ("jobs", "Jobs", "/admin/jobs"),
    ("failures", "Failures", "/admin/jobs/failures"),
    ("queues", "Queues", "/admin/jobs/queues"),
    ("schedules", "Schedules", "/admin/jobs/schedules"),
    ("stuck", "Stuck", "/admin/jobs/stuck"),
    ("totals", "Totals", "/admin/jobs/totals"),
)


def may_operate() -> rx.Var[bool]:
    """Whether the person's staff role includes retry, stop, pause, rescue."""
    role = text(SessionState.staff_role)
    return (role == "operate") | (role == "all")


def may_all() -> rx.Var[bool]:
    """Whether the person's staff role includes deleting and changing arguments."""
    return text(SessionState.staff_role) == "all"


def staff_page(*content: Any, section: str, actions: Sequence[Any] = ()) -> rx.Component:
    """One section. People who are not staff see that there is nothing at this address."""
    shown = page(
        watch_hidden(AdminLiveState.set_hidden),
        _sections(section),
        _ledger(),
        *content,
        title="All jobs",
        active="admin-jobs",
        actions=[*actions, _refresh()],
        wide=True,
    )
    return rx.cond(SessionState.signed_in, rx.cond(SessionState.is_staff, shown, not_found()), _waiting())


def _sections(active: str) -> rx.Component:
    def link(key: str, word: str, href: str) -> rx.Component:
        here: Props = {"aria_current": "page"} if key == active else {}
        return rx.el.a(word, href=href, class_name="tab", **here)

    return rx.el.nav(*[link(*one) for one in SECTIONS], aria_label="Sections", class_name="tabs-list")


def _ledger() -> rx.Component:
    """Nobody reads a log at night: a sum that is off stands on every page of the staff until it fits."""

    def line(one: Any) -> rx.Component:
        return rx.el.li(
            rx.el.a(one["name"], href=one["href"], class_name="link font-medium"), ": ", one["words"], key=one["key"]
        )

    return rx.cond(
        items(AdminLiveState.ledger).length() > 0,
        banner(
            rx.el.p("The ledger is off. Stop spends of these workspaces and look at their lines."),
            rx.el.ul(rx.foreach(items(AdminLiveState.ledger), line), class_name="mt-1 flex flex-col gap-0.5"),
            rx.cond(AdminLiveState.ledger_more, rx.el.p(AdminLiveState.ledger_more), rx.fragment()),
            tone="bad",
            icon_name="circle-alert",
        ),
        rx.fragment(),
    )


def _refresh() -> rx.Component:
    return rx.el.label(
        rx.el.span("Refresh", class_name="hidden text-12 text-ink-3 sm:inline"),
        rx.el.span("Refresh every", class_name="sr-only sm:hidden"),
        select(
            "refresh",
            list(REFRESH.items()),
            small=True,
            value=AdminLiveState.every,
            on_change=AdminLiveState.set_every,
            class_name="w-20",
        ),
        class_name="flex items-center gap-2",
    )


def _waiting() -> rx.Component:
    """Before it is known who looks."""
    return rx.el.main(
        skeleton("h-8 w-64"),
        rx.el.span("Loading", class_name="sr-only", role="status"),
        class_name="flex flex-col gap-4 p-6",
    )


def date_range(*, since: Text, until: Text, on_since: Any, on_until: Any, zone: Text) -> rx.Component:
    """Two days, both included, in the reader's own time zone."""

    def day(control_id: str, word: str, value: Text, handler: Any) -> rx.Component:
        return rx.el.label(
            rx.el.span(word, class_name="text-12 text-ink-3"),
            text_input(control_id, type="date", value=value, on_change=handler, class_name="input-sm num w-36"),
            class_name="flex items-center gap-1.5",
        )

    return rx.el.div(
        day("since", "From", since, on_since),
        day("until", "to", until, on_until),
        title=rx.Var.create("Days in the time zone ") + text(zone),
        class_name="flex flex-wrap items-center gap-2",
    )


def clear_dates(*, when: rx.Var[bool], on_click: Any) -> rx.Component:
    return rx.cond(when, ghost("Clear dates", size="sm", on_click=on_click), rx.fragment())


__all__ = ["clear_dates", "date_range", "fold", "may_all", "may_operate", "staff_page"]
