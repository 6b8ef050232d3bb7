"""`cursive doctor` shows everything and gives nothing away; production is refused with reasons."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from cursive_app import doctor
from cursive_app.doctor import Check, diagnose, settings_table, summary
from cursive_app.settings import Settings
from db import health
from db.roles import APP_ROLE
from tests.redis_server import redis_server

SECRETS = {
    "SECRET_KEY": "k" * 40,
    "DATABASE_URL": "postgresql://owner:hunter2@db.example/cursive",
    "REDIS_URL": "redis://:hunter2@cache.example",
    "SMTP_URL": "smtps://mailer:hunter2@mail.example",
    "AUDIENCELAB_API_KEY": "hunter2-provider",
}
SAFE = {
    **SECRETS,
    "CURSIVE_ENV": "production",
    "PUBLIC_URL": "https://cursive.example",
    "MAIL_FROM": "Cursive <hello@cursive.internal>",
    "TRUSTED_PROXY_HOPS": "1",
}


def run(config: Settings, checks: list[Check], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    monkeypatch.setattr(doctor, "run_checks", lambda _config: checks)
    lines: list[str] = []
    code = diagnose(config, say=lines.append)
    return code, "\n".join(lines)


GOOD = [Check("database", True, "fine"), Check("redis", None, "not used")]


def test_every_setting_is_listed_and_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Settings(**SAFE)
    code, text = run(config, GOOD, monkeypatch)
    assert code == 0
    for field in Settings.model_fields.values():
        assert str(field.validation_alias) in text
    assert "hunter2" not in text
    assert "kkkk" not in text


def test_every_secret_is_typed_as_one() -> None:
    """A field that holds a login or key must be a SecretStr, or it would be shown and logged."""
    for name, field in Settings.model_fields.items():
        if name.endswith(("_key", "_secret", "_password")) or name in ("database_url", "redis_url", "smtp_url"):
            assert "SecretStr" in str(field.annotation), name


@pytest.mark.parametrize("missing", [
    "SECRET_KEY", "DATABASE_URL", "SMTP_URL", "AUDIENCELAB_API_KEY", "PUBLIC_URL", "MAIL_FROM", "TRUSTED_PROXY_HOPS",
])  # fmt: skip
def test_production_without_it_is_unsafe(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.delenv(missing, raising=False)
    config = Settings(**{name: value for name, value in SAFE.items() if name != missing})
    code, text = run(config, GOOD, monkeypatch)
    assert code == 1
    assert missing in text.split("Production")[1]


UNSAFE = [
    ("MAIL_FROM", "hello@sub.example.org"),
    ("MAIL_FROM", "Cursive <hello@mail.test>"),
    ("AUDIENCELAB_BASE_URL", "http://api.audiencelab.io"),
    ("AUDIENCELAB_BASE_URL", "https://localhost:8001/audiencelab"),
    ("AUDIENCELAB_BASE_URL", "https://127.0.0.2/audiencelab"),
    ("AUDIENCELAB_BASE_URL", "https://[::1]/audiencelab"),
    ("TRUSTED_PROXY_HOPS", "0"),
]


@pytest.mark.parametrize(("variable", "value"), UNSAFE)
def test_production_with_such_a_value_is_unsafe(variable: str, value: str) -> None:
    (problem,) = Settings(**{**SAFE, variable: value}).production_problems()
    assert problem.startswith(variable)


@pytest.mark.parametrize(("variable", "value"), [
    ("MAIL_FROM", "Tests <hello@cursive.internal>"), ("AUDIENCELAB_BASE_URL", "https://eu.audiencelab.io"),
    ("TRUSTED_PROXY_HOPS", "2"),
])  # fmt: skip
def test_production_with_such_a_value_is_safe(variable: str, value: str) -> None:
    assert Settings(**{**SAFE, variable: value}).production_problems() == []


@pytest.mark.parametrize(("given", "missing"), [
    ("DATABASE_APP_URL", "DATABASE_SYSTEM_URL"), ("DATABASE_SYSTEM_URL", "DATABASE_APP_URL"),
])  # fmt: skip
def test_one_role_without_the_other_is_unsafe_and_the_doctor_goes_on(
    given: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    values = {name: value for name, value in SAFE.items() if name != "DATABASE_URL"}
    config = Settings(**values, **{given: "postgresql://role:hunter2@127.0.0.1:1/cursive"})
    (problem,) = config.production_problems()
    assert problem.startswith(missing)
    (check,) = doctor._database(config)
    assert not check.ok
    assert "cursive up" not in check.detail
    both = Settings(**values, DATABASE_APP_URL="postgresql://a@b/c", DATABASE_SYSTEM_URL="postgresql://a@b/c")
    assert both.production_problems() == []


def test_production_that_cannot_reach_something_is_unsafe(monkeypatch: pytest.MonkeyPatch) -> None:
    code, _ = run(Settings(**SAFE), [Check("provider", False, "out of reach")], monkeypatch)
    assert code == 1


def test_several_web_processes_need_redis() -> None:
    values = {name: value for name, value in SAFE.items() if name != "REDIS_URL"}
    assert any("WEB_WORKERS" in problem for problem in Settings(**values, WEB_WORKERS=2).production_problems())


def test_development_is_never_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = run(Settings(CURSIVE_ENV="development"), [Check("database", False, "down")], monkeypatch)
    assert code == 0
    assert "none of this stops Cursive here" in text


@pytest.mark.parametrize(
    ("values", "part", "words"),
    [
        ({}, "Provider", "synthetic people"),
        ({"AUDIENCELAB_API_KEY": "k"}, "Provider", "real"),
        ({}, "Mail", "mailbox"),
        ({"SMTP_URL": "smtp://mail.example"}, "Mail", "real"),
        ({"DATABASE_URL": "postgresql://db.example/x"}, "Database", "real"),
    ],
)
def test_embedded_and_real_parts_are_told_apart(values: dict[str, Any], part: str, words: str, tmp_path: Path) -> None:
    config = Settings(**{"DATABASE_URL": "", **values}, DATA_DIR=tmp_path)
    assert words in dict(summary(config))[part]


@pytest.mark.parametrize(("part", "missing"), [("Database", "DATABASE_URL"), ("Provider", "AUDIENCELAB_API_KEY"),
                                              ("Mail", "SMTP_URL")])  # fmt: skip
def test_production_has_no_stand_ins(part: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_APP_URL", missing):
        monkeypatch.delenv(name, raising=False)
    values = {name: value for name, value in SAFE.items() if name != missing}
    config = Settings(**values)
    assert dict(summary(config))[part] == f"missing: set {missing}"
    check = {"Database": doctor._database, "Provider": doctor._provider, "Mail": doctor._mail}[part](config)
    assert (check[0] if isinstance(check, list) else check).detail == "none is configured"


def test_roles_that_were_never_made_are_a_reason_to_migrate() -> None:
    """A server that asks for passwords does not say that a role is missing."""
    said = Exception('connection failed: FATAL:  password authentication failed for user "cursive_app"\nretry')
    reason = health.reason(OperationalError("", None, said), APP_ROLE, derived=True)
    assert "run `cursive migrate`" in reason
    assert "SECRET_KEY" in reason
    own = health.reason(OperationalError("", None, said), APP_ROLE, derived=False)
    assert "migrate" not in own, "the operator chose that login"


def test_what_cannot_be_reached_is_named_without_a_stack(tmp_path: Path) -> None:
    config = Settings(
        DATABASE_URL="postgresql://owner:hunter2@127.0.0.1:1/cursive", SANDBOX_PORT=1, SANDBOX_SMTP_PORT=2,
        REDIS_URL="redis://:hunter2@127.0.0.1:1", DATA_DIR=tmp_path,
    )  # fmt: skip
    found = {check.name: check for check in doctor.run_checks(config)}
    assert [found[name].ok for name in ("database", "provider", "mail", "redis")] == [False] * 4
    assert all("hunter2" not in check.detail and "Traceback" not in check.detail for check in found.values())


def test_a_redis_that_does_not_tell_of_released_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise redis.ResponseError("unknown command 'CONFIG'")

    with redis_server(tmp_path) as address:
        config = Settings(REDIS_URL=address, DATA_DIR=tmp_path)
        with monkeypatch.context() as patched:
            patched.setattr(redis.Redis, "config_set", refused)
            found = doctor._redis(config)
            assert not found.ok
            assert "notify-keyspace-events must be K$sgxe" in found.detail
        assert doctor._redis(config).ok, "Cursive switches them on where it may"


def test_masked_values_keep_their_length_secret() -> None:
    rows = {variable: shown for variable, shown, _ in settings_table(Settings(SECRET_KEY=SecretStr("x" * 33)))}
    assert rows["SECRET_KEY"] == doctor.MASKED


@pytest.mark.parametrize(("free", "ok"), [(400, True), (151, True), (150, False), (0, False)])
def test_a_disk_that_is_nearly_full_is_named(
    free: int, ok: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: (1000, 1000 - free, free))
    found = doctor._disk(Settings(DATA_DIR=tmp_path))
    assert found.ok is ok
    assert ok or f"{1 - free / 1000:.0%} full" in found.detail
