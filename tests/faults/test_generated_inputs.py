"""P12: generated inputs to the API and as uploaded files. None is a defect, none stays in memory, and a workspace
beside it is what it was. Those to page events are in `tests/state/test_generated_events.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from sqlalchemy import Engine

from cursive_app.api.app import rest
from cursive_app.errors import CursiveError
from cursive_app.services import accounts
from tests.api.client import unlimited
from tests.factories import Cast, make_cast
from tests.factories_credits import balance_of, fund, sums_of
from tests.faults.generated import WARM_UP, Memory, each, files, nothing_changes
from tests.services.test_enrichment_bad_files import workbook
from tests.services.test_enrichment_reading import PEOPLE, read, upload
from tests.state.driver import driver
from tests.state.test_tenancy_walk import engine
from tests.state.victim import make_victim

__all__ = ["driver", "engine"]
pytestmark = pytest.mark.faults

Trials = Callable[[int, int], int]
Tell = Callable[[str], None]


def test_no_generated_request_is_a_defect(cast: Cast, engine: Engine, trials: Trials, tell: Tell) -> None:
    """By a key that may do everything, with made-up ids and with real ones, as documented and not at all."""
    fund(cast.workspace_id, 1_000)
    mine, beside = make_victim(cast, engine), make_victim(make_cast(), engine)
    with cast.alice.begin() as scope:
        key = accounts.create_api_key(scope, name="Any", scopes=[one.value for one in accounts.KEY_SCOPES]).key
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", rest(), config=NO_CREDENTIALS)
    operations = [found.ok() for found in schema.get_all_operations()]
    ways = [(one, mode) for one in operations for mode in _modes(one)]
    total, fresh = trials(350, 4_000), trials(0, 1) == 1
    # A tenth more, because what takes nothing, or little, is exhausted early.
    memory, each_way = Memory(), 11 * total // (10 * sum(map(_takes_anything, operations)) * 2) + 1

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
            for operation, mode in ways:
                cases = operation.as_strategy(generation_mode=mode)
                each(st.tuples(cases, st.booleans()), count, look, fresh=fresh)
    memory.assert_flat()
    assert balance_of(cast.alice) == sums_of(cast.workspace_id)
    assert memory.seen >= total
    tell(f"{memory.seen:,} generated requests")


NO_CREDENTIALS = schemathesis.config.SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})


def _modes(operation: Any) -> list[GenerationMode]:
    return [GenerationMode.POSITIVE] + [GenerationMode.NEGATIVE] * _takes_anything(operation)


def _takes_anything(operation: Any) -> bool:
    """Whether there is anything in a request that could be wrong."""
    return bool([*operation.iter_parameters(), *operation.body])


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
    assert memory.seen >= total
    assert read_to_the_end > total // 10, "mutilated too much to try the reading"
    tell(f"{memory.seen:,} generated files, {read_to_the_end:,} of them read to the end")
