"""A server between the provider and who asks it. What it does with a request on the way is its subclass's."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class ForwardingServer:
    """Listens on a port of its own; every request is handed to `pass_on`, in a thread of its own."""

    def __init__(self, upstream: str) -> None:
        self.upstream = httpx.Client(base_url=upstream, timeout=60, trust_env=False)
        forwarding = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _forward(self) -> None:
                forwarding.pass_on(self)

            do_GET = do_POST = do_DELETE = _forward

            def log_message(self, format: str, *args: object) -> None:
                """Trials read the server's events, not its log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        raise NotImplementedError

    def open(self) -> None:
        """Let everything pass from now on."""
        raise NotImplementedError

    def close(self) -> None:
        self.open()
        self._server.shutdown()
        self._server.server_close()
        self.upstream.close()


def body_of(request: BaseHTTPRequestHandler) -> bytes:
    return request.rfile.read(int(request.headers.get("Content-Length") or 0))


def send_back(request: BaseHTTPRequestHandler, answer: httpx.Response, content: bytes | None = None) -> None:
    """The provider's answer, or this in its place, to who asked, who may be dead by now."""
    content = answer.content if content is None else content
    try:
        request.send_response(answer.status_code)
        for name in ("Content-Type", "Retry-After"):
            if name in answer.headers:
                request.send_header(name, answer.headers[name])
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
    except OSError:
        request.close_connection = True
