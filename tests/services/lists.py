"""A list of four rows that was read and checked, and what is done to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cursive_app.services import enrichment
from cursive_app.services.enrichment.views import EnrichmentView
from db.scope import Tenant
from tests.factories import Cast
from tests.services.test_enrichment_reading import do, look, read, upload

LIST = "E-mail,Phone,Note\na@acme.example,,one\nb@acme.example,,two\nA@acme.example,,three\n,,four\n"


@pytest.fixture
def ready(cast: Cast, tmp_path: Path) -> EnrichmentView:
    return read(cast.alice, upload(cast.alice, LIST, tmp_path))


def edit(tenant: Tenant, view: EnrichmentView, number: int, column: int, value: str) -> Any:
    now = look(tenant, view.id)
    return do(
        tenant, enrichment.edit_cell, view.id, revision=now.revision, number=number, column=column, value=value
    )  # fmt: skip


def counts(tenant: Tenant, view: EnrichmentView) -> tuple[int | None, ...]:
    found = look(tenant, view.id).counts
    return found.total, found.valid, found.invalid, found.duplicate, found.owned
