"""A login that sees the rows of every workspace, where the restricted role's should stand, is named."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from cursive_app import doctor
from cursive_app.settings import Settings
from db.engine import Database, owner_url, role_url
from db.roles import APP_ROLE, SYSTEM_ROLE


def tenancy(config: Settings) -> doctor.Check:
    return next(check for check in doctor.run_checks(config) if check.name == "tenancy")


def test_the_restricted_role_is_held(database: Database, config: Settings) -> None:
    assert tenancy(config).ok


@pytest.mark.parametrize(
    ("login", "why"), [("owner", "is a superuser"), (SYSTEM_ROLE, f"has the rights of {SYSTEM_ROLE}")]
)
def test_another_login_in_its_place_is_named(login: str, why: str, database: Database, config: Settings) -> None:
    url = owner_url(config) if login == "owner" else role_url(config, login)
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    check = tenancy(config.model_copy(update={"database_app_url": SecretStr(address)}))
    assert check.ok is False, "this alone ends `cursive doctor` with 1 in production"
    assert f"sees the rows of every workspace: it {why}" in check.detail
    assert f"DATABASE_APP_URL to the login of {APP_ROLE}" in check.detail
