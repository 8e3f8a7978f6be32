"""Calls addresses that others have named: public ones alone, without redirects, and not for long (OWASP: SSRF)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import certifi
import httpx

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from urllib.parse import SplitResult

    Resolve = Callable[[str, int], Awaitable[list[str]]]

_PORTS = {"https": 443, "http": 80}
_MOST_ADDRESSES = 3
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_V4_BITS = 0xFFFFFFFF


class OutgoingRefused(Exception):
    """The address is none that may be called."""


class OutgoingFailed(Exception):
    """Nobody has answered, or not as they should."""


def _authorities(certificates: str) -> ssl.SSLContext:
    """Return whom to believe: those of a file, or else those of the machine (`SSL_CERT_FILE`) and of `certifi`."""
    if certificates:
        return ssl.create_default_context(cafile=certificates)
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class Outgoing:
    """Makes requests. The address that was judged is the one that is called, whatever a name means a moment later."""

    def __init__(
        self, *, private: bool = False, timeout: float = 5.0, resolve: Resolve | None = None, certificates: str = ""
    ) -> None:
        """Take whether private addresses and plain HTTP are allowed, and how many seconds a request may take.

        `resolve` finds the addresses of a name, and `certificates` is a file of authorities to believe; for tests.
        """
        self._private = private
        self._timeout = timeout
        self._resolve = resolve or _resolve
        # A connection is verified for one name, and names may share an address: none is used twice.
        self._client = httpx.AsyncClient(
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
            verify=_authorities(certificates),
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=0),
        )

    async def aclose(self) -> None:
        """End what is under way."""
        await self._client.aclose()

    async def post(self, url: str, form: Mapping[str, str]) -> int:
        """Post a form, and return the status of the answer. Raises `OutgoingRefused`, `OutgoingFailed`."""
        status, _ = await self._send("POST", url, form=form, limit=0)
        return status

    async def get(self, url: str, *, limit: int) -> bytes:
        """Return a document of so many bytes at most. Raises `OutgoingRefused`, `OutgoingFailed`."""
        status, body = await self._send("GET", url, form=None, limit=limit)
        if status != httpx.codes.OK:
            raise OutgoingFailed(f"the answer was {status}")
        return body

    async def _send(self, method: str, url: str, *, form: Mapping[str, str] | None, limit: int) -> tuple[int, bytes]:
        parts = self._check(url)
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await self._find(parts)
                return await self._try_all(method, parts, addresses, form=form, limit=limit)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            # TimeoutError is one of OSError.
            raise OutgoingFailed(type(error).__name__) from error

    async def _try_all(
        self, method: str, parts: SplitResult, addresses: list[str], *, form: Mapping[str, str] | None, limit: int
    ) -> tuple[int, bytes]:
        for address in addresses[:-1]:
            try:
                return await self._send_to(address, method, parts, form=form, limit=limit)
            except httpx.ConnectError:
                continue
        return await self._send_to(addresses[-1], method, parts, form=form, limit=limit)

    async def _send_to(
        self, address: str, method: str, parts: SplitResult, *, form: Mapping[str, str] | None, limit: int
    ) -> tuple[int, bytes]:
        host = f"[{address}]" if ":" in address else address
        place = urlunsplit((parts.scheme, f"{host}:{_port(parts)}", parts.path or "/", parts.query, ""))
        headers = {"host": parts.netloc, "accept": "application/json, */*;q=0.1", "accept-encoding": "identity"}
        extensions = {"sni_hostname": parts.hostname or ""}
        async with self._client.stream(method, place, data=form, headers=headers, extensions=extensions) as response:
            body = bytearray()
            if limit:
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > limit:
                        raise OutgoingFailed(f"the answer is longer than {limit} bytes")
            return response.status_code, bytes(body)

    def _check(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise OutgoingRefused("it is no URL") from error
        if parts.scheme != "https" and not (self._private and parts.scheme == "http"):
            raise OutgoingRefused("it is not encrypted")
        if not parts.hostname or parts.username is not None or port == 0:
            raise OutgoingRefused("it has no host, or a user")
        return parts

    async def _find(self, parts: SplitResult) -> list[str]:
        addresses = await self._resolve(parts.hostname or "", _port(parts))
        if not addresses:
            raise OutgoingFailed("its name has no address")
        if not self._private and not all(is_public(address) for address in addresses):
            raise OutgoingRefused("it is in a private network")
        return addresses[:_MOST_ADDRESSES]


def is_public(text: str) -> bool:
    """Whether an address is one of the open internet, also where it stands for another one."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        meant = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _TRANSLATED:
            meant = ipaddress.IPv4Address(int(address) & _V4_BITS)
        if meant is not None:
            return is_public(str(meant))
    return address.is_global and not address.is_multicast and not address.is_reserved


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
