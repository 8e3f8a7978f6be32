"""Fetches from providers, and from nowhere else: no private address, no redirect, no proxy, no answer without an end.

The address is checked that is connected to, so that a name that resolves to another one a moment later gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping

LARGEST = 256 * 1024
"""Bytes of the largest answer that a provider needs."""

SECONDS = 10.0
"""How long an answer may take, all of it."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_OK = 200

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class FetchFailed(Exception):
    """Nothing of use came back. The message is for the log."""


class _Bounded(httpx.AsyncByteStream):
    """A body that ends where it gets too long."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > LARGEST:
                raise FetchFailed(f"The answer has more than {LARGEST} bytes.")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class GuardedTransport(httpx.AsyncBaseTransport):
    """Connects to public addresses alone, or to any where `private` says so."""

    def __init__(self, context: ssl.SSLContext, *, private: bool) -> None:
        """Take the certificates that are trusted, and whether private addresses are allowed."""
        self._inner = httpx.AsyncHTTPTransport(verify=context, trust_env=False, retries=0)
        self._private = private

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Resolve the host, check its address, and send the request to that address under the host's name."""
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        if request.url.scheme != "https" and not self._private:
            raise FetchFailed(f"{host} is not spoken to without TLS.")
        address = await _resolve(host, port, private=self._private)
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=str(address))
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise FetchFailed(f"{host} compresses what nobody asked it to.")
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - of an asynchronous transport
        response.stream = _Bounded(response.stream)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class Fetching:
    """An HTTP client for providers. Each request has a connection of its own: there are few, and none is left open."""

    def __init__(self, *, private: bool = False) -> None:
        """Take whether providers may be on this machine or in a private network."""
        self.private = private
        self._context: ssl.SSLContext | None = None

    async def get_json(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the object that an address answers with. Raises `FetchFailed`."""
        return read_object(await self.send("GET", url, headers=headers))

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> httpx.Response:
        """Return what an address answers, whatever its status. Raises `FetchFailed`."""
        if self._context is None:
            self._context = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
        transport = GuardedTransport(self._context, private=self.private)
        own = {"accept-encoding": "identity", "user-agent": "tenon"}
        try:
            async with (
                asyncio.timeout(SECONDS),
                httpx.AsyncClient(transport=transport, headers=own, timeout=SECONDS, trust_env=False) as client,
            ):
                return await client.request(method, url, headers=dict(headers or {}), content=body or None)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise FetchFailed(f"{type(error).__name__} at {url.partition('?')[0]}") from error


def read_object(response: httpx.Response) -> dict[str, Any]:
    """Return the object that an answer holds. Raises `FetchFailed`."""
    if response.status_code != _OK:
        raise FetchFailed(f"The answer has the status {response.status_code}.")
    try:
        found = json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise FetchFailed("The answer is no JSON.") from error
    if not isinstance(found, dict):
        raise FetchFailed("The answer is no object.")
    return found


async def _resolve(host: str, port: int, *, private: bool) -> Address:
    """Return the address of a host; one that has a private one beside a public one is refused as well."""
    try:
        addresses: list[Address] = [ipaddress.ip_address(host)]
    except ValueError:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FetchFailed(f"{host} has no address.") from error
        addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    if not addresses or not (private or all(map(is_public, addresses))):
        raise FetchFailed(f"{host} has an address that is not public.")
    return addresses[0]


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet, and no other way to write one that is not."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved
