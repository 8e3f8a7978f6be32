"""The schema of a contract: its records, its methods, and the ways between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import GraphQLObjectType, GraphQLSchema

from services.graph.comments import comments_of
from services.graph.messages import Types
from services.graph.pages import Connections, page_info
from services.graph.records import Reach
from services.graph.roots import make_field, root_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import GraphQLField

    from services.chassis.contract import Contract, Method, Record


def build_schema(contract: Contract) -> GraphQLSchema:
    """Return the schema. Equal contracts make equal schemas, whatever order their files come in."""
    queries, mutations = root_fields(contract)
    connections = Connections()

    def children(types: Types, method: Method, record: Record) -> GraphQLField:
        names = {root.method.path: root.name for root in queries}
        title = names[method.path][:1].upper() + names[method.path][1:]
        below = next(each for each in contract.records if method.standard and each.message == method.standard.record)
        del record
        return connections.field(types, method, below, name=title, parent=True)

    reach = Reach(contract, children)
    types = Types(
        contract=contract,
        comments=comments_of(contract),
        permissions=_permissions(contract),
        relations=lambda descriptor, names: reach.relations(types, descriptor, names),
        page_info=page_info(),
    )
    find = contract.pool.FindMessageTypeByName
    methods = [root.method for root in (*queries, *mutations)]
    types.name_all(find(name) for method in methods for name in (method.input, method.output))
    query = {root.name: make_field(types, connections, root) for root in queries}
    mutation = {root.name: make_field(types, connections, root) for root in mutations}
    return GraphQLSchema(
        query=GraphQLObjectType("Query", query, description="Reads: what an RPC without side effects returns."),
        mutation=GraphQLObjectType("Mutation", mutation, description="Changes, one after the other.")
        if mutation
        else None,
    )


def _permissions(contract: Contract) -> Mapping[str, str]:
    return {
        f"{record.message}.{field.name}": field.read_permission
        for record in contract.records
        for field in record.fields
        if field.read_permission
    }
