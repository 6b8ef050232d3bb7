"""The worker process: runs the queue's tasks in threads and is a candidate for running the clock.

It outlives its database: when Postgres goes away the queue's loop ends, is built again and goes on when Postgres is
back. On SIGTERM or SIGINT it takes no new task, asks running flows to leave at their next chunk, waits for them, and
exits hard when they take too long; what they left is resumed like the work of a killed worker. It leaves in the same
way, with exit code 1, when a job or a task hangs in one of its threads: whoever started it then starts another one.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog
from procrastinate import App
from procrastinate.worker import Worker

from cursive_app.jobs.clock import Clock
from cursive_app.jobs.disks import watch_disks
from cursive_app.jobs.fetching import follow_counts, write_ended
from cursive_app.jobs.pausing import follow_pauses
from cursive_app.jobs.queue import connector, register_tasks
from cursive_app.jobs.watching import watched
from cursive_app.services.jobs.attempts import worker_name
from cursive_app.services.jobs.claims import STALE_AFTER, stopping
from cursive_app.services.jobs.work import hung
from cursive_app.services.limits import share_provider_slots
from cursive_app.services.monitoring import start_recording
from cursive_app.settings import Settings
from db import engine as db_engine
from db.engine import JOB_DEADLINES, connect

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
BEAT_SECONDS = 5.0
GRACE_SECONDS = 20.0
REBUILD_SECONDS = 1.0
HUNG = 1  # exit code: work was left in a thread that did not end


def run(config: Settings) -> None:
    """Work until SIGTERM or SIGINT. Returns when all current work has ended or was handed over; exits with 1 when one
    hung, so that it is started again."""
    database = connect(config, deadlines=JOB_DEADLINES)
    db_engine.use(database)
    name = worker_name()
    recorder = start_recording()
    slots = share_provider_slots(config)
    app = register_tasks()
    gc.collect()
    gc.freeze()  # the program itself: looking through it again and again took a fifth of the time of a chunk's results
    stop = threading.Event()
    clock = threading.Thread(target=Clock(config, worker=name).run, args=[stop], name="clock", daemon=True)
    disks = threading.Thread(target=watch_disks, args=[config, stop], name="disks", daemon=True)
    clock.start()
    disks.start()
    try:
        asyncio.run(_serve(config, app, name))
    finally:
        stop.set()
        clock.join(timeout=5)
        recorder.stop()
        slots.close()
        database.dispose()
    if hung.is_set():
        sys.exit(HUNG)


async def _serve(config: Settings, app: App, name: str) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(config.worker_concurrency, thread_name_prefix="task"))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _begin_stop, stop)
    threading.Thread(target=_leave_when_hung, args=[loop, stop], name="hung", daemon=True).start()
    log.info("worker.starts", worker=name, concurrency=config.worker_concurrency)
    while not stop.is_set():
        try:
            await _work(config, app, name, stop)
        except Exception as error:  # noqa: BLE001  # whatever broke the loop, a fresh one is the remedy
            log.warning("worker.queue_lost", worker=name, error=type(error).__name__)
        if not stop.is_set():
            await _wait(stop, REBUILD_SECONDS)
    log.info("worker.stopped", worker=name)


async def _work(config: Settings, app: App, name: str, stop: asyncio.Event) -> None:
    """One life of the queue's loop: until `stop`, or until the database goes away."""
    with app.replace_connector(connector(config, pool_size=config.worker_concurrency + 2)):
        async with app.open_async():
            worker = Worker(
                app=app,
                name=name,
                concurrency=config.worker_concurrency,
                fetch_job_polling_interval=POLL_SECONDS,
                update_heartbeat_interval=BEAT_SECONDS,
                stalled_worker_timeout=STALE_AFTER.total_seconds(),
                shutdown_graceful_timeout=GRACE_SECONDS,
                delete_jobs="successful",
                install_signal_handlers=False,
                task_middleware=[watched],
            )
            known = asyncio.Event()
            following = [asyncio.create_task(work) for work in (follow_pauses(app, worker, known), follow_counts(app))]
            stopped = asyncio.create_task(stop.wait())
            # A worker that fetched before it knows what is paused would take a task out of a paused queue.
            looked = asyncio.create_task(known.wait())
            await asyncio.wait([looked, stopped], return_when=asyncio.FIRST_COMPLETED)
            looked.cancel()
            running = asyncio.create_task(worker.run())
            await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            for task in following:
                task.cancel()
            worker.stop()
            await running
            await write_ended(app)


def _begin_stop(stop: asyncio.Event) -> None:
    stop.set()
    stopping.set()
    watchdog = threading.Timer(GRACE_SECONDS, _exit_hard)
    watchdog.daemon = True
    watchdog.start()


def _leave_when_hung(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Take nothing more once something hangs in one of the threads, and give the others their time to leave."""
    hung.wait()
    log.error("worker.leaves_for_a_new_one", worker=worker_name())
    with suppress(RuntimeError):  # the loop has ended by itself
        loop.call_soon_threadsafe(_begin_stop, stop)


def _exit_hard() -> None:
    log.warning("worker.work_left_behind", after_seconds=GRACE_SECONDS)
    os._exit(HUNG)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


if __name__ == "__main__":
    from cursive_app.settings import settings

    run(settings())
