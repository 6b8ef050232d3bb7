"""Retry, cancel and delete, always after a dry run: the dialog names the count before anything happens."""

from __future__ import annotations

from uuid import UUID

import reflex as rx

from cursive_app.errors import CursiveError, NotFound
from cursive_app.plurals import plural
from cursive_app.services.jobs import admin
from cursive_app.services.jobs.admin import Action, Plan, Selection
from state.admin_base import as_staff, said
from state.admin_failures import AdminFailuresState
from state.admin_jobs import AdminJobsState
from state.base import allow
from state.session import credits_text

_GONE = "Job, timeline and attempts are gone for good; the record of this action stays."
WORDS: dict[Action, tuple[str, str, str, str]] = {
    "retry": (
        "Retry",
        "retried",
        "It goes on where it stopped, with the same arguments and idempotency key; credits that the rest needs are "
        "held again.",
        "They go on where they stopped, with the same arguments and idempotency keys; credits that the rest needs are "
        "held again.",
    ),
    "cancel": (
        "Stop",
        "stopped",
        "It stops after the step it is at; what it still holds is released.",
        "They stop after the step they are at; what they still hold is released.",
    ),
    "delete": ("Delete", "deleted", _GONE, _GONE),
}
"""What is done, that it was done, and what comes of it for one job and for several."""


class AdminActionState(rx.State):
    """One action that is about to be done, on whatever page of the staff's it was asked for."""

    is_open: bool = False
    pending: bool = False
    action: str = ""
    title: str = ""
    consequence: str = ""
    verb: str = ""
    reach: str = ""
    examples: list[str] = []
    more_examples: str = ""
    refused: list[dict[str, str]] = []
    possible: bool = False
    count: str = ""
    typed: str = ""
    error: str = ""

    _planned: Plan | None = None

    @rx.event
    @allow("staff")
    async def ask_selected(self, action: str):
        """For the rows that are ticked, or all that match."""
        page = await self.get_state(AdminJobsState)
        await self._plan(action, page._selection())

    @rx.event
    @allow("staff")
    async def ask_one(self, action: str, job_id: str):
        await self._plan(action, Selection(ids=(_id(job_id),)))

    @rx.event
    @allow("staff")
    async def ask_query(self, action: str, query: str):
        """For the jobs of one group of failures: those that the group counts, in the dates of its page."""
        since, until = (await self.get_state(AdminFailuresState))._looked_at
        await self._plan(action, Selection(query=query, failed_since=since, failed_until=until))

    @rx.event
    @allow("staff")
    def set_open(self, is_open: bool):
        self.is_open = is_open

    @rx.event
    @allow("staff")
    def set_typed(self, value: str):
        self.typed = value.strip()

    @rx.event
    @allow("staff")
    async def apply(self):
        """Do what was counted, to the jobs that were counted."""
        planned = self._planned
        if planned is None or not self.possible or (self.action == "delete" and self.typed != self.count):
            return
        self.pending, self.error = True, ""
        yield
        try:
            done = await as_staff(lambda actor: admin.apply(actor, planned))
        except CursiveError as error:
            self.error = said(error)
            return
        finally:
            self.pending = False
        self.is_open = False
        page = await self.get_state(AdminJobsState)
        page._choose([])
        told = f"{plural(done.done, 'job')} {WORDS[planned.action][1]}."
        if done.refused:
            reasons = "; ".join(f"{one.count:,}: {one.reason}" for one in done.refused)
            yield rx.toast.warning(told, description=f"Not done for {reasons}", duration=15_000)
        else:
            yield rx.toast.success(told)

    async def _plan(self, name: str, selection: Selection) -> None:
        action = _action(name)
        plan = await as_staff(lambda actor: admin.plan(actor, action, selection))
        self._planned = plan
        self._show(plan)
        self.is_open = True

    def _show(self, plan: Plan) -> None:
        verb, done, for_one, for_many = WORDS[plan.action]
        counted = plural(plan.possible, "job")
        only = plan.examples[0] if plan.possible == 1 and plan.examples else ""
        self.action, self.verb, self.typed, self.error = plan.action, f"{verb} {counted}", "", ""
        self.possible, self.count = plan.possible > 0, str(plan.possible)
        self.title = f"{verb} “{only}”?" if only else f"{verb} {counted}?"
        self.consequence = for_one if only else for_many
        if not self.possible:
            self.title = f"{plural(plan.matching, 'job')} chosen, none can be {done}"
            self.consequence = "The reasons are below. Nothing has been changed."
        held = f", {credits_text(plan.credits_held)} credits still held" if plan.credits_held else ""
        self.reach = f"{counted} in {plural(plan.workspaces, 'workspace')}{held}." if self.possible else ""
        self.examples = [] if only else list(plan.examples)
        more = plan.possible - len(plan.examples)
        self.more_examples = f"and {more:,} more" if more > 0 and self.examples else ""
        self.refused = [{"count": f"{one.count:,}", "reason": one.reason} for one in plan.refused]


def _action(name: str) -> Action:
    if name == "retry" or name == "cancel" or name == "delete":
        return name
    raise NotFound


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
