"""What tests of the provider client share: waiting for what it builds, and what it was asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from cursive_app.integrations.audiencelab import (
    AudienceLab,
    AudiencePage,
    Enrichment,
)
from cursive_app.integrations.audiencelab.vocabulary import state_code
from tests.sandbox_fixtures import Sandbox

TEXAS = {"state": ["Texas"]}


def is_sent_as_texan(record: Mapping[str, Any]) -> bool:
    """The provider takes the employer's state for a person whose own is empty; the normalizer is stricter."""
    given = {name.upper(): value for name, value in record.items()}
    return (state_code(given.get("PERSONAL_STATE")) or state_code(given.get("COMPANY_STATE"))) == "TX"


def built(client: AudienceLab, audience: str) -> AudiencePage:
    return until(lambda: client.audience_page(audience, page=1), lambda page: page.ready)


def finished(client: AudienceLab, job: str) -> Enrichment:
    return until(lambda: client.enrichment(job), lambda found: found.status in ("completed", "failed"))


def until(ask: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 20
    while not enough(answer := ask()):
        assert time.monotonic() < deadline, f"still {answer!r}"
        time.sleep(0.02)
    return answer


def paths(sandbox: Sandbox, method: str) -> list[str]:
    return [call["path"] for call in sandbox.calls() if call["method"] == method]
