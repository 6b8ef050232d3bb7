"""The staff's side of jobs: every job of every workspace, what went wrong, and the means to mend it (JOB-01..16).

`views` lists the functions and what they give. A `StaffActor` comes from `staff_actor(principal)` and nowhere else.
"""

from cursive_app.services.jobs.admin.actions import MOST_AT_ONCE, act, apply, plan, retry_edited
from cursive_app.services.jobs.admin.detail import get_job
from cursive_app.services.jobs.admin.editing import Choice, Switch, Whole, Words
from cursive_app.services.jobs.admin.failures import failures
from cursive_app.services.jobs.admin.history import history_csv
from cursive_app.services.jobs.admin.ledger import ledger_alarm
from cursive_app.services.jobs.admin.limits import limit_queue
from cursive_app.services.jobs.admin.listing import LARGEST_PAGE, list_jobs, refresh
from cursive_app.services.jobs.admin.query import QUALIFIERS
from cursive_app.services.jobs.admin.queues import pause_queue, queues, resume_queue
from cursive_app.services.jobs.admin.retention import history_term
from cursive_app.services.jobs.admin.retries import Again, RetryRule, register
from cursive_app.services.jobs.admin.schedules import pause_schedule, resume_schedule, run_schedule, schedules
from cursive_app.services.jobs.admin.staff import has_role, require_staff, staff_actor
from cursive_app.services.jobs.admin.staff_log import actions, actions_csv
from cursive_app.services.jobs.admin.stuck import rescue, stuck
from cursive_app.services.jobs.admin.suggestions import suggestions
from cursive_app.services.jobs.admin.times import LOOK_BACK
from cursive_app.services.jobs.admin.totals import totals
from cursive_app.services.jobs.admin.usage import usage
from cursive_app.services.jobs.admin.views import (
    Action,
    AdminJobDetail,
    AdminJobPage,
    AdminJobRow,
    AdminRefresh,
    Applied,
    FailurePage,
    HistoryTerm,
    JobSearch,
    LedgerAlarm,
    Plan,
    QueuesView,
    ScheduleView,
    Selection,
    StaffActionView,
    StaffActor,
    StuckView,
    Suggestion,
    TotalsView,
    UsageWeek,
)
from cursive_app.services.jobs.tags import TAGS

__all__ = [
    "LARGEST_PAGE",
    "LOOK_BACK",
    "MOST_AT_ONCE",
    "QUALIFIERS",
    "TAGS",
    "Action",
    "AdminJobDetail",
    "AdminJobPage",
    "AdminJobRow",
    "AdminRefresh",
    "Again",
    "Applied",
    "Choice",
    "FailurePage",
    "HistoryTerm",
    "JobSearch",
    "LedgerAlarm",
    "Plan",
    "QueuesView",
    "RetryRule",
    "ScheduleView",
    "Selection",
    "StaffActionView",
    "StaffActor",
    "StuckView",
    "Suggestion",
    "Switch",
    "TotalsView",
    "UsageWeek",
    "Whole",
    "Words",
    "act",
    "actions",
    "actions_csv",
    "apply",
    "failures",
    "get_job",
    "has_role",
    "history_csv",
    "history_term",
    "ledger_alarm",
    "limit_queue",
    "list_jobs",
    "pause_queue",
    "pause_schedule",
    "plan",
    "queues",
    "refresh",
    "register",
    "require_staff",
    "rescue",
    "resume_queue",
    "resume_schedule",
    "retry_edited",
    "run_schedule",
    "schedules",
    "staff_actor",
    "stuck",
    "suggestions",
    "totals",
    "usage",
]
