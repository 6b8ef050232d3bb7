"""Asking the provider without waiting for it longer than somebody wants to: Stop takes effect although a call hangs.

Each call runs on a thread of its own. When somebody asks to stop, it is left alone: what it still brings is let go, and
it asks nothing more, neither a repeat nor a look for an order whose answer was lost. An order that the provider takes
all the same is one that was out when the run ended: its rows are told so, and nothing is charged for them.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from cursive_app.errors import CursiveError
from cursive_app.integrations.audiencelab import AudienceLab, ProviderNotWanted
from cursive_app.services import jobs
from cursive_app.services.enrichment.results import Stopped
from cursive_app.services.jobs import ClaimedJob

LOOK_SECONDS = 1.0
Answer = TypeVar("Answer")


def watched(claimed: ClaimedJob, lab: AudienceLab, ask: Callable[[AudienceLab], Answer]) -> Answer:
    """What `ask` gives, called with a client that falls silent once the job is to stop. Raises what it raises, and
    Stopped within about a second after somebody asked to stop."""
    is_over = threading.Event()
    answer: Future[Answer] = Future()
    quiet = lab.while_wanted(lambda: not is_over.is_set() and not _is_to_stop(claimed))
    context = contextvars.copy_context()

    def call() -> None:
        try:
            answer.set_result(context.run(ask, quiet))
        except BaseException as error:  # noqa: BLE001  # whoever waits gets it
            answer.set_exception(error)

    threading.Thread(target=call, name=f"provider-{claimed.job_id}", daemon=True).start()
    try:
        while not wait([answer], timeout=LOOK_SECONDS).done:
            if _is_to_stop(claimed):
                raise Stopped
        return answer.result()
    except ProviderNotWanted:
        raise Stopped from None
    finally:
        is_over.set()


def _is_to_stop(claimed: ClaimedJob) -> bool:
    """A database that is just restarting has heard nothing: an order that is out must not be left alone for it, or it
    would be made again while the first one hangs."""
    try:
        with claimed.tenant.begin() as scope:
            return jobs.cancel_requested(scope, claimed)
    except CursiveError:
        return False
