"""Changes of the small contract, each of which breaks one convention."""

from __future__ import annotations

from typing import NamedTuple

GET_RULE = '{permission: "library.books.get"}'
GET_PATH = 'get: "/library/v1/{name=shelves/*/books/*}"'
LIST_RULE = '{permission: "library.books.list"}'
SHELF_RECORD = 'plural: "shelves"};\n  option (tenon.options.v1.record) = {};'
BOOK_RECORD = 'books/{book}"};\n  option (tenon.options.v1.record) = {};'


class Mistake(NamedTuple):
    """One piece of the library that is changed for the worse."""

    name: str
    old: str
    new: str
    element: str
    message: str
    mend: str


def book_record(option: str) -> str:
    return BOOK_RECORD.replace("{};", f"{{{option}}};")


def method(name: str) -> str:
    return f"library.v1.LibraryService.{name}"


GET, LIST, CREATE, BOOK = method("GetBook"), method("ListBooks"), method("CreateBook"), "library.v1.Book"

MISTAKES = (
    Mistake(
        "no rule",
        f"    option (tenon.options.v1.rule) = {GET_RULE};\n",
        "",
        GET,
        "has no rule",
        "Add `option (tenon.options.v1.rule)",
    ),
    Mistake("empty rule", GET_RULE, "{}", GET, "does not say who may call", "exactly one of public"),
    Mistake("public without a reason", GET_RULE, '{public: ""}', GET, "gives no reason", "Say why no permission fits"),
    Mistake(
        "authenticated without a reason", GET_RULE, '{authenticated: " "}', GET, "gives no reason", "authenticated:"
    ),
    Mistake(
        "permission of two segments",
        "library.books.get",
        "library.get",
        GET,
        "'library.get' is not `service.resource.verb`",
        "three segments",
    ),
    Mistake("permission pattern", "library.books.get", "library.books.*", GET, "'library.books.*'", "three segments"),
    Mistake(
        "permission of another service",
        "library.books.get",
        "auth.users.get",
        GET,
        "does not begin with 'library'",
        "library.users.get",
    ),
    Mistake(
        "internal without callers", f"{GET_RULE};", "{internal: {}};", GET, "names no callers", "internal: {callers"
    ),
    Mistake(
        "internal with a stranger",
        f"{GET_RULE};\n    option (google.api.http) = {{{GET_PATH}}};",
        '{internal: {callers: ["auht"]}};',
        GET,
        "'auht', which is no workload",
        "'auth'",
    ),
    Mistake(
        "internal with a REST binding",
        GET_RULE,
        '{internal: {callers: ["auth"]}}',
        GET,
        "internal and has a REST binding",
        "Remove `google.api.http`",
    ),
    Mistake(
        "internal with a limit",
        f"{GET_RULE};\n    option (google.api.http) = {{{GET_PATH}}};",
        '{internal: {callers: ["auth"]} limit: {requests: 1}};',
        GET,
        "limit on an internal method",
        "Remove the limit",
    ),
    Mistake(
        "internal for all and others",
        f"{GET_RULE};\n    option (google.api.http) = {{{GET_PATH}}};",
        '{internal: {callers: ["*", "auth"]}};',
        GET,
        "names every workload and others beside",
        'callers: ["*"]',
    ),
    Mistake(
        "step-up to no level",
        GET_RULE,
        '{permission: "library.books.get" step_up: {acr: "2"}}',
        GET,
        "asks for '2', which is no level",
        "['aal1', 'aal2', 'aal3']",
    ),
    Mistake(
        "step-up to nothing",
        GET_RULE,
        '{permission: "library.books.get" step_up: {}}',
        GET,
        "The step-up asks for nothing",
        "`acr`, `max_age` or both",
    ),
    Mistake(
        "step-up of no age",
        GET_RULE,
        '{permission: "library.books.get" step_up: {max_age: {nanos: 5}}}',
        GET,
        "shorter than 1 s",
        "1 s or more",
    ),
    Mistake(
        "step-up of nobody",
        GET_RULE,
        '{public: "Anybody may." step_up: {acr: "aal2"}}',
        GET,
        "callers who need not have signed in",
        "`authenticated` or `permission`",
    ),
    Mistake(
        "limit of nothing",
        GET_RULE,
        '{permission: "library.books.get" limit: {burst: 3}}',
        GET,
        "allows no requests",
        "Set `requests`",
    ),
    Mistake(
        "negative window",
        GET_RULE,
        '{permission: "library.books.get" limit: {requests: 3 window: {seconds: -1}}}',
        GET,
        "window of -1 s",
        "Set `window`",
    ),
    Mistake(
        "public limited by subject",
        GET_RULE,
        '{public: "Books." limit: {requests: 3 per: PER_SUBJECT}}',
        GET,
        "callers of a public method have none",
        "PER_ADDRESS",
    ),
    Mistake(
        "no time", GET_RULE, '{permission: "library.books.get" timeout: {}}', GET, "timeout of 0 s", "positive timeout"
    ),
    Mistake(
        "negative timeout",
        GET_RULE,
        '{permission: "library.books.get" timeout: {nanos: -1000000}}',
        GET,
        "leaves no time",
        "positive timeout",
    ),
    Mistake(
        "path of another service",
        GET_PATH,
        GET_PATH.replace("library", "books"),
        GET,
        "does not begin with the package's service and version",
        "Begin it with /library/v1/",
    ),
    Mistake(
        "path without grammar", GET_PATH, 'get: "/library/v1/{name=shelves/*"', GET, "stops following", "http.proto"
    ),
    Mistake("binding without a path", f"{{{GET_PATH}}}", "{}", GET, "no path", 'get: "/library/v1/'),
    Mistake(
        "path that binds nothing",
        '{get: "/library/v1/{parent=shelves/*}/books"}',
        '{get: "/library/v1/{parent=shelves/*}/books/by/{writer}"}',
        LIST,
        "'writer', which is no plain field of library.v1.ListBooksRequest",
        "Name a single string",
    ),
    Mistake(
        "standard method with a foreign field",
        "message GetBookRequest { string name = 1; }",
        "message GetBookRequest { string name = 1; bool quick = 2; }",
        GET,
        "library.v1.GetBookRequest.quick, which AIP-131 does not have",
        "Remove the field",
    ),
    Mistake(
        "standard method without a field",
        "int32 page_size = 2; ",
        "",
        LIST,
        "has no field 'page_size', which AIP-132 asks for",
        "Add `int32 page_size`",
    ),
    Mistake(
        "standard method with a field of another type",
        "int32 page_size",
        "string page_size",
        LIST,
        "page_size of type string",
        "Let it be `int32`",
    ),
    Mistake(
        "standard method with another answer",
        "GetBook(GetBookRequest) returns (Book)",
        "GetBook(GetBookRequest) returns (Shelf)",
        GET,
        "returns library.v1.Shelf",
        "Let it return library.v1.Book",
    ),
    Mistake(
        "standard method with another verb",
        GET_PATH,
        GET_PATH.replace("get", "put"),
        GET,
        "is bound to PUT",
        "Bind it to `get`",
    ),
    Mistake(
        "an answer of which the edge can show no part alone",
        GET_PATH,
        f'{GET_PATH} response_body: "title"',
        GET,
        "'title' is no google.api.HttpBody",
        "Leave `response_body` out",
    ),
    Mistake("standard method without its body", ' body: "book"', "", CREATE, "has the body ''", 'Write `body: "book"`'),
    Mistake(
        "standard method whose path cannot hold a name",
        GET_PATH,
        'get: "/library/v1/{name=books/*}"',
        GET,
        "has the path",
        "{name=shelves/*/books/*}",
    ),
    Mistake(
        "standard method that streams",
        'returns (Book) {\n    option (tenon.options.v1.rule) = {permission: "library.books.get"',
        'returns (stream Book) {\n    option (tenon.options.v1.rule) = {permission: "library.books.get"',
        GET,
        "streams",
        "Take the word `stream` out",
    ),
    Mistake(
        "nearly standard name", "rpc ListBooks", "rpc ListBook", method("ListBook"), "looks like", "Name it ListBooks"
    ),
    Mistake(
        "method that nothing serves",
        "rpc GetBook(",
        "rpc BorrowBook(",
        method("BorrowBook"),
        "Nothing can serve this method",
        "write it in Python beside the contract",
    ),
    Mistake(
        "reference to nothing",
        'reference).type = "library.example.com/Shelf"',
        'reference).type = "library.example.com/Desk"',
        f"{BOOK}.lent_shelf",
        "'library.example.com/Desk', which no message has",
        "library.example.com/Shelf",
    ),
    Mistake("record without a type", 'type: "library.example.com/Book" ', "", BOOK, "is not `service/Kind`", "type:"),
    Mistake(
        "record without a pattern",
        ' pattern: "shelves/{shelf}" ',
        " ",
        "library.v1.Shelf",
        "no name pattern",
        "pattern:",
    ),
    Mistake(
        "pattern that does not alternate",
        'pattern: "shelves/{shelf}" ',
        'pattern: "shelves/{shelf}/settings" ',
        "library.v1.Shelf",
        "does not alternate",
        "shelves/{shelf}/books/{book}",
    ),
    Mistake(
        "record without a name",
        "string name = 1;\n  string title",
        "string title",
        BOOK,
        "no field `string name`",
        "Add `string name = 1",
    ),
    Mistake(
        "two records of one type",
        'type: "library.example.com/Book"',
        'type: "library.example.com/Shelf"',
        "library.v1.Shelf",
        "library.v1.Book has the resource type library.example.com/Shelf too",
        "its own type",
    ),
    Mistake(
        "soft delete without its time",
        BOOK_RECORD,
        book_record("soft_delete: true"),
        BOOK,
        "no field that says when",
        "Add `google.protobuf.Timestamp delete_time`",
    ),
    Mistake(
        "a time to keep what is not deleted softly",
        BOOK_RECORD,
        book_record("keep_deleted: {seconds: 60}"),
        BOOK,
        "`keep_deleted` is for records that are deleted softly",
        "soft_delete: true",
    ),
    Mistake(
        "unique key of nothing",
        BOOK_RECORD,
        book_record('unique: {fields: ["isbn"]}'),
        BOOK,
        "unique key names 'isbn'",
        "name, title, tags, cover, lent_shelf",
    ),
    Mistake("empty key", BOOK_RECORD, book_record("unique: {}"), BOOK, "names no fields", "remove it"),
    Mistake(
        "key with a field twice",
        BOOK_RECORD,
        book_record('index: {fields: ["title", "title"]}'),
        BOOK,
        "names a field twice",
        "once",
    ),
    Mistake(
        "unique list",
        "repeated string tags = 3;",
        "repeated string tags = 3 [(tenon.options.v1.field).unique = true];",
        f"{BOOK}.tags",
        "a repeated string, which no unique key can hold",
        "single plain value",
    ),
    Mistake(
        "unique bytes",
        "bytes cover = 4;",
        "bytes cover = 4 [(tenon.options.v1.field).unique = true];",
        f"{BOOK}.cover",
        "of kind bytes, which no unique key can hold",
        "single plain value",
    ),
    Mistake(
        "index of bytes",
        "bytes cover = 4;",
        "bytes cover = 4 [(tenon.options.v1.field).indexed = true];",
        f"{BOOK}.cover",
        "of kind bytes, which no index can hold",
        "single plain value",
    ),
    Mistake(
        "search of bytes", BOOK_RECORD, book_record('search: ["cover"]'), f"{BOOK}.cover", "Only strings", "Take it out"
    ),
    Mistake(
        "search of what is never shown",
        "string title = 2;",
        "string title = 2 [(google.api.field_behavior) = INPUT_ONLY, (tenon.options.v1.field).searchable = true];",
        f"{BOOK}.title",
        "never shown (INPUT_ONLY)",
        "Take it out",
    ),
)
