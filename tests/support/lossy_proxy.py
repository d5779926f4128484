"""A loopback HTTP proxy before the S3 server: counts requests, and loses or breaks chosen answers."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["none", "lose answer", "break body", "error 500", "slow down"]
_ANSWERS = {"error 500": (500, b""), "slow down": (503, b"<Error><Code>SlowDown</Code></Error>")}


@dataclass(slots=True)
class Proxy:
    """Requests seen so far, and what to do to the next ones."""

    url: str = ""
    requests: list[str] = field(default_factory=list)
    """`GET /bucket/key?query bytes=0-9`, in order."""
    fault: Callable[[str], Fault] = lambda request: "none"

    def count(self, method: str) -> int:
        """How many requests of a method came."""
        return sum(request.startswith(f"{method} ") for request in self.requests)


@contextmanager
def run_proxy(target: str) -> Iterator[Proxy]:
    """Forward to `target`. The Host header stays as the client wrote it, so signatures hold."""
    proxy = Proxy()
    host = urlsplit(target).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = f"{self.command} {self.path} {self.headers.get('Range', '')}".rstrip()
            proxy.requests.append(request)
            fault = proxy.fault(request)
            if fault in _ANSWERS:
                status, words = _ANSWERS[fault]
                self.send_response(status)
                self.send_header("Content-Length", str(len(words)))
                self.end_headers()
                self.wfile.write(words)
                return
            connection = http.client.HTTPConnection(host, timeout=30)
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "expect":
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            data = answer.read()
            connection.close()
            if fault == "lose answer":
                self.close_connection = True
                return
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection"):
                    self.send_header(name, value)
            if answer.getheader("Content-Length") is None:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if fault == "break body":
                data = data[: len(data) // 2]
                self.close_connection = True
            self.wfile.write(data)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _forward

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
