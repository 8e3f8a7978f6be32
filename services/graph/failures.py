"""What GraphQL refuses: each a typed error with the figures, before anything is executed where that is possible."""

from __future__ import annotations

from services.chassis.errors import InvalidArgument, PermissionDenied, ResourceExhausted, Violation

DOMAIN = "data.tenon"


class RequestMalformed(InvalidArgument):
    """The body is no GraphQL request: no JSON object with a `query`, or of another content type."""

    reason = "GRAPH_REQUEST_MALFORMED"
    domain = DOMAIN


class QueryInvalid(InvalidArgument):
    """The document cannot be parsed, does not fit the schema, or its variables do not fit it."""

    reason = "QUERY_INVALID"
    domain = DOMAIN


class QueryTooLong(InvalidArgument):
    """The document is longer than documents may be."""

    reason = "QUERY_TOO_LONG"
    domain = DOMAIN


class QueryTooDeep(InvalidArgument):
    """The document nests deeper than documents may."""

    reason = "QUERY_TOO_DEEP"
    domain = DOMAIN

    def __init__(self, depth: int, limit: int) -> None:
        """Take how deep it is, and how deep it may be."""
        super().__init__(
            f"The query is {depth} fields deep, and may be {limit}. Ask for less, or in several requests.",
            metadata={"depth": str(depth), "limit": str(limit)},
        )


class QueryTooCostly(InvalidArgument):
    """The document may cost more than documents may."""

    reason = "QUERY_TOO_COSTLY"
    domain = DOMAIN

    def __init__(self, cost: int, limit: int) -> None:
        """Take what it may cost, and what it may cost at most."""
        super().__init__(
            f"The query may cost {cost:,} points, and {limit:,} is the most. Ask for smaller pages (`first`), for fewer"
            " fields, or in several requests.",
            metadata={"cost": str(cost), "limit": str(limit)},
        )


class AnswerTooLarge(ResourceExhausted):
    """The answer has more bytes than answers may."""

    reason = "ANSWER_TOO_LARGE"
    domain = DOMAIN


class IntrospectionDenied(PermissionDenied):
    """The caller may not see the schema."""

    reason = "INTROSPECTION_DENIED"
    domain = DOMAIN

    def __init__(self, permission: str) -> None:
        """Take the permission that is missing."""
        super().__init__(f"To see the schema needs the permission {permission}.", metadata={"permission": permission})


class FieldHidden(PermissionDenied):
    """The field is not shown to this caller."""

    reason = "FIELD_HIDDEN"
    domain = DOMAIN

    def __init__(self, field: str, permission: str) -> None:
        """Take the field and the permission that is missing."""
        super().__init__(
            f"The field {field} is not shown without the permission {permission}.",
            metadata={"field": field, "permission": permission},
        )


class ValueInvalid(InvalidArgument):
    """A value of a mutation cannot be kept in its field."""

    reason = "VALUE_INVALID"
    domain = DOMAIN

    def __init__(self, field: str, description: str) -> None:
        """Take the path of the field and what is wrong with its value."""
        super().__init__(
            f"{field}: {description}", violations=[Violation(field=field, description=description, reason=self.reason)]
        )


class CursorInvalid(InvalidArgument):
    """The cursor was not made here, or the rows before it have changed."""

    reason = "CURSOR_INVALID"
    domain = DOMAIN

    def __init__(self, description: str) -> None:
        """Take what is wrong with it."""
        super().__init__(description, violations=[Violation(field="after", description=description)])
