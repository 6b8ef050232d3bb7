"""What the people a segment finds cost, and the run that gets them."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import text
from components.buttons import primary
from components.form import error_text, field, number_input
from components.primitives.anchor import anchor
from cursive_app.pages.frame import may
from cursive_app.services.accounts import Permission
from state.segment_builder import SegmentBuilderState as S
from state.session import SessionState


def price_card() -> rx.Component:
    """The price of one lead, and for those who may run: limits and the button."""
    return rx.el.section(
        rx.el.h2("Get these leads", class_name="text-14 font-semibold text-ink"),
        rx.el.p(
            rx.el.strong(S.quote.price, class_name="font-semibold text-ink"),
            " per new lead that matches every condition. People you own already cost nothing.",
            class_name="mt-1 text-13 text-ink-2",
        ),
        rx.cond(
            may(Permission.RUN_SEGMENTS),
            _run_form(),
            rx.el.p("Your role can look and sample, but not run segments.", class_name="mt-3 text-12 text-ink-3"),
        ),
        class_name="card px-4 py-3",
    )


def _run_form() -> rx.Component:
    """Limits, what they cost at most, and the button that spends."""
    return rx.fragment(
        rx.el.div(
            field(
                "run-max-leads",
                "Leads, at most",
                number_input(
                    "run-max-leads",
                    default_value=S.max_leads,
                    key=limits_key(S, "leads"),
                    on_change=S.set_max_leads.debounce(300),
                    on_blur=S.set_max_leads,
                    error=S.leads_error,
                ),
                error=S.leads_error,
            ),
            field(
                "run-ceiling",
                "Spend ceiling",
                number_input(
                    "run-ceiling",
                    input_mode="decimal",
                    placeholder="credits",
                    default_value=S.ceiling,
                    key=limits_key(S, "ceiling"),
                    on_change=S.set_ceiling.debounce(300),
                    on_blur=S.set_ceiling,
                    error=S.ceiling_error,
                ),
                error=S.ceiling_error,
            ),
            class_name="mt-3 grid grid-cols-2 gap-3",
        ),
        rx.el.dl(
            _line("Costs at most", rx.cond(S.priced, S.quote.most, "–"), strong=True),
            _line("Delivers at most", rx.cond(S.priced, S.quote.leads, "–")),
            rx.cond(may(Permission.VIEW_CREDITS), _line("You have", SessionState.balance + " credits"), rx.fragment()),
            class_name="mt-3 flex flex-col gap-1 border-t border-line pt-3",
        ),
        error_text("run", S.quote_error),
        shortfall(S),
        primary(
            text(rx.cond(_unsaved(), "Save and run", "Run")) + text(rx.cond(S.priced, " · up to " + S.quote.most, "")),
            icon_name="play",
            on_click=S.start,
            pending=S.starting,
            disabled=(S.problem != "")
            | ~S.priced
            | ~S.quote.enough
            | (S.segment_status != "active")
            | (S.has_run & S.run.is_active),
            class_name="mt-3 w-full justify-center",
        ),
        rx.cond(S.problem != "", rx.el.p(S.problem, class_name="mt-2 text-12 text-ink-2"), rx.fragment()),
        rx.el.p(
            "The most is held while the run works; what is not needed comes back at its end.",
            class_name="mt-2 text-12 text-ink-3",
        ),
    )


def _unsaved() -> Any:
    """Whether running saves as well."""
    return S.is_new | S.dirty | (S.limits_changed & S.may_edit)


def limits_key(state: Any, name: str) -> Any:
    """The React key of a limit's box: it is made anew when the limits were not changed by typing."""
    return name + rx.Var.create(state.limits_key).to(str)


def shortfall(state: Any) -> rx.Component:
    """How many credits are missing for the limits on the screen, and where to get them."""
    return rx.cond(
        state.priced & ~state.quote.enough,
        rx.el.p(
            state.quote.missing,
            " are missing for this many. The people who run your Cursive can grant more: see ",
            anchor("Credits", href="/credits", class_name="link"),
            ".",
            role="status",
            class_name="mt-2 text-12 text-warn",
        ),
        rx.fragment(),
    )


def _line(name: str, value: Any, *, strong: bool = False) -> rx.Component:
    look = "num text-13 font-semibold text-ink" if strong else "num text-13 text-ink"
    return rx.el.div(
        rx.el.dt(name, class_name="text-13 text-ink-2"),
        rx.el.dd(value, class_name=look),
        class_name="flex items-baseline justify-between gap-3",
    )
