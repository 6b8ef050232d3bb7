"""P12: ten thousand generated inputs to the API, to page events and as uploaded files. None is a defect, none stays in
memory, and a workspace beside it is what it was."""

from __future__ import annotations

import gc
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from sqlalchemy import Engine, text

from cursive_app.api.app import rest
from cursive_app.errors import CursiveError
from cursive_app.policy import Bucket
from cursive_app.services import accounts
from tests.api.client import unlimited
from tests.factories import Cast, make_cast
from tests.factories_credits import balance_of, fund, sums_of
from tests.faults.generated import arguments, each, files, some
from tests.services.test_enrichment_bad_files import workbook
from tests.services.test_enrichment_reading import PEOPLE, read, upload
from tests.state.admin import as_staff
from tests.state.driver import Tab, driver, forget, sign_in
from tests.state.test_tenancy_walk import PAGE_OF, engine, handlers
from tests.state.victim import Victim, make_victim

__all__ = ["driver", "engine"]
pytestmark = pytest.mark.faults

Trials = Callable[[int, int], int]
Tell = Callable[[str], None]
MOST_GROWTH_MEGABYTES = 64
WARM_UP = 2  # so many of each come before memory is looked at: caches fill up once


def resident() -> float:
    """What this process holds in memory now, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Memory:
    """How much this process has grown since its caches were filled. `seen`: inputs since then."""

    def __init__(self) -> None:
        self.seen, self._start = 0, 0.0

    def is_warm(self) -> None:
        gc.collect()
        self.seen, self._start = 0, resident()

    def note(self) -> None:
        self.seen += 1

    def assert_flat(self) -> None:
        gc.collect()
        assert resident() - self._start <= MOST_GROWTH_MEGABYTES


@contextmanager
def nothing_changes(victim: Victim) -> Iterator[None]:
    before = victim.fingerprint()
    yield
    assert victim.fingerprint() == before


def test_no_generated_request_is_a_defect(cast: Cast, engine: Engine, trials: Trials, tell: Tell) -> None:
    """By a key that may do everything, with made-up ids and with real ones, as documented and not at all."""
    fund(cast.workspace_id, 1_000)
    mine, beside = make_victim(cast, engine), make_victim(make_cast(), engine)
    with cast.alice.begin() as scope:
        key = accounts.create_api_key(scope, name="Any", scopes=[one.value for one in accounts.KEY_SCOPES]).key
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", rest(), config=NO_CREDENTIALS)
    operations = [found.ok() for found in schema.get_all_operations()]
    total, fresh = trials(350, 4_000), trials(0, 1) == 1
    memory, each_way = Memory(), total // (2 * len(operations)) + 1

    def look(drawn: tuple[Any, bool]) -> None:
        case, is_real = drawn
        if is_real:
            case.path_parameters |= {name: mine.ids[name] for name in case.path_parameters}
        response = case.call(headers={"authorization": f"Bearer {key}"})
        said = f"{case.method} {case.formatted_path}: {response.status_code} {response.text[:300]}"
        assert response.status_code < 500 or response.json()["code"] == "upstream_failed", said  # nobody answers here
        assert response.status_code < 400 or response.json()["code"], said
        memory.note()

    with unlimited(), nothing_changes(beside):
        for count in (WARM_UP, each_way):
            memory.is_warm()
            for operation in operations:
                modes = [GenerationMode.POSITIVE] + [GenerationMode.NEGATIVE] * _takes_anything(operation)
                for mode in modes:
                    cases = operation.as_strategy(generation_mode=mode)
                    each(st.tuples(cases, st.booleans()), count, look, fresh=fresh)
    memory.assert_flat()
    assert balance_of(cast.alice) == sums_of(cast.workspace_id)
    tell(f"{memory.seen:,} generated requests")


NO_CREDENTIALS = schemathesis.config.SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})


def _takes_anything(operation: Any) -> bool:
    """Whether there is anything in a request that could be wrong."""
    return bool([*operation.iter_parameters(), *operation.body])


async def test_no_generated_event_is_a_defect(
    driver: Callable[..., Tab],
    cast: Cast,
    engine: Engine,
    trials: Trials,
    tell: Tell,
    clean_queues: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every handler a browser may send, by the owner of a workspace and by staff. The driver raises defects."""
    monkeypatch.setattr(Bucket, "take", lambda *_: True)  # the pace of one person is not what is tried here
    mine, beside = make_victim(cast, engine), make_victim(make_cast(), engine)
    ids, found = list(mine.ids.values()), handlers()
    total, fresh = trials(500, 4_000), trials(0, 1) == 1
    takers = [one for one in found if _kinds(one[2])]
    memory = Memory()

    async def sweep(count: int) -> None:
        for state, name, handler in found:
            page, kinds = PAGE_OF.get(state.__name__, "/"), _kinds(handler)
            tab = driver(as_staff(cast.bob) if state.__name__.startswith("Admin") else sign_in(cast.alice))
            if "load" in state.event_handlers:
                await tab.send(state.event_handlers["load"], page)
            for payload in some(arguments(kinds, ids), count if kinds else 1, fresh=fresh):
                try:
                    await tab.post(handler, page, payload)
                except Exception as error:
                    raise AssertionError(f"{state.__name__}.{name} failed for {payload!r}") from error
                memory.note()
            forget(tab)

    with nothing_changes(beside):
        await sweep(WARM_UP)
        memory.is_warm()
        await sweep(total // len(takers) + 1)
    memory.assert_flat()
    assert balance_of(cast.alice) == sums_of(cast.workspace_id)
    tell(f"{memory.seen:,} generated events to {len(found):,} handlers")


def _kinds(handler: Any) -> dict[str, str]:
    """The annotation of each argument of a handler, by name."""
    parameters = list(inspect.signature(handler.fn).parameters.items())[1:]
    return {name: str(parameter.annotation) for name, parameter in parameters}


@pytest.fixture
def clean_queues(engine: Engine) -> Iterator[None]:
    """What staff paused and limited is open again for the tests after this one."""
    yield
    with engine.begin() as owner:
        owner.execute(text("DELETE FROM queue_pauses; DELETE FROM queue_limits; DELETE FROM schedule_pauses"))


def test_no_generated_file_is_a_defect(cast: Cast, tmp_path: Path, trials: Trials, tell: Tell) -> None:
    """Each is understood and read, or refused in words."""
    total, fresh = trials(150, 2_100), trials(0, 1) == 1
    memory, read_to_the_end = Memory(), 0
    people = PEOPLE.encode()

    def look(body: bytes) -> None:
        nonlocal read_to_the_end
        memory.note()
        try:
            opened = upload(cast.alice, body, tmp_path)
        except CursiveError as refused:
            assert refused.message
            return
        if opened.read_job_id is None:
            return
        done = read(cast.alice, opened)
        assert done.status in ("ready", "refused"), f"a defect: {done.status}"
        read_to_the_end += done.status == "ready"

    bodies = files(people, PEOPLE.encode("utf-16"), people.replace(b",", b";"), workbook())
    each(bodies, 20 * WARM_UP, look, fresh=fresh)
    memory.is_warm()
    read_to_the_end = 0
    each(bodies, total, look, fresh=fresh)
    memory.assert_flat()
    assert read_to_the_end > total // 10, "mutilated too much to try the reading"
    tell(f"{memory.seen:,} generated files, {read_to_the_end:,} of them read to the end")
