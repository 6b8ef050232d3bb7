"""How many calls to the provider are under way at once: its account is one, however many processes ask it."""

from __future__ import annotations

from cursive_app.integrations.audiencelab import share_slots
from cursive_app.settings import Settings
from db.engine import psycopg_address, role_url
from db.roles import APP_ROLE
from db.slots import SharedSlots


def share_provider_slots(config: Settings) -> SharedSlots:
    """Keep AUDIENCELAB_MAX_CONCURRENCY for the calls of all processes together from now on. Called once by each process
    that makes calls; the connection is made with the first of them, and closed by the caller."""

    def url() -> str:
        return psycopg_address(role_url(config, APP_ROLE))

    # Connecting, sending, and reading up to the deadline and once beyond it: no call lasts longer.
    longest = 4 * config.audiencelab_timeout_seconds + 30
    slots = SharedSlots(config.audiencelab_max_concurrency, url=url, longest_seconds=longest)
    share_slots(slots.take)
    return slots
