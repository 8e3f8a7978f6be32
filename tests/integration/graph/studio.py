"""A studio on a real Postgres, asked in GraphQL as a client asks, with the statements counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from services.chassis.dispatch import Dispatcher
from services.chassis.keyring import Keyring, RootKey
from services.chassis.transport import Handler, messages_of
from services.graph import Graph
from services.records.engine import Engine
from tests.fakes.chassis_frame import fake_call, fake_caller, fake_telemetry
from tests.fakes.studio import studio_contract

if TYPE_CHECKING:
    from services.chassis.postgres import Pool

PATH = "/tenon.data.v1.GraphService/Execute"


class NoPeers:
    """Stands for the channels to other services, of which there are none."""

    def host_of(self, path: str) -> str:
        raise AssertionError(f"{path} is not served here")


class Studio:
    """A studio that is asked in GraphQL."""

    def __init__(self, pool: Pool) -> None:
        self.contract = studio_contract()
        self.statements: list[str] = []
        self.called: list[str] = []
        keyring = Keyring([RootKey(id="test", secret=b"k" * 32)])
        self.engine = Engine(self.contract, host="data", pool=pool, keyring=keyring)
        messages = messages_of(self.contract.pool)
        methods = self.contract.methods
        handlers = {
            path: Handler(
                method=methods[path],
                request_type=messages(methods[path].input),
                function=self._counted(methods[path].name, function),
            )
            for path, function in self.engine.handlers().items()
        }
        self.graph = Graph(self.contract)
        self.graph.serve(Dispatcher(self.contract, handlers, telemetry=fake_telemetry(), clients=NoPeers()))  # type: ignore[arg-type]  # no channel is opened

    def _counted(self, name: str, function: Any) -> Any:
        async def serve(request: Any, call: Any) -> Any:
            self.called.append(name)
            return await function(request, call)

        return serve

    async def send(
        self, query: str, variables: Any = None, *, permissions: frozenset[str] = frozenset({"*"}), **more: Any
    ) -> Any:
        """Ask, and return the whole answer."""
        body = json.dumps({"query": query, "variables": variables, **more}).encode()
        return await self.post(body, permissions=permissions)

    async def post(
        self,
        body: bytes,
        *,
        content_type: str = "application/json",
        permissions: frozenset[str] = frozenset({"*"}),
        metadata: dict[str, str] | None = None,
    ) -> Any:
        caller = fake_caller(permissions=permissions)
        call = fake_call(self.contract.methods[PATH], caller=caller, metadata=metadata)
        self.content_type, data = await self.graph.execute(content_type, body, call)
        return json.loads(data)

    async def ask(self, query: str, variables: Any = None, **more: Any) -> Any:
        """Ask, and return the data of an answer without errors."""
        answer = await self.send(query, variables, **more)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]
