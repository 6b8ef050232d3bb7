"""Nobody learns who has an account: for a known and an unknown address the same work is done, not only the same said.

Work is counted (hashes, statements by kind, tasks put on the queue, mails rendered): a loaded machine cannot blur that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from cursive_app.api.app import create
from cursive_app.api.cookies import flash_cookie, read_cookie
from cursive_app.api.flash import _signer
from cursive_app.services.accounts import passwords
from cursive_app.services.accounts.throttle import LOGIN_ACCOUNT
from cursive_app.services.mail import outbox
from db import system
from db.engine import Database
from tests.factories import Cast
from tests.factories_accounts import OTHER_PASSWORD, PASSWORD, fresh_email, give_password, mails_to
from tests.factories_accounts import make_person as make_user

ORIGIN = "http://testserver"


@contextmanager
def counted(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """What is done inside the block, by kind."""
    work: Counter[str] = Counter()

    def statement(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        words = sql.replace('"', "").split()
        target = next((words[i + 1] for i, word in enumerate(words[:-1]) if word in ("INTO", "UPDATE", "FROM")), "")
        work[f"{words[0]} {target}"] += 1

    def wrapped(name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            work[name] += 1
            return fn(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        hasher = passwords._hasher
        patch.setattr(passwords, "_hasher", _Hasher(work, hasher))
        patch.setattr(outbox, "render", wrapped("mail rendered", outbox.render))
        patch.setattr(system, "defer", wrapped("task deferred", system.defer))
        event.listen(database.system, "before_cursor_execute", statement)
        try:
            yield work
        finally:
            event.remove(database.system, "before_cursor_execute", statement)


class _Hasher:
    def __init__(self, work: Counter[str], real: Any) -> None:
        self.work, self.real = work, real

    def hash(self, password: str) -> str:
        self.work["argon2"] += 1
        return self.real.hash(password)

    def verify(self, hashed: str, password: str) -> bool:
        self.work["argon2"] += 1
        return self.real.verify(hashed, password)

    def check_needs_rehash(self, hashed: str) -> bool:
        return self.real.check_needs_rehash(hashed)


Answer = tuple[int, str | None, bytes, Any]


def post(path: str, **form: str) -> Answer:
    """Everything a client can see of the answer but the address it sent itself: status, target, body, what is shown."""
    number = fresh_email().encode().hex()[8:20]
    ip = f"2001:db8:{number[:4]}:{number[4:8]}::1"
    client = TestClient(create(), follow_redirects=False, client=(ip, 50_000))
    answer = client.post(path, data=form, headers={"origin": ORIGIN})
    set_cookies = answer.headers.get_list("set-cookie")
    flash = next((read_cookie(one.split(";")[0], flash_cookie()) for one in set_cookies if flash_cookie() in one), "")
    shown = _signer().loads(flash)
    shown.pop("id")
    shown["values"] = {name: text.replace(form["email"], "<address>") for name, text in shown["values"].items()}
    names = sorted(one.split("=")[0] for one in set_cookies)
    return answer.status_code, answer.headers.get("location"), answer.content, (shown, names)


def addresses(cast: Cast) -> dict[str, str]:
    """One address of every kind; all new to the throttles."""
    return {
        "known": give_password(cast.alice.user_id),
        "unconfirmed": make_user("Uma", verified=False)[1],
        "unknown": fresh_email(),
    }


def compare(
    database: Database, monkeypatch: pytest.MonkeyPatch, cast: Cast, path: str, form: dict[str, str]
) -> tuple[dict[str, Counter[str]], dict[str, str]]:
    passwords._decoy()  # made once per process
    done: dict[str, Counter[str]] = {}
    said: dict[str, Answer] = {}
    kinds = addresses(cast)
    for kind, email in kinds.items():
        with counted(database, monkeypatch) as work:
            said[kind] = post(path, email=email, **form)
        done[kind] = work
    assert said["known"] == said["unknown"] == said["unconfirmed"]
    assert done["known"], "something was counted"
    return done, kinds


def test_a_wrong_login(database: Database, monkeypatch: pytest.MonkeyPatch, cast: Cast) -> None:
    done, _ = compare(database, monkeypatch, cast, "/auth/login", {"password": OTHER_PASSWORD})
    assert done["known"] == done["unknown"] == done["unconfirmed"]
    assert done["known"]["argon2"] == 1


def test_the_login_that_locks_an_account(database: Database, monkeypatch: pytest.MonkeyPatch, cast: Cast) -> None:
    """Its owner is mailed, and for an address without an owner the same work is done."""
    passwords._decoy()
    done: dict[str, Counter[str]] = {}
    kinds = addresses(cast)
    for kind, email in kinds.items():
        for _ in range(LOGIN_ACCOUNT.free - 1):
            post("/auth/login", email=email, password=OTHER_PASSWORD)
        with counted(database, monkeypatch) as work:
            post("/auth/login", email=email, password=OTHER_PASSWORD)
        done[kind] = _totals(work)
    assert done["known"] == done["unknown"] == done["unconfirmed"]
    assert done["known"]["mail rendered"] == done["known"]["task deferred"] == 1
    assert [len(mails_to(kinds[kind])) for kind in ("known", "unconfirmed", "unknown")] == [1, 1, 0]
    assert mails_to("nobody@example.invalid") == []


def test_a_forgotten_password(database: Database, monkeypatch: pytest.MonkeyPatch, cast: Cast) -> None:
    done, kinds = compare(database, monkeypatch, cast, "/auth/forgot", {})
    for kind in ("known", "unconfirmed"):
        assert _totals(done[kind]) == _totals(done["unknown"]), kind
    assert done["known"]["mail rendered"] == done["known"]["task deferred"] == 1
    assert [len(mails_to(kinds[kind])) for kind in ("known", "unconfirmed", "unknown")] == [1, 1, 0]
    assert mails_to("nobody@example.invalid") == []


def test_signing_up(database: Database, monkeypatch: pytest.MonkeyPatch, cast: Cast) -> None:
    form = {"name": "Pat", "password": PASSWORD, "workspace": "Somewhere"}
    done, kinds = compare(database, monkeypatch, cast, "/auth/signup", form)
    for kind in ("known", "unconfirmed"):  # the same number of statements, the same hashes, mails and tasks
        assert _totals(done[kind]) == _totals(done["unknown"]), kind
    assert done["known"]["argon2"] == done["known"]["mail rendered"] == done["known"]["task deferred"] == 1
    said = {kind: [mail.kind for mail in mails_to(email)] for kind, email in kinds.items()}
    assert said == {"known": ["account_exists"], "unconfirmed": ["verify_email"], "unknown": ["verify_email"]}


def _totals(work: Counter[str]) -> Counter[str]:
    """As counted, but that a savepoint may be released or rolled back: one statement either way."""
    totals: Counter[str] = Counter()
    for name, count in work.items():
        totals["END OF SAVEPOINT" if name.startswith(("RELEASE", "ROLLBACK")) else name] += count
    return totals


def test_failures_and_mails_are_paced_alike(database: Database, cast: Cast) -> None:
    """The pause comes at the same try, and says the same."""
    for path, form in (("/auth/login", {"password": OTHER_PASSWORD}), ("/auth/forgot", {})):
        paced = {}
        for kind, email in addresses(cast).items():
            answers = [post(path, email=email, **form)[3][0]["error"] for _ in range(6)]
            paced[kind] = [bool("Too many" in error) for error in answers]
        assert paced["known"] == paced["unknown"] == paced["unconfirmed"], path
        assert any(paced["known"]), path
