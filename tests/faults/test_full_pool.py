"""F13 over real HTTP: every connection is taken. Who asks is told so within a second, and health answers at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from statistics import median

import httpx
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server

from cursive_app.api.app import create
from cursive_app.preflight import free_port
from cursive_app.services import accounts
from cursive_app.settings import Settings
from db import engine as db_engine
from db.engine import Database, connect
from tests.factories import Cast
from tests.faults.processes import wait_until

pytestmark = pytest.mark.faults

POOL = 2
ASKING = 10
SOON = 1.5  # seconds: the pool's one, and what the request itself takes
LATEST = 3.0  # for a single one of them, on a machine that is busy with something else


class Api:
    """The API in a thread of this process, whose connections the test can take."""

    def __init__(self) -> None:
        self.port = free_port()
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20, trust_env=False)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = Server(create(), interface=Interfaces.ASGI, address="127.0.0.1", port=self.port)
        await self._server.serve()

    def get(self, path: str, key: str = "") -> tuple[httpx.Response, float]:
        """The answer, and how long it took in seconds."""
        began = time.monotonic()
        headers = {"authorization": f"Bearer {key}"} if key else {}
        answer = self._client.get(path, headers=headers)
        return answer, time.monotonic() - began

    def answers(self) -> bool:
        try:
            return self.get("/livez")[0].status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        assert self._loop is not None
        assert self._server is not None
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(10)
        self._client.close()


@pytest.fixture
def narrow(config: Settings, database: Database) -> Iterator[Database]:
    """The same database through two connections of each role."""
    value = connect(config.model_copy(update={"database_pool_size": POOL}))
    db_engine.use(value)
    yield value
    db_engine.use(database)
    value.dispose()


@pytest.fixture
def api(narrow: Database) -> Iterator[Api]:
    value = Api()
    wait_until(value.answers, seconds=30, what="the API")
    yield value
    value.stop()


@contextmanager
def taken(database: Database) -> Iterator[None]:
    """Every connection of both roles is in somebody's hands."""
    with ExitStack() as held:
        for engine in (database.app, database.system):
            for _ in range(POOL):
                held.enter_context(engine.connect())
        yield


def test_a_full_pool_is_said_within_a_second_or_so_and_health_answers_at_once(
    api: Api, narrow: Database, cast: Cast, trials: Callable[[int, int], int]
) -> None:
    with cast.alice.begin() as scope:
        key = accounts.create_api_key(scope, name="Machine", scopes=["credits:read"]).key
    for _ in range(trials(3, 30)):
        with taken(narrow), ThreadPoolExecutor(ASKING) as many:
            asked = [many.submit(api.get, "/api/v1/credits", key) for _ in range(ASKING)]
            alive = [api.get("/livez") for _ in range(3)]  # while they wait
            readiness = api.get("/readyz")
            told = [one.result(20) for one in asked]
        for answer, seconds in told:
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
            assert "try again" in answer.json()["detail"]
            assert answer.headers["retry-after"]
            assert seconds < LATEST
        assert median(seconds for _, seconds in told) < SOON
        assert [answer.status_code for answer, _ in alive] == [200] * 3
        assert min(seconds for _, seconds in alive) < 0.5, "it waits for nobody's connection"
        assert readiness[0].status_code == 503
        assert readiness[1] < SOON
        assert api.get("/api/v1/credits", key)[0].status_code == 200, "as soon as there is a connection again"
        # The check that found none may still wait for one: its good news must not stand for the next round.
        wait_until(lambda: api.get("/readyz")[0].status_code == 200, seconds=10, what="readiness again")
