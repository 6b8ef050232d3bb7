"""The queue of this installation: procrastinate in our own Postgres. Rooms register their tasks on `app`.

    @app.task(name="credits.reconcile", queue="default", retry=RETRY)
    def reconcile() -> None: ...

Tasks are sync functions and run in threads. A task that moves a job takes `job_id` and calls `services.jobs.work`,
which retries by itself; any other task must be safe to run twice and takes `retry=RETRY`.
"""

from __future__ import annotations

from importlib import import_module

from procrastinate import App, PsycopgConnector, RetryStrategy

from cursive_app.jobs.fetching import QueueHands
from cursive_app.settings import Settings
from db.engine import JOB_DEADLINES, psycopg_address, role_url
from db.roles import SYSTEM_ROLE

TASK_MODULES = tuple(
    f"cursive_app.jobs.{room}" for room in ("jobs", "mail", "accounts", "credits", "segments", "enrichment", "provider")
)
RETRY = RetryStrategy(max_attempts=5, wait=5, exponential_wait=4)
"""Four more tries, some seconds to some minutes apart; then the task stays in the queue's table as failed."""

app = App(connector=PsycopgConnector())  # the worker gives it the connector of its settings
app.job_manager = QueueHands(app.connector)


def register_tasks() -> App:
    """Import every room's tasks, so that `app.tasks` is complete."""
    for module in TASK_MODULES:
        import_module(module)
    return app


def connector(config: Settings, *, pool_size: int) -> PsycopgConnector:
    """A connector as the system role. Connections carry the deadlines of jobs and notice a dead server in seconds."""
    flags = " ".join(f"-c {name}={value}" for name, value in JOB_DEADLINES.items())
    return PsycopgConnector(
        conninfo=psycopg_address(role_url(config, SYSTEM_ROLE)),
        kwargs={"options": flags, "connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 5},
        min_size=1,
        max_size=pool_size,
        timeout=10,
    )
