"""/admin/jobs/totals: what all jobs came to, by kind and hour; what people make of the product; how long things are
kept; what staff did."""

from __future__ import annotations

import reflex as rx

from components.binding import items, text
from components.buttons import secondary
from components.feedback import failure, list_states, metric, pill, relative_time, skeleton_lines
from components.form import select
from components.shell import section
from components.table import Column, data_table, table_card, toolbar
from cursive_app.pages.admin.staff_page import clear_dates, date_range, staff_page
from state.admin_totals import ACTIONS_CSV, BAR_TOP, HOUR_WIDTH, ActionLine, HourBar, KindLine
from state.admin_totals import AdminTotalsState as S


def admin_totals() -> rx.Component:
    """The page."""
    dated = (text(S.since) != "") | (text(S.until) != "")
    return staff_page(
        toolbar(
            rx.el.p(
                rx.cond(dated, "Jobs created on these days.", "Jobs created in the last 30 days."),
                class_name="text-13 text-ink-3",
            ),
            right=[
                clear_dates(when=dated, on_click=S.clear_filters),
                date_range(
                    since=S.since, until=S.until, on_since=S.choose_since, on_until=S.choose_until, zone=S.timezone
                ),
            ],
        ),
        list_states(
            S.status,
            ready=rx.fragment(_numbers(), _hours(), _kinds(), _usage(), _actions(), _kept()),
            loading=rx.el.div(skeleton_lines(8), class_name="card p-5"),
            empty=rx.fragment(),
            failed=rx.el.div(failure(S.error, on_retry=S.clear_filters), class_name="card"),
        ),
        section="totals",
    )


def _numbers() -> rx.Component:
    return rx.el.section(
        metric("Jobs", S.jobs),
        metric("Leads imported", S.imported, note="New people in all workspaces"),
        metric("Success rate", S.success, note=S.success_note),
        metric("Average", S.average, note="From start to end"),
        metric("95 of 100 within", S.p95, note="From start to end"),
        aria_label="Totals",
        class_name="card grid grid-cols-2 gap-5 p-5 lg:grid-cols-5",
    )


def _hours() -> rx.Component:
    def bar(hour: HourBar) -> rx.Component:
        wide = str(HOUR_WIDTH - 2)
        return rx.el.svg.g(
            rx.el.svg.title(hour.words),
            rx.el.svg.rect(x=hour.left, y="0", width=wide, height=str(BAR_TOP), fill="transparent"),
            rx.el.svg.rect(x=hour.left, y=hour.good_top, width=wide, height=hour.good, class_name="good"),
            rx.el.svg.rect(x=hour.left, y=hour.bad_top, width=wide, height=hour.bad, class_name="bad"),
            key=hour.key,
        )

    width, ground = str(72 * HOUR_WIDTH), str(BAR_TOP)
    chart = rx.el.svg(
        rx.foreach(items(S.hours), bar),
        rx.el.svg.line(x1="0", y1=ground, x2=width, y2=ground, class_name="base"),
        view_box=f"0 0 {width} {BAR_TOP + 1}",
        preserve_aspect_ratio="none",
        custom_attrs={"role": "img"},
        aria_label=S.hours_text,
        class_name="bars",
    )
    of = select(
        "hours-of", items(S.kinds_to_choose), small=True, value=S.hours_of, on_change=S.choose_hours_of,
        aria_label="Kind of work", class_name="w-44",
    )  # fmt: skip
    return section("The last 72 hours", chart, hint=S.hours_text, actions=[of])


def _right(key: str, label: str, value: str) -> Column:
    return Column(key, label, lambda row: rx.el.span(getattr(row, value), class_name="num"), right=True)


KINDS = (
    Column("kind", "Kind", lambda row: rx.el.a(row.kind, href=row.href, class_name="link"), lead=True),
    _right("jobs", "Jobs", "jobs"),
    _right("completed", "Completed", "completed"),
    _right("failed", "Failed", "failed"),
    _right("refused", "Refused", "refused"),
    _right("cancelled", "Stopped", "cancelled"),
    _right("rate", "Failure rate", "failure_rate"),
    _right("rows", "Rows", "rows"),
    _right("p50", "Median", "p50"),
    _right("p95", "95 of 100 within", "p95"),
)


def _kinds() -> rx.Component:
    def key(one: KindLine) -> rx.Var[str]:
        return text(one.href)

    return section(
        "By kind", table_card(data_table(KINDS, rows=S.kinds, key=key, caption="Totals by kind")), card=False
    )


USAGE = (
    Column("week", "Week from", lambda row: rx.el.span(row.week, class_name="num"), lead=True),
    _right("people", "People", "people"),
    _right("segments", "Saved segments", "segments"),
    _right("per-person", "Segments per person", "per_person"),
    _right("lists", "Lists uploaded", "lists"),
    Column(
        "match-rate",
        "Match rate",
        lambda row: rx.el.span(row.match_rate, title=row.match_words, class_name="num"),
        right=True,
    ),
    _right("credits", "Credits for lists", "credits"),
)


def _usage() -> rx.Component:
    table = data_table(USAGE, rows=S.weeks, key=lambda one: text(one.week), caption="Use by week")
    return section(
        "Use by week",
        table_card(table),
        rx.el.p(
            "Weeks begin on Monday, 00:00 UTC. People are accounts with a confirmed address, and they and segments are "
            "counted as of a week's end. Rows and credits are those of all runs of the lists of a week.",
            class_name="mt-2 text-12 text-ink-3",
        ),
        hint=S.weeks_text,
        card=False,
    )


def _subject(one: ActionLine) -> rx.Component:
    return rx.cond(
        one.href,
        rx.el.a(one.subject, href=one.href, class_name="link truncate"),
        rx.el.span(one.subject, class_name="truncate"),
    )


ACTIONS = (
    Column(
        "action",
        "Action",
        lambda row: rx.el.span(
            rx.el.code(row.action, class_name="text-12"),
            rx.cond(row.refused, pill("Refused", "warn"), rx.fragment()),
            class_name="inline-flex items-center gap-2",
        ),
        lead=True,
    ),
    Column("by", "By", lambda row: row.by),
    Column("at", "When", lambda row: relative_time(row.at, exact=row.at_exact)),
    Column("subject", "On", _subject),
    Column("details", "Details", lambda row: rx.el.span(row.details, title=row.details, class_name="text-ink-3")),
)


def _actions() -> rx.Component:
    def key(one: ActionLine) -> rx.Var[str]:
        return text(one.key)

    nothing = rx.el.p("No member of staff has acted yet.", class_name="p-4 text-13 text-ink-3")
    return section(
        "What staff did",
        table_card(
            rx.cond(
                items(S.actions).length() > 0,
                data_table(ACTIONS, rows=S.actions, key=key, caption="What staff did"),
                nothing,
            )
        ),
        rx.cond(
            S.has_older | S.is_older,
            rx.el.div(
                rx.cond(S.is_older, secondary("Newest", size="sm", on_click=S.newest_actions), rx.fragment()),
                rx.cond(S.has_older, secondary("Older", size="sm", on_click=S.older_actions), rx.fragment()),
                class_name="mt-2 flex justify-end gap-2",
            ),
            rx.fragment(),
        ),
        hint="Actions and refusals of everybody, newest first.",
        actions=[secondary("Export CSV", size="sm", icon_name="download", href=ACTIONS_CSV, plain=True)],
        card=False,
    )


KEPT = (
    Column("what", "What", lambda row: row.what, lead=True),
    Column("rule", "Kept for", lambda row: row.rule),
    _right("count", "How many", "count"),
    Column("oldest", "Oldest", lambda row: rx.el.span(row.oldest, class_name="num")),
    Column("pruned", "Newest pruning", lambda row: rx.el.span(row.pruned, class_name="num text-ink-2")),
)


def _kept() -> rx.Component:
    return section(
        "How long things are kept",
        table_card(data_table(KEPT, rows=S.kept, key=lambda one: text(one.what), caption="Retention")),
        hint="Every night jobs.prune and jobs.prune_history forget what is past its term. A job that a run, a list or "
        "the ledger refers to stays; its attempts and its timeline go.",
        card=False,
    )
