"""What `cursive up` says when it cannot start: one sentence with what to do that can be done."""

from __future__ import annotations

import errno
import re

import pytest

from cursive_app import preflight
from cursive_app.preflight import Refused, require_port
from cursive_app.settings import Settings


@pytest.mark.parametrize("port", [8000, 65_525, 65_526, 65_535])
def test_the_port_that_is_advised_exists(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_bind_error", lambda *_: OSError(errno.EADDRINUSE, "in use"))
    with pytest.raises(Refused) as refused:
        require_port("127.0.0.1", port)
    advised = re.search(r"PORT=(\d+) make run", str(refused.value))
    assert advised is not None
    assert advised[1] != str(port)
    assert Settings(PORT=advised[1]).port == int(advised[1])  # type: ignore[arg-type]  # as the environment gives it
