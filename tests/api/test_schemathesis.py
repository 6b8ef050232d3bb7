"""The served OpenAPI document against the running application: every answer as documented, never a 5xx (P12)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from cursive_app.api.app import rest
from cursive_app.services import accounts
from tests.api.client import unlimited
from tests.factories import Cast, make_cast
from tests.factories_credits import fund

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]
EXAMPLES = 8  # for each of the routes, beside the examples of the document
APP = rest()
CONFIG = schemathesis.config.SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
schema = schemathesis.openapi.from_asgi("/api/openapi.json", APP, config=CONFIG)


@pytest.fixture(scope="module")
def alice(database: object) -> Iterator[dict[str, str]]:
    """The headers of an API key with every scope, in a workspace with credits, and no rate limit in the way."""
    cast: Cast = make_cast()
    fund(cast.workspace_id, 1000)
    with cast.alice.begin() as scope:
        made = accounts.create_api_key(scope, name="Fuzz", scopes=[one.value for one in accounts.KEY_SCOPES])
    with unlimited():
        yield {"authorization": f"Bearer {made.key}"}


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_every_answer_is_as_documented(case: Any, alice: dict[str, str]) -> None:
    response = case.call_and_validate(headers=alice, checks=CHECKS)
    assert response.status_code != 401
