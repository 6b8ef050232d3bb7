"""`cursive doctor`: every setting, which parts are embedded or real, what is reachable, and what production refuses."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import SecretStr

from cursive_app.preflight import running_ports, running_provider_url, short
from cursive_app.settings import Settings
from cursive_app.telemetry import redact

if TYPE_CHECKING:
    import redis

MASKED = "•" * 8
KEYSPACE_EVENTS = "K$sgxe"  # what Reflex's page state listens to


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `ok` is None when the part is not used here."""

    name: str
    ok: bool | None
    detail: str


def summary(config: Settings) -> list[tuple[str, str]]:
    """Which parts are embedded, stand-ins, real or, in production, missing: (part, what it is)."""
    embedded = config.database_url is None and config.database_app_url is None

    def part(real: str | None, variable: str, stand_in: str) -> str:
        if real is not None:
            return f"real: {real}"
        return f"missing: set {variable}" if config.is_production else stand_in

    provider = None if config.provider_is_sandbox else config.provider_base_url
    mail = None if config.smtp_url is None else "SMTP_URL"
    database = None if embedded else "DATABASE_URL"
    return [
        ("Database", part(database, "DATABASE_URL", f"embedded Postgres in {short(config.data_dir)}")),
        ("Provider", part(provider, "AUDIENCELAB_API_KEY", "sandbox: synthetic people")),
        ("Mail", part(mail, "SMTP_URL", "sandbox: its mailbox page")),
        ("Page state", "in memory of the one web process" if config.redis_url is None else "real: REDIS_URL"),
    ]


def settings_table(config: Settings) -> list[tuple[str, str, str]]:
    """Every setting as (variable, shown value, `set` or `default`); secrets never leave as they are."""
    rows: list[tuple[str, str, str]] = []
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, SecretStr):
            shown = MASKED
        else:
            shown = "–" if value is None else redact(str(value)) if name != "mail_from" else str(value)
        rows.append((str(field.validation_alias), shown, "set" if name in config.model_fields_set else "default"))
    return rows


def diagnose(config: Settings, *, say: Callable[[str], None]) -> int:
    """Print everything. Returns 1 when this is production and something is unsafe or out of reach, else 0."""
    rows = settings_table(config)
    wide = max(len(variable) for variable, _, _ in rows)
    say("Settings")
    for variable, shown, source in rows:
        say(f"  {variable:<{wide}}  {shown}{'' if source == 'set' else '  (default)'}")
    say("\nParts")
    for part, text in summary(config):
        say(f"  {part:<11} {text}")
    say("\nReach")
    checks = run_checks(config)
    for check in checks:
        mark = {True: "ok", False: "NO", None: "–"}[check.ok]
        say(f"  {mark:<3} {check.name:<10} {redact(check.detail)}")
    problems = config.production_problems()
    say("\nProduction")
    for problem in problems:
        say(f"  NO  {problem}")
    if not problems:
        say("  ok  These settings are safe for production.")
    elif not config.is_production:
        say("  CURSIVE_ENV is not production, so none of this stops Cursive here.")
    return int(config.is_production and bool(problems or any(check.ok is False for check in checks)))


def run_checks(config: Settings) -> list[Check]:
    """Try to reach every part, a few seconds at most each."""
    return [*_database(config), _interface(), _provider(config), _mail(config), _redis(config), _disk(config)]


def _database(config: Settings) -> list[Check]:
    from db.health import examine

    if config.database_url is None and config.database_app_url is None and config.is_production:
        return [Check("database", False, "none is configured")]
    health = examine(config)
    if health.problem is not None:
        embedded = config.database_url is None and health.version is None and not config.is_production
        advice = " It runs while `cursive up` does." if embedded else ""
        return [Check("database", False, health.problem + advice)]
    leader = "keeps the clock" if health.has_leader else "nobody keeps the clock"
    return [
        Check("database", True, f"Postgres {health.version}, schema {health.revision} (newest)"),
        Check("durability", health.durability is None, health.durability or "what is committed survives a crash"),
        Check("tenancy", health.tenancy is None, health.tenancy or "the database keeps workspaces apart"),
        Check("workers", bool(health.workers), f"{health.workers} seen in the last half minute"),
        Check("clock", health.has_leader, f"a worker {leader}" if health.has_leader else leader),
    ]


def _interface() -> Check:
    from cursive_app.build import is_current

    return Check("interface", is_current(), "built from the present sources" if is_current() else "run `cursive build`")


def _provider(config: Settings) -> Check:
    if config.provider_is_sandbox and config.is_production:
        return Check("provider", False, "none is configured")
    url = urlsplit(running_provider_url(config))
    port = url.port or (443 if url.scheme == "https" else 80)
    return _tcp("provider", url.hostname or "", port, f"{url.scheme}://{url.hostname}:{port}{url.path}")


def _mail(config: Settings) -> Check:
    if config.smtp_url is None and config.is_production:
        return Check("mail", False, "none is configured")
    url = urlsplit(config.mail_url)
    port = url.port or (465 if url.scheme == "smtps" else 25)
    if config.smtp_url is None:
        port = running_ports(config).get("SANDBOX_SMTP_PORT", port)
    return _tcp("mail", url.hostname or "", port, f"{url.scheme}://{url.hostname}:{port}")


def _redis(config: Settings) -> Check:
    if config.redis_url is None:
        return Check("redis", None, "not used")
    import redis

    client = redis.Redis.from_url(config.redis_url.get_secret_value(), socket_connect_timeout=3, socket_timeout=3)
    try:
        tells = _tells_of_released_locks(client)
    except redis.RedisError as error:
        return Check("redis", False, str(error))
    finally:
        client.close()
    if not tells:
        return Check(
            "redis", False, f"answers, but notify-keyspace-events must be {KEYSPACE_EVENTS}: pages would stall"
        )
    return Check("redis", True, "answers, and tells of released locks")


def _tells_of_released_locks(client: redis.Redis) -> bool:
    """Whether a process hears that another one released a tab's lock; otherwise it waits until the lock expires.

    The web process asks for the messages itself, but many a managed Redis takes this setting from its operator only.
    """
    import redis

    with contextlib.suppress(redis.ResponseError):
        client.config_set("notify-keyspace-events", KEYSPACE_EVENTS)
    key = f"cursive:doctor:{uuid4().hex}"
    with client.pubsub() as told:
        told.psubscribe(f"__keyspace@*__:{key}")
        told.get_message(timeout=3)  # that it listens
        client.set(key, 1, ex=60)
        client.delete(key)
        return told.get_message(timeout=3) is not None


def _disk(config: Settings) -> Check:
    from cursive_app.services.health import disk_problem

    problem = disk_problem(config)
    return Check("disk", problem is None, problem or "there is room where this machine writes")


def _tcp(name: str, host: str, port: int, shown: str) -> Check:
    try:
        with socket.create_connection((host, port), timeout=3):
            return Check(name, True, f"{shown} accepts connections")
    except OSError as error:
        return Check(name, False, f"{shown} is out of reach ({error.strerror or error})")
