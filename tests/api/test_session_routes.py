"""The forms that set and end the session, through the real HTTP application."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from cursive_app.api import cookies
from cursive_app.api.app import create
from cursive_app.api.flash import Flash, read_flash
from cursive_app.errors import Unavailable
from cursive_app.paths import local_path
from cursive_app.services import accounts
from cursive_app.services.accounts import authenticate, invite, list_sessions, request_password_reset
from cursive_app.settings import settings
from cursive_app.web_edge import RequestLog
from db.engine import Database
from tests.factories import Cast
from tests.factories_accounts import (
    OTHER_PASSWORD,
    PASSWORD,
    fresh_email,
    fresh_ip,
    give_password,
    mailed_token,
    mails_to,
)

ORIGIN = "http://localhost:8000"


@pytest.fixture
def visitor(database: Database) -> Iterator[TestClient]:
    """A browser on our own pages, with an address of its own."""
    headers = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}
    with TestClient(
        create(), base_url=ORIGIN, headers=headers, follow_redirects=False, client=(fresh_ip(), 50_000)
    ) as client:
        yield client


def _flash(visitor: TestClient, page: str) -> Flash | None:
    return read_flash("; ".join(f"{name}={value}" for name, value in visitor.cookies.items()), page)


def _log_in(visitor: TestClient, email: str, password: str = PASSWORD, **more: str) -> str:
    answer = visitor.post("/auth/login", data={"email": email, "password": password, **more})
    assert answer.status_code == 303
    return answer.headers["location"]


def test_logging_in_sets_a_cookie_no_script_can_read(visitor: TestClient, cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    answer = visitor.post("/auth/login", data={"email": email, "password": PASSWORD, "next": "/leads?page=2"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/leads?page=2")
    (header,) = [value for value in answer.headers.get_list("set-cookie") if value.startswith("cursive_session=")]
    assert "HttpOnly" in header
    assert "SameSite=lax" in header
    assert "Path=/" in header
    assert "Domain" not in header
    who = authenticate(visitor.cookies["cursive_session"])
    assert who is not None
    assert who.email == email


def test_over_https_the_cookie_is_bound_to_this_host(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    secure = settings().model_copy(update={"public_url": "https://app.example"})
    monkeypatch.setattr(cookies, "settings", lambda: secure)
    email = give_password(cast.alice.user_id)
    with TestClient(create(), base_url="https://app.example", follow_redirects=False) as client:
        answer = client.post(
            "/auth/login",
            data={"email": email, "password": PASSWORD},
            headers={"origin": "https://app.example", "sec-fetch-site": "same-origin"},
        )
    (header,) = [v for v in answer.headers.get_list("set-cookie") if v.startswith("__Host-cursive=")]
    assert "Secure" in header
    assert "Path=/" in header


def test_a_wrong_login_goes_back_with_the_address_and_without_the_password(visitor: TestClient, cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    assert _log_in(visitor, email, "wrong-wrong-wrong", next="/leads") == "/login?next=%2Fleads"
    flash = _flash(visitor, "/login")
    assert flash is not None
    assert flash.error == "That e-mail and password do not go together."
    assert flash.values == {"email": email}
    assert "wrong-wrong-wrong" not in str(visitor.cookies)
    assert "cursive_session" not in visitor.cookies
    assert _flash(visitor, "/signup") is None


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example", "javascript:alert(1)",
     "/\t/evil.example", "\\\\evil.example", "/auth/logout", "http:///evil.example", "/a\r\nSet-Cookie: x=1", "evil"],
)  # fmt: skip
def test_next_leads_nowhere_else(visitor: TestClient, cast: Cast, target: str) -> None:
    assert _log_in(visitor, give_password(cast.alice.user_id), next=target) == "/"
    assert local_path(target) == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"origin": "https://evil.example", "sec-fetch-site": ""},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
        {"origin": "http://localhost:8000.evil.example", "sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    "path", ["login", "logout", "signup", "verify", "forgot", "reset", "invite", "password", "renew"]
)
def test_forms_of_other_sites_are_refused(visitor: TestClient, cast: Cast, headers: dict[str, str], path: str) -> None:
    email = give_password(cast.alice.user_id)
    _log_in(visitor, email)
    cookie = visitor.cookies["cursive_session"]
    answer = visitor.post(f"/auth/{path}", data={"email": email, "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403
    assert authenticate(cookie) is not None


def test_a_post_without_any_sign_of_where_it_comes_from_is_refused(database: Database) -> None:
    with TestClient(create(), base_url=ORIGIN, follow_redirects=False) as client:
        assert client.post("/auth/login", data={"email": "a@example.com", "password": PASSWORD}).status_code == 403
        assert client.get("/auth/logout").status_code == 403


def test_a_link_of_another_site_cannot_log_out(visitor: TestClient, cast: Cast) -> None:
    _log_in(visitor, give_password(cast.alice.user_id))
    cookie = visitor.cookies["cursive_session"]
    hostile = {"origin": "", "sec-fetch-site": "cross-site", "referer": "https://evil.example/"}
    assert visitor.get("/auth/logout", headers=hostile).status_code == 403
    assert authenticate(cookie) is not None
    assert visitor.get("/auth/logout", headers={"referer": f"{ORIGIN}/leads"}).headers["location"] == "/login"
    assert authenticate(cookie) is None


def test_a_fixed_session_is_replaced_at_login(visitor: TestClient, cast: Cast) -> None:
    _log_in(visitor, give_password(cast.bob.user_id))
    planted = visitor.cookies["cursive_session"]
    _log_in(visitor, give_password(cast.alice.user_id))
    assert visitor.cookies["cursive_session"] != planted
    assert authenticate(planted) is None


def test_sign_up_verify_log_in_through_the_forms(visitor: TestClient) -> None:
    email = fresh_email()
    form = {"name": "Robin Vale", "email": email, "password": PASSWORD, "workspace": "Vale & Co"}
    assert visitor.post("/auth/signup", data=form).headers["location"] == "/verify"
    assert "cursive_session" not in visitor.cookies
    token = mailed_token(email, "verify_email")
    assert visitor.post("/auth/verify", data={"token": token}).headers["location"] == "/login"
    flash = _flash(visitor, "/login")
    assert flash is not None
    assert flash.values == {"email": email}
    assert _log_in(visitor, email) == "/"
    who = authenticate(visitor.cookies["cursive_session"])
    assert who is not None
    assert who.workspace_name == "Vale & Co"
    assert visitor.post("/auth/verify", data={"token": token}).headers["location"] == "/verify"


def test_signing_up_with_a_taken_address_answers_the_same(visitor: TestClient, cast: Cast) -> None:
    taken, free = give_password(cast.alice.user_id), fresh_email()
    answers = [
        visitor.post("/auth/signup", data={"name": "Robin", "email": email, "password": PASSWORD})
        for email in (taken, free)
    ]
    assert len({(answer.status_code, answer.headers["location"], answer.text) for answer in answers}) == 1
    names = [{value.split("=")[0] for value in answer.headers.get_list("set-cookie")} for answer in answers]
    assert names[0] == names[1]


def test_a_refused_sign_up_shows_each_field(visitor: TestClient) -> None:
    form = {"name": "", "email": "nobody", "password": "short"}
    assert visitor.post("/auth/signup", data=form).headers["location"] == "/signup"
    flash = _flash(visitor, "/signup")
    assert flash is not None
    assert set(flash.fields) == {"name", "email", "password"}
    assert "short" not in str(flash.values)


def test_forgotten_answers_the_same_for_everybody(visitor: TestClient, cast: Cast) -> None:
    notices = []
    for email in (give_password(cast.alice.user_id), fresh_email(), "nonsense"):
        answer = visitor.post("/auth/forgot", data={"email": email})
        flash = _flash(visitor, "/forgot")
        assert flash is not None
        notices.append((answer.status_code, answer.headers["location"], flash.notice, flash.error))
    assert len(set(notices)) == 1


def test_resetting_ends_sessions_and_leads_to_login(visitor: TestClient, cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    _log_in(visitor, email)
    cookie = visitor.cookies["cursive_session"]
    request_password_reset(email=email, ip=fresh_ip())
    token = mailed_token(email, "reset_password")
    weak = visitor.post("/auth/reset", data={"token": token, "password": "password12"})
    assert parse_qs(urlsplit(weak.headers["location"]).query)["token"] == [token]
    done = visitor.post("/auth/reset", data={"token": token, "password": OTHER_PASSWORD})
    assert done.headers["location"] == "/login"
    assert authenticate(cookie) is None
    assert _log_in(visitor, email, OTHER_PASSWORD) == "/"


def test_the_links_in_mails_are_pages_that_change_nothing(visitor: TestClient, cast: Cast) -> None:
    email = fresh_email()
    visitor.post("/auth/signup", data={"name": "Robin", "email": email, "password": PASSWORD})
    token = mailed_token(email, "verify_email")
    for path in ("verify", "reset", "invite"):
        assert visitor.get(f"/auth/{path}", params={"token": token}).status_code in (404, 405)
    assert visitor.post("/auth/verify", data={"token": token}).headers["location"] == "/login"


def test_an_invited_person_joins_and_is_logged_in(visitor: TestClient, cast: Cast) -> None:
    email = fresh_email()
    invite(cast.alice, email=email, role="member")
    form = {"token": mailed_token(email, "invitation"), "name": "Nia", "password": PASSWORD}
    assert visitor.post("/auth/invite", data=form).headers["location"] == "/"
    who = authenticate(visitor.cookies["cursive_session"])
    assert who is not None
    assert who.tenant is not None
    assert who.tenant.workspace_id == cast.workspace_id


def test_changing_the_password_keeps_only_this_browser(visitor: TestClient, cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    _log_in(visitor, email)
    before = visitor.cookies["cursive_session"]
    wrong = visitor.post("/auth/password", data={"current": "nope", "password": OTHER_PASSWORD})
    assert wrong.headers["location"] == "/settings/account"
    assert authenticate(before) is not None
    visitor.post("/auth/password", data={"current": PASSWORD, "password": OTHER_PASSWORD})
    assert authenticate(before) is None
    who = authenticate(visitor.cookies["cursive_session"])
    assert who is not None
    assert len(list_sessions(who)) == 1
    assert mails_to(email)[-1].kind == "password_changed"


def test_strangers_cannot_change_a_password(visitor: TestClient) -> None:
    answer = visitor.post("/auth/password", data={"current": PASSWORD, "password": OTHER_PASSWORD})
    assert answer.headers["location"] == "/login?next=%2Fsettings%2Faccount"


BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ELSEWHERE = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}


def _broken(*_: Any, **__: Any) -> None:
    raise RuntimeError("canary of a defect")


def _away(*_: Any, **__: Any) -> None:
    raise Unavailable


def test_people_are_answered_with_a_page_and_programs_with_a_problem(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another site's form, a form that cannot be read, the database away while logging out, a defect of ours."""
    client = TestClient(RequestLog(create()), base_url=ORIGIN, headers={"origin": ORIGIN}, follow_redirects=False)
    monkeypatch.setattr(accounts, "log_in", _broken)
    monkeypatch.setattr(accounts, "end_session_of", _away)
    cases: list[tuple[str, dict[str, Any], dict[str, str], int, str]] = [
        ("login", {"data": {"email": "a"}}, ELSEWHERE, 403, "did not come from Cursive"),
        ("login", {"files": {"email": b"a file"}}, {}, 422, "Send text"),
        ("logout", {}, {}, 503, "busy or restarting"),
        ("login", {"data": {"email": "a"}}, {}, 500, "on our side"),
    ]
    for path, sent, headers, status, words in cases:
        page = client.post(f"/auth/{path}", headers={**BROWSER, **headers}, **sent)
        assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8"), path
        assert words in page.text
        assert '<a href="/">' in page.text
        assert page.headers["x-request-id"] in page.text
        assert "canary" not in page.text
        told = client.post(f"/auth/{path}", headers={"accept": "application/json", **headers}, **sent)
        assert (told.status_code, told.headers["content-type"]) == (status, "application/problem+json"), path
        assert told.json()["request_id"] == told.headers["x-request-id"]


def test_what_was_done_is_not_undone_by_a_database_that_goes_away_afterwards(
    visitor: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    email, guest = fresh_email(), fresh_email()
    visitor.post("/auth/signup", data={"name": "Robin", "email": email, "password": PASSWORD})
    invite(cast.alice, email=guest, role="member")
    monkeypatch.setattr(accounts, "authenticate", _away)
    monkeypatch.setattr(accounts, "end_session_of", _away)
    confirmed = visitor.post("/auth/verify", data={"token": mailed_token(email, "verify_email")})
    assert confirmed.headers["location"] == "/login"
    assert (shown := _flash(visitor, "/login")) is not None
    assert shown.notice == "Your e-mail address is confirmed."
    form = {"token": mailed_token(guest, "invitation"), "name": "Nia", "password": PASSWORD}
    assert visitor.post("/auth/invite", data=form).headers["location"] == "/"
    assert authenticate(visitor.cookies["cursive_session"]) is not None
    changed = visitor.post("/auth/password", data={"current": PASSWORD, "password": OTHER_PASSWORD})
    assert changed.headers["location"] == "/settings/account"
    assert (shown := _flash(visitor, "/settings/account")) is not None
    assert "busy or restarting" in shown.error


def test_a_browser_is_given_its_new_token_once_rights_have_changed(visitor: TestClient, cast: Cast) -> None:
    """D-17; when a token is due and for how long the old one works stands in test_session_renewal.py."""
    email = give_password(cast.bob.user_id)
    _log_in(visitor, email)
    old = visitor.cookies["cursive_session"]
    answer = visitor.post("/auth/renew")
    assert (answer.status_code, answer.headers.get_list("set-cookie")) == (204, [])
    accounts.make_admin(email, role="read_only")
    answer = visitor.post("/auth/renew")
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (204, b"", "no-store")
    (header,) = answer.headers.get_list("set-cookie")
    assert all(part in header for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age="))
    new = visitor.cookies["cursive_session"]
    assert new != old
    assert authenticate(new) is not None
    late = {"cookie": f"cursive_session={old}"}  # another tab's request, sent before the answer came
    visitor.cookies.clear()
    answer = visitor.post("/auth/renew", headers=late)
    assert (answer.status_code, answer.headers.get_list("set-cookie")) == (204, [])
    assert visitor.post("/auth/renew").headers.get_list("set-cookie") == []


def test_huge_and_repeated_fields_do_no_harm(visitor: TestClient, cast: Cast) -> None:
    email = give_password(cast.alice.user_id)
    assert visitor.post("/auth/login", data={"email": email, "password": "x" * 900_000}).status_code == 303
    assert (
        visitor.post("/auth/login", data={"email": [email, "b@example.com"], "password": ["a", "b"]}).status_code == 303
    )
    assert visitor.post("/auth/login", content=b"\xff\xfe", headers={"content-type": "text/plain"}).status_code < 500


def test_a_forged_or_foreign_flash_shows_nothing() -> None:
    for value in ("", "garbage", "eyJwYWdlIjoiL2xvZ2luIn0.x.y"):
        assert read_flash(f"cursive_flash={value}", "/login") is None


def test_cookies_are_read_like_browsers_send_them() -> None:
    header = 'a=1; cursive_session=first; b="x;y"; cursive_session=second'
    assert cookies.session_token(header) == "first"
    assert cookies.session_token(None) == ""
    assert cookies.session_token("xcursive_session=1") == ""
    assert cookies.session_token("; ".join(f"c{n}={n}" for n in range(10_000))) == ""
