"""Executes GraphQL requests on behalf of calls."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, execute

from services.chassis.contract import Permission
from services.chassis.errors import Internal, TenonError
from services.chassis.transport.handlers import messages_of
from services.graph.documents import DocumentRefused, Documents
from services.graph.exchange import answer_type, read_request, write_answer, write_error
from services.graph.failures import AnswerTooLarge, QueryInvalid
from services.graph.limits import measure
from services.graph.running import Running
from services.graph.schema import build_schema
from services.graph.session import Session

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from services.chassis.call import Call
    from services.chassis.contract import Contract
    from services.chassis.dispatch import Dispatcher
    from services.graph.documents import Document
    from services.graph.exchange import GraphRequest

INTROSPECT = Permission(name="data.graphql.introspect")
"""The permission to see the schema."""

MAX_ANSWER = 8 * 1024 * 1024
"""Bytes of an answer."""

INLINE_LENGTH = 500
"""Characters up to which a document is validated at once; a longer one is in a thread, and holds up no other call."""

_LOG = logging.getLogger(__name__)


class Graph:
    """GraphQL over one contract. Its schema is built when it is first asked for, in a thread."""

    def __init__(self, contract: Contract) -> None:
        """Take the contract; `serve` gives what calls its RPCs."""
        self._contract = contract
        self._dispatcher: Dispatcher | None = None
        self._messages = messages_of(contract.pool)
        self._building: asyncio.Task[Documents] | None = None
        # One long document at a time: together they would hold up everything else all the same.
        self._reading = asyncio.Lock()
        self._schema: GraphQLSchema | None = None

    def serve(self, dispatcher: Dispatcher) -> None:
        """Take what calls the RPCs, which are bound after this servicer is."""
        self._dispatcher = dispatcher

    async def execute(self, content_type: str, body: bytes, call: Call) -> tuple[str, bytes]:
        """Execute the request of a body, and return the answer's content type and bytes.

        Raises:
            RequestMalformed: where the body is no request. What is wrong with a request itself is in its answer.
        """
        answer = await self.answer(read_request(content_type, body), call)
        data = write_answer(answer)
        if len(data) > MAX_ANSWER:
            metadata = {"bytes": str(len(data)), "limit": str(MAX_ANSWER)}
            error = AnswerTooLarge(f"The answer has more than {MAX_ANSWER:,} bytes. Ask for less.", metadata=metadata)
            answer = {"errors": [write_error(error)]}
            data = write_answer(answer)
        return answer_type(call.metadata.get("accept", ""), answer), data

    async def answer(self, request: GraphRequest, call: Call) -> dict[str, Any]:
        """Execute a request and return its answer: `data`, `errors`, or both."""
        try:
            documents = await self._documents()
            document = await self._read(documents, request.query)
            operation = document.operation(request.operation)
            schema = self._schema
            assert schema is not None  # noqa: S101 - documents are of it
            root = schema.get_root_type(operation.operation)
            if root is None:
                raise QueryInvalid(f"There is no {operation.operation.value} here.")
            measure(operation, document.fragments, root, request.variables).check(call.caller, INTROSPECT)
        except DocumentRefused as refused:
            return {"errors": [_describe(error, call) for error in refused.errors]}
        except TenonError as error:
            return {"errors": [write_error(error)]}
        if self._dispatcher is None:
            raise RuntimeError("Nothing calls the RPCs. Mend: give the graph its dispatcher by `serve`.")
        session = Session(call, self._dispatcher, self._messages)
        try:
            return await self._execute(schema, document, request, session)
        finally:
            session.close()

    async def _execute(
        self, schema: GraphQLSchema, document: Document, request: GraphRequest, session: Session
    ) -> dict[str, Any]:
        result: Any = execute(
            schema,
            document.tree,
            context_value=session,
            variable_values=request.variables,
            operation_name=request.operation or None,
            executor_class=Running,
            hide_suggestions=True,
        )
        if not hasattr(result, "data"):
            result = await result
        errors = [_describe(error, session.call) for error in result.errors or ()]
        if result.data is None and result.errors and all(error.path is None for error in result.errors):
            return {"errors": errors}
        return {"data": result.data, "errors": errors} if errors else {"data": result.data}

    async def _documents(self) -> Documents:
        if self._building is None:
            self._building = asyncio.ensure_future(asyncio.to_thread(self._build))
        try:
            return await asyncio.shield(self._building)
        except Exception:
            self._building = None
            raise

    async def _read(self, documents: Documents, text: str) -> Document:
        document = documents.find(text)
        if document is None:
            if len(text) <= INLINE_LENGTH:
                document = documents.read(text)
            else:
                async with self._reading:
                    document = await asyncio.to_thread(documents.read, text)
            documents.keep(text, document)
        return document

    def _build(self) -> Documents:
        self._schema = build_schema(self._contract)
        return Documents(self._schema)


def _describe(error: GraphQLError, call: Call) -> dict[str, Any]:
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, TenonError):
        if cause.code >= Internal.code:
            _LOG.warning("%s answered %s: %s", error.path, cause.reason, cause.message)
        return write_error(cause, error)
    if cause is None:
        return write_error(QueryInvalid(error.message), error)
    if error.path is None and isinstance(cause, ValueError | OverflowError | RecursionError):
        # Of a document or its variables; what Python says of it is nobody's business.
        return write_error(QueryInvalid("A value cannot be read: it is too large, or nests too deeply."), error)
    _LOG.error("GraphQL failed unforeseen at %s", error.path, exc_info=cause)
    said = Internal(f"Internal error. Request id: {call.request_id}", metadata={"request_id": call.request_id})
    return write_error(said, error)
