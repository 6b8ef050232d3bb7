"""What a posted form has to say to the page that is shown next: an error, a notice, what was typed.

A signed, HttpOnly cookie of one minute: nothing of it stands in an address or a log, and no page can be made to show
somebody else's words. Passwords are never in it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.responses import Response

from cursive_app.api.cookies import flash_cookie, read_cookie, set_cookie
from cursive_app.services.accounts.tokens import new_token
from cursive_app.settings import settings

SECONDS = 60


@dataclass(frozen=True, slots=True)
class Flash:
    """`page`: the path it is for. `fields`: input name to error. `values`: what was typed, to be shown again."""

    page: str
    error: str = ""
    notice: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: new_token()[:12])


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().secret_key.get_secret_value(), salt="flash")


def write_flash(response: Response, flash: Flash) -> None:
    """Attach a flash to a redirect."""
    values = {name: text[:200] for name, text in flash.values.items()}
    set_cookie(response, flash_cookie(), _signer().dumps({**asdict(flash), "values": values}), max_age=SECONDS)


def read_flash(cookie_header: str | None, page: str) -> Flash | None:
    """The flash for a page; None when there is none, it is old, forged, or for another page."""
    value = read_cookie(cookie_header, flash_cookie())
    if not value:
        return None
    try:
        flash = Flash(**_signer().loads(value, max_age=SECONDS))
    except (BadSignature, TypeError):
        return None
    return flash if flash.page == page else None
