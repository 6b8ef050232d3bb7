"""The product's worker with shorter waits."""

from __future__ import annotations

from cursive_app.jobs import worker
from cursive_app.settings import settings
from tests.faults.hasty import hurry

if __name__ == "__main__":
    hurry()
    worker.run(settings())
