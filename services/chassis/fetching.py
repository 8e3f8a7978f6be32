"""Reads one page of auth's HTTP side again and again, over the mesh's mutual TLS where there is one."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from pathlib import Path

_NOT_MODIFIED = 304


@dataclass(kw_only=True, slots=True)
class Page:
    """One page, read over a connection that is kept for as long as it works and our certificates do not rotate."""

    endpoint: str
    """`unix:<path>` or `http(s)://host`, or the page's whole address."""
    path: str
    """The page's path, such as `/auth/v1/jwks.json`."""
    certs: Path | None = None
    """A folder with ca.pem, cert.pem and key.pem; with it a Unix socket is spoken to over mutual TLS too."""
    limit: int = 65536
    """Bytes beyond which nobody reads on."""
    timeout: float = 3.0
    """Seconds that an answer may take."""
    _client: httpx.AsyncClient | None = field(default=None, init=False, repr=False)
    _made_of: str = field(default="", init=False, repr=False)
    _tag: str = field(default="", init=False, repr=False)

    async def read(self) -> bytes:
        """Return the page, over a connection of its own: for who comes back too late to find it open.

        Raises:
            OSError: nobody answers, or a certificate cannot be read.
            ValueError: the page is too large.
            httpx.HTTPError: the answer is not the page.
        """
        self._tag = ""
        try:
            return await self._read() or b""
        finally:
            await self.close()

    async def read_changed(self) -> bytes | None:
        """Return the page, or None where it is still the one that was read before (RFC 9110 §13.1.2).

        Raises what `read` raises.
        """
        try:
            return await self._read()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection. The next read opens another, and takes the page whatever its tag is."""
        client, self._client, self._tag = self._client, None, ""
        if client is not None:
            with contextlib.suppress(OSError, httpx.HTTPError):
                await client.aclose()

    async def _read(self) -> bytes | None:
        client = await self._connected()
        headers = {"if-none-match": self._tag} if self._tag else {}
        async with client.stream("GET", self._url, headers=headers) as response:
            if response.status_code == _NOT_MODIFIED and self._tag:
                return None
            response.raise_for_status()
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self.limit:
                    raise ValueError(f"The page {self.path} has more than {self.limit} bytes.")
            self._tag = response.headers.get("etag", "")
            return bytes(body)

    async def _connected(self) -> httpx.AsyncClient:
        """Return the client, a new one where the certificates have rotated: their folder is a link that moves."""
        made_of = await asyncio.to_thread(_state_of, self.certs) if self.certs else ""
        if self._client is None or made_of != self._made_of:
            await self.close()
            context = await asyncio.to_thread(_tls, self.certs) if self.certs else None
            self._client, self._made_of = self._open(context), made_of
        return self._client

    def _open(self, context: ssl.SSLContext | None) -> httpx.AsyncClient:
        if self.endpoint.startswith("unix:"):
            path = self.endpoint.removeprefix("unix:").removeprefix("//")
            transport = httpx.AsyncHTTPTransport(uds=path, verify=context or False)
        else:
            transport = httpx.AsyncHTTPTransport(verify=context or True)
        return httpx.AsyncClient(transport=transport, timeout=self.timeout, trust_env=False)

    @property
    def _url(self) -> str:
        if self.endpoint.startswith("unix:"):
            return f"{'https' if self.certs else 'http'}://auth{self.path}"
        return self.endpoint if self.endpoint.endswith(self.path) else self.endpoint.rstrip("/") + self.path


def _state_of(certs: Path) -> str:
    """Return what differs whenever the certificates do."""
    folder = certs.resolve()
    return f"{folder} {(folder / 'cert.pem').stat().st_mtime_ns}"


def _tls(certs: Path) -> ssl.SSLContext:
    folder = certs.resolve()  # once: the link may move to the next certificates meanwhile
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
