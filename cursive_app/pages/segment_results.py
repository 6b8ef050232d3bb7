"""What a filter finds and what its runs did: sample, own leads, why in or out, history."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import items
from components.buttons import secondary
from components.documentation import how_it_works
from components.feedback import banner, metric, nothing_matches, pill, relative_time, skeleton_lines
from components.form import error_text, text_input
from components.icons import icon
from components.table import Column, data_table, table_card
from cursive_app.pages.frame import may
from cursive_app.services.accounts import Permission
from state.segment_builder import SegmentBuilderState as S

CARD_HEAD = "flex flex-wrap items-center justify-between gap-2 px-4 py-3 border-b border-line"


def _contact(row: Any) -> rx.Component:
    def mark(name: str, word: str, known: Any, tone: str = "text-ink-2") -> rx.Component:
        return rx.cond(
            known,
            rx.el.span(
                icon(name, size=15),
                rx.el.span(word, class_name="sr-only"),
                title=word,
                class_name=f"inline-flex {tone}",
            ),
            rx.fragment(),
        )

    return rx.el.span(
        mark("mail-check", "Verified e-mail", row.email == "verified", "text-good"),
        mark("mail", "E-mail", row.email == "yes"),
        mark("phone", "Phone", row.phone),
        mark("id-card", "LinkedIn profile", row.linkedin),
        class_name="inline-flex items-center gap-2 align-middle",
    )


def _short(value: Any) -> rx.Component:
    return rx.el.span(value, title=value, class_name="block truncate")


def _fits(row: Any) -> rx.Component:
    shown = rx.match(
        row.fits,
        ("yes", pill("Fits", "good")),
        ("no", pill("Does not fit", "bad")),
        rx.el.span(pill("Not known", "neutral"), title="The sample's record does not say enough to tell."),
    )
    return rx.el.span(
        shown,
        rx.cond(row.owned, pill("Yours", "info", dot=False), rx.fragment()),
        class_name="inline-flex items-center gap-1.5 align-middle",
    )


# These share what the others leave, so that the table fits at any width.
PEOPLE = (
    Column("name", "Name", lambda r: r.name, lead=True),
    Column("title", "Title", lambda r: _short(r.title), class_name="sm:w-2/5 sm:max-w-0"),
    Column("company", "Company", lambda r: _short(r.company), class_name="sm:w-[35%] sm:max-w-0"),
    Column("place", "Place", lambda r: _short(r.place), class_name="sm:w-1/4 sm:max-w-0"),
    Column("contact", "Contact", _contact),
)
SAMPLED = (
    *PEOPLE,
    Column("fits", "Your filter", _fits),
)


def sample_results() -> rx.Component:
    """The free, masked sample of the people database (SEG-06)."""
    return rx.el.section(
        rx.el.div(
            rx.el.div(
                rx.el.h2("Preview", class_name="text-14 font-semibold text-ink"),
                rx.cond(S.has_sample, pill(S.sample.size, "info", dot=False), rx.fragment()),
                rx.match(
                    S.sample_age,
                    ("filter", pill("of an earlier filter", "warn", dot=False)),
                    ("run", pill("from before the run", "warn", dot=False)),
                    rx.fragment(),
                ),
                class_name="flex flex-wrap items-center gap-2",
            ),
            secondary(
                rx.cond(S.has_sample, "Sample again", "Show a free sample"),
                icon_name="eye",
                size="sm",
                on_click=S.take_sample,
                pending=S.sampling,
                disabled=S.problem != "",
                hotkey="p",
            ),
            class_name=CARD_HEAD,
        ),
        rx.cond(
            S.sample_error != "",
            rx.el.div(banner(S.sample_error, tone="bad", icon_name="circle-alert"), class_name="p-4"),
            rx.cond(
                S.has_sample,
                rx.cond(items(S.sample.rows).length() > 0, _sample(), _empty_sample()),
                rx.cond(
                    S.sampling,
                    rx.el.div(skeleton_lines(5), class_name="p-4"),
                    rx.el.p(
                        "Up to 100 people from the provider, names masked, nothing charged. How many there are in all "
                        "is known only after a run has built the list, so no total is shown here. ",
                        how_it_works("segments#sample-and-exact"),
                        class_name="px-4 py-6 text-13 text-ink-2",
                    ),
                ),
            ),
        ),
        aria_label="Preview",
        class_name="card overflow-hidden",
    )


def _empty_sample() -> rx.Component:
    return nothing_matches(
        "Nobody in the sample",
        "The provider sent nobody for these conditions. Try a broader title or place, or one condition fewer.",
    )


def _sample() -> rx.Component:
    card = S.sample
    return rx.fragment(
        rx.cond(
            card.ignored != "",
            rx.el.div(banner(card.ignored, tone="bad", icon_name="circle-alert"), class_name="px-4 pt-4"),
            rx.fragment(),
        ),
        rx.el.div(
            metric("Fit your filter", card.fits, note=card.headline),
            metric("Yours already", card.owned, note="Of those that fit; they would cost nothing."),
            metric("New to you", card.new, note="Of those that fit; a run would charge for these."),
            class_name="grid grid-cols-1 gap-4 px-4 py-3 sm:grid-cols-3",
        ),
        rx.el.p(
            "The provider narrows by ",
            card.narrowed,
            ". ",
            rx.cond(
                items(card.checked).length() > 0,
                rx.fragment(
                    "Cursive checks the rest on every record before charging: people ",
                    items(card.checked).join("; "),
                    ".",
                ),
                "Cursive checks every record again before charging.",
            ),
            rx.cond(card.dropped != "", rx.fragment(" It could not narrow by ", card.dropped, "."), ""),
            class_name="px-4 pb-3 text-12 text-ink-3",
        ),
        data_table(SAMPLED, rows=card.rows, key=lambda r: r.name + r.title + r.company + r.place, caption="Sample"),
    )


def own_results() -> rx.Component:
    """The first of one's own leads, and why somebody is in or out."""
    return rx.fragment(
        rx.el.section(
            rx.el.div(rx.el.h2("First leads", class_name="text-14 font-semibold text-ink"), class_name=CARD_HEAD),
            rx.cond(
                items(S.glimpses).length() > 0,
                data_table(
                    PEOPLE,
                    rows=S.glimpses,
                    key=lambda r: r.url,
                    caption="First leads",
                    href=lambda r: r.url,
                ),
                rx.match(
                    rx.cond(S.count_error != "", "error", rx.cond(S.counting | (S.count == ""), "wait", "none")),
                    ("error", rx.el.p("They could not be counted.", class_name="px-4 py-6 text-13 text-ink-2")),
                    ("wait", rx.el.div(skeleton_lines(5), class_name="p-4")),
                    nothing_matches("No lead matches", "Remove the condition that removes the most people."),
                ),
            ),
            aria_label="First leads",
            class_name="card overflow-hidden",
        ),
        rx.cond(may(Permission.VIEW_LEADS), _why(), rx.fragment()),
    )


def _why() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Why in, why out", class_name="text-14 font-semibold text-ink"), class_name=CARD_HEAD),
        rx.el.form(
            text_input(
                "why-who",
                name="who",
                placeholder="E-mail address of one of your leads",
                aria_label="E-mail address or id of a lead",
                auto_complete="off",
            ),
            secondary("Explain", type="submit"),
            on_submit=S.explain,
            class_name="flex gap-2 px-4 py-3",
        ),
        rx.el.div(error_text("why", S.why_error), class_name="px-4 pb-3 empty:hidden"),
        rx.cond(
            S.why_name != "",
            rx.el.div(
                rx.el.p(
                    rx.el.a(S.why_name, href=S.why_url, class_name="link"),
                    rx.match(
                        S.why_verdict,
                        ("in", " is in this segment."),
                        ("out", " is not in this segment."),
                        " is not in this segment: the record does not say enough.",
                    ),
                    class_name="text-13 text-ink",
                ),
                rx.el.ul(
                    rx.foreach(
                        S.why_rows,
                        lambda row: rx.el.li(
                            rx.match(
                                row["holds"],
                                ("yes", pill("Yes", "good")),
                                ("no", pill("No", "bad")),
                                pill("Not known", "neutral"),
                            ),
                            rx.el.span(row["text"], class_name="min-w-0 flex-1 text-13 text-ink"),
                            rx.el.span(row["actual"], class_name="text-13 text-ink-3"),
                            key=row["id"],
                            class_name="flex items-center gap-3 py-1.5",
                        ),
                    ),
                    class_name="mt-2 divide-y divide-line",
                ),
                class_name="px-4 pb-3",
                custom_attrs={"aria-live": "polite"},
            ),
            rx.fragment(),
        ),
        aria_label="Why in, why out",
        class_name="card",
    )


def _begun(row: Any) -> rx.Component:
    """When and by whom, in one cell: the numbers beside it leave no room for a column of names."""
    return rx.el.span(
        relative_time(row.started, exact=row.started_exact),
        rx.el.span(row.actor, title=row.actor, class_name="block truncate text-12 font-normal text-ink-3"),
        class_name="block min-w-28 sm:py-1.5",
    )


RUNS = (
    Column("started", "Started", _begun, lead=True, class_name="sm:w-full sm:max-w-0"),
    Column("outcome", "Result", lambda r: pill(r.outcome, r.tone)),
    Column("requested", "Asked", lambda r: r.requested, right=True),
    Column("fetched", "Fetched", lambda r: r.fetched, right=True, class_name="sm:max-[1400px]:hidden"),
    Column("matched", "Matched", lambda r: r.matched, right=True),
    Column("new", "New", lambda r: r.new, right=True),
    Column("delta", "Change", lambda r: rx.cond(r.delta != "", r.delta, "–"), right=True),
    Column("owned", "Owned", lambda r: r.owned, right=True),
    Column("credits", "Credits", lambda r: r.credits, right=True),
)


def history() -> rx.Component:
    """Every run of the segment (SEG-14)."""
    return rx.el.section(
        rx.el.h2("Runs", class_name="mb-2 text-14 font-semibold text-ink"),
        table_card(
            rx.cond(
                items(S.runs).length() > 0,
                data_table(
                    RUNS,
                    rows=S.runs,
                    key=lambda r: r.id,
                    caption="Runs of this segment",
                    on_open=lambda r: S.open_run(r.id),
                    opened=S.run.id,
                ),
                rx.el.p("This segment has not run yet.", class_name="px-4 py-6 text-center text-13 text-ink-2"),
            ),
            rx.cond(S.has_newer_runs | S.has_older_runs, _turns(), rx.fragment()),
        ),
        aria_label="Runs",
    )


def _turns() -> rx.Component:
    """The way to earlier runs and back. (The list pager's keys are taken: P takes a sample here.)"""
    return rx.el.nav(
        secondary("Newer", icon_name="chevron-left", size="sm", on_click=S.newer_runs, disabled=~S.has_newer_runs),
        secondary("Older", size="sm", on_click=S.older_runs, disabled=~S.has_older_runs),
        aria_label="Pages of runs",
        class_name="flex justify-end gap-2 border-t border-line px-3 py-2",
    )
