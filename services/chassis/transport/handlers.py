"""What serves an RPC, whatever transport brings the call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from services.chassis.call import Call

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool

    from services.chassis.contract import Method, Service

Unary = Callable[[Any, Call], Awaitable[Any]]
"""Takes the request (an iterator of them where the client streams) and returns the response, a message or its bytes."""

Stream = Callable[[Any, Call], AsyncIterator[Any]]
"""Takes the same and yields responses, each a message or its bytes."""

Messages = Callable[[str], type[Message]]
"""Finds the class of a message by its full name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Handler:
    """One served RPC."""

    method: Method
    """What the contract says of it."""
    request_type: type[Message]
    """The class that requests are decoded to."""
    function: Unary | Stream
    """A Stream where the server streams, else a Unary."""


class Undecodable:
    """Stands for a request whose bytes are no message, so that it is refused in order, after the rule."""

    __slots__ = ("cause",)

    def __init__(self, cause: str) -> None:
        """Take what the decoder said."""
        self.cause = cause


def decoder_of(request_type: type[Message]) -> Callable[[bytes], Message | Undecodable]:
    """Return a decoder that never raises: bytes that are no message become `Undecodable`."""
    parse = request_type.FromString

    def decode(data: bytes) -> Message | Undecodable:
        try:
            return parse(data)
        except DecodeError as error:
            return Undecodable(str(error))

    return decode


def encode(response: Any) -> bytes:
    """Encode a response; bytes pass through untouched."""
    if response.__class__ is bytes:
        return response
    encoded: bytes = response.SerializeToString()
    return encoded


def messages_of(pool: DescriptorPool) -> Messages:
    """Return the message classes of a pool, such as a contract's private one."""

    def find(full_name: str) -> type[Message]:
        return message_factory.GetMessageClass(pool.FindMessageTypeByName(full_name))

    return find


generated_messages: Messages = messages_of(descriptor_pool.Default())
"""The message classes of imported stubs."""


def handlers_of(servicer: object, service: Service, messages: Messages = generated_messages) -> dict[str, Handler]:
    """Return a handler per RPC of a service, by path; the servicer has a method under each RPC's name.

    Raises:
        LookupError: Where the servicer lacks methods; all of them are named.
    """
    missing = [method.name for method in service.methods if not callable(getattr(servicer, method.name, None))]
    if missing:
        name = type(servicer).__name__
        raise LookupError(f"{name} does not serve {', '.join(missing)} of {service.full_name}. Mend: write them.")
    return {
        method.path: Handler(
            method=method, request_type=messages(method.input), function=getattr(servicer, method.name)
        )
        for method in service.methods
    }
