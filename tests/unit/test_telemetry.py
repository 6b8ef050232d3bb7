"""Fifty planted secrets and personal data: none of them may reach a log (promise P15)."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from cursive_app import telemetry
from cursive_app.settings import Settings, settings
from cursive_app.telemetry import MASK, redact

CANARIES = [
    "ada.lovelace@example.com",
    "ADA+leads@mail.example.org",
    "o'hara@example.net",
    "ada%40example.com",
    "jörg@bücher.example",
    "cur_live_9fK2mQ7xT4vB8nL1cR6wZ3yH5jD0sA",
    "cur_9fK2mQ7xT4vB",
    "sk_live_51H8xQ2eZvKYlo2C0aBcDeFgH",
    "sk_test_51H8xQ2eZvKYlo2C0aBcDeFgH",
    "rk_live_51H8xQ2eZvKYlo2C0aBcDeFgH",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "xoxb_1234567890_abcdefghij",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "Zx81Kq0PvR5tYwMa7LcNb3HsJd9GfUe2Io4QrTy6",
    "3f786850e387550fdab836ed7e6dc881de23001b",
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub",
    "4242424242424242",
    "4242 4242 4242 4242",
    "4000-0566-5566-5556",
    "378282246310005",
    "+1 415 555 0123",
    "+14155550123",
    "(415) 555-0123",
    "415-555-0123",
]

SENTENCES = [
    "postgresql://owner:hunter2secret@db.example/cursive",
    "redis://:hunter2secret@cache.example:6379",
    "smtps://mailer:hunter2secret@mail.example:465",
    "GET /verify?token=hunter2secret HTTP/1.1",
    "GET /login?next=/leads&code=hunter2secret",
    "https://hooks.example/in?X-Amz-Signature=hunter2secret",
    "Authorization: Bearer hunter2secret",
    "authorization=Basic hunter2secret",
    '{"authorization": "hunter2secret"}',
    "Cookie: cursive_session=hunter2secret; theme=dark",
    "Set-Cookie: __Host-cursive=hunter2secret; Path=/",
    "X-Api-Key: hunter2secret",
    "password=hunter2secret",
    '{"password": "hunter2secret"}',
    "'new_password': 'hunter2secret'",
    "api_key='hunter2secret'",
    "token: hunter2secret",
    "secret = hunter2secret",
]

NAMES = ("password", "new_password", "token", "api_key", "Authorization", "cookie", "email", "to_email", "phone",
         "first_name", "session_token", "secret_key", "database_url", "client_secret")  # fmt: skip


@pytest.fixture
def written(config_for_logs: Settings) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    former = (root.handlers[:], root.level)
    telemetry.configure(config_for_logs, process="test", stream=stream)
    yield stream
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:], root.level = former


@pytest.fixture(params=["development", "production"])
def config_for_logs(request: pytest.FixtureRequest) -> Settings:
    return settings().model_copy(update={"environment": request.param, "log_level": "DEBUG"})


@pytest.mark.parametrize("canary", CANARIES)
def test_no_canary_gets_out_on_any_path(written: io.StringIO, canary: str) -> None:
    log = structlog.get_logger("test")
    log.info(f"said {canary} aloud", note=canary, nested={"deep": [canary, {"deeper": (canary,)}]})
    log.info("as part of an address", path=f"/files/{canary}?a=1")
    logging.getLogger("library").warning("a library said %s", canary)
    try:
        raise ValueError(f"could not use {canary}")
    except ValueError:
        log.exception("failed")
        logging.getLogger("library").exception("failed")
    with structlog.contextvars.bound_contextvars(who=canary):
        log.info("with context")
    text = written.getvalue()
    assert canary not in text
    assert text.count(MASK) >= 8


@pytest.mark.parametrize("sentence", SENTENCES)
def test_secrets_are_masked_where_they_stand(written: io.StringIO, sentence: str) -> None:
    structlog.get_logger("test").info(sentence, detail=sentence)
    logging.getLogger("library").error("%s", sentence)
    assert "hunter2secret" not in written.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_named_values_are_masked_whatever_they_look_like(written: io.StringIO, name: str) -> None:
    structlog.get_logger("test").info(
        "event", **{name: "tame"}, inside={name: {"value": "tame"}}, items=[{name: "tame"}]
    )
    assert "tame" not in written.getvalue()


def test_what_logs_are_read_for_stays(written: io.StringIO) -> None:
    kept = {
        "job_id": "01939c5e-7b1a-7c3e-9d2f-0a1b2c3d4e5f",
        "request_id": "req_0123456789abcdef0123",
        "path": "/api/v1/segments/01939c5e-7b1a-7c3e-9d2f-0a1b2c3d4e5f/run",
        "at": "2026-11-22T20:29:44.405220+00:00",
        "amount": "1234567.89",
        "milliseconds": 12.5,
        "rows": 100000,
        "task": "segments.cleanup_audiences_of_deleted_segments",
        "address": "127.0.0.1:8000",
    }
    structlog.get_logger("test").info("request", **kept)
    text = written.getvalue()
    assert MASK not in text
    for value in kept.values():
        assert str(value) in text


def test_production_lines_are_json(written: io.StringIO, config_for_logs: Settings) -> None:
    structlog.get_logger("test").info("one", number=1)
    if config_for_logs.is_production:
        line = json.loads(written.getvalue())
        assert (line["event"], line["number"], line["level"], line["process"]) == ("one", 1, "info", "test")


def test_a_huge_value_is_cut(written: io.StringIO) -> None:
    structlog.get_logger("test").info("huge", body="ab " * 1_000_000)
    assert len(written.getvalue()) < 25_000


@given(st.text(max_size=300))
def test_redaction_never_fails_and_is_stable(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789._+-", min_size=1, max_size=40))
def test_no_mailbox_survives(local: str) -> None:
    assert f"{local}@example.com" not in redact(f"to <{local}@example.com>, done")
