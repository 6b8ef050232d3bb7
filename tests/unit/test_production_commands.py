"""In production nothing is embedded: a command without its database refuses, it never makes itself another one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cursive_app.settings import ROOT
from tests.product import VENDOR_VARIABLES

NOBODY_THERE = "postgresql://login:hunter2@127.0.0.1:1/cursive"
ROLES = {"DATABASE_APP_URL": NOBODY_THERE, "DATABASE_SYSTEM_URL": NOBODY_THERE}
SAFE = {
    "SECRET_KEY": "k" * 40,
    "PUBLIC_URL": "https://app.cursive.internal",
    "AUDIENCELAB_API_KEY": "key",
    "SMTP_URL": "smtp://127.0.0.1:1",
    "MAIL_FROM": "hello@cursive.internal",
    "TRUSTED_PROXY_HOPS": "1",
}


def said(tmp_path: Path, *command: str, **variables: str) -> str:
    """What a command that is refused in production says; it must leave no database behind."""
    inherited = {name: value for name, value in os.environ.items() if name not in VENDOR_VARIABLES}
    data = tmp_path / "data"
    done = subprocess.run(
        [sys.executable, "-m", "cursive_app", *command],
        cwd=ROOT, env={**inherited, "DATA_DIR": str(data), "CURSIVE_ENV": "production", **variables},
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    assert not list(data.glob("postgres*")), "an embedded Postgres was made"
    assert "Traceback" not in text
    assert "hunter2" not in text
    return text


@pytest.mark.parametrize("command", [
    ("migrate",), ("prepare",), ("make-admin", "you@example.com"), ("grant-credits", "acme", "10", "Opening balance"),
])  # fmt: skip
def test_a_command_without_a_database_names_the_setting(command: tuple[str, ...], tmp_path: Path) -> None:
    assert said(tmp_path, *command).startswith("DATABASE_URL is not set")


def test_the_owners_login_is_not_that_of_the_roles(tmp_path: Path) -> None:
    """With the two logins of web and worker alone nothing can be migrated, and `cursive up` migrates."""
    assert said(tmp_path, "migrate", **ROLES).startswith("DATABASE_URL is not set")
    assert "set DATABASE_URL" in said(tmp_path, "up", **ROLES, **SAFE)


def test_a_command_uses_the_logins_of_the_roles(tmp_path: Path) -> None:
    assert "busy or restarting" in said(tmp_path, "make-admin", "you@example.com", **ROLES)


def test_the_demo_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    assert said(tmp_path, "demo").strip() == "The demo workspace is never created in production."
