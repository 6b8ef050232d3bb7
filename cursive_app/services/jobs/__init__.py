"""Work that takes time: tables `jobs`, `job_events`, `job_attempts`, `prunings`, `schedule_ticks`, `clock_leaders`.

Promise P5: a job that was accepted is carried to an end by some worker. It runs at least once, resumes at its last
committed chunk when a worker dies, and an attempt that was given up for dead can change nothing any more (the token).

A flow is run as `work(job_id, flow, on_dead=...)` by a queue task, gets a `ClaimedJob`, commits each chunk together
with `advance(...)` and ends with `finish`, `fail`, `cancelled`, `pause` or `postpone`.
"""

from cursive_app.services.jobs.actors import access_lost
from cursive_app.services.jobs.batches import BATCHES_SHOWN, Batch, Batches, BatchStatus, BatchTrace
from cursive_app.services.jobs.claims import (
    MAX_ATTEMPTS,
    STALE_AFTER,
    Interrupted,
    LostClaim,
    advance,
    cancel_requested,
    cancelled,
    claim,
    fail,
    finish,
    heartbeat,
    pause,
    postpone,
)
from cursive_app.services.jobs.opening import open_job
from cursive_app.services.jobs.reading import (
    LARGEST_PAGE,
    count_jobs,
    get_job,
    list_jobs,
    refresh_jobs,
)
from cursive_app.services.jobs.rescue import Rescued, rescue_stalled
from cursive_app.services.jobs.steering import go_on, note, request_cancel, resume, resumed_through, stop
from cursive_app.services.jobs.views import (
    ENDED,
    STATUSES,
    ClaimedJob,
    JobCounts,
    JobDetail,
    JobEventView,
    JobPage,
    JobRefresh,
    JobView,
    RelatedJob,
    RelatedSum,
    Relation,
)
from cursive_app.services.jobs.work import work

__all__ = [
    "BATCHES_SHOWN",
    "ENDED",
    "LARGEST_PAGE",
    "MAX_ATTEMPTS",
    "STALE_AFTER",
    "STATUSES",
    "Batch",
    "BatchStatus",
    "BatchTrace",
    "Batches",
    "ClaimedJob",
    "Interrupted",
    "JobCounts",
    "JobDetail",
    "JobEventView",
    "JobPage",
    "JobRefresh",
    "JobView",
    "LostClaim",
    "RelatedJob",
    "RelatedSum",
    "Relation",
    "Rescued",
    "access_lost",
    "advance",
    "cancel_requested",
    "cancelled",
    "claim",
    "count_jobs",
    "fail",
    "finish",
    "get_job",
    "go_on",
    "heartbeat",
    "list_jobs",
    "note",
    "open_job",
    "pause",
    "postpone",
    "refresh_jobs",
    "request_cancel",
    "rescue_stalled",
    "resume",
    "resumed_through",
    "stop",
    "work",
]
