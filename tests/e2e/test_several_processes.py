"""Two web processes that share page state in Redis: a tab does not notice which of them answers, or that one dies."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest
import redis
from playwright.sync_api import Browser, Page, expect

from cursive_app.sandbox.logins import PASSWORD
from db.embedded import socket_url
from db.slots import LOCK_CLASS, QUEUE
from tests.product import Product, wait_for
from tests.redis_server import redis_server

CAP = 2  # calls to the provider at once, of all processes
LOOKS = 24  # at a sample, at once; a workspace may take 30 a minute


WANT_MORE = """
SELECT count(*) FROM (SELECT pid FROM pg_locks WHERE granted AND classid = %s
                      GROUP BY pid HAVING bool_or(objid = %s) OR count(*) = %s) AS process
"""  # those that stand in the queue, and one with all slots in its hands, which waits for itself alone


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        yield address


@pytest.fixture(scope="module")
def data_folder() -> Iterator[Path]:
    """Not under pytest's folders: those are closed to other users again whenever another run begins, and as root the
    server runs as somebody else."""
    with tempfile.TemporaryDirectory(prefix="cursive-several-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def processes(shared: str, data_folder: Path) -> Iterator[Product]:
    variables = {
        "REDIS_URL": shared,
        "WEB_WORKERS": "2",
        "AUDIENCELAB_MAX_CONCURRENCY": str(CAP),
        "AUDIENCELAB_TIMEOUT_SECONDS": "120",
    }
    running = Product(data_folder / "data", variables=variables)
    try:
        running.start()
        yield running
        running.stop()
    finally:
        if running.process is not None and running.process.poll() is None:
            running.kill()


@pytest.fixture
def tab(browser: Browser, processes: Product) -> Iterator[Page]:
    """The demo person's tab."""
    context = browser.new_context(base_url=processes.url)
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("E-mail").fill("demo@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{processes.url}/")
    yield page
    context.close()


def serving(product: Product) -> list[int]:
    """The processes that answer, without the one that watches over them."""
    web = product.pids_running("web")
    parents = {pid: int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in web}
    return [pid for pid in web if parents[pid] in web]


def test_pages_left_in_the_middle_of_loading_hold_nothing_up(tab: Page, shared: str) -> None:
    with redis.Redis.from_url(shared) as state:
        for milliseconds in range(0, 400, 25):
            tab.goto("/leads")
            tab.wait_for_timeout(milliseconds)
            tab.goto("/credits")
        expect(tab.get_by_text("Credits of the demo workspace")).to_be_visible()
        # A lock that its event forgot would stay for ten seconds.
        wait_for(lambda: not state.keys("*_lock"), seconds=5, what="no lock of a tab")


def owners_query(product: Product, sql: str, *values: object) -> int:
    """A number from the product's own database."""
    with psycopg.connect(socket_url(product.data_dir)) as owner:
        found = owner.execute(sql.encode(), values).fetchone()
    return int(found[0]) if found else 0


def test_two_web_processes_and_the_worker_keep_one_cap_and_record_every_call(tab: Page, processes: Product) -> None:
    sandbox = httpx.Client(base_url=f"{processes.sandbox_url}/audiencelab", trust_env=False)
    cookies = {one["name"]: one["value"] for one in tab.context.cookies()}  # type: ignore[typeddict-item]
    api = httpx.Client(
        base_url=f"{processes.url}/api/v1", headers={"origin": processes.url}, cookies=cookies, timeout=120,
        trust_env=False, limits=httpx.Limits(max_keepalive_connections=0),
    )  # fmt: skip
    items = api.get("/segments").raise_for_status().json()["items"]
    wanted = [one["id"] for one in items if one["filters"]["scope"] == "provider"]
    wait_for(lambda: owners_query(processes, "SELECT count(*) FROM jobs WHERE status = 'processing'") == 0,
             seconds=60, what="the demo's first run to end")  # fmt: skip
    before = owners_query(processes, "SELECT count(*) FROM provider_calls")
    sandbox.delete("/_faults").raise_for_status()
    sandbox.put("/_faults", json={"mode": "slow", "delay_seconds": 3}).raise_for_status()
    with ThreadPoolExecutor(LOOKS) as pool:
        for segment in wanted:
            api.post(f"/segments/{segment}/run", json={"mode": "pull", "max_leads": 20}).raise_for_status()
        looks = [
            pool.submit(api.post, f"/segments/{wanted[number % len(wanted)]}/run", json={"mode": "preview"})
            for number in range(LOOKS)
        ]
        wait_for(
            lambda: owners_query(processes, WANT_MORE, LOCK_CLASS, QUEUE, CAP) == 3,
            seconds=90, what="two web processes and the worker to wait for the provider",
        )  # fmt: skip
        sandbox.put("/_faults", json=[]).raise_for_status()
        assert {look.result().status_code for look in looks} <= {200, 429}
    report = sandbox.get("/_calls").json()
    assert report["most_in_flight"] == CAP
    sandbox.delete("/_faults").raise_for_status()
    wait_for(
        lambda: owners_query(processes, "SELECT count(*) FROM provider_calls") - before >= len(report["calls"]),
        seconds=30, what="every call to be on record",
    )  # fmt: skip


def test_a_tab_goes_on_when_every_web_process_was_killed(tab: Page, processes: Product) -> None:
    tab.goto("/leads")
    rows = tab.locator("table tbody tr")
    expect(rows.nth(1)).to_be_visible()
    killed = wait_for(
        lambda: found if len(found := serving(processes)) == 2 else None, seconds=60, what="two processes"
    )
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: len(serving(processes)) == 2 and processes.get("/readyz")[0] == 200, seconds=90, what="new processes"
    )
    assert not set(killed) & set(serving(processes))
    drawer = tab.get_by_role("dialog")

    def opened() -> bool:
        rows.nth(1).click()  # unheard while the tab is still looking for its connection; a person clicks again
        try:
            expect(drawer).to_be_visible(timeout=5_000)
        except AssertionError:
            return False
        return True

    wait_for(opened, seconds=60, what="the drawer")
    tab.keyboard.press("Escape")
    tab.goto("/segments")
    expect(tab.get_by_text("Sales VPs").first).to_be_visible()
