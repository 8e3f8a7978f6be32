"""A tiny relying party on the loopback interface: it remembers what browsers bring it."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = b"<!doctype html><html lang='en'><title>Arrived</title><h1>Arrived</h1></html>"


@dataclass
class RelyingParty:
    """Where answers arrive."""

    url: str
    """Its address."""
    arrived: queue.Queue[dict[str, str]] = field(default_factory=queue.Queue)
    """The parameters of each answer."""

    @property
    def redirect_uri(self) -> str:
        """Where answers are to go."""
        return f"{self.url}/callback"

    def answer(self) -> dict[str, str]:
        """Return the next answer."""
        return self.arrived.get(timeout=20)


@contextmanager
def open_relying_party() -> Iterator[RelyingParty]:
    """Serve one for as long as the block runs."""
    party = RelyingParty(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/callback":
                party.arrived.put(dict(parse_qsl(parts.query)))
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is http.server's)
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    party.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield party
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
