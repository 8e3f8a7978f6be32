"""The doors that a contract is called through: each takes the same requests and gives the same answers and refusals."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import httpx
from google.protobuf import json_format, message_factory
from google.rpc import code_pb2, error_details_pb2, status_pb2

from services.chassis.contract import camel
from services.chassis.contract.template import parse_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

    from services.chassis.contract import Contract, Method

SECONDS = 30


@dataclass
class Refused(Exception):
    """A call was refused."""

    code: str
    """Name of the `google.rpc.Code`, such as `NOT_FOUND`."""
    reason: str
    """The reason in its ErrorInfo."""
    infos: int
    """How many ErrorInfos came with it; there must be one."""
    text: str
    """What it says, with all its details."""


class Door(Protocol):
    """A way to call the methods of a contract."""

    name: str
    """Such as `grpc`."""
    hides: frozenset[str]
    """Fields of requests that it has no way to send."""

    @staticmethod
    def can(method: Method) -> bool:
        """Whether the method is called through it."""

    def call(self, method: Method, request: Message, token: str | None) -> Message:
        """Call a method; raises Refused."""

    def close(self) -> None:
        """Close what it holds."""


class Messages:
    """The message classes of one contract."""

    def __init__(self, contract: Contract) -> None:
        """Take the contract."""
        self.pool = contract.pool

    def of(self, name: str) -> Any:
        """Return the class of a message."""
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))


class GrpcDoor:
    """Native gRPC."""

    name = "grpc"
    hides: frozenset[str] = frozenset()

    def __init__(self, url: str, messages: Messages) -> None:
        """Open a channel to the edge."""
        self._channel = grpc.insecure_channel(url.removeprefix("http://"))
        self._messages = messages

    @staticmethod
    def can(method: Method) -> bool:
        """Whether it is unary: streams have tests of their own."""
        return not (method.client_streaming or method.server_streaming)

    def call(self, method: Method, request: Message, token: str | None) -> Message:
        """Call a method; raises Refused."""
        answer = self._messages.of(method.output)
        run = self._channel.unary_unary(method.path, type(request).SerializeToString, answer.FromString)
        metadata = () if token is None else (("authorization", f"Bearer {token}"),)
        try:
            found: Message = run(request, metadata=metadata, timeout=SECONDS)
        except grpc.RpcError as error:
            raise _of_rpc(error) from None
        return found

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


class RestDoor:
    """JSON over HTTP."""

    name = "rest"
    hides: frozenset[str] = frozenset()

    def __init__(self, url: str, messages: Messages) -> None:
        """Open a client of the edge."""
        self._client = httpx.Client(base_url=url, timeout=SECONDS)
        self._messages = messages

    @staticmethod
    def can(method: Method) -> bool:
        """Whether it has a REST binding."""
        return bool(method.bindings) and not (method.client_streaming or method.server_streaming)

    def call(self, method: Method, request: Message, token: str | None) -> Message:
        """Call a method by its main binding; raises Refused."""
        binding = method.bindings[0]
        given = json_format.MessageToDict(request)
        template = parse_template(binding.template)
        path = binding.template
        for variable in template.variables:
            value = _take(given, [camel(part) for part in variable.field.split(".")])
            path = _fill(path, variable.field, str(value or ""))
        body = _body(given, binding.body, binding.verb)
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        answer = self._client.request(binding.verb, path, params=list(_query(given)), json=body, headers=headers)
        if answer.status_code != httpx.codes.OK:
            raise _of_json(answer)
        found: Message = json_format.ParseDict(answer.json(), self._messages.of(method.output)())
        return found

    def close(self) -> None:
        """Close the client."""
        self._client.close()


def _take(given: dict[str, Any], path: list[str]) -> object:
    """Take a value out of a request, so that it is sent once."""
    *above, last = path
    inside: Any = given
    for name in above:
        inside = inside.get(name, {})
    return inside.pop(last, None)


def _fill(template: str, field: str, value: str) -> str:
    start = template.index("{" + field)
    return template[:start] + value + template[template.index("}", start) + 1 :]


def _body(given: dict[str, Any], body: str, verb: str) -> object:
    if body == "*":
        content = dict(given)
        given.clear()
        return content
    if body:
        return given.pop(camel(body), {})
    return {} if verb in {"POST", "PATCH", "PUT"} else None


def _query(given: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield query parameters: messages by dots, lists by repeating."""
    if isinstance(given, dict):
        for name, value in given.items():
            yield from _query(value, f"{path}.{name}" if path else name)
    elif isinstance(given, list):
        for value in given:
            yield from _query(value, path)
    else:
        yield path, json.dumps(given) if isinstance(given, bool) else str(given)


def _of_rpc(error: Any) -> Refused:
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
    infos = [detail for detail in status.details if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)]
    reason = ""
    if infos:
        info = error_details_pb2.ErrorInfo()
        infos[0].Unpack(info)
        reason = info.reason
    return Refused(error.code().name, reason, len(infos), f"{error.details()} {status}")


def _of_json(answer: httpx.Response) -> Refused:
    content = answer.json()
    infos = [detail for detail in content.get("details", []) if detail["@type"].endswith("/google.rpc.ErrorInfo")]
    reason = infos[0]["reason"] if infos else ""
    return Refused(code_pb2.Code.Name(content["code"]), reason, len(infos), answer.text)
