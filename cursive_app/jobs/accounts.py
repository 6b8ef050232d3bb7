"""The accounts room's task: forgetting what is long over."""

from __future__ import annotations

from cursive_app.jobs.queue import RETRY, app
from cursive_app.services.accounts.maintenance import prune as prune_accounts


@app.task(name="accounts.prune", queue="default", retry=RETRY)
def prune() -> None:
    """Delete ended sessions, used links, old guess counters and sent mails."""
    prune_accounts()
