"""A refusal as a page, for the few addresses that people meet in a browser: private download links and posted forms."""

from __future__ import annotations

from html import escape
from http import HTTPStatus

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse

from cursive_app.api.links import OPEN_PREFIX

FORMS_PREFIX = "/auth/"
_TITLES = {
    403: "This was not done",
    404: "There is nothing at this link",
    410: "This link has expired",
    413: "This is too large",
    422: "This could not be read",
    500: "Something went wrong",
    503: "Not available right now",
}
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
<p><a href="{way}">{way_words}</a></p>
{reference}
</main>
</body>
</html>
"""


def wants_page(request: HTTPConnection) -> bool:
    """Whether a person reads the answer: a private link or a form in a browser. Programs are told in JSON."""
    for_people = request.url.path.startswith((OPEN_PREFIX, FORMS_PREFIX))
    return for_people and "text/html" in request.headers.get("accept", "")


def problem_page(request: HTTPConnection, status: int, detail: str, *, request_id: str | None) -> HTMLResponse:
    """The same words as the JSON has, and the way back: to the lists, where links are made, or to the first page."""
    is_form = request.url.path.startswith(FORMS_PREFIX)
    page = _PAGE.format(
        title=escape(_TITLES.get(status, HTTPStatus(status).phrase)),
        detail=escape(detail),
        way="/" if is_form else "/enrichments",
        way_words="Open Cursive" if is_form else "Open your lists",
        reference=f"<small>Request {escape(request_id)}</small>" if request_id else "",
    )
    return HTMLResponse(page, status_code=status, headers={"Cache-Control": "no-store"})
