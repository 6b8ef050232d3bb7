"""T13: an id of another workspace cannot be told from one that nobody has, nor an account from an unknown address: not
by the status, the words, the headers (an ETag, a limit), nor by the time the answer takes.

Requests are made in pairs whose order is drawn, so that what else the machine does falls on both sides. The medians may
differ by less than a factor of two, in either direction; that both do the same work is counted, statement by statement,
in tests/services/test_foreign_ids.py and test_no_enumeration.py.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.testclient import TestClient

from cursive_app.api.app import create
from cursive_app.services.accounts import passwords
from db.engine import Database
from tests.api.client import browser, unlimited
from tests.factories import Cast
from tests.factories_accounts import OTHER_PASSWORD, fresh_email, fresh_ip, make_person
from tests.factories_credits import fund
from tests.state.test_tenancy_walk import WITH_IDS, body_of, filled, same_words
from tests.state.victim import Victim, engine, victim

__all__ = ["engine", "victim"]
pytestmark = pytest.mark.faults

Trials = Callable[[int, int], int]
Ask = Callable[[], httpx.Response]
TIMES_APART = 2.0
ORIGIN = "http://testserver"
# Differ between any two answers, of one's own as well.
PER_REQUEST = {"x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit"}


def timed(ask: Ask) -> tuple[float, httpx.Response]:
    began = time.perf_counter()
    answer = ask()
    return time.perf_counter() - began, answer


def headers_of(answer: httpx.Response) -> dict[str, str]:
    """All but what counts requests; of cookies only their names, as each bears a number of its own."""
    shown = {name: value for name, value in answer.headers.items() if name not in PER_REQUEST}
    if "set-cookie" in shown:
        shown["set-cookie"] = ",".join(sorted(one.split("=")[0] for one in answer.headers.get_list("set-cookie")))
    return shown


def ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """How many times as long the median of the first kind took as that of the second."""
    first, second = zip(*pairs, strict=True)
    return statistics.median(first) / statistics.median(second)


def interleaved(
    draw: random.Random, pairs: int, make: Callable[[], tuple[Ask, Ask]], same: Callable[[Any, Any], None]
) -> float:
    """The ratio of so many pairs, after one that warms up what is made once."""
    found: list[tuple[float, float]] = []
    for number in range(pairs + 1):
        asks, taken, answers = make(), [0.0, 0.0], [None, None]
        for side in draw.sample((0, 1), 2):
            taken[side], answers[side] = timed(asks[side])  # type: ignore[call-overload]
        same(*answers)
        if number:
            found.append((taken[0], taken[1]))
    return ratio(found)


def test_a_foreign_id_answers_like_an_unknown_one_on_every_route(
    victim: Victim, cast: Cast, trials: Trials, tell: Callable[[str], None]
) -> None:
    pairs, draw = trials(60, 1_000), random.Random(13)
    client = browser(create(), cast.charlie)
    fund(cast.charlie.workspace_id, 50)

    def same(hers: httpx.Response, nobodys: httpx.Response) -> None:
        assert hers.status_code == nobodys.status_code == 404, hers.text
        assert same_words(hers.json()) == same_words(nobodys.json())
        assert headers_of(hers) == headers_of(nobodys)
        assert "etag" not in hers.headers

    ratios: dict[str, float] = {}
    with unlimited():
        for method, path in WITH_IDS:

            def ask(ids: dict[str, str], method: str = method, path: str = path) -> Ask:
                address, body = filled(path, ids), body_of(method, path)
                return lambda: client.request(method, address, json=body)

            def make(ask: Callable[[dict[str, str]], Ask] = ask) -> tuple[Ask, Ask]:
                return ask(victim.ids), ask(
                    {name: id if id.isdigit() else str(uuid4()) for name, id in victim.ids.items()}
                )

            ratios[f"{method} {path}"] = interleaved(draw, pairs, make, same)
    apart = {route: found for route, found in ratios.items() if not 1 / TIMES_APART < found < TIMES_APART}
    tell(
        f"{pairs:,} pairs on each of {len(ratios)} routes; a foreign id took {min(ratios.values()):.2f} to "
        f"{max(ratios.values()):.2f} times as long as an unknown one at the median"
    )
    assert apart == {}


@pytest.mark.parametrize(("path", "form"), [("/auth/login", {"password": OTHER_PASSWORD}), ("/auth/forgot", {})])
def test_an_account_answers_like_an_unknown_address(
    database: Database, trials: Trials, tell: Callable[[str], None], path: str, form: dict[str, str]
) -> None:
    """Each try with an account, an address and a network of its own, so that no pause falls on one side."""
    passwords._decoy()  # made once per process
    pairs, draw, app = trials(20, 1_000), random.Random(14), create()

    def ask(email: str) -> Ask:
        client = TestClient(app, follow_redirects=False, client=(fresh_ip(), 50_000), headers={"origin": ORIGIN})
        return lambda: client.post(path, data={"email": email, **form})

    def make() -> tuple[Ask, Ask]:
        return ask(make_person()[1]), ask(fresh_email())

    def same(known: httpx.Response, unknown: httpx.Response) -> None:
        assert known.status_code == unknown.status_code == 303
        assert known.headers["location"] == unknown.headers["location"]
        assert headers_of(known) == headers_of(unknown)
        assert known.content == unknown.content

    found = interleaved(draw, pairs, make, same)
    tell(f"{pairs:,} pairs at {path}; an account took {found:.2f} times as long as an unknown address at the median")
    assert 1 / TIMES_APART < found < TIMES_APART
