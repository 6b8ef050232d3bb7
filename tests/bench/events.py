"""Event round trips as the browser makes them: socket.io over a real web socket to the real application.

    .venv/bin/python -m tests.bench.events [--rounds 3]

Compared with a bare web-socket echo behind the same server (granian, one process), in interleaved rounds, with 1 and
with 100 clients. A *small event* closes the lead drawer: session looked up, rights checked, state locked, one answer.
A *page load* brings the list of leads: three transactions and three answers, the total last. Every client is a person
of their own, has one event in flight and sends a fixed number. Needs the built interface (`cursive build`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import text
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage

from cursive_app.preflight import free_port
from db.embedded import SAFE, EmbeddedPostgres
from tests.bench.leads import LOAD

ROOT = Path(__file__).parents[2]
PEOPLE, LEADS = 100, 10_000
PER_CLIENT = {1: 40, 100: 5}  # events of one client in a round; the gate allows a person 60 at once, then 20 a second
STEP_SECONDS = 180
SERVE = "from cursive_app.serve import serve; from cursive_app.settings import settings; serve(settings())"
ECHO = (
    "import sys; from granian import Granian; "
    "Granian('tests.bench.events:echo', interface='asgi', address='127.0.0.1', port=int(sys.argv[1])).serve()"
)


async def echo(_scope: Any, receive: Any, send: Any) -> None:
    """The limit: an ASGI application that sends every message back."""
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif message["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        else:  # a lifespan is none of its business
            return


class Client:
    """One web socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.protocol = reader, writer, WSConnection(ConnectionType.CLIENT)
        self.waiting: list[str] = []
        self.parts: list[str] = []

    async def say(self, message: str) -> None:
        self.writer.write(self.protocol.send(TextMessage(data=message)))
        await self.writer.drain()

    async def hear(self) -> str:
        """The next whole message."""
        while not self.waiting:
            data = await self.reader.read(65536)
            self.protocol.receive_data(data or None)
            self._take()
        return self.waiting.pop(0)

    def _take(self) -> None:
        for event in self.protocol.events():
            if isinstance(event, TextMessage):
                self.parts.append(event.data)
                if event.message_finished:
                    self.waiting.append("".join(self.parts))
                    self.parts.clear()
            elif isinstance(event, Ping):
                self.writer.write(self.protocol.send(event.response()))
            elif isinstance(event, AcceptConnection):
                self.waiting.append("")
            elif isinstance(event, CloseConnection):
                raise ConnectionError(f"the server closed the socket: {event.code} {event.reason}")


@asynccontextmanager
async def socket(port: int, target: str, cookie: str = "") -> AsyncIterator[Client]:
    """A connected web socket."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = Client(reader, writer)
    headers = [(b"Origin", f"http://127.0.0.1:{port}".encode()), *([(b"Cookie", cookie.encode())] if cookie else [])]
    writer.write(client.protocol.send(Request(host=f"127.0.0.1:{port}", target=target, extra_headers=headers)))
    await client.hear()
    try:
        yield client
    finally:
        writer.close()


@asynccontextmanager
async def tab(port: int, cookie: str) -> AsyncIterator[Client]:
    """A tab of the application: engine.io and socket.io have shaken hands."""
    async with socket(port, f"/_event/?EIO=4&transport=websocket&token={uuid4()}", cookie) as client:
        assert (await client.hear()).startswith("0")
        await client.say("40/_event,")
        assert (await client.hear()).startswith("40/_event")
        yield client


async def ask(
    client: Client, handler: str, payload: dict[str, Any], answered: Callable[[dict[str, Any]], bool]
) -> None:
    """Send one event and read until the update that answers it. Raises RuntimeError when it was refused."""
    router = {"pathname": "/leads", "asPath": "/leads", "query": {}}
    event = {"name": handler, "payload": payload, "router_data": router}
    await client.say("42/_event," + json.dumps(["event", event]))
    while True:
        message = await client.hear()
        if message == "2":
            await client.say("3")
            continue
        if not message.startswith("42/_event,"):
            continue
        name, update = json.loads(message.removeprefix("42/_event,"))
        if name != "event":
            raise ConnectionError(f"the server said {name}")
        if any("toast" in json.dumps(one) for one in update.get("events") or ()):
            raise RuntimeError(f"refused: {update['events']}")
        if answered(update):
            return


async def small(client: Client) -> None:
    await ask(client, f"{_leads_state()}.set_open", {"is_open": False}, lambda update: bool(update.get("events")))


async def load(client: Client) -> None:
    def complete(update: dict[str, Any]) -> bool:
        changed = (update.get("delta") or {}).get(_leads_state(), {})
        return any(key.startswith("range_text") and " of " in str(value) for key, value in changed.items())

    await ask(client, f"{_leads_state()}.load", {}, complete)


async def mirrored(client: Client) -> None:
    await client.say('42/_event,["event",{"name":"echo","payload":{},"router_data":{"pathname":"/leads"}}]')
    await client.hear()


def _leads_state() -> str:
    from state.leads import LeadsState

    return LeadsState.get_full_name()


Step = Callable[[Client], Awaitable[None]]


async def measure(step: Step, connect: Callable[[int], Any], clients: int, first: int) -> tuple[list[float], float]:
    """Milliseconds of each event, and events per second of all clients together."""
    ready, spent = asyncio.Barrier(clients + 1), []

    async def one(number: int) -> None:
        async with connect(number) as client:
            await step(client)  # warm: the state of the tab exists
            await ready.wait()
            for _ in range(PER_CLIENT[clients]):
                started = time.perf_counter()
                await step(client)
                spent.append((time.perf_counter() - started) * 1000)

    async with asyncio.timeout(STEP_SECONDS), asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(one((first + number) % PEOPLE))
        await ready.wait()
        started = time.perf_counter()
    return spent, len(spent) / (time.perf_counter() - started)


def processor_ms(pid: int) -> float:
    """Processor time that a process and its living children have used; Linux only, 0 elsewhere."""
    spent = 0.0
    for task in Path(f"/proc/{pid}/task").glob("*"):
        spent += int((task / "schedstat").read_text().split()[0]) / 1e6
        spent += sum(processor_ms(int(child)) for child in (task / "children").read_text().split())
    return spent


async def compare(port: int, echo_port: int, cookies: list[str], rounds: int, server: int) -> None:
    """All steps in interleaved rounds, then one line per step; `server` is the process of the application."""
    steps: dict[str, tuple[Step, Callable[[int], Any]]] = {
        "bare echo": (mirrored, lambda _: socket(echo_port, "/")),
        "small event": (small, lambda number: tab(port, cookies[number])),
        "page load": (load, lambda number: tab(port, cookies[number])),
    }
    person = 0
    for clients in PER_CLIENT:
        times: dict[str, list[float]] = {name: [] for name in steps}
        rates: dict[str, list[float]] = {name: [] for name in steps}
        costs: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(rounds):
            for name, (step, connect) in steps.items():
                before = processor_ms(server)
                spent, rate = await measure(step, connect, clients, person)
                costs[name].append((processor_ms(server) - before) / (len(spent) + clients))
                times[name] += spent
                rates[name].append(rate)
                person += 1
        print(f"\n{clients} client{'s' * (clients > 1)}, {rounds} rounds of {PER_CLIENT[clients]} events each")
        for name, spent in times.items():
            ordered = sorted(spent)
            ratios = [mine / limit for mine, limit in zip(rates[name], rates["bare echo"], strict=True)]
            print(
                f"  {name:<12} p50 {statistics.median(ordered):8.1f}  p95 {ordered[int(len(ordered) * 0.95) - 1]:8.1f}"
                f"  max {ordered[-1]:8.1f} ms   {statistics.median(rates[name]):8.1f} events/s"
                f"   ratio {statistics.median(ratios):.3f} ({min(ratios):.3f}..{max(ratios):.3f})"
                f"   server's processor time {statistics.median(costs[name]):.1f} ms/event",
                flush=True,
            )


def prepare() -> list[str]:
    """A workspace with leads and a hundred members, all logged in; returns their cookies."""
    from cursive_app.api.cookies import session_cookie
    from cursive_app.services.accounts.sessions import open_session
    from db.roles import Role
    from db.system import system_scope
    from tests.factories import make_member, make_user, make_workspace

    workspace: UUID = make_workspace("Bench")
    people = [make_member(workspace, make_user(f"Person{number}"), Role.MEMBER) for number in range(PEOPLE)]
    cookies = []
    with system_scope() as scope:
        scope.session.execute(text(LOAD), {"workspace": workspace, "first": 1, "last": LEADS, "of": LEADS})
        for one in people:
            assert one.user_id is not None
            token = open_session(scope, user_id=one.user_id, ip="192.0.2.1", user_agent="bench", workspace_id=workspace)
            cookies.append(f"{session_cookie()}={token}")
    return cookies


def serving(code: str, port: int, path: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A server process that answers. Raises RuntimeError with its output when it ends or takes too long."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT, env={**os.environ, "PORT": str(port)}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if not path:
                asyncio.run(_touch(port))
                return process
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                return process
        except OSError:
            time.sleep(0.1)
    process.terminate()
    raise RuntimeError("The server did not start; `cursive build` must have built the interface.")


async def _touch(port: int) -> None:
    async with socket(port, "/"):
        pass


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    rounds: int = arguments.parse_args().rounds
    data = Path(tempfile.mkdtemp(prefix="cursive-bench-"))
    server = EmbeddedPostgres(data, dict(SAFE))
    processes: list[subprocess.Popen[bytes]] = []
    try:
        server.start()
        port, echo_port = free_port(), free_port()
        os.environ |= {"DATABASE_URL": server.url, "DATA_DIR": str(data), "HOST": "127.0.0.1", "PORT": str(port)}
        os.environ |= {"LOG_LEVEL": "WARNING"}
        from cursive_app.settings import settings
        from db.engine import JOB_DEADLINES, connect, use
        from db.migrate import migrate

        migrate(settings())
        use(connect(settings(), deadlines=JOB_DEADLINES))  # of this process; the server keeps those of the web
        cookies = prepare()
        with psycopg.connect(server.url, autocommit=True) as owner:
            owner.execute("VACUUM ANALYZE")
        processes.append(serving(SERVE, port, "/livez"))
        processes.append(serving(ECHO, echo_port, "", str(echo_port)))
        asyncio.run(compare(port, echo_port, cookies, rounds, processes[0].pid))
        return 0
    finally:
        for process in processes:
            process.terminate()
            process.wait(20)
        server.stop()
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
