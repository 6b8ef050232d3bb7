"""A process that asks the provider without a pause and, told by SIGUSR1, forks copies that do the same:
`<address of the counting server> <copies>`. It says their ids; a copy outlives it, until the first call that fails.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from cursive_app.integrations.audiencelab import ProviderError, provider
from cursive_app.services.limits import share_provider_slots
from cursive_app.settings import settings
from tests.faults.counting import as_caller

THREADS = 4


def ask_on(url: str) -> None:
    as_caller(url, str(os.getpid()))
    for _ in range(THREADS):
        threading.Thread(target=_ask).start()


def _ask() -> None:
    while True:
        try:
            provider().pixels()
        except ProviderError:
            os._exit(0)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    share_provider_slots(settings())
    ask_on(sys.argv[1])
    signal.sigwait({signal.SIGUSR1})
    for _ in range(int(sys.argv[2])):
        if (copy := os.fork()) == 0:
            ask_on(sys.argv[1])
            break
        print(copy, flush=True)
    signal.pause()
