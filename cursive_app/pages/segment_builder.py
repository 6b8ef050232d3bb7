"""The segment builder: the filter on the left; what it finds, what it costs and its run on the right."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.address import left_behind, of_address
from components.binding import items
from components.buttons import ghost, primary, secondary
from components.feedback import banner, failure, list_states, no_permission, nothing_yet, pill, skeleton_lines
from components.filter_builder import FieldChoice, FieldGroup, FilterActions, FilterData, filter_builder
from components.form import segmented
from cursive_app.pages.frame import may, page
from cursive_app.pages.segment_actions import segment_dialogs, segment_menu
from cursive_app.pages.segment_price import price_card
from cursive_app.pages.segment_results import history, own_results, sample_results
from cursive_app.pages.segment_run_panel import run_panel
from cursive_app.pages.segment_saving import conflict_dialog, name_dialog
from cursive_app.services.accounts import Permission
from cursive_app.services.segments import FIELDS
from state.filter_rows import AGE_CHOICES
from state.segment_builder import SegmentBuilderState as S
from state.segment_filter import NEW


def _field_groups() -> tuple[FieldGroup, ...]:
    groups: dict[str, list[FieldChoice]] = {}
    for one in FIELDS.values():
        groups.setdefault(one.group, []).append(FieldChoice(one.key, one.label, "provider" not in one.scopes))
    return tuple(FieldGroup(label, tuple(choices)) for label, choices in groups.items())


STATUS = of_address(S.status, S.segment_id, S.loaded_id)  # the workbench keeps its state from one segment to the next


def segment_builder() -> rx.Component:
    return page(
        list_states(
            rx.cond(STATUS == "missing", "error", STATUS),
            ready=_workbench(),
            loading=rx.el.div(skeleton_lines(6), class_name="card p-5"),
            empty=rx.fragment(),
            failed=rx.el.div(rx.cond(S.status == "missing", _missing(), _failed()), class_name="card"),
            forbidden=rx.el.div(no_permission(), class_name="card"),
        ),
        name_dialog(),
        conflict_dialog(),
        segment_dialogs(S),
        title=rx.cond(left_behind(S.segment_id, S.loaded_id), "Segment", _title()),
        active="segments",
        crumbs=[("Segments", "/segments")],
        actions=[rx.cond(STATUS == "ready", _actions(), rx.fragment())],
        wide=True,
    )


def _title() -> rx.Var[str]:
    return rx.cond(
        S.status == "missing",
        "No such segment",
        rx.cond(
            (S.status != "error") & (S.name != ""),
            S.name,
            rx.cond((S.status != "error") & (S.segment_id == NEW), "New segment", "Segment"),
        ),
    )


def _failed() -> rx.Component:
    """A link that cannot be read is not tried again: the way out is a filter that can."""
    out = rx.cond(
        S.segment_id == NEW,
        primary("Start a new filter", href="/segments/new", icon_name="plus"),
        primary("Open the saved segment", href="/segments/" + S.segment_id, icon_name="arrow-right"),
    )
    return rx.cond(
        S.bad_link,
        nothing_yet("This link cannot be read", S.error, out, icon_name="filter-x"),
        failure(S.error, on_retry=S.load),
    )


def _missing() -> rx.Component:
    return nothing_yet(
        "This segment is not here",
        "It was deleted, it is private to somebody else, or it belongs to another of your workspaces.",
        secondary("All segments", href="/segments"),
        icon_name="filter-x",
    )


def _actions() -> rx.Component:
    return rx.el.div(
        rx.cond(
            S.dirty | S.limits_changed,
            rx.fragment(  # on a phone the shorter word leaves all buttons on one line
                rx.el.span(pill("Unsaved changes", "warn"), class_name="hidden sm:contents"),
                rx.el.span(pill("Unsaved", "warn"), class_name="contents sm:hidden"),
            ),
            rx.cond(S.is_new, rx.fragment(), pill("Saved", "good")),
        ),
        rx.cond(
            (S.dirty | S.limits_changed) & may(Permission.EDIT_SEGMENTS),
            ghost("Discard", on_click=S.discard),
            rx.fragment(),
        ),
        rx.cond(
            may(Permission.EDIT_SEGMENTS),
            rx.fragment(
                rx.cond(
                    S.is_new,
                    rx.fragment(),
                    secondary("Save as new", on_click=S.ask_save_as, disabled=S.is_empty | ~S.priced),
                ),
                rx.cond(
                    S.is_new | S.may_edit,
                    secondary(
                        "Save",
                        icon_name="save",
                        on_click=S.save,
                        pending=S.saving,
                        disabled=S.is_empty | ~(S.dirty | S.limits_changed) | ~S.priced,
                    ),
                    rx.fragment(),
                ),
            ),
            rx.fragment(),
        ),
        rx.cond(S.is_new, rx.fragment(), segment_menu(S.line, S)),
        class_name="segment-actions flex flex-wrap items-center gap-2",
    )


def _workbench() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.cond(
                S.line.description != "",
                rx.el.p(
                    S.line.description, class_name="text-13 text-ink-2 text-pretty break-words whitespace-pre-line"
                ),
                rx.fragment(),
            ),
            _notices(),
            _scope_bar(),
            filter_builder(_data(), _edits(), _field_groups()),
            class_name="flex min-w-0 flex-col gap-4",
        ),
        rx.el.aside(
            _sentence_card(),
            rx.cond(S.has_run, run_panel(), rx.fragment()),
            rx.cond(S.scope == "leads", _count_card(), price_card()),
            aria_label="Result and price",
            class_name="flex min-w-0 flex-col gap-4 lg:sticky lg:top-4 lg:col-start-2 lg:row-span-2 lg:row-start-1",
        ),
        rx.el.div(
            rx.cond(S.scope == "leads", own_results(), sample_results()),
            rx.cond(
                S.is_new | ((S.scope == "leads") & (items(S.runs).length() == 0)),
                rx.fragment(),
                history(),
            ),
            class_name="flex min-w-0 flex-col gap-4",
        ),
        class_name="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,1fr)_340px] lg:grid-rows-[auto_1fr]",
    )


def _notices() -> rx.Component:
    return rx.fragment(
        rx.cond(
            S.segment_status != "active",
            banner(
                "This segment is ",
                S.segment_status,
                ". It cannot be run until it is active again.",
                tone="warn",
                icon_name="pause",
                action=rx.cond(
                    S.may_edit,
                    ghost("Make active", on_click=S.set_status(S.segment_id, "active"), size="sm"),
                    rx.fragment(),
                ),
            ),
            rx.fragment(),
        ),
        rx.cond(
            ~S.is_new & ~S.may_edit,
            banner(
                "This segment belongs to ",
                S.author,
                rx.cond(
                    may(Permission.EDIT_SEGMENTS),
                    ". You can change it here and save it as your own.",
                    ". You can change it here to look around; nothing is kept.",
                ),
                icon_name="lock",
            ),
            rx.fragment(),
        ),
        rx.cond(
            S.from_draft & (S.dirty | S.limits_changed),
            banner(
                "These are your unsaved changes from before.",
                icon_name="history",
                action=ghost(rx.cond(S.is_new, "Start empty", "Discard them"), on_click=S.discard, size="sm"),
            ),
            rx.fragment(),
        ),
        rx.cond(
            S.gone != "",
            banner(
                rx.el.strong("Part of this filter no longer exists. ", class_name="font-semibold"),
                S.gone,
                " ",
                rx.cond(
                    S.may_edit,
                    "What is left stands below and may find more people than before. Check it and save it; until then "
                    "the segment does not run.",
                    "Its author, an owner or an admin can mend it; until then it does not run.",
                ),
                tone="warn",
            ),
            rx.fragment(),
        ),
        rx.cond(
            S.link_too_long,
            banner("This filter is too large for a link. Save the segment to share it.", tone="warn"),
            rx.fragment(),
        ),
    )


def _scope_bar() -> rx.Component:
    return rx.el.div(
        segmented(
            [("provider", "People database"), ("leads", "My leads")],
            value=S.scope,
            on_change=S.set_scope,
            label="Where to look",
        ),
        rx.el.p(
            rx.cond(
                S.scope == "leads",
                "Over leads you own: counted exactly, always up to date, free.",
                "Over the provider's people: sampled for free, delivered by a run.",
            ),
            class_name="text-13 text-ink-2",
        ),
        class_name="flex flex-wrap items-center gap-x-4 gap-y-2",
    )


def _data() -> FilterData:
    return FilterData(
        items=items(S.items),
        root_op=S.root_op,
        over_leads=S.scope == "leads",
        errors=S.row_errors,
        vocabulary=S.vocabulary,
        options=items(S.options),
        typing=S.typing,
        excluding=items(S.excluding),
        age_low=AGE_CHOICES["low"],
        age_high=AGE_CHOICES["high"],
    )


def _edits() -> FilterActions:
    handlers: Any = S
    return FilterActions(
        set_op=handlers.set_op,
        add_row=handlers.add_row,
        add_group=handlers.add_group,
        remove=handlers.remove_row,
        add_value=handlers.add_value,
        remove_value=handlers.remove_value,
        toggle_value=handlers.toggle_value,
        set_side=handlers.set_side,
        set_bound=handlers.set_bound,
        set_flag=handlers.set_flag,
        suggest=handlers.suggest,
    )


def _sentence_card() -> rx.Component:
    return rx.el.section(
        rx.el.h2("In words", class_name="text-12 font-medium text-ink-3"),
        rx.el.p(
            S.sentence,
            class_name="mt-1 text-14 text-ink text-pretty break-words",
            custom_attrs={"aria-live": "polite"},
        ),
        class_name="card px-4 py-3",
    )


def _count_card() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Matching leads", class_name="text-13 text-ink-2"),
            rx.cond((S.count != "") & ~S.counting, pill("exact", "good", dot=False), rx.fragment()),
            class_name="flex items-center justify-between",
        ),
        rx.el.p(
            rx.cond(S.count != "", S.count, "–"),
            class_name=rx.cond(
                S.counting,
                "num mt-1 text-28 font-semibold tracking-tight text-ink-3",
                "num mt-1 text-28 font-semibold tracking-tight text-ink",
            ),
            custom_attrs={"aria-live": "polite"},
        ),
        rx.el.p(
            rx.cond(
                S.count_error != "",
                S.count_error,
                rx.cond(S.counting, "Counting…", rx.cond(S.total != "", "of " + S.total + " you own", "")),
            ),
            class_name="text-12 text-ink-3",
        ),
        rx.cond(S.uncounted != "", rx.el.p(S.uncounted, class_name="mt-2 text-12 text-ink-3"), rx.fragment()),
        rx.el.p(
            "A segment over your own leads needs no run: it is always up to date and costs nothing.",
            class_name="mt-3 text-13 text-ink-2",
        ),
        rx.cond(
            S.is_new | S.dirty,
            rx.el.p("Save it to open the whole list.", class_name="mt-2 text-12 text-ink-3"),
            secondary(
                "Open these leads",
                icon_name="users",
                href="/leads?segment=" + S.segment_id,
                class_name="mt-3 w-full justify-center",
            ),
        ),
        class_name="card px-4 py-3",
    )
