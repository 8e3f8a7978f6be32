"""How calls reach the handlers: gRPC here, and whatever else passes the conformance suite."""

from services.chassis.transport.handlers import (
    Handler,
    Messages,
    Stream,
    Unary,
    Undecodable,
    generated_messages,
    handlers_of,
    messages_of,
)
from services.chassis.transport.host import ChainHost
from services.chassis.transport.status import StatusError
from services.chassis.transport.table import Bind, Bound, HandlerTable

__all__ = [
    "Bind",
    "Bound",
    "ChainHost",
    "Handler",
    "HandlerTable",
    "Messages",
    "StatusError",
    "Stream",
    "Unary",
    "Undecodable",
    "generated_messages",
    "handlers_of",
    "messages_of",
]
