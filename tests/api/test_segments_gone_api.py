"""Bad input 46 over HTTP: a segment whose field is gone is shown, refused with what to do, and mended with PATCH."""

from __future__ import annotations

import pytest

from cursive_app.api.app import create
from tests.api.client import browser
from tests.factories import Cast
from tests.factories_credits import balance_of, fund
from tests.factories_segments import TEXANS
from tests.services.test_segments_gone import STORED, WORDS, broken


@pytest.mark.parametrize("kind", STORED)
def test_a_segment_whose_field_is_gone(cast: Cast, kind: str) -> None:
    fund(cast.workspace_id, 50)
    client, id = browser(create(), cast.alice), broken(cast.alice, kind)
    path = f"/api/v1/segments/{id}"
    shown = client.get(path)
    assert (shown.status_code, shown.json()["filters"]) == (200, None)
    assert WORDS[kind] in shown.json()["problem"]
    listed = client.get("/api/v1/segments")
    assert (listed.status_code, len(listed.json()["items"])) == (200, 1)
    bodies = ({"mode": "preview"}, {"mode": "pull", "max_leads": 2})
    for answer in [client.post(f"{path}/run", json=body) for body in bodies]:
        assert answer.status_code == 422, answer.text
        assert WORDS[kind] in answer.text
        assert "Open the segment" in answer.text
    assert balance_of(cast.alice) == (50, 0)
    named = client.patch(path, json={"version": 1, "name": "Still here"})
    assert (named.status_code, named.json()["filters"]) == (200, None)
    mended = client.patch(path, json={"version": named.json()["version"], "filters": TEXANS})
    assert (mended.status_code, mended.json()["problem"]) == (200, None)
