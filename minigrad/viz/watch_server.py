"""A server for one page: on this machine only, behind a token, with nothing to give but the page and its numbers."""

from __future__ import annotations

import json
import secrets
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .watch_log import Log
from .watch_page import page, policy

ADDRESS = "127.0.0.1"
HEADERS = {
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "DENY",
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Answers GET of the page and of its data. No path ever becomes the name of a file."""

    server: Listener
    server_version, sys_version = "minigrad", ""
    timeout = 3  # seconds for a request to arrive

    def do_GET(self) -> None:
        if self.headers.get("Host", "") not in self.server.hosts:  # a page elsewhere whose name was bound to this address
            return self.answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", "not this host")
        parts = urlsplit(self.path)
        token, slash, rest = parts.path.removeprefix("/").partition("/")
        if not secrets.compare_digest(token.encode(), self.server.token.encode()) or not slash or rest not in ("", "data.json"):
            return self.answer(HTTPStatus.NOT_FOUND, "text/plain", "not found")
        if not rest:
            return self.answer(HTTPStatus.OK, "text/html", page(self.server.log, live=True))
        after = parse_qs(parts.query).get("after", ["-1"])[0]
        if not after.removeprefix("-").isdecimal() or len(after) > 18:
            return self.answer(HTTPStatus.BAD_REQUEST, "text/plain", "after is not a number")
        data = self.server.log.data(int(after), live=True)
        return self.answer(HTTPStatus.OK, "application/json", json.dumps(data, allow_nan=False, separators=(",", ":")))

    def answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode("utf-8", "replace")
        self.send_response(status)
        headers = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body)), **HEADERS}
        headers["Content-Security-Policy"] = f"{policy(live=True)}; frame-ancestors 'none'"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silent: training has the terminal."""


class Listener(ThreadingHTTPServer):
    """The server's socket, and the connections that are open."""

    daemon_threads = False  # so that server_close waits for them

    def __init__(self, log: Log, port: int) -> None:
        self.log, self.token = log, secrets.token_urlsafe(18)
        self.open: set[socket.socket] = set()
        super().__init__((ADDRESS, port), Handler)
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no event."""


class Server:
    """The page of a log at `url`, from now until `stop()`. Raises ValueError or OSError for a port that can't be had."""

    def __init__(self, log: Log, port: int = 0) -> None:
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port < 1 << 16:
            raise ValueError(f"watch: port must be an integer from 0 to 65535, got {port!r}")
        try:
            self.listener = Listener(log, port)
        except OSError as error:
            raise type(error)(f"watch: can't serve on port {port}: {error.strerror}. Hint: port=0 takes a free one") from None
        self.url = f"http://{ADDRESS}:{self.listener.server_port}/{self.listener.token}/"
        self.thread = threading.Thread(target=self.listener.serve_forever, args=(0.1,), name="minigrad watch", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """No more answers: the port is free and no thread is left."""
        self.listener.shutdown()
        for connection in list(self.listener.open):
            try:
                connection.shutdown(socket.SHUT_RD)
            except OSError:  # gone already
                continue
        self.listener.server_close()
        self.thread.join()
