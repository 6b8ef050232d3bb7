"""What a run would cost: the minimum, the free dry run, the quote, the ceiling, the start."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import Flag, Text, text
from components.buttons import button, ghost, primary, secondary
from components.dialog import confirm
from components.feedback import banner, definition, no_permission, relative_time
from components.form import Choice, checkbox, error_summary, field, number_input, radio_group
from components.icons import icon
from components.shell import section
from cursive_app.pages.frame import may
from cursive_app.services.accounts import Permission
from state.enrichment import EnrichmentState as S

MATCHING = (
    Choice(
        "balanced",
        "Balanced",
        "One identifier is enough; the answer must agree with the row's strongest one. More matches.",
    ),
    Choice("strict", "Strict", "Everything the row says about the person must agree. Fewer matches, surer ones."),
)


def price_step() -> rx.Component:
    return rx.cond(
        may(Permission.RUN_ENRICHMENTS),
        rx.el.div(
            rx.cond(S.quote.missing_rows != "", _too_few(), rx.fragment()),
            rx.el.div(
                rx.el.div(_dry_run(), _choices(), class_name="flex min-w-0 flex-col gap-5"),
                _quote(),
                class_name="grid grid-cols-1 items-start gap-5 lg:grid-cols-[minmax(0,1fr)_360px]",
            ),
            _confirm(),
            class_name="flex flex-col gap-5",
        ),
        rx.el.div(
            no_permission("Your role may look at this list, not run it. Ask an owner or admin."), class_name="card"
        ),
    )


def _too_few() -> rx.Component:
    """Why there is a minimum, and what can be done with fewer rows."""
    return rx.el.section(
        rx.el.h2(
            text("A run needs at least ")
            + S.quote.minimum
            + " valid, unique rows; "
            + S.quote.missing_rows
            + " are missing.",
            class_name="text-14 font-semibold text-ink",
        ),
        rx.el.p(
            "Each run is a batch at the provider, and smaller batches are not taken. The list stays here, and with "
            "these rows you can:",
            class_name="mt-1 text-13 text-ink-2",
        ),
        rx.el.ul(
            _way("Look up a sample of them for free below, and see how many can be found.", None, ""),
            _way(
                "Mend rows that were left out: each one that becomes valid counts.",
                S.go_to("rows"),
                "Show the rows",
            ),
            _way("Put several short lists into one file and upload that.", None, ""),
            rx.el.li(
                icon("corner-down-right", size=14, class_name="mt-0.5 flex-none text-ink-3"),
                rx.el.span(
                    "Find people like these instead: a segment has no minimum. ",
                    rx.el.a("New segment", href="/segments/new", class_name="link"),
                ),
                class_name="flex gap-2 text-13 text-ink-2",
            ),
            class_name="mt-2 flex flex-col gap-1.5",
        ),
        aria_label="Too few rows",
        class_name="card border-l-4 px-4 py-3",
        style={"borderLeftColor": "var(--warn)"},
    )


def _way(words: str, on_click: Any, action: str) -> rx.Component:
    link = (
        rx.el.button(action, type="button", on_click=on_click, class_name="link ml-1.5")
        if on_click is not None
        else rx.fragment()
    )
    return rx.el.li(
        icon("corner-down-right", size=14, class_name="mt-0.5 flex-none text-ink-3"),
        rx.el.span(words, link),
        class_name="flex gap-2 text-13 text-ink-2",
    )


def _dry_run() -> rx.Component:
    again = rx.cond(S.sample.status == "", "Start the free dry run", "Run it again")
    running = S.sample.status == "running"
    return section(
        "Free dry run",
        rx.match(
            S.sample.status,
            ("running", _sample_running()),
            ("done", _sample_result()),
            ("failed", banner(S.sample.message, tone="bad", icon_name="circle-alert")),
            rx.el.p(
                "50 random rows are looked up for free, matched as you choose below. You see how many people can be "
                "found, and for which share of them e-mail, mobile and company are known, with the uncertainty of a "
                "sample of this size.",
                class_name="max-w-prose text-13 text-ink-2",
            ),
        ),
        actions=[
            rx.cond(
                running,
                rx.fragment(),
                button(
                    again,
                    icon_name="flask-conical",
                    on_click=S.dry_run,
                    pending=S.sampling,
                    disabled=S.card.nothing_usable,
                    size="sm",
                ),
            )
        ],
    )


def _sample_running() -> rx.Component:
    stop = rx.el.div(ghost("Stop the dry run", size="sm", on_click=S.stop, pending=S.stopping), class_name="-ml-2")
    moving = rx.el.div(
        icon("loader-circle", class_name="spin"),
        rx.el.span("Looking up random rows of your list. This usually takes less than a minute."),
        role="status",
        class_name="flex items-center gap-2 text-13 text-ink-2",
    )
    meter = rx.el.div(rx.el.span(), class_name="meter", data_indeterminate="true")
    return rx.cond(
        S.sample_kept_back != "",
        rx.el.div(banner(S.sample_kept_back, tone="info", icon_name="pause"), stop, class_name="flex flex-col gap-3"),
        rx.el.div(moving, stop, meter, class_name="flex flex-col gap-3"),
    )


def _sample_result() -> rx.Component:
    return rx.el.div(
        rx.el.p(
            rx.el.strong(S.sample.headline, class_name="font-semibold text-ink"),
            rx.cond(
                S.sample.when != "",
                rx.el.span(" · ", relative_time(S.sample.when, exact=S.sample.when_exact), class_name="text-ink-3"),
                rx.fragment(),
            ),
            class_name="text-13",
        ),
        rx.el.div(
            rx.el.div(
                rx.el.span("", class_name="w-24 flex-none sm:w-32"),
                rx.el.span("0%", class_name="num flex-1 text-12 text-ink-3"),
                rx.el.span("100%", class_name="num text-12 text-ink-3"),
                rx.el.span("Seen", class_name="w-10 flex-none text-right text-12 text-ink-3 sm:w-12"),
                rx.el.span("95% interval", class_name="w-[72px] flex-none text-right text-12 text-ink-3 sm:w-24"),
                class_name="flex items-center gap-3",
                custom_attrs={"aria-hidden": "true"},
            ),
            _rate(S.sample.matched, strong=True),
            rx.foreach(S.sample.rates, _rate),
            role="list",
            aria_label="Match rates of the dry run",
            class_name="flex flex-col gap-2",
        ),
        rx.el.p(
            "The mark is the share in the sample; with 95% certainty the whole list lies within the band.",
            class_name="text-12 text-ink-3",
        ),
        class_name="flex flex-col gap-3",
    )


def _rate(rate: Any, *, strong: bool = False) -> rx.Component:
    return rx.el.div(
        rx.el.span(
            rate.label,
            class_name=f"w-24 flex-none text-13 sm:w-32 {'font-semibold text-ink' if strong else 'text-ink-2'}",
        ),
        rx.el.span(
            rx.el.span(
                class_name="interval-band",
                style={"left": rate.low.to_string() + "%", "width": rate.width.to_string() + "%"},
            ),
            rx.el.span(class_name="interval-mark", style={"left": "calc(" + rate.at.to_string() + "% - 1px)"}),
            class_name="interval",
            custom_attrs={"aria-hidden": "true"},
        ),
        rx.el.span(
            rate.share, title=rate.seen, class_name="num w-10 flex-none text-right text-13 font-medium text-ink sm:w-12"
        ),
        rx.el.span(rate.interval, class_name="num w-[72px] flex-none text-right text-12 text-ink-2 sm:w-24"),
        role="listitem",
        key=rate.label,
        class_name="flex items-center gap-3",
    )


def _choices() -> rx.Component:
    return section(
        "How to run it",
        rx.el.div(
            radio_group("matching", "Matching", MATCHING, value=S.matching, on_change=S.set_matching),
            rx.cond(
                S.card.counts["owned"] != "0",
                checkbox(
                    "includes-owned",
                    text("Also enrich people you own already (") + S.card.counts["owned"] + ")",
                    hint="They are among your leads. Left out, they cost nothing.",
                    checked=S.includes_owned,
                    on_change=S.set_includes_owned,
                ),
                rx.fragment(),
            ),
            field(
                "ceiling",
                "Spend ceiling, in credits",
                number_input(
                    "ceiling",
                    input_mode="decimal",
                    placeholder="No ceiling",
                    default_value=S.ceiling,
                    on_change=S.set_ceiling.debounce(300),
                    error=S.quote_error,
                    class_name="max-w-[220px]",
                ),
                hint="The run never spends more. Rows beyond it are skipped, and you can run them later.",
                error=S.quote_error,
                optional=True,
            ),
            class_name="flex flex-col gap-5",
        ),
    )


def _quote() -> rx.Component:
    return rx.el.aside(
        rx.el.section(
            rx.el.h2("Price", class_name="text-14 font-semibold text-ink"),
            rx.el.div(
                rx.el.span("At most", class_name="block text-13 text-ink-2"),
                rx.el.span(S.quote.most, class_name="num text-28 font-semibold tracking-tight text-ink"),
                rx.el.span(" credits", class_name="text-13 text-ink-3"),
                custom_attrs={"aria-live": "polite"},
            ),
            definition(
                [
                    ("Likely", rx.cond(S.quote.likely != "", S.quote.likely, _unknown(_known_after()))),
                    ("Expected matches", rx.cond(S.quote.matches != "", S.quote.matches, _unknown("Not known yet"))),
                    (
                        "Rows to look up",
                        rx.el.span(rx.cond(S.quote.ends_at != "", "Up to ", ""), S.quote.rows, class_name="num"),
                    ),
                    ("Per matched row", rx.el.span(S.quote.price, class_name="num")),
                    ("Your balance", rx.el.span(S.quote.available, class_name="num")),
                ]
            ),
            rx.cond(
                S.quote.ends_at != "",
                rx.el.p(
                    text("The ceiling pays for ")
                    + S.quote.ends_at
                    + " matched rows. When they are found the run ends; the rows it has not reached are skipped and "
                    "cost nothing.",
                    role="status",
                    class_name="text-12 text-ink-2",
                ),
                rx.fragment(),
            ),
            rx.el.p(
                "Only rows that are found are charged. The most is held at the start; what is not needed comes back "
                "when the run ends.",
                class_name="text-12 text-ink-3",
            ),
            rx.cond(S.quote.shortfall != "", _shortfall(), rx.fragment()),
            error_summary(S.start_error),
            rx.cond(
                S.quote.why_not != "",
                rx.el.p(S.quote.why_not, role="status", class_name="text-13 text-warn"),
                rx.fragment(),
            ),
            primary(
                _start_label(),
                icon_name="play",
                on_click=S.ask_start,
                pending=S.starting,
                disabled=(S.quote.why_not != "")
                | (S.quote_error != "")
                | ((S.quote.shortfall != "") & ~S.spends_available),
                class_name="w-full",
            ),
            secondary("Back to rows", on_click=S.go_to("rows"), class_name="w-full"),
            class_name="flex flex-col gap-3.5",
        ),
        aria_label="Price",
        class_name="card p-4 sm:p-5 lg:sticky lg:top-4",
    )


def _known_after() -> Text:
    """A dry run tells nothing of another matching."""
    other = (S.sample.status == "done") & (S.sample.matching != S.matching)
    return text(rx.cond(other, text("Known after a dry run with ") + S.matching + " matching", "Known after a dry run"))


def _unknown(words: Text | str) -> rx.Component:
    return rx.el.span(words, class_name="text-ink-3")


def _shortfall() -> rx.Component:
    return rx.el.div(
        rx.el.p(
            text("Your balance lacks ") + S.quote.shortfall + " credits for the worst case.",
            class_name="text-13 font-medium text-warn",
        ),
        rx.cond(
            S.quote.affordable_rows == "0",
            rx.el.p(
                "It does not pay for one row. ",
                rx.el.a("Look at your credits", href="/credits", class_name="link"),
                "; the list stays here.",
                class_name="text-12 text-ink-2",
            ),
            _start_partly(),
        ),
        class_name="flex flex-col gap-2 rounded-lg border border-line bg-sunken p-3",
    )


def _start_partly() -> rx.Component:
    return rx.fragment(
        checkbox(
            "spend-available",
            text("Start with what I have (") + S.quote.affordable_rows + " rows)",
            hint="The run pauses when that is used up, and goes on after you top up.",
            checked=S.spends_available,
            on_change=S.set_spends_available,
        ),
        rx.el.p(
            "Or type a ceiling within your balance, or ",
            rx.el.a("look at your credits", href="/credits", class_name="link"),
            ".",
            class_name="text-12 text-ink-2",
        ),
    )


def _starts_partly() -> Flag:
    return (S.quote.shortfall != "") & S.spends_available


def _start_label() -> Text:
    """The price on the button that spends: what is held by this click, not what a later one may add."""
    partly = text("Start · ") + S.quote.affordable + " credits for now"
    return text(rx.cond(_starts_partly(), partly, text("Start · at most ") + S.quote.most + " credits"))


def _confirm() -> rx.Component:
    partly = text("What your balance has for whole rows is held now: ") + S.quote.affordable + " credits. "
    whole = text(S.quote.most) + " credits are held now. "
    held = text(rx.cond(_starts_partly(), partly, whole))
    return confirm(
        is_open=S.confirming_start,
        on_open_change=S.set_confirming_start,
        title=text("Enrich ") + S.quote.rows + " rows of “" + S.card.filename + "”?",
        consequence=held
        + "You pay "
        + S.quote.price
        + " for each row that is found and nothing for the others; the rest comes back when the run ends.",
        action=_start_label(),
        on_confirm=S.start,
        pending=S.starting,
        harmful=False,
    )
