"""GraphQL as a door: requests become one field of a document, and its answer becomes the RPC's response again."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx
from google.api import field_behavior_pb2
from google.protobuf import json_format

from services.chassis.contract import Contract, Method, StandardKind, camel
from services.graph.roots import root_fields
from tests.pack.doors import SECONDS, Messages, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

PATH = "/data/v1/graphql"
DEPTH = 7
"""How many messages inside one another are asked for: as deep as the pack's values are, and one more."""

PAGE_DEPTH = 2
"""The same of the rows of a page, where every level costs as often as there are rows."""

TYPES = """{ __schema { types { name kind
  fields { name args { name type { ...T } } type { ...T } }
} } }
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }"""

_LISTS = frozenset({StandardKind.LIST, StandardKind.SEARCH})


class GraphDoor:
    """One field of Query or Mutation for each call."""

    name = "graphql"
    hides = frozenset({"read_mask", "view"})
    """Fields of requests that the selection of a document stands for."""

    def __init__(self, url: str, messages: Messages, contract: Contract, administrator: Callable[[], str]) -> None:
        """Open a client of the edge; `administrator` returns a token that may read the schema."""
        self._client = httpx.Client(base_url=url, timeout=SECONDS)
        self._messages = messages
        self._administrator = administrator
        queries, mutations = root_fields(contract)
        self._roots = {root.method.path: ("query", root.name) for root in queries}
        self._roots |= {root.method.path: ("mutation", root.name) for root in mutations}

    @staticmethod
    def can(method: Method) -> bool:
        """Whether a field makes this call: streams have tests of their own, and operations are for machines."""
        return not (method.client_streaming or method.server_streaming)

    def call(self, method: Method, request: Message, token: str | None) -> Message:
        """Call a method; raises Refused."""
        verb, field = self._roots[method.path]
        lists = method.standard is not None and method.standard.kind in _LISTS
        given = self._given(request, lists=lists)
        known = {argument["name"]: argument["type"] for argument in self._field(verb, field)["args"]}
        declared = ", ".join(f"${name}: {_spell(known[name])}" for name in given)
        passed = ", ".join(f"{name}: ${name}" for name in given)
        answer = self._messages.of(method.output).DESCRIPTOR
        selection = self._page(method, answer) if lists else self._select(answer, DEPTH)
        text = f"{verb}{f'({declared})' if declared else ''} {{ {field}{f'({passed})' if passed else ''} {selection} }}"
        content = self._post(text, given, token)
        return self._parse(method, content["data"][field], lists=lists)

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _post(self, text: str, variables: dict[str, Any], token: str | None) -> Any:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        answer = self._client.post(PATH, json={"query": text, "variables": variables}, headers=headers)
        content = answer.json()
        if answer.status_code != httpx.codes.OK:
            raise Refused("INTERNAL", "", 0, answer.text)
        if content.get("errors"):
            said = content["errors"][0].get("extensions", {})
            raise Refused(said.get("code", ""), said.get("reason", ""), int("reason" in said), answer.text)
        return content

    def _given(self, request: Message, *, lists: bool) -> dict[str, Any]:
        """Return the arguments: what is set, as GraphQL writes it."""
        given: dict[str, Any] = _write(request)
        for hidden in map(camel, self.hides):
            given.pop(hidden, None)
        if lists:
            for ours, theirs in (("pageSize", "first"), ("pageToken", "after")):
                if (value := given.pop(ours, None)) is not None:
                    given[theirs] = value
        return given

    def _select(self, message: Descriptor, depth: int) -> str:
        """Return a selection of all fields of a message, the messages in it as deep as asked."""
        if message.full_name == "google.protobuf.Empty":
            return ""
        parts = []
        for field in message.fields:
            inner: Any = field.message_type
            if _has(field, field_behavior_pb2.INPUT_ONLY):
                continue
            entries = inner is not None and inner.GetOptions().map_entry
            if inner is None or _is_scalar(inner):
                parts.append(field.json_name)
            elif entries:
                value = inner.fields_by_name["value"].message_type
                selected = self._select(value, depth - 1) if value is not None and not _is_scalar(value) else ""
                if depth > 1 or not selected:
                    parts.append(f"{field.json_name} {{ key value {selected} }}")
            elif depth > 1:
                parts.append(f"{field.json_name} {self._select(inner, depth - 1)}")
        return "{ " + " ".join(parts) + " }"

    def _page(self, method: Method, answer: Descriptor) -> str:
        assert method.standard is not None
        record = self._messages.of(method.standard.record).DESCRIPTOR
        total = "totalCount" if "total_size" in answer.fields_by_name else ""
        return f"{{ nodes {self._select(record, PAGE_DEPTH)} pageInfo {{ endCursor hasNextPage }} {total} }}"

    def _parse(self, method: Method, found: Any, *, lists: bool) -> Message:
        answer = self._messages.of(method.output)()
        if answer.DESCRIPTOR.full_name == "google.protobuf.Empty":
            return answer  # type: ignore[no-any-return]  # known at run time alone
        if lists:
            assert method.standard is not None
            (rows,) = [field for field in answer.DESCRIPTOR.fields if field.is_repeated and field.message_type]
            info = found["pageInfo"]
            found = {
                rows.json_name: found["nodes"],
                "nextPageToken": info["endCursor"] if info["hasNextPage"] else "",
                **({"totalSize": found["totalCount"]} if "totalCount" in found else {}),
            }
        parsed: Message = json_format.ParseDict(_read(found, answer.DESCRIPTOR), answer)
        return parsed

    def _field(self, verb: str, name: str) -> Any:
        return next(field for field in self._types[camel(verb).capitalize()]["fields"] if field["name"] == name)

    @cached_property
    def _types(self) -> dict[str, Any]:
        content = self._post(TYPES, {}, self._administrator())
        return {each["name"]: each for each in content["data"]["__schema"]["types"]}


def _has(field: Any, behavior: int) -> bool:
    return bool(behavior in field.GetOptions().Extensions[field_behavior_pb2.field_behavior])


def _is_scalar(message: Any) -> bool:
    return bool(message.file.package == "google.protobuf")


def _spell(kind: Any) -> str:
    if kind["kind"] == "NON_NULL":
        return _spell(kind["ofType"]) + "!"
    return f"[{_spell(kind['ofType'])}]" if kind["kind"] == "LIST" else str(kind["name"])


def _write(message: Message) -> Any:
    """Return a message as GraphQL takes it: its JSON, with maps as lists of entries."""
    if _is_scalar(message.DESCRIPTOR):
        return json_format.MessageToDict(message)
    plain = json_format.MessageToDict(message)
    for field, value in message.ListFields():
        if _has(field, field_behavior_pb2.OUTPUT_ONLY):
            # The types of inputs do not have what only the server writes.
            del plain[field.json_name]
            continue
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            inner = field.message_type.fields_by_name["value"].message_type
            content = plain[field.json_name]
            plain[field.json_name] = [
                {"key": _key(key), "value": _write(item) if inner else content[_text(key)]}
                for key, item in value.items()
            ]
        elif field.is_repeated:
            plain[field.json_name] = [_write(item) for item in value]
        else:
            plain[field.json_name] = _write(value)
    return plain


def _key(key: Any) -> Any:
    return str(key) if isinstance(key, int) and not isinstance(key, bool) and abs(key) >= 2**31 else key


def _text(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _read(found: Any, message: Descriptor) -> Any:
    """Return JSON of a message from GraphQL's: entries become maps, nulls are left out."""
    content: dict[str, Any] = {}
    for field in message.fields:
        value = found.get(field.json_name)
        inner = field.message_type
        if value is None:
            continue
        if inner is not None and inner.GetOptions().map_entry:
            kept = inner.fields_by_name["value"].message_type
            deep = kept is not None and not _is_scalar(kept)
            content[field.json_name] = {
                _text(each["key"]): _read(each["value"], kept) if deep and kept else each["value"] for each in value
            }
        elif inner is not None and not _is_scalar(inner):
            content[field.json_name] = (
                [_read(each, inner) for each in value] if field.is_repeated else _read(value, inner)
            )
        else:
            content[field.json_name] = value
    return content
