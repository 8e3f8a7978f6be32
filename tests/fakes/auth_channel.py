"""A channel to auth whose answers are given beforehand, by method."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from services.cli.commands.auth.caller import Auth
from services.cli.commands.auth.entry import Terminal, run
from services.cli.minting import Grant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from google.protobuf.message import Message

FAR = 4e9
"""A time at which no test runs any more."""


def refusal(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    """Return the error of a call."""
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)


@dataclass
class FakeChannel:
    """Answers each call with what is next for its method, and remembers what was asked."""

    answers: dict[str, list[Any]] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def add(self, method: str, *answers: Any) -> FakeChannel:
        self.answers.setdefault(method, []).extend(answers)
        return self

    def request(self, method: str) -> Any:
        """Return the last request of a method."""
        return [request for name, request in self.calls if name == method][-1]

    def unary_unary(self, path: str, **_: Any) -> Any:
        async def call(request: Message, *, metadata: Any = (), **_: Any) -> Any:
            return self._answer(path, request, metadata)

        return call

    def unary_stream(self, path: str, **_: Any) -> Any:
        async def call(request: Message, *, metadata: Any = (), **_: Any) -> AsyncIterator[Any]:
            for answer in self._answer(path, request, metadata):
                yield answer

        return call

    def _other(self, path: str, **_: Any) -> Callable[..., Any]:
        raise NotImplementedError(path)

    stream_unary = stream_stream = _other

    def _answer(self, path: str, request: Message, metadata: Any) -> Any:
        method = path.rpartition("/")[2]
        copy = type(request)()
        copy.CopyFrom(request)
        self.calls.append((method, copy))
        self.tokens.append(dict(metadata).get("authorization", ""))
        answer = self.answers[method].pop(0)
        answer = answer(copy) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Typed:
    """What came of a command line: its exit code, what was shown and what was asked."""

    code: int
    shown: str
    asked: list[str]
    organizations: list[str]


def type_in(channel: FakeChannel, *words: str, says: str | None = None) -> Typed:
    """Run `tenon auth` with these words; `says` is what the person answers, or None where there is nobody."""
    shown: list[str] = []
    asked: list[str] = []
    organizations: list[str] = []

    @asynccontextmanager
    async def open_(organization: str) -> AsyncIterator[Auth]:
        async def mint() -> Grant:
            organizations.append(organization)
            return Grant(access_token="token", expires=FAR)

        yield Auth(channel, mint)

    def ask(question: str) -> str:
        asked.append(question)
        return says or ""

    terminal = Terminal(write=shown.append, ask=ask, listens=lambda: says is not None)
    code = run(words, open_, terminal)
    return Typed(code=code, shown="".join(shown), asked=asked, organizations=organizations)
