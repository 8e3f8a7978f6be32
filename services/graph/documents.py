"""Documents, parsed and validated once: the same text costs nothing the next time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    parse,
    validate,
)

from services.graph.failures import QueryInvalid, QueryTooLong

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import DocumentNode, GraphQLSchema

MAX_LENGTH = 32 * 1024
"""Characters of a document."""

MAX_TOKENS = 1_500
"""Tokens of a document, commas and comments apart: to validate takes time by the square of its fields."""

MAX_ERRORS = 10
"""Errors of a document after which nobody looks for more."""

KEPT_LENGTH = 256 * 1024
"""Characters of all documents that are kept, at some 130 bytes each; who was not asked for longest goes first."""


class DocumentRefused(Exception):
    """A document that GraphQL refuses, with its reasons and where they are."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        """Take the reasons."""
        super().__init__(errors[0].message)
        self.errors = errors


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A valid document."""

    tree: DocumentNode
    """What was parsed."""
    operations: tuple[OperationDefinitionNode, ...]
    """Its operations, in order."""
    fragments: Mapping[str, FragmentDefinitionNode]
    """Its fragments by name."""

    def operation(self, name: str) -> OperationDefinitionNode:
        """Return the operation of that name, or the only one.

        Raises:
            QueryInvalid: where there is none, or more than one and no name.
        """
        if not name and len(self.operations) == 1:
            return self.operations[0]
        for operation in self.operations:
            if operation.name is not None and operation.name.value == name:
                return operation
        if name:
            raise QueryInvalid(f"The document has no operation named `{name[:100]}`.")
        raise QueryInvalid("The document has several operations. Say which in `operationName`.")


class Documents:
    """The documents of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Take the schema."""
        self._schema = schema
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def find(self, text: str) -> Document | None:
        """Return a document that was read before, or None."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
        return found

    def read(self, text: str) -> Document:
        """Return a document, parsed and validated; the event loop waits no longer for it than its tokens allow.

        Raises:
            QueryTooLong: where it is too long to be looked at.
            DocumentRefused: where it is no document, or not one of this schema.
        """
        if len(text) > MAX_LENGTH:
            raise QueryTooLong(
                f"The query has {len(text):,} characters, and {MAX_LENGTH:,} is the most. Send values as variables.",
                metadata={"length": str(len(text)), "limit": str(MAX_LENGTH)},
            )
        try:
            tree = parse(text, max_lexical_tokens=MAX_TOKENS, max_comments=MAX_TOKENS)
            errors = validate(self._schema, tree, max_errors=MAX_ERRORS, hide_suggestions=True)
        except GraphQLError as error:
            raise DocumentRefused([error]) from error
        if errors:
            raise DocumentRefused(errors[:MAX_ERRORS])
        definitions = tree.definitions
        return Document(
            tree=tree,
            operations=tuple(each for each in definitions if isinstance(each, OperationDefinitionNode)),
            fragments={each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)},
        )

    def keep(self, text: str, document: Document) -> None:
        """Keep a document for the next time."""
        if text in self._kept:
            return
        self._kept[text] = document
        self._length += len(text)
        while self._length > KEPT_LENGTH:
            gone, _ = self._kept.popitem(last=False)
            self._length -= len(gone)
