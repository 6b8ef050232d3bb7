"""The two engines of a process: the restricted role's and the system role's.

Every connection starts with deadlines (reliability D-30), so that no request and no lock can hold a session forever.
The pool waits at most a second for a free connection: a full pool is an honest 503, not a hanging page (F13).
A connection taken from it begins its transaction in the same round trip that shows that the server is still there.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.pq import ConnStatus, ExecStatus
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import InvalidatePoolError

from cursive_app.errors import Unavailable
from cursive_app.settings import Settings, settings
from db.roles import APP_ROLE, SYSTEM_ROLE

WEB_DEADLINES = {"statement_timeout": "5s", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "15s"}
# A worker frozen inside a transaction keeps its job's row locked; it must lose it before its claim runs out (20 s).
JOB_DEADLINES = {"statement_timeout": "10min", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "15s"}

# A server that has vanished from the network says nothing: without these a request would wait for it for many minutes.
_NOTICE_SILENCE = {
    "keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 2, "tcp_user_timeout": 10_000,
}  # fmt: skip

# For a connection that holds an advisory lock for its process: both ends notice soon that the other is gone.
LOCK_HOLDER_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "statement_timeout": "5s",
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "2",
    }.items()
)


@dataclass(frozen=True, slots=True)
class Database:
    """The engines of one database: `app` is under row-level security, `system` sees all workspaces."""

    app: Engine
    system: Engine

    def dispose(self) -> None:
        self.app.dispose()
        self.system.dispose()


def role_password(config: Settings, role: str) -> str:
    """The password of one of our two database roles, derived from SECRET_KEY so that one secret is enough."""
    return hmac.new(
        config.secret_key.get_secret_value().encode(), f"database:{role}".encode(), hashlib.sha256
    ).hexdigest()


def owner_url(config: Settings) -> URL:
    """The login that owns the schema: DATABASE_URL, else the embedded Postgres of this data folder.

    Raises Unavailable in production, where nothing is embedded.
    """
    if config.database_url is not None:
        return make_url(config.database_url.get_secret_value()).set(drivername="postgresql+psycopg")
    if config.is_production:
        raise Unavailable(
            "DATABASE_URL is not set: it names the database and its owner, and in production there is no embedded one."
        )
    from db.embedded import socket_url

    return make_url(socket_url(config.data_dir)).set(drivername="postgresql+psycopg")


def role_url(config: Settings, role: str) -> URL:
    """The login of one of our roles: its own variable when set, else the owner's address with a derived password.

    Raises Unavailable as `owner_url` does.
    """
    explicit = config.database_app_url if role == APP_ROLE else config.database_system_url
    if explicit is not None:
        return make_url(explicit.get_secret_value()).set(drivername="postgresql+psycopg")
    return owner_url(config).set(username=role, password=role_password(config, role))


def psycopg_address(url: URL) -> str:
    """The same login for a bare connection of psycopg, password included."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def make_engine(url: URL, *, pool_size: int, deadlines: dict[str, str], **options: Any) -> Engine:
    """An engine whose connections carry our deadlines, speak UTC and are checked before use (see `opened_with`)."""
    flags = " ".join(f"-c {name}={value}" for name, value in {**deadlines, "timezone": "UTC"}.items())
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=1,
        pool_recycle=1800,
        hide_parameters=True,  # no value of a person ever stands in the text of an exception (P15)
        connect_args={"options": flags, "connect_timeout": 5, **_NOTICE_SILENCE},
        **options,
    )

    @event.listens_for(engine, "checkout")
    def _open(connection: Any, *_: Any) -> None:
        _send_opening(engine, connection)

    return engine


_opening: ContextVar[str | None] = ContextVar("opening", default=None)


@contextmanager
def opened_with(statements: str) -> Iterator[None]:
    """Connections taken from a pool inside this block begin with these statements, sent as one text.

    `statements` starts with BEGIN and holds no text of a person: it is sent as it is. It stands in for the question
    whether the server is still there, which a pool would ask first, and for the driver's own BEGIN: one round trip for
    what would take three. The driver's pipeline mode saves the trips as well but costs more time in Python than they.
    """
    token = _opening.set(statements)
    try:
        yield
    finally:
        _opening.reset(token)


def _send_opening(engine: Engine, connection: psycopg.Connection[Any]) -> None:
    """Raises InvalidatePoolError for a connection whose server is gone: the pool replaces it and all as old as it."""
    opening = _opening.get()
    try:
        if opening is None:
            engine.dialect.do_ping(connection)  # pyright: ignore[reportArgumentType]  # the driver's own connection
            return
        result = connection.pgconn.exec_(opening.encode())
    except psycopg.OperationalError as error:
        raise InvalidatePoolError from error
    if result.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        return
    error = psycopg.errors.error_from_result(result)
    # A server that dies while it is asked leaves an error that no server has said: it bears no state.
    if connection.pgconn.status == ConnStatus.BAD or error.sqlstate is None:
        raise InvalidatePoolError from error
    raise error


def connect(config: Settings, *, deadlines: dict[str, str] = WEB_DEADLINES) -> Database:
    """Engines for these settings; nothing is opened until the first query."""
    size = config.database_pool_size
    return Database(
        app=make_engine(role_url(config, APP_ROLE), pool_size=size, deadlines=deadlines),
        system=make_engine(role_url(config, SYSTEM_ROLE), pool_size=size, deadlines=deadlines),
    )


_lock = threading.Lock()
_current: Database | None = None


def database() -> Database:
    """The database of this process, made on first use from the settings."""
    global _current
    if _current is None:
        with _lock:
            if _current is None:
                _current = connect(settings())
    return _current


def use(value: Database | None) -> Database | None:
    """Replace the database of this process (a worker's deadlines, a test's database); returns the former one."""
    global _current
    with _lock:
        former, _current = _current, value
    return former
