"""What the staff's job pages and API see: frozen values, never rows. Nothing here may be shown to customers.

The functions that give and take them (all in `cursive_app.services.jobs.admin`; every one raises NotFound for people
who are not staff and Forbidden, written down, for staff whose role is too small):

    staff_actor(principal) -> StaffActor
    list_jobs(actor, *, query="", since=None, until=None, cursor=None, limit=50) -> AdminJobPage
    suggestions(actor, text) -> tuple[Suggestion, ...]                  # for the last word of the query box
    refresh(actor, ids, *, query="", since=None, until=None) -> AdminRefresh
    get_job(actor, id) -> AdminJobDetail
    plan(actor, action, selection) -> Plan                              # the dry run: counts, changes nothing
    apply(actor, action, selection, *, expected) -> Applied             # `expected` is Plan.possible
    act(actor, action, id) -> AdminJobRow                               # one job at once; raises why it cannot be
    retry_edited(actor, id, *, arguments) -> AdminJobRow                # role all; `arguments`: names -> new values
    failures(actor, *, since=None, until=None) -> FailurePage
    queues(actor) -> QueuesView
    pause_queue(actor, name, *, reason); resume_queue(actor, name, *, reason)
    limit_queue(actor, name, *, at_most, reason)                        # at_most=None ends the limit
    schedules(actor, *, declared) -> tuple[ScheduleView, ...]           # declared=cursive_app.jobs.schedule.SCHEDULE
    run_schedule(actor, name, *, declared); pause_schedule(actor, name, *, reason, declared)
    resume_schedule(actor, name, *, reason, declared)
    history_term(actor) -> HistoryTerm                                  # how long jobs are kept, the newest pruning
    stuck(actor) -> StuckView
    rescue(actor, id, *, from_living=False) -> AdminJobRow              # of a stuck job only
    totals(actor, *, since=None, until=None, hours_of=None) -> TotalsView
    usage(actor) -> tuple[UsageWeek, ...]                               # what people make of it, by week
    history_csv(actor, *, query="", since=None, until=None) -> HistoryFile
    ledger_alarm(actor) -> LedgerAlarm                                  # what the nightly proof found to be off
    actions(actor, *, before=None, limit=50) -> tuple[StaffActionView, ...]; actions_csv(actor) -> Iterator[bytes]

`since` and `until` are aware datetimes bounding `created_at` (from, inclusive; to, exclusive). Times are UTC,
durations seconds, credits credits with two decimals; what is not known is None.
"""

from cursive_app.services.jobs.admin.health_views import (
    FailureGroup,
    FailurePage,
    HistoryTerm,
    HourTotals,
    KindTotals,
    LedgerAlarm,
    LimitView,
    PauseView,
    PruningView,
    QueuesView,
    QueueView,
    Retention,
    ScheduleView,
    StaffActionView,
    StuckJob,
    StuckView,
    TaskResult,
    TickView,
    TotalsView,
    UsageWeek,
    WorkerView,
    WorkspaceHit,
)
from cursive_app.services.jobs.admin.job_views import (
    SEARCHED_JOBS,
    Action,
    AdminJobDetail,
    AdminJobPage,
    AdminJobRow,
    AdminRefresh,
    AdminRelatedJob,
    Applied,
    Argument,
    AttemptView,
    Edit,
    JobLink,
    JobSearch,
    Plan,
    Refusals,
    Selection,
    StaffActor,
    StaffRole,
    Stuck,
    Suggestion,
    TimelineLine,
)

__all__ = [
    "SEARCHED_JOBS",
    "Action",
    "AdminJobDetail",
    "AdminJobPage",
    "AdminJobRow",
    "AdminRefresh",
    "AdminRelatedJob",
    "Applied",
    "Argument",
    "AttemptView",
    "Edit",
    "FailureGroup",
    "FailurePage",
    "HistoryTerm",
    "HourTotals",
    "JobLink",
    "JobSearch",
    "KindTotals",
    "LedgerAlarm",
    "LimitView",
    "PauseView",
    "Plan",
    "PruningView",
    "QueueView",
    "QueuesView",
    "Refusals",
    "Retention",
    "ScheduleView",
    "Selection",
    "StaffActionView",
    "StaffActor",
    "StaffRole",
    "Stuck",
    "StuckJob",
    "StuckView",
    "Suggestion",
    "TaskResult",
    "TickView",
    "TimelineLine",
    "TotalsView",
    "UsageWeek",
    "WorkerView",
    "WorkspaceHit",
]
