"""Changes of the small contract, each of which says of a field what cannot be meant."""

from __future__ import annotations

from tests.unit.chassis.contract.mistakes import BOOK, Mistake

FIELD_MISTAKES = (
    Mistake(
        "field permission of two segments",
        "string title = 2;",
        'string title = 2 [(tenon.options.v1.field).read_permission = "library.peek"];',
        f"{BOOK}.title",
        "The read permission 'library.peek' is not `service.resource.verb`",
        "three segments",
    ),
    Mistake(
        "field permission of another service",
        "string title = 2;",
        'string title = 2 [(tenon.options.v1.field).write_permission = "auth.books.rename"];',
        f"{BOOK}.title",
        "The permission auth.books.rename does not begin with 'library'",
        "library.books.rename",
    ),
    Mistake(
        "permission on a name",
        "string name = 1;\n  string title",
        'string name = 1 [(tenon.options.v1.field).read_permission = "library.books.peek"];\n  string title',
        f"{BOOK}.name",
        "The name of a record has no read permission",
        "Remove `read_permission`",
    ),
    Mistake(
        "permission outside a record",
        "message GetBookRequest { string name = 1;",
        'message GetBookRequest { string name = 1 [(tenon.options.v1.field).read_permission = "library.books.peek"];',
        "library.v1.GetBookRequest.name",
        "`read_permission` does nothing in a message that is no record",
        "make the message a record",
    ),
    Mistake(
        "deletion of what is referred to, without a reference",
        "string title = 2;",
        "string title = 2 [(tenon.options.v1.field).on_delete = ON_DELETE_CASCADE];",
        f"{BOOK}.title",
        "`on_delete` is for fields that refer to a record",
        "google.api.resource_reference",
    ),
    Mistake(
        "clearing what is required",
        '[(google.api.resource_reference).type = "library.example.com/Shelf"]',
        '[(google.api.resource_reference).type = "library.example.com/Shelf", (google.api.field_behavior) = REQUIRED,'
        " (tenon.options.v1.field).on_delete = ON_DELETE_CLEAR]",
        f"{BOOK}.lent_shelf",
        "it cannot be emptied",
        "ON_DELETE_RESTRICT",
    ),
    Mistake(
        "unique outside a record",
        "message GetBookRequest { string name = 1;",
        "message GetBookRequest { string name = 1 [(tenon.options.v1.field).unique = true];",
        "library.v1.GetBookRequest.name",
        "does nothing in a message that is no record",
        "make the message a record",
    ),
)
