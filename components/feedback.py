"""What the screen says about state: loading, empty, failed, working, done.

list_states(S.status, ready=…, loading=skeleton_table(8), empty=nothing_yet(…), no_match=nothing_matches(…),
            failed=failure(…))      S.status: "loading" | "ready" | "empty" | "no_match" | "forbidden" | "error"
nothing_yet("No segments yet", "…", action=primary(…))      nothing_matches(on_clear=…)      no_permission()
failure(S.error, request_id=S.error_id, on_retry=S.load)
list_failure(S.error, bad_address=S.bad_address, on_retry=S.load, out="Show all leads", start_over=S.clear)
pill("Active", "good")    status_pill(row.status, JOB_STATUS)    relative_time(row.ago, exact=row.at)
banner("Sandbox data", tone="info", icon_name="flask-conical", action=…)
progress(done=S.done_text, total=…, percent=S.percent, stage=S.stage, eta=S.eta, on_cancel=…)
metric("Balance", S.balance, note="…")    definition([("E-mail", value), …])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import reflex as rx

from components.binding import Flag, Props, Text
from components.buttons import button, copyable_id, primary, secondary
from components.icons import icon
from components.tokens import Tone


def _empty(icon_name: str, title: Text, text: Text, *actions: rx.Component, role: str | None = None) -> rx.Component:
    spoken: Props = {"role": role} if role else {}
    return rx.el.div(
        rx.el.span(
            icon(icon_name, size=20),
            class_name="flex size-10 items-center justify-center rounded-lg border border-line bg-surface text-ink-3",
        ),
        rx.el.h2(title, class_name="mt-3 text-14 font-semibold text-ink"),
        rx.el.p(text, class_name="mt-1 max-w-[46ch] text-13 text-ink-2 text-pretty"),
        rx.el.div(*actions, class_name="mt-4 flex flex-wrap justify-center gap-2") if actions else rx.fragment(),
        class_name="flex flex-col items-center px-6 py-14 text-center",
        **spoken,
    )


def nothing_yet(title: Text, text: Text, *actions: rx.Component, icon_name: str = "inbox") -> rx.Component:
    """Empty because nothing was made yet: say what it is for and offer to make the first one."""
    return _empty(icon_name, title, text, *actions)


def nothing_matches(
    title: Text = "Nothing matches",
    text: Text = "No row fits all of these filters.",
    *,
    on_clear: Any = None,
    actions: Sequence[rx.Component] = (),
) -> rx.Component:
    """Empty because of filters: say which to drop."""
    clear = [secondary("Clear filters", on_click=on_clear)] if on_clear is not None else []
    return _empty("search-x", title, text, *clear, *actions, role="status")


def no_permission(
    text: Text = "Your role in this workspace does not include this. Ask an owner or admin for access.",
) -> rx.Component:
    """Empty because of the role."""
    return _empty("lock", "You do not have access", text)


def failure(message: Text, *, request_id: Text | None = None, on_retry: Any = None) -> rx.Component:
    """Loading failed: what happened, a way to try again, and the id support needs."""
    retry = [secondary("Try again", icon_name="rotate-cw", on_click=on_retry)] if on_retry is not None else []
    reference = (
        rx.cond(
            request_id,
            rx.el.p("Reference ", copyable_id(request_id), class_name="-mt-9 pb-10 text-center text-12 text-ink-3"),
            rx.fragment(),
        )
        if request_id is not None
        else rx.fragment()
    )
    return rx.el.div(_empty("circle-alert", "This did not load", message, *retry, role="alert"), reference)


def list_failure(message: Text, *, bad_address: Flag, on_retry: Any, out: str, start_over: Any) -> rx.Component:
    """A list that did not load. An address it cannot read is not tried again: the way out is the list without it."""
    return rx.cond(
        bad_address,
        nothing_yet("This address cannot be read", message, primary(out, on_click=start_over), icon_name="search-x"),
        failure(message, on_retry=on_retry),
    )


def list_states(
    status: Text,
    *,
    ready: rx.Component,
    loading: rx.Component,
    empty: rx.Component,
    no_match: rx.Component | None = None,
    failed: rx.Component | None = None,
    forbidden: rx.Component | None = None,
) -> rx.Component:
    """Pick by status: `loading`, `ready`, `empty`, `no_match`, `forbidden`, `error`."""
    chosen = rx.match(
        status,
        ("ready", ready),
        ("empty", empty),
        ("no_match", no_match or nothing_matches()),
        ("forbidden", forbidden or no_permission()),
        ("error", failed or failure("Something went wrong on our side.")),
        loading,
    )
    return rx.fragment(chosen)


def skeleton(class_name: str = "h-4 w-24") -> rx.Component:
    """A grey block in the geometry of what is coming; shows after 200 ms."""
    return rx.el.span(class_name=f"skeleton {class_name}", custom_attrs={"aria-hidden": "true"})


def skeleton_lines(count: int = 4) -> rx.Component:
    """A paragraph or a list of fields on its way."""
    widths = ("w-3/4", "w-1/2", "w-2/3", "w-5/6", "w-2/5")
    return rx.el.div(
        *[skeleton(f"h-4 {widths[n % len(widths)]}") for n in range(count)],
        rx.el.span("Loading", class_name="sr-only", role="status"),
        class_name="flex flex-col gap-3 py-1",
    )


def spinner(label: str = "Loading") -> rx.Component:
    return rx.el.span(
        icon("loader-circle", class_name="spin"),
        rx.el.span(label, class_name="sr-only"),
        role="status",
        class_name="late inline-flex text-ink-3",
    )


def pill(
    label: Text, tone: Tone | rx.Var[str] = "neutral", *, dot: bool = True, icon_name: str | None = None
) -> rx.Component:
    """A word with a color beside it."""
    plain = not dot or icon_name is not None
    return rx.el.span(
        icon(icon_name, size=12) if icon_name else rx.fragment(),
        label,
        data_tone=tone,
        class_name=f"pill {'plain' if plain else ''}",
    )


def status_pill(status: Text, words: Mapping[str, tuple[str, Tone]]) -> rx.Component:
    """A pill whose word and color follow a var; unknown values are shown as they are."""
    return rx.fragment(
        rx.match(status, *[(value, pill(word, tone)) for value, (word, tone) in words.items()], pill(status))
    )


JOB_STATUS: dict[str, tuple[str, Tone]] = {
    "pending": ("Queued", "neutral"),
    "processing": ("Running", "info"),
    "paused": ("Paused", "warn"),
    "completed": ("Completed", "good"),
    "failed": ("Failed", "bad"),
    "cancelled": ("Stopped", "neutral"),
}


def relative_time(text: Text, *, exact: Text, iso: Text | None = None, class_name: str = "") -> rx.Component:
    """“5 minutes ago”, with the exact time and its zone on hover. Both texts are made on the server."""
    return rx.el.time(
        text, title=exact, date_time=iso if iso is not None else exact, class_name=f"num whitespace-nowrap {class_name}"
    )


def banner(
    *content: Any,
    tone: Tone = "neutral",
    icon_name: str | None = None,
    action: rx.Component | None = None,
    class_name: str = "",
) -> rx.Component:
    """A line across the content: sandbox data, read-only role, something to know before working."""
    return rx.el.div(
        icon(icon_name) if icon_name else rx.fragment(),
        rx.el.div(*content, class_name="min-w-0 flex-[1_1_200px]"),  # where less is left, the action goes below
        action or rx.fragment(),
        data_tone=tone,
        class_name=f"banner {class_name}",
    )


def progress(
    *,
    percent: int | rx.Var[int],
    done: Text,
    stage: Text,
    eta: Text = "",
    tone: Tone | rx.Var[str] = "neutral",
    indeterminate: Flag = False,
    on_cancel: Any = None,
) -> rx.Component:
    """Long work: stage by name, counts ("1,240 of 5,000"), time left, and stop. `percent` is 0 to 100."""
    return rx.el.div(
        rx.el.div(
            rx.el.span(stage, class_name="text-13 font-medium text-ink"),
            rx.el.span(done, class_name="num text-13 text-ink-2"),
            rx.el.span(eta, class_name="num ml-auto text-12 text-ink-3"),
            button("Stop", look="ghost", size="sm", on_click=on_cancel) if on_cancel is not None else rx.fragment(),
            class_name="flex flex-wrap items-center gap-x-2.5 gap-y-1 min-h-7",
        ),
        rx.el.div(
            rx.el.span(style={"width": rx.Var.create(percent).to(str) + "%"}),
            role="progressbar",
            aria_label=stage,
            aria_valuemin="0",
            aria_valuemax="100",
            aria_valuenow=rx.Var.create(percent).to(str),
            data_tone=tone,
            data_indeterminate=rx.cond(indeterminate, "true", "false"),
            class_name="meter",
        ),
        class_name="flex flex-col gap-1.5",
    )


def metric(
    label: Text, value: Text, *, note: Text | None = None, unit: Text = "", loading: Flag = False
) -> rx.Component:
    """A number that matters, big, with what it means under it."""
    shown = rx.el.div(
        rx.el.span(value, class_name="num text-28 font-semibold tracking-tight text-ink"),
        rx.el.span(unit, class_name="text-13 text-ink-3") if unit else rx.fragment(),
        class_name="flex flex-wrap items-baseline gap-x-1.5",
    )
    return rx.el.div(
        rx.el.div(label, class_name="text-13 text-ink-2"),
        shown if loading is False else rx.cond(loading, skeleton("h-7 w-28 my-1"), shown),
        rx.el.div(note, class_name="text-12 text-ink-3") if note is not None else rx.fragment(),
        class_name="flex flex-col gap-0.5 min-w-0",
    )


def definition(rows: Sequence[tuple[Text, Any] | tuple[Text, Any, Any]]) -> rx.Component:
    """Names and values of one object, for drawers. A missing value should say "Not known", never 0. A row whose third
    member is given is shown while that is true."""

    def row(name: Text, value: Any, when: Any = None) -> rx.Component:
        shown = rx.el.div(
            rx.el.dt(name, class_name="w-36 flex-none text-13 text-ink-3"),
            rx.el.dd(value, class_name="min-w-0 flex-1 text-13 text-ink break-words"),
            class_name="flex gap-4 py-1.5",
        )
        return shown if when is None else rx.cond(when, shown, rx.fragment())

    return rx.el.dl(*[row(*one) for one in rows], class_name="flex flex-col")
