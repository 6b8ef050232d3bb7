"""What a key may do with lists: exactly what its scopes say, and the four of lists are enough for all of it."""

from __future__ import annotations

from uuid import UUID

import pytest
from starlette.testclient import TestClient

from cursive_app.api.app import create
from cursive_app.services import accounts
from cursive_app.services.accounts import Permission
from tests.api.client import browser
from tests.api.test_enrichments_api import PATH, headers_of, read, spool
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_enrichment import known_line, known_people, make_list, mixed_lines, work_off
from tests.sandbox_fixtures import Sandbox, sandbox, sandbox_server

__all__ = ["sandbox", "sandbox_server", "spool"]
FOUR = (
    Permission.VIEW_ENRICHMENTS,
    Permission.EDIT_ENRICHMENTS,
    Permission.RUN_ENRICHMENTS,
    Permission.DOWNLOAD_ENRICHMENTS,
)


def program(cast: Cast, *scopes: Permission) -> TestClient:
    client = browser(create(), None, origin=None)
    client.headers.update(headers_of(cast.alice, *scopes))
    return client


def test_the_four_scopes_of_lists_take_a_file_from_upload_to_download(cast: Cast, sandbox: Sandbox) -> None:
    fund(cast.workspace_id, 100)
    people = map(known_line, known_people(sandbox.population, 120))
    text = "E-mail\n" + "".join(f"{one.cells[0]}\n" for one in people)
    client = program(cast, *FOUR)
    made = client.post(PATH, content=text, params={"filename": "people.csv"})
    assert made.status_code == 201, made.text
    at = f"{PATH}/{made.json()['id']}"
    read(made.json()["id"])
    ready = client.get(at).json()
    assert (ready["status"], ready["counts"]["valid"]) == ("ready", 120)
    started = client.post(f"{at}/start", json={"revision": ready["revision"]})
    assert started.status_code == 202, started.text
    assert work_off(UUID(made.json()["id"]), sandbox.client()).status == "completed"
    assert client.get(f"{at}/download").text.count("\r\n") == 121
    assert balance_of(cast.alice)[0] < 100


@pytest.mark.parametrize("missing", FOUR, ids=lambda one: one.value)
def test_each_scope_is_needed_for_its_step(cast: Cast, sandbox: Sandbox, missing: Permission) -> None:
    fund(cast.workspace_id, 100)
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=60, unknown=50))
    client = program(cast, *(one for one in FOUR if one is not missing))
    steps = {
        Permission.VIEW_ENRICHMENTS: lambda: client.get(f"{PATH}/{id}"),
        Permission.EDIT_ENRICHMENTS: lambda: client.post(PATH, content=b"E-mail\na@b.example\n"),
        Permission.RUN_ENRICHMENTS: lambda: client.post(f"{PATH}/{id}/start", json={"revision": 1}),
        Permission.DOWNLOAD_ENRICHMENTS: lambda: client.get(f"{PATH}/{id}/download"),
    }
    answer = steps[missing]()
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert missing.value in answer.text, "the scope that is missing is named"
    assert balance_of(cast.alice) == (100, 0)


def test_the_scopes_of_segments_do_nothing_to_lists(cast: Cast, sandbox: Sandbox) -> None:
    id = make_list(cast.alice, mixed_lines(sandbox.population, known=2, unknown=1))
    others = [one for one in accounts.KEY_SCOPES if one not in FOUR]
    client = program(cast, *others)
    for answer in (client.get(PATH), client.get(f"{PATH}/{id}"), client.get(f"{PATH}/{id}/download")):
        assert answer.status_code == 403
