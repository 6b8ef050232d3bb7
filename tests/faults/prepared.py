"""What the nursery has ready before it forks: the product's modules and the API's application; nothing runs yet."""

from __future__ import annotations

from cursive_app.api import app
from cursive_app.jobs import worker  # noqa: F401  (imported for those who are forked)
from cursive_app.jobs.queue import register_tasks

register_tasks()
application = app.create()
