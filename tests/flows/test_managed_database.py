"""A managed Postgres: the owner may create roles and a database and is no superuser."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from cursive_app.sandbox.logins import WORKSPACE_SLUG
from cursive_app.settings import ROOT, Settings
from db.embedded import SAFE, EmbeddedPostgres
from db.engine import role_password
from db.roles import APP_ROLE
from tests.product import Product

SECRET = "of a managed database, " * 2


@pytest.fixture
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty database whose owner is nobody special."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("managed"), dict(SAFE))
    try:
        server.start()
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE master LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS")
            connection.execute("CREATE DATABASE product OWNER master")
        yield server.url.replace("postgres@/cursive?", "master@/product?")
    finally:
        server.stop()


def test_an_owner_who_is_no_superuser_is_enough(managed: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    product = Product(tmp_path_factory.mktemp("data"), variables={"DATABASE_URL": managed, "SECRET_KEY": SECRET})
    for command in ("migrate", "migrate", "demo"):
        done = subprocess.run(
            [sys.executable, "-m", "cursive_app", command],
            cwd=ROOT, env=product.environment(), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    password = role_password(Settings(SECRET_KEY=SECRET), APP_ROLE)
    app = managed.replace("master@", f"{APP_ROLE}:{password}@")
    with psycopg.connect(app) as connection:
        assert connection.execute("SELECT count(*) FROM credit_ledger").fetchone() == (0,), "nobody named a workspace"
    with psycopg.connect(managed) as connection:
        found = connection.execute("SELECT id FROM workspaces WHERE slug = %s", (WORKSPACE_SLUG,)).fetchone()
    assert found is not None
    with psycopg.connect(app) as connection:
        connection.execute("SELECT set_config('app.workspace_id', %s, true)", (str(found[0]),))
        assert connection.execute("SELECT sum(change) > 0 FROM credit_ledger").fetchone() == (True,)
