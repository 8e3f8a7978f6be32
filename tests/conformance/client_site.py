"""The client's own web site: its keys, and where a provider tells it that somebody has signed out."""

from __future__ import annotations

import json
import queue
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ClientSite:
    """Serves `documents` by path as JSON, and remembers every form that is posted to it."""

    def __init__(self, port: int) -> None:
        """Begin with nothing to serve."""
        self.url = f"https://127.0.0.1:{port}"
        self.documents: dict[str, Any] = {}
        self.fetched: list[str] = []
        self.posted: queue.Queue[tuple[str, dict[str, str]]] = queue.Queue()


@contextmanager
def run_client_site(certificate: Path) -> Iterator[ClientSite]:
    """Run a site on a free port of the loopback interface, with the key and the certificate of one file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.fetched.append(self.path)
            document = site.documents.get(self.path)
            self.send_response(404 if document is None else 200)
            body = json.dumps(document).encode()
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            site.posted.put((self.path, dict(parse_qsl(body))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing: the tests look at what was asked."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        site = ClientSite(server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
