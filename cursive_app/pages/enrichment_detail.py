"""One list, from the drop to the download: file, columns, rows, price; then the run and its result."""

from __future__ import annotations

import reflex as rx

from components.address import left_behind, of_address
from components.binding import text
from components.buttons import copyable_id, ghost, primary, quiet_danger, secondary
from components.dialog import confirm
from components.feedback import (
    banner,
    definition,
    failure,
    list_states,
    no_permission,
    relative_time,
    skeleton_lines,
    status_pill,
)
from components.icons import icon
from components.shell import section
from cursive_app.pages.enrichment_columns import columns_step, file_step
from cursive_app.pages.enrichment_price import price_step
from cursive_app.pages.enrichment_result import ended
from cursive_app.pages.enrichment_rows import rows_step
from cursive_app.pages.enrichment_run import reading, working
from cursive_app.pages.enrichments import LIST_STATUS
from cursive_app.pages.frame import may, page
from cursive_app.services.accounts import Permission
from state.enrichment import EnrichmentState as S

STEP_WORDS = (("file", "File"), ("columns", "Columns"), ("rows", "Rows"), ("price", "Price and start"))


def enrichment_detail() -> rx.Component:
    return page(
        list_states(
            of_address(S.status, S.enrichment_id),
            ready=_list(),
            loading=rx.el.div(skeleton_lines(6), class_name="card p-5"),
            empty=rx.fragment(),
            failed=rx.el.div(failure(S.error, on_retry=S.load), class_name="card"),
            forbidden=rx.el.div(no_permission(), class_name="card"),
        ),
        title=rx.cond((S.card.filename != "") & ~left_behind(S.enrichment_id), S.card.filename, "List"),
        active="enrichments",
        crumbs=[("Enrichment", "/enrichments")],
    )


def _list() -> rx.Component:
    return rx.el.div(
        _facts(),
        _links(),
        rx.match(
            S.card.phase,
            ("reading", reading()),
            ("refused", _refused()),
            ("preparing", _preparing()),
            ("working", working()),
            ("deleted", _deleted()),
            ended(),
        ),
        _confirm_delete(),
        class_name="flex flex-col gap-5",
    )


def _facts() -> rx.Component:
    return rx.el.div(
        status_pill(S.card.badge, LIST_STATUS),
        copyable_id(S.card.short_id),
        rx.el.span(S.card.source, " by ", S.card.author),
        relative_time(S.card.created, exact=S.card.created_exact),
        rx.cond(S.card.size != "", rx.el.span(S.card.size, class_name="num"), rx.fragment()),
        rx.cond(
            (S.card.phase != "ended") & ~S.card.purged,
            rx.el.span(S.card.kept, title=S.card.kept_exact, class_name="num"),
            rx.fragment(),
        ),
        rx.cond(
            S.card.may_edit & ((S.card.phase == "preparing") | (S.card.phase == "refused")),
            quiet_danger("Delete this list", size="sm", on_click=S.set_confirming_delete(True)),
            rx.fragment(),
        ),
        class_name="flex flex-wrap items-center gap-x-4 gap-y-1.5 text-12 text-ink-3",
    )


def _links() -> rx.Component:
    return rx.fragment(
        rx.cond(
            (S.card.same_file != "") & (S.card.phase != "ended") & (S.card.phase != "deleted"),
            banner(
                "This very file was uploaded before. If it was run then, running it again pays for its matches again.",
                tone="warn",
                icon_name="copy",
                action=ghost("Open the earlier list", href="/enrichments/" + S.card.same_file, size="sm"),
                class_name="flex-wrap",
            ),
            rx.fragment(),
        ),
        rx.cond(
            S.card.rerun_of != "",
            banner(
                "These are rows of an earlier list that had no match, ended in error or were not reached.",
                icon_name="rotate-cw",
                action=ghost("Open that list", href="/enrichments/" + S.card.rerun_of, size="sm"),
                class_name="flex-wrap",
            ),
            rx.fragment(),
        ),
    )


def _refused() -> rx.Component:
    return rx.el.div(
        rx.el.section(
            rx.el.h2("This file cannot be used", class_name="text-14 font-semibold text-ink"),
            rx.el.p(S.card.refusal, role="alert", class_name="mt-1 max-w-prose text-13 text-ink-2"),
            rx.el.p("Nothing was charged.", class_name="mt-1 text-13 text-ink-2"),
            rx.el.div(
                secondary("Upload another file", icon_name="upload", href="/enrichments"), class_name="mt-3 flex gap-2"
            ),
            aria_label="Refused",
            class_name="card border-l-4 px-4 py-3",
            style={"borderLeftColor": "var(--bad)"},
        ),
        rx.cond(S.layout.kind != "", file_step(), rx.fragment()),
        class_name="flex flex-col gap-5",
    )


def _deleted() -> rx.Component:
    """Its files went before it was started: what is still known, and the one thing that can be done."""
    return section(
        "This list was deleted",
        rx.el.p(
            rx.el.span(S.card.kept, title=S.card.kept_exact),
            " It had not been started and nothing was charged.",
            class_name="max-w-prose text-13 text-ink-2",
        ),
        rx.el.div(
            definition(
                [
                    ("Rows", rx.el.span(S.card.counts["all"], class_name="num")),
                    ("Valid", rx.el.span(S.card.counts["valid"], class_name="num")),
                    ("Columns", rx.cond(S.card.column_names != "", S.card.column_names, "Not known")),
                ]
            ),
            class_name="mt-3 max-w-prose",
        ),
        rx.cond(
            may(Permission.EDIT_ENRICHMENTS),
            rx.el.div(primary("Upload it again", icon_name="upload", href="/enrichments"), class_name="mt-4 flex"),
            rx.fragment(),
        ),
    )


def _confirm_delete() -> rx.Component:
    """Names the list and its rows; of an ended run the receipt stays."""
    rows = text(rx.cond(S.card.counts["all"] != "–", text(" and its ") + S.card.counts["all"] + " rows", ""))
    return confirm(
        is_open=S.confirming_delete,
        on_open_change=S.set_confirming_delete,
        title=text("Delete “") + S.card.filename + "”" + rows + "?",
        consequence=rx.cond(
            S.card.phase == "ended",
            "The uploaded file, its rows and all results are deleted for good. Download what you need first. Leads you "
            "added and the receipt stay.",
            "The uploaded file, its rows and your corrections are deleted for good. To enrich the list after all, you "
            "upload it again.",
        ),
        action=rx.cond(S.card.phase == "ended", "Delete the files", "Delete this list"),
        on_confirm=S.delete_files,
        pending=S.deleting,
    )


def _preparing() -> rx.Component:
    return rx.el.div(
        rx.el.nav(
            rx.el.ol(
                *[_step(number, key, word) for number, (key, word) in enumerate(STEP_WORDS, start=1)],
                class_name="steps",
            ),
            aria_label="Steps",
        ),
        rx.cond(
            (S.card.why_not != "") & S.identifies & (S.step != "price"),
            banner(S.card.why_not, tone="warn", icon_name="triangle-alert"),
            rx.fragment(),
        ),
        rx.match(
            S.step,
            ("file", file_step()),
            ("rows", rows_step()),
            ("price", price_step()),
            columns_step(),
        ),
        class_name="flex flex-col gap-5",
    )


def _step(number: int, key: str, word: str) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(str(number), class_name="step-number num", custom_attrs={"aria-hidden": "true"}),
            word,
            type="button",
            on_click=S.go_to(key),
            aria_current=rx.cond(S.step == key, "step", "false"),
            class_name="step",
        ),
        icon("chevron-right", size=14, class_name="text-ink-3") if number < len(STEP_WORDS) else rx.fragment(),
    )
