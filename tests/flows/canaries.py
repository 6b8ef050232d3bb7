"""Canaries: secrets and personal data of a kind that exist nowhere else, where they are planted, where they are sought.

`plant("form")` makes one of each kind; the provider of `hostile_provider` puts its own into every answer.
"""

from __future__ import annotations

import base64
import json
import random
import secrets
import string
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, quote_plus

import psycopg

KINDS = ("token", "web token", "api key", "live key", "email", "card", "phone", "password", "words")
CHANNELS = ("provider body", "provider header", "form", "header", "query", "filename", "body", "event")


def _card() -> str:
    """Sixteen digits with a right check digit, as a real card has."""
    digits = [4, *(secrets.randbelow(10) for _ in range(14))]
    doubled = [d if place % 2 else (d * 2 - 9 if d > 4 else d * 2) for place, d in enumerate(digits)]
    return "".join(map(str, digits)) + str(-sum(doubled) % 10)


def plant(channel: str) -> dict[str, str]:
    """One canary of each kind. The channel is part of no canary: what is found is looked up by its text."""
    assert channel in CHANNELS
    unique = secrets.token_hex(6)
    letters = "".join(random.choices(string.ascii_lowercase, k=12))
    return {
        "token": secrets.token_urlsafe(32),
        "web token": f"eyJhbGciOiJIUzI1NiJ9.{secrets.token_urlsafe(18)}.{secrets.token_urlsafe(24)}",
        "api key": f"cur_{secrets.token_hex(20)}",
        "live key": f"sk_live_{secrets.token_hex(12)}",
        "email": f"canary.{unique}@leak.example",
        "card": _card(),
        "phone": f"+1415{secrets.randbelow(10**7):07d}",
        "password": f"Pine&{unique}!rope",
        "words": f"internal shard {letters} gave up",
    }


def forms_of(canary: str) -> set[str]:
    """The ways in which a canary may stand somewhere: as it is, in an address, in JSON."""
    plain = {canary, quote(canary), quote(canary, safe=""), quote_plus(canary), json.dumps(canary)[1:-1]}
    return plain | {base64.b64encode(canary.encode()).decode().rstrip("=")}


@dataclass
class Nest:
    """All canaries of a test by (channel, kind)."""

    planted: dict[tuple[str, str], str] = field(default_factory=dict)

    def plant(self, channel: str) -> dict[str, str]:
        made = plant(channel)
        self.planted |= {(channel, kind): text for kind, text in made.items()}
        return made

    def found_in(self, text: str, *, but: frozenset[tuple[str, str]] = frozenset()) -> list[tuple[str, str]]:
        """Which of them stand in a text, apart from those that belong there."""
        return [
            place for place, canary in self.planted.items()
            if place not in but and any(form in text for form in forms_of(canary))
        ]  # fmt: skip


@dataclass
class HostileProvider:
    """A provider whose every answer is an error full of canaries. `received`: what it was sent, as text."""

    url: str
    received: list[str] = field(default_factory=list)
    answered: int = 0


@contextmanager
def hostile_provider(body: dict[str, str], header: dict[str, str]) -> Iterator[HostileProvider]:
    """Each answer takes the next status and the next of the four error shapes (and HTML), with all canaries in both."""
    everything = " ".join(f"password={text}" if kind == "password" else text for kind, text in body.items())
    shapes: tuple[Any, ...] = (
        {"error": {"code": body["live key"], "message": everything}},
        {"message": everything, "request": body},
        {"error": f'Invalid filter field: "STATE" {everything}'},
        f"<html><body><h1>{everything}</h1></body></html>",
    )
    statuses = (500, 400, 422, 502, 401, 429, 404, 503, 200)
    found = HostileProvider("")

    class Answers(BaseHTTPRequestHandler):
        def answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length") or 0)).decode(errors="replace")
            found.received.append(f"{self.path}\n{self.headers}\n{sent}")
            status = statuses[found.answered % len(statuses)]
            shape = shapes[found.answered % len(shapes)]
            found.answered += 1
            text = (shape if isinstance(shape, str) else json.dumps(shape)).encode()
            self.send_response(status, header["words"])
            self.send_header("Content-Type", "application/json" if status != 200 else "text/html")
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Retry-After", "0")
            self.send_header("Set-Cookie", f"session={header['token']}")
            for number, canary in enumerate(header.values()):
                self.send_header(f"X-Debug-{number}", canary)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def tables_as_text(owner_url: str, since: Any) -> dict[str, str]:
    """Every table of ours, all its rows written since a moment as text (all rows where there is no such column)."""
    found: dict[str, str] = {}
    with psycopg.connect(owner_url) as owner:
        names = owner.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"
        ).fetchall()
        for (name,) in names:
            dated = owner.execute(
                "SELECT 1 FROM information_schema.columns WHERE table_name = %s AND column_name = 'created_at'", (name,)
            ).fetchone()
            rest = " WHERE created_at >= %s" if dated else ""
            rows = owner.execute(f'SELECT row_to_json(t)::text FROM "{name}" t{rest}', (since,) if dated else ())
            found[name] = "\n".join(row[0] for row in rows)
    return found
