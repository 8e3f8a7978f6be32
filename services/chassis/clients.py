"""Calls to other services, which carry the deadline, the caller's token and the trace of the call that causes them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from services.chassis.contract import Idempotency
from services.chassis.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from services.chassis.call import Call
    from services.chassis.contract import Contract
    from services.chassis.settings import Settings
    from services.chassis.tls import CertificateFolder

S = TypeVar("S")

MESSAGE_LIMIT = 16 * 1024 * 1024
"""Bytes of one message: a batch of 1,000 records fits."""

_RETRY = {
    "maxAttempts": 3,
    "initialBackoff": "0.025s",
    "maxBackoff": "0.25s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    # A restarted process is back within a second; grpc's own defaults would look for it after up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Otherwise channels of one process to the same target share a connection, with the certificate that has expired.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 1),
)
_OLD_CHANNEL_GRACE = 30.0
_FORWARDED = ("tracestate",)


class PeerUnknown(Unavailable):
    """TENON_PEERS does not say where a service is."""

    reason = "PEER_UNKNOWN"


class Clients:
    """Channels to the other services, one each, kept for as long as the process lives."""

    def __init__(self, settings: Settings, contract: Contract, certs: CertificateFolder | None) -> None:
        """Take where the services are, what they promise, and with which certificate to call them."""
        self._peers = settings.peer_endpoints
        self._certs = certs
        self._hosts: dict[str, str] = {}
        self._config = ""
        self._channels: dict[str, tuple[tuple[int, ...], grpc.aio.Channel]] = {}
        self._stubs: dict[type[Any], tuple[_Router, Any]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.follow(contract)

    def follow(self, contract: Contract) -> None:
        """Take another contract: its hosts and its retry rules hold for channels from now on."""
        self._hosts = {service.full_name: service.host for service in contract.services}
        config = service_config(contract)
        if config != self._config:
            self._config = config
            self._retire_all()

    def channel(self, service: str) -> grpc.aio.Channel:
        """Return the channel to a service folder such as `auth`. It opens when it is first used.

        Raises:
            PeerUnknown: Where TENON_PEERS does not name the service.
        """
        version = self._certs.current.version if self._certs else ()
        known = self._channels.get(service)
        if known is not None and known[0] == version:
            return known[1]
        channel = self._open(service)
        self._channels[service] = (version, channel)
        if known is not None:
            self._retire(known[1])
        return channel

    def stub(self, call: Call, stub_class: type[S]) -> S:
        """Return a stub whose calls are made on behalf of `call`.

        They get what remains of its deadline, its caller's token, its request id and its trace. A call that sets
        `timeout` gets the shorter of the two.
        """
        known = self._stubs.get(stub_class)
        if known is None:
            router = _Router(self)
            known = self._stubs[stub_class] = (router, stub_class(router))  # type: ignore[call-arg]  # each stub takes a channel
        return _CallStub(known[1], call)  # type: ignore[return-value]  # it has the stub's methods

    def host_of(self, path: str) -> str:
        """Return the process that serves an RPC.

        Raises:
            PeerUnknown: Where the contract does not have it.
        """
        service = path[1:].rpartition("/")[0]
        host = self._hosts.get(service)
        if host is None:
            raise PeerUnknown(f"The contract has no service {service}.", metadata={"service": service})
        return host

    async def close(self) -> None:
        """Close all channels."""
        for task in self._closing:
            task.cancel()
        for _, channel in self._channels.values():
            await channel.close()
        self._channels.clear()

    def _open(self, service: str) -> grpc.aio.Channel:
        endpoints = self._peers.get(service)
        if not endpoints:
            raise PeerUnknown(
                f"TENON_PEERS does not say where {service} is. Mend: add {service}=<endpoint> to it.",
                metadata={"service": service},
            )
        options = [*_OPTIONS, ("grpc.service_config", self._config)]
        target = target_of(endpoints)
        if self._certs is None:
            return grpc.aio.insecure_channel(target, options=options)
        # The peers' certificates carry the service's name beside its SPIFFE id.
        options.append(("grpc.ssl_target_name_override", service))
        return grpc.aio.secure_channel(target, self._certs.channel_credentials(), options=options)

    def _retire_all(self) -> None:
        for _, channel in self._channels.values():
            self._retire(channel)
        self._channels.clear()

    def _retire(self, channel: grpc.aio.Channel) -> None:
        """Close a channel when the calls on it have had their time."""
        task = asyncio.get_running_loop().create_task(channel.close(_OLD_CHANNEL_GRACE))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _Router:
    """Stands for a channel while a stub is made, and finds the real one whenever a method is called."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def _method(self, kind: str, path: str, *codecs: Any, **named: Any) -> Callable[..., Any]:
        clients = self._clients
        service = clients.host_of(path)
        made: list[Any] = [None, None]

        def invoke(*args: Any, **kwargs: Any) -> Any:
            channel = clients.channel(service)
            if made[0] is not channel:
                made[:] = channel, getattr(channel, kind)(path, *codecs, **named)
            return made[1](*args, **kwargs)

        return invoke

    def unary_unary(self, path: str, *codecs: Any, **named: Any) -> Callable[..., Any]:
        return self._method("unary_unary", path, *codecs, **named)

    def unary_stream(self, path: str, *codecs: Any, **named: Any) -> Callable[..., Any]:
        return self._method("unary_stream", path, *codecs, **named)

    def stream_unary(self, path: str, *codecs: Any, **named: Any) -> Callable[..., Any]:
        return self._method("stream_unary", path, *codecs, **named)

    def stream_stream(self, path: str, *codecs: Any, **named: Any) -> Callable[..., Any]:
        return self._method("stream_stream", path, *codecs, **named)


class _CallStub:
    """A stub that adds to each of its calls what the call that causes it hands on."""

    __slots__ = ("_call", "_stub")

    def __init__(self, stub: Any, call: Call) -> None:
        self._stub = stub
        self._call = call

    def __getattr__(self, name: str) -> Callable[..., Any]:
        invoke = getattr(self._stub, name)
        call = self._call

        def send(
            request: Any, *, timeout: float | None = None, metadata: Iterable[tuple[str, str]] = (), **named: Any
        ) -> Any:
            remaining = call.remaining()
            if remaining is not None and (timeout is None or remaining < timeout):
                timeout = remaining
            return invoke(request, timeout=timeout, metadata=(*metadata_of(call), *metadata), **named)

        return send


def metadata_of(call: Call) -> list[tuple[str, str]]:
    """Return what calls on behalf of `call` carry."""
    metadata = []
    if call.token:
        metadata.append(("authorization", f"Bearer {call.token}"))
    if call.request_id:
        metadata.append(("x-request-id", call.request_id))
    if call.traceparent:
        metadata.append(("traceparent", call.traceparent))
        metadata.extend((name, call.metadata[name]) for name in _FORWARDED if name in call.metadata)
    return metadata


def target_of(endpoints: tuple[str, ...]) -> str:
    """Return what grpc dials: one endpoint, or several addresses of one kind that it takes turns with."""
    if len(endpoints) == 1:
        return endpoints[0]
    if all(endpoint.startswith("unix:") for endpoint in endpoints):
        return "unix:" + ",".join(endpoint.removeprefix("unix:") for endpoint in endpoints)
    return "ipv4:" + ",".join(endpoints)


def service_config(contract: Contract) -> str:
    """Return grpc's service config: turns among endpoints, and retries for those methods that may be repeated."""
    names = [
        {"service": method.service, "method": method.name}
        for service in contract.services
        for method in service.methods
        if method.idempotency is not Idempotency.UNKNOWN and not method.client_streaming
    ]
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if names:
        config["methodConfig"] = [{"name": names, "retryPolicy": _RETRY}]
    return json.dumps(config)
