"""Lists as connections (Relay): edges, nodes and page info, over the RPCs that list and search."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
)

from services.graph.cursors import OUT_OF_DATE, Page, Place, cursor_of, first_cursor, last_cursor, unseal
from services.graph.failures import CursorInvalid, ValueInvalid
from services.graph.messages import Plan, plain_field
from services.graph.selection import paths_below
from services.graph.session import show_all
from services.graph.values import write_message

if TYPE_CHECKING:
    from services.chassis.contract import Method, Record
    from services.graph.messages import Types
    from services.graph.session import Session

PAGING = frozenset({"page_size", "page_token", "read_mask", "view"})
"""Fields of a List's request that its connection fills by itself."""


class Connections:
    """Makes the fields that return pages."""

    def __init__(self) -> None:
        """Begin without any."""
        self._edges: dict[str, GraphQLObjectType] = {}
        self._connections: dict[str, GraphQLObjectType] = {}

    def field(self, types: Types, method: Method, record: Record, *, name: str, parent: bool = False) -> GraphQLField:
        """Return the field that lists records by a List or Search method; `name` begins the name of its type.

        With `parent` it is a field of the parent's type: the record that it is asked of is the parent.
        """
        request = types.contract.pool.FindMessageTypeByName(method.input)
        names = types.names_of(request)
        hidden = PAGING | ({"parent"} if parent else set())
        args = {
            names[one.name]: GraphQLArgument(
                types.argument(one), out_name=one.name, description=types.comments.get(one.full_name)
            )
            for one in request.fields
            if one.name not in hidden
        }
        args["first"] = GraphQLArgument(GraphQLInt, description="Is how many records to return at most: 50 if unset.")
        args["after"] = GraphQLArgument(GraphQLString, description="Is the cursor that the page begins after.")
        return GraphQLField(
            self._connection(types, method, record, name),
            args=args,
            resolve=_Lister(types, method, record, parent=parent),
            description=types.comments.get(f"{method.service}.{method.name}"),
            extensions={"plan": Plan(source="name", calls=True, pages=True)},
        )

    def _connection(self, types: Types, method: Method, record: Record, name: str) -> GraphQLObjectType:
        found = self._connections.get(method.path)
        if found is not None:
            return found
        node = types.object_of(types.contract.pool.FindMessageTypeByName(record.message))
        edge = self._edges.get(record.message)
        if edge is None:
            edge = self._edges[record.message] = _edge(types.claim(f"{node.name}Edge"), node)
        fields = {
            "edges": plain_field(_list_of(edge), _edges_of, "Are the records with their cursors."),
            "nodes": plain_field(_list_of(node), lambda page: page.records, "Are the records."),
            "pageInfo": plain_field(GraphQLNonNull(types.page_info), lambda page: page, "Is where to go on."),
        }
        response = types.contract.pool.FindMessageTypeByName(method.output).fields_by_name
        if "total_size" in response:
            comment = types.comments.get(response["total_size"].full_name)
            fields["totalCount"] = plain_field(GraphQLInt, lambda page: page.response.total_size, comment)
        if "unreachable" in response:
            comment = types.comments.get(response["unreachable"].full_name)
            texts = _list_of(GraphQLString)
            fields["unreachable"] = plain_field(texts, lambda page: list(page.response.unreachable), comment)
        found = GraphQLObjectType(types.claim(f"{name}Connection"), fields, description="Is one page of a list.")
        self._connections[method.path] = found
        return found


class _Lister:
    """Resolves one connection."""

    def __init__(self, types: Types, method: Method, record: Record, *, parent: bool) -> None:
        pool = types.contract.pool
        fields = pool.FindMessageTypeByName(method.input).fields_by_name
        self._method, self._rows, self._parent = method, record.plural, parent
        self._masks, self._skips = "read_mask" in fields, "skip" in fields
        self._record = types, pool.FindMessageTypeByName(record.message)

    async def __call__(
        self, source: Any, info: Any, *, first: int | None = None, after: str | None = None, **args: Any
    ) -> Page:
        session: Session = info.context
        if first is not None and first < 1:
            raise ValueInvalid("first", "Ask for one record or more; leave it out for 50.")
        request = self._request(session, source, info, args)
        place = unseal(after) if after else Place()
        if place.count:
            resumed = await self._resume(session, request, place)
            place = Place(token=resumed.next_page_token)
            if not place.token:
                # The row was the last one.
                return Page(records=[], place=place, following="", response=resumed)
        request.page_token, request.page_size = place.token, first or 0
        response = await session.invoke(self._method, request)
        return Page(
            records=list(getattr(response, self._rows)),
            place=replace(place, skip=request.skip if self._skips else 0),
            following=response.next_page_token,
            response=response,
        )

    def _request(self, session: Session, source: Any, info: Any, args: dict[str, Any]) -> Any:
        request = session.request(self._method)
        write_message(request, args)
        if self._parent:
            request.parent = source.name
        if self._masks:
            types, record = self._record
            request.read_mask.paths.extend(paths_below(types, record, info, ("edges", "node"), ("nodes",)))
        else:
            show_all(request)
        return request

    async def _resume(self, session: Session, request: Any, place: Place) -> Any:
        """Return the page that ends with a row; raises CursorInvalid where the row is no longer at its place."""
        again = type(request)()
        again.CopyFrom(request)
        if self._masks:
            del again.read_mask.paths[:]
            again.read_mask.paths.append("name")
        if self._skips:
            again.skip = place.skip
        again.page_token, again.page_size = place.token, place.count
        response = await session.invoke(self._method, again)
        rows = getattr(response, self._rows)
        if len(rows) != place.count or rows[-1].name != place.name:
            raise CursorInvalid(OUT_OF_DATE)
        return response


def _edges_of(page: Page) -> list[tuple[Page, int]]:
    return [(page, index) for index in range(len(page.records))]


def _edge(name: str, node: GraphQLObjectType) -> GraphQLObjectType:
    fields = {
        "node": plain_field(GraphQLNonNull(node), lambda edge: edge[0].records[edge[1]], "Is the record."),
        "cursor": plain_field(
            GraphQLNonNull(GraphQLString), lambda edge: cursor_of(*edge), "Asks for what comes after this record."
        ),
    }
    return GraphQLObjectType(name, fields, description="Is one record of a page.")


def page_info() -> GraphQLObjectType:
    """Return the type that says where to go on (Relay's Cursor Connections Specification)."""
    truth = GraphQLNonNull(GraphQLBoolean)
    return GraphQLObjectType(
        "PageInfo",
        {
            "hasNextPage": plain_field(
                truth,
                lambda page: bool(page.following),
                "Says whether to ask on: the list ends where this is false, and not where a page is empty.",
            ),
            "hasPreviousPage": plain_field(
                truth, lambda page: bool(page.place.token or page.place.count), "Says whether rows come before these."
            ),
            "startCursor": plain_field(GraphQLString, first_cursor, "Is the cursor of the first record."),
            "endCursor": plain_field(GraphQLString, last_cursor, "Asks for the next page, as `after`."),
        },
        description="Says where a page ends and whether there is another.",
    )


def _list_of(kind: Any) -> Any:
    return GraphQLNonNull(GraphQLList(GraphQLNonNull(kind)))
