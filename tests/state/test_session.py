"""What the frame says about the session: whose it is, and whether the people on the pages are synthetic."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from cursive_app.settings import settings
from state.home import HomeState
from state.palette import PaletteState
from state.session import SessionState
from tests.factories import Cast
from tests.state.driver import Tab, sign_in

Driver = Callable[..., Tab]


@pytest.mark.parametrize(("key", "said"), [(None, True), (SecretStr("a-real-key"), False)])
async def test_sandbox_data_is_said_wherever_no_provider_key_is_set(
    driver: Driver, cast: Cast, monkeypatch: pytest.MonkeyPatch, key: SecretStr | None, said: bool
) -> None:
    """Whichever workspace it is: not only the demo's shows synthetic people."""
    changed = settings().model_copy(update={"audiencelab_api_key": key})
    monkeypatch.setattr("state.session.settings", lambda: changed)
    tab = driver(sign_in(cast.alice))
    await tab.send(PaletteState.search, text="")
    assert tab.var(SessionState, "signed_in") is True
    assert bool(tab.var(SessionState, "sandbox_data")) is said
    visitor = driver("")
    await visitor.send(HomeState.load)
    assert not visitor.var(SessionState, "sandbox_data")
