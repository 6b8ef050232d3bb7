"""/admin/jobs/queues: what waits and for how long, how fast it goes, who works on it; pause, resume, limit."""

from __future__ import annotations

import reflex as rx

from components.binding import items, text
from components.buttons import primary, secondary
from components.feedback import banner, failure, list_states, pill, relative_time, skeleton_lines
from components.form import field, text_input
from components.shell import section
from components.table import Column, data_table, table_card
from cursive_app.pages.admin.reason import pause_dialog, reason_dialog
from cursive_app.pages.admin.staff_page import may_operate, staff_page
from state.admin_queues import HEIGHT, WIDTH, QueueLine, WorkerLine
from state.admin_queues import AdminQueuesState as S


def admin_queues() -> rx.Component:
    """The page."""
    return staff_page(
        list_states(
            S.status,
            ready=rx.fragment(
                rx.el.div(
                    rx.foreach(items(S.queues), _queue), class_name="grid grid-cols-1 items-start gap-3 lg:grid-cols-2"
                ),
                _workers(),
            ),
            loading=rx.el.div(skeleton_lines(8), class_name="card p-5"),
            empty=rx.fragment(),
            failed=rx.el.div(failure(S.error, on_retry=S.load), class_name="card"),
        ),
        _dialog(),
        section="queues",
    )


def _queue(queue: QueueLine) -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2(queue.name, class_name="text-14 font-semibold text-ink"),
            rx.cond(queue.paused, pill("Paused", "warn"), rx.fragment()),
            rx.cond(may_operate(), _actions(queue), rx.fragment()),
            class_name="flex min-h-7 items-center gap-2.5",
        ),
        rx.cond(
            queue.paused,
            banner(
                rx.el.strong(queue.reason, class_name="font-medium"),
                rx.el.p(queue.paused_by, ", ", relative_time(queue.paused_at, exact=queue.paused_exact)),
                tone="warn",
                icon_name="pause",
            ),
            rx.fragment(),
        ),
        rx.cond(
            queue.limit,
            banner(
                rx.el.strong(queue.limit, ": ", queue.limit_reason, class_name="font-medium"),
                rx.el.p(queue.limit_by, ", ", relative_time(queue.limit_at, exact=queue.limit_exact)),
                tone="info",
                icon_name="gauge",
            ),
            rx.fragment(),
        ),
        rx.el.dl(
            _fact("Waiting", queue.waiting),
            _fact("Oldest waits", queue.oldest),
            _fact("Later", queue.later),
            _fact("Running", queue.running),
            class_name="grid grid-cols-2 gap-3 sm:grid-cols-4",
        ),
        _gauge(queue),
        _pace(queue),
        aria_label=queue.name,
        class_name="card flex flex-col gap-4 p-4",
        key=queue.name,
    )


def _actions(queue: QueueLine) -> rx.Component:
    return rx.el.div(
        secondary(
            "Limit", size="sm", icon_name="gauge", on_click=S.ask_limit(queue.name, queue.limit_number),
            title="How many of its tasks may run at once, in all workers together",
        ),
        rx.cond(
            queue.paused,
            primary("Resume", size="sm", icon_name="play", on_click=S.ask(queue.name, "resume")),
            secondary("Pause", size="sm", icon_name="pause", on_click=S.ask(queue.name, "pause")),
        ),
        class_name="ml-auto flex gap-2",
    )  # fmt: skip


def _fact(name: str, value: str) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name, class_name="text-12 text-ink-3"),
        rx.el.dd(value, class_name="num text-14 font-medium text-ink"),
    )


def _gauge(queue: QueueLine) -> rx.Component:
    bar = rx.el.div(
        rx.el.span(style={"width": rx.Var.create(queue.busy).to(str) + "%"}),
        custom_attrs={"role": "meter"},
        aria_label="Share of its places in use",
        aria_valuemin="0",
        aria_valuemax="100",
        aria_valuenow=rx.Var.create(queue.busy).to_string(),
        class_name="meter",
    )
    return rx.el.div(
        rx.el.p("Utilization: ", queue.busy_text, class_name="num text-12 text-ink-3"),
        rx.cond(queue.knows_busy, bar, rx.fragment()),
        class_name="flex flex-col gap-1.5",
    )


def _pace(queue: QueueLine) -> rx.Component:
    line = rx.el.svg(
        rx.el.svg.polyline(points=queue.points),
        view_box=f"0 0 {WIDTH} {HEIGHT}",
        preserve_aspect_ratio="none",
        custom_attrs={"aria-hidden": "true", "focusable": "false"},
        class_name="spark",
    )
    return rx.el.div(
        line,
        rx.el.p(queue.pace, class_name="num min-w-0 text-12 text-ink-3"),
        class_name="flex flex-wrap items-center gap-3",
    )


def _alive(one: WorkerLine) -> rx.Component:
    silent = rx.el.span(
        pill("Silent", "bad"),
        title="Its tasks are taken up by others. It leaves this list within an hour, or when another worker starts.",
    )
    return rx.cond(one.alive, pill("Alive", "good"), silent)


WORKERS = (
    Column("worker", "Worker", lambda one: rx.el.span(one.name, class_name="num"), lead=True),
    Column("state", "State", _alive),
    Column("heartbeat", "Heartbeat", lambda one: rx.el.span(one.heartbeat, class_name="num"), right=True),
    Column("running", "Tasks in hand", lambda one: rx.el.span(one.running, class_name="num"), right=True),
)


def _workers() -> rx.Component:
    def key(one: WorkerLine) -> rx.Var[str]:
        return text(one.id)

    return section(
        "Workers",
        table_card(data_table(WORKERS, rows=S.workers, key=key, caption="Workers")),
        hint=S.slots,
        card=False,
    )


def _dialog() -> rx.Component:
    return rx.fragment(
        pause_dialog(
            S,
            noun="queue",
            pausing="Nothing new is taken from this queue. What runs stops at its next step; customers see their jobs "
            "waiting. Jobs can still be stopped.",
            resuming="What waits is taken up at once.",
        ),
        reason_dialog(
            _number(),
            title=rx.Var.create("Limit ") + text(S.name),
            consequence="All workers together take no more than so many of its tasks at once, from their next task on. "
            "What runs goes on; jobs can still be stopped.",
            action="Set limit",
            is_open=S.asking & (text(S.wanted) == "limit"),
            on_open_change=S.set_asking,
            on_submit=S.change,
            error=S.wrong.get("reason", ""),
            pending=S.pending,
        ),
    )


def _number() -> rx.Component:
    return field(
        "at_most",
        "At once",
        text_input(
            "at_most",
            default_value=S.limit_number,
            input_mode="numeric",
            error=S.wrong.get("at_most", ""),
            class_name="num w-28",
        ),
        hint="1 to 1,000; leave it empty for no limit.",
        error=S.wrong.get("at_most", ""),
    )
