"""The pages and the JSON of the sandbox mailbox: `/`, `/messages/{id}`, `/messages/{id}/html`, `/api/messages`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from html import escape
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from cursive_app.sandbox.mail.store import KEPT, Mailbox, Message

_STYLE = """
:root { color-scheme: light dark; --ink: #1a2233; --soft: #5b6578; --line: #dfe3ea; --paper: #fff; --ground: #f6f7f9;
  --accent: #2447b3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9f0; --soft: #9aa4b8; --line: #2c3444; --paper: #161b26;
  --ground: #0f131b; --accent: #8ea8ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 14px/1.5 Inter, system-ui, sans-serif; }
main { max-width: 880px; margin: 0 auto; padding: 32px 16px 64px; }
h1 { font-size: 20px; margin: 0 0 4px; } p { margin: 0 0 16px; color: var(--soft); }
a { color: var(--accent); text-decoration: none; } a:hover, a:focus-visible { text-decoration: underline; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.row { display: grid; grid-template-columns: minmax(0, 14rem) minmax(0, 1fr) auto; gap: 16px; padding: 10px 16px;
  border-top: 1px solid var(--line); color: inherit; }
.row:first-child { border-top: 0; } .row:hover { background: var(--ground); text-decoration: none; }
.row span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } .when, .to { color: var(--soft); }
.when { font-variant-numeric: tabular-nums; }
.bar { display: flex; justify-content: space-between; align-items: start; gap: 16px; }
button { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 6px;
  padding: 6px 12px; cursor: pointer; } button:hover { border-color: var(--soft); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 16px; margin: 0; padding: 16px;
  border-bottom: 1px solid var(--line); } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
pre { margin: 0; padding: 16px; white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }
iframe { display: block; width: 100%; height: 48vh; border: 0; background: #fff; }
h2 { font-size: 13px; margin: 24px 0 8px; color: var(--soft); font-weight: 600; }
.links { margin: 0; padding: 12px 16px; list-style: none; } .links li { overflow-wrap: anywhere; padding: 4px 0; }
.empty { padding: 48px 16px; text-align: center; color: var(--soft); }
@media (max-width: 600px) { .row { grid-template-columns: 1fr auto; } .row .to { grid-column: 1 / -1; } }
"""


def create_app(mailbox: Mailbox) -> Starlette:
    """The mailbox over HTTP; mounted under /mailbox."""

    async def index(request: Request) -> Response:
        return _page(
            "Mailbox", _list(mailbox.all(to=request.query_params.get("to")), base=_base(request)), refresh=True
        )

    async def one(request: Request) -> Response:
        message = mailbox.get(request.path_params["id"])
        if message is None:
            return _page("Message not found", _gone(_base(request)), status=404)
        return _page(message.subject or "(no subject)", _detail(message, base=_base(request)))

    async def html(request: Request) -> Response:
        message = mailbox.get(request.path_params["id"])
        if message is None or message.html is None:
            return PlainTextResponse("This message has no HTML part.", 404)
        # Foreign HTML: no scripts, no forms, no requests but for images; links open in a new tab.
        policy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        policy += "style-src 'unsafe-inline'; img-src data: https:; base-uri 'none'"
        return HTMLResponse('<base target="_blank">' + message.html, headers={"Content-Security-Policy": policy})

    async def listing(request: Request) -> Response:
        return JSONResponse([_as_json(message) for message in mailbox.all(to=request.query_params.get("to"))])

    async def clear(_: Request) -> Response:
        mailbox.clear()
        return Response(status_code=204)

    async def clear_from_page(request: Request) -> Response:
        mailbox.clear()
        return RedirectResponse(_base(request) + "/", 303)

    return Starlette(
        routes=[
            Route("/", index, methods=["GET"]),
            Route("/clear", clear_from_page, methods=["POST"]),
            Route("/messages/{id}", one, methods=["GET"]),
            Route("/messages/{id}/html", html, methods=["GET"]),
            Route("/api/messages", listing, methods=["GET"]),
            Route("/api/messages", clear, methods=["DELETE"]),
        ]
    )


def _base(request: Request) -> str:
    return request.scope.get("root_path", "").rstrip("/")


def _as_json(message: Message) -> dict[str, Any]:
    return {**asdict(message), "received_at": message.received_at.isoformat()}


def _page(title: str, body: str, *, status: int = 200, refresh: bool = False) -> HTMLResponse:
    reload = '<meta http-equiv="refresh" content="5">' if refresh else ""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{reload}<style>{_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>",
        status,
    )


def _list(messages: list[Message], *, base: str) -> str:
    rows = "".join(
        f'<a class="row" href="{escape(base)}/messages/{escape(message.id)}">'
        f'<span class="to">{escape(", ".join(message.to))}</span>'
        f"<span>{escape(message.subject or '(no subject)')}</span>"
        f'<span class="when">{_when(message.received_at)}</span></a>'
        for message in messages
    )
    empty = '<div class="empty">No mail yet. Messages that Cursive sends appear here.</div>'
    count = f"{len(messages)} of at most {KEPT} messages" if messages else "Nothing here"
    button = f'<form method="post" action="{escape(base)}/clear"><button>Delete all</button></form>' if messages else ""
    return (
        f'<div class="bar"><div><h1>Mailbox</h1><p>{count}. Mail is shown here instead of being sent.</p>'
        f'</div>{button}</div><div class="card">{rows or empty}</div>'
    )


def _detail(message: Message, *, base: str) -> str:
    body = f"<pre>{escape(message.text)}</pre>"
    if message.html is not None:
        source = f"{base}/messages/{message.id}/html"
        body = (
            f'<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" title="Message" src="{escape(source)}">'
            "</iframe>"
        )
    links = "".join(
        f'<li><a href="{escape(link)}" rel="noreferrer">{escape(link)}</a></li>'
        for link in message.links
        if link.startswith(("http://", "https://"))
    )
    text = f'<h2>Plain text</h2><div class="card"><pre>{escape(message.text)}</pre></div>' if message.html else ""
    return (
        f'<p><a href="{escape(base)}/">&larr; Mailbox</a></p><div class="card"><dl>'
        f"<dt>Subject</dt><dd><strong>{escape(message.subject or '(no subject)')}</strong></dd>"
        f"<dt>From</dt><dd>{escape(message.sender)}</dd><dt>To</dt><dd>{escape(', '.join(message.to))}</dd>"
        f"<dt>Received</dt><dd>{_when(message.received_at)}</dd></dl>{body}</div>"
        + (f'<h2>Links</h2><div class="card"><ul class="links">{links}</ul></div>' if links else "")
        + text
    )


def _gone(base: str) -> str:
    return f'<h1>Message not found</h1><p>It was deleted. <a href="{escape(base)}/">Back to the mailbox</a></p>'


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%b %-d, %H:%M:%S UTC")
