"""Settings that cannot work are refused before anything starts, each in one sentence that says what would be right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from cursive_app import setting_rules as rules
from cursive_app.preflight import sandbox_ports
from cursive_app.settings import ROOT, Settings
from cursive_app.supervisor import REFUSED

# Each with values just beyond what is possible, and values that must stay possible.
IMPOSSIBLE: dict[str, tuple[str, ...]] = {
    "CURSIVE_ENV": ("staging",),
    "HOST": ("http://0.0.0.0", "two words"),
    "PORT": ("0", "65536", "99999", "-1", "8000.5", "eighty"),
    "PUBLIC_URL": ("ftp:/x", "ftp://x", "app.example.com", "https://", "http://a b", "http://host:99999"),
    "TRUSTED_PROXY_HOPS": ("-1", "1000"),
    "LOG_LEVEL": ("LOUD", "TRACE"),
    "DATABASE_URL": ("mysql://x", "postgresql", "postgresql://host:0/name"),
    "DATABASE_APP_URL": ("mysql://x",),
    "DATABASE_SYSTEM_URL": ("sqlite:///x",),
    "DATABASE_POOL_SIZE": ("0", "-3", "100000"),
    "REDIS_URL": ("http://host", "host:6379"),
    "AUDIENCELAB_API_KEY": ("two words", "ключ"),
    "AUDIENCELAB_BASE_URL": ("api.example", "file:///etc"),
    "AUDIENCELAB_TIMEOUT_SECONDS": ("0", "-1", "nan", "inf"),
    "AUDIENCELAB_MAX_CONCURRENCY": ("0", "101"),
    "AUDIENCELAB_PAGE_SIZE": ("0", "1001", "5000"),
    "AUDIENCELAB_PAGE_PAUSE_SECONDS": ("-0.1", "61"),
    "AUDIENCELAB_READY_SCHEDULE": ("a,b", "20,,40", "40,20", "0,5", "nan", "20;40"),
    "AUDIENCELAB_RESULT_HOSTS": ("https://files.example.com", "10.0.0.7", "localhost"),
    "AUDIENCELAB_SEGMENT_PREFIX_RETRY": ("perhaps",),
    "SMTP_URL": ("nonsense", "http://mail", "smtp://"),
    "MAIL_FROM": ("Cursive", "<>", "a@b@c"),
    "DATABASE_LEAD_PRICE": ("-1", "0.005", "NaN", "10001"),
    "ENRICHMENT_PRICE": ("-1", "0", "Infinity", "0.001"),
    "ENRICHMENT_MINIMUM_ROWS": ("0",),
    "ENRICHMENT_MAXIMUM_ROWS": ("0", "10000001"),
    "ENRICHMENT_MAXIMUM_BYTES": ("0", "-5"),
    "ENRICHMENT_CHUNK_ROWS": ("0",),
    "ENRICHMENT_SAMPLE_ROWS": ("0",),
    "ENRICHMENT_SAMPLES_PER_DAY": ("-1",),
    "ENRICHMENT_KEEP_DAYS": ("0",),
    "JOBS_KEEP_DAYS": ("-1", "3651", "a year"),
    "ENRICHMENT_SCHEDULE": ("-1", "x", "1,0"),
    "SIGNUP_GRANT": ("-5", "0.001"),
    "SESSION_IDLE_HOURS": ("0", "-1"),
    "SESSION_ABSOLUTE_DAYS": ("0",),
    "WORKER_CONCURRENCY": ("0", "1001"),
    "WEB_WORKERS": ("0",),
    "SANDBOX_PORT": ("0", "65536"),
    "SANDBOX_SMTP_PORT": ("0", "65536"),
    "SANDBOX_PEOPLE": ("0", "20000000"),
    "SANDBOX_SEED": ("-1",),
    "SANDBOX_QUIRKS": ("some",),
    "SANDBOX_BUILD_SECONDS": ("-1", "nan"),
}
FREE = {"SECRET_KEY", "DATA_DIR", "UPLOAD_DIR"}  # any text; the folders are tried before a start
POSSIBLE: dict[str, tuple[str, ...]] = {
    "HOST": ("0.0.0.0", "::", "::1", "localhost"),
    "PORT": ("1", "65535"),
    "PUBLIC_URL": ("http://localhost:8000", "https://app.example.com/"),
    "LOG_LEVEL": ("debug", "ERROR"),
    "DATABASE_URL": ("postgres://u:p@h/n", "postgresql:///name?host=/run/x", "postgresql+psycopg://h:5432/n"),
    "REDIS_URL": ("redis://h:6379/0", "rediss://h", "unix:///run/redis.sock"),
    "SMTP_URL": ("smtp://mail.example", "smtps://mailer:hunter2@mail.example:465"),
    "MAIL_FROM": ("hello@example.com", '"Cursive, Inc." <hello@example.com>'),
    "AUDIENCELAB_PAGE_SIZE": ("1", "1000"),
    "AUDIENCELAB_READY_SCHEDULE": ("0.5,1,2", "20"),
    "ENRICHMENT_SCHEDULE": ("0.2,0.5", "5,5"),
    "DATABASE_LEAD_PRICE": ("0", "0.5", "10000"),
    "SANDBOX_PEOPLE": ("1", "10000000"),
}


def said(**variables: str) -> list[str]:
    """What is said about these variables; empty when they are accepted."""
    try:
        Settings(**variables)  # type: ignore[arg-type]  # as text, the way the environment gives them
    except ValidationError as error:
        return rules.refusals(error, Settings.model_fields)
    return []


def test_every_setting_that_could_be_impossible_is_tried() -> None:
    variables = {str(field.validation_alias) for field in Settings.model_fields.values()}
    assert variables == set(IMPOSSIBLE) | FREE


@pytest.mark.parametrize(("variable", "value"), [(name, one) for name, many in IMPOSSIBLE.items() for one in many])
def test_an_impossible_value_is_refused_in_one_sentence(variable: str, value: str) -> None:
    (sentence,) = said(**{variable: value})
    field = next(one for one in Settings.model_fields.values() if one.validation_alias == variable)
    assert sentence.startswith(variable)
    assert sentence.endswith(f"; it must be {rules.right_words(field)}.")
    assert "\n" not in sentence
    assert len(sentence) < 260


@pytest.mark.parametrize(("variable", "value"), [(name, one) for name, many in POSSIBLE.items() for one in many])
def test_the_bounds_themselves_and_usual_forms_are_accepted(variable: str, value: str) -> None:
    assert said(**{variable: value}) == []


def test_a_secret_that_is_refused_is_not_shown() -> None:
    for variable in ("DATABASE_URL", "SMTP_URL", "REDIS_URL", "AUDIENCELAB_API_KEY"):
        (sentence,) = said(**{variable: "wrong hunter2"})
        assert "hunter2" not in sentence


def test_settings_that_do_not_go_together_are_refused() -> None:
    (rows,) = said(ENRICHMENT_MINIMUM_ROWS="100", ENRICHMENT_MAXIMUM_ROWS="50")
    assert "ENRICHMENT_MINIMUM_ROWS is 100 and ENRICHMENT_MAXIMUM_ROWS 50" in rows
    assert said(PORT="9000", SANDBOX_PORT="9000") == [
        "PORT and SANDBOX_PORT are both 9000; each needs a port of its own."
    ]
    assert said(PORT="8001") == []


def test_a_default_port_of_the_sandbox_gives_way_to_the_web_process(tmp_path: Path) -> None:
    chosen = sandbox_ports(Settings(PORT=8001, DATA_DIR=tmp_path))  # type: ignore[call-arg]
    assert chosen["SANDBOX_PORT"] != "8001"


@pytest.mark.parametrize("command", ["up", "web", "worker", "sandbox", "migrate", "demo", "build", "doctor"])
def test_no_command_starts_on_impossible_settings_and_all_of_them_are_listed(command: str, tmp_path: Path) -> None:
    wrong = {"PORT": "99999", "WORKER_CONCURRENCY": "0", "DATABASE_URL": "mysql://u:hunter2@x"}
    done = subprocess.run(
        [sys.executable, "-m", "cursive_app", command],
        cwd=ROOT, env={**os.environ, "DATA_DIR": str(tmp_path / "data"), **wrong},
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == REFUSED
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "PORT is “99999”; it must be a whole number from 1 to 65,535.",
        "DATABASE_URL does not look right (its value is a secret and not shown); "
        "it must be an address such as postgresql://user:password@host:5432/name.",
        "WORKER_CONCURRENCY is “0”; it must be a whole number from 1 to 1,000.",
    ]
    assert not (tmp_path / "data").exists()


def test_the_secret_key_may_be_any_text() -> None:
    assert said(SECRET_KEY="x") == []
    assert Settings(SECRET_KEY=SecretStr("y")).secret_key.get_secret_value() == "y"  # type: ignore[call-arg]


def test_what_the_provider_is_asked_with_unless_something_else_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract's numbers (§1, §11), and a sandbox that misbehaves as the vendor does."""
    for name in Settings.model_fields.values():
        monkeypatch.delenv(str(name.alias), raising=False)
    config = Settings(AUDIENCELAB_API_KEY="k" * 20)  # type: ignore[call-arg]
    assert config.provider_base_url == "https://api.audiencelab.io"
    assert (config.audiencelab_timeout_seconds, config.audiencelab_max_concurrency) == (30, 5)
    assert (config.audiencelab_page_size, config.audiencelab_page_pause_seconds) == (500, 0.25)
    assert config.enrichment_chunk_rows == 5_000
    assert config.audiencelab_segment_prefix_retry is True
    assert config.audiencelab_ready_schedule == "20,40,60,90,120,180"
    assert config.enrichment_pauses[:4] == (15, 30, 60, 120)
    assert max(config.enrichment_pauses) <= 300
    assert (config.sandbox_people, config.sandbox_quirks) == (100_000, True)
    assert Settings().provider_base_url == f"http://127.0.0.1:{config.sandbox_port}/audiencelab"
