"""P12: generated arguments to every event handler. None is a defect, none stays in memory, and a workspace beside it is
what it was. Not among the fault trials: a loop of a browser in the same process keeps others from running."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from cursive_app.policy import Bucket
from tests.factories import Cast, make_cast
from tests.factories_credits import balance_of, sums_of
from tests.faults.conftest import tell, trials
from tests.faults.generated import WARM_UP, Memory, arguments, nothing_changes, some
from tests.state.admin import as_staff
from tests.state.driver import Tab, forget, sign_in
from tests.state.test_tenancy_walk import PAGE_OF, engine, handlers
from tests.state.victim import make_victim

__all__ = ["engine", "tell", "trials"]

Trials = Callable[[int, int], int]
Tell = Callable[[str], None]


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
    assert memory.seen >= total
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
