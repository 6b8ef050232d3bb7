"""A refusal as a page, for the few addresses of the API that people open in a browser: private download links."""

from __future__ import annotations

from html import escape
from http import HTTPStatus

from fastapi import Request
from starlette.responses import HTMLResponse

from cursive_app.api.links import OPEN_PREFIX
from cursive_app.errors import CursiveError

_TITLES = {404: "There is nothing at this link", 410: "This link has expired", 503: "Not available right now"}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Cursive</title>
<style>
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; font: 15px/1.5 system-ui, sans-serif; }}
main {{ max-width: 28rem; padding: 1.5rem; }}
h1 {{ margin: 0 0 .5rem; font-size: 1.25rem; line-height: 1.3; }}
p {{ margin: 0 0 1rem; }}
small {{ opacity: .7; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{detail}</p>
<p><a href="/enrichments">Open your lists</a></p>
{reference}
</main>
</body>
</html>
"""


def wants_page(request: Request) -> bool:
    """Whether a person reads the answer: a private link that was opened in a browser. Programs are told in JSON."""
    return request.url.path.startswith(OPEN_PREFIX) and "text/html" in request.headers.get("accept", "")


def problem_page(error: CursiveError, *, request_id: str | None) -> HTMLResponse:
    """The same words as the JSON has, and the way back to the lists, where a new link is made."""
    reference = f"<small>Request {escape(request_id)}</small>" if request_id else ""
    title = _TITLES.get(error.status, HTTPStatus(error.status).phrase)
    page = _PAGE.format(title=escape(title), detail=escape(error.message), reference=reference)
    return HTMLResponse(page, status_code=error.status, headers={"Cache-Control": "no-store"})
