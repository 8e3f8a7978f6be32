"""A small contract from outside that meets every convention, and ways to break it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from services.chassis.contract import (
    PROTO_ROOT,
    Contract,
    ContractError,
    Problem,
    compile_protos,
    load_contract,
    own_files,
)

FILE = "library/v1/library.proto"
"""Its path below its root."""

HEAD = """syntax = "proto3";
package library.v1;
import "buf/validate/validate.proto";
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/api/resource.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "tenon/options/v1/options.proto";
"""

LIBRARY = (
    HEAD
    + """
service LibraryService {
  rpc GetBook(GetBookRequest) returns (Book) {
    option (tenon.options.v1.rule) = {permission: "library.books.get"};
    option (google.api.http) = {get: "/library/v1/{name=shelves/*/books/*}"};
  }
  rpc ListBooks(ListBooksRequest) returns (ListBooksResponse) {
    option (tenon.options.v1.rule) = {permission: "library.books.list"};
    option (google.api.http) = {get: "/library/v1/{parent=shelves/*}/books"};
  }
  rpc CreateBook(CreateBookRequest) returns (Book) {
    option (tenon.options.v1.rule) = {permission: "library.books.create"};
    option (google.api.http) = {post: "/library/v1/{parent=shelves/*}/books" body: "book"};
  }
}
message GetBookRequest { string name = 1; }
message ListBooksRequest { string parent = 1; int32 page_size = 2; string page_token = 3; }
message ListBooksResponse { repeated Book books = 1; string next_page_token = 2; }
message CreateBookRequest { string parent = 1; Book book = 2; string book_id = 3; }
message Shelf {
  option (google.api.resource) = {type: "library.example.com/Shelf" pattern: "shelves/{shelf}" plural: "shelves"};
  option (tenon.options.v1.record) = {};
  string name = 1;
}
message Book {
  option (google.api.resource) = {type: "library.example.com/Book" pattern: "shelves/{shelf}/books/{book}"};
  option (tenon.options.v1.record) = {};
  string name = 1;
  string title = 2;
  repeated string tags = 3;
  bytes cover = 4;
  string lent_shelf = 5 [(google.api.resource_reference).type = "library.example.com/Shelf"];
}
"""
)
"""Two records, of which one is the other's parent, and three standard methods."""


def load(
    files: dict[str, str], *, services: tuple[str, ...] = ("auth", "data"), custom: tuple[str, ...] = ()
) -> Contract:
    """Load files from outside, by their paths below their root."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return load_contract(
            compile_protos([Path(folder)]), services=services, own=own_files(PROTO_ROOT), custom=custom
        )


def problems_of(files: dict[str, str]) -> tuple[Problem, ...]:
    """Return what is wrong with files from outside."""
    with pytest.raises(ContractError) as caught:
        load(files)
    return caught.value.problems


def changed(old: str, new: str) -> str:
    """Return the library with one piece of its text changed."""
    assert LIBRARY.count(old) == 1, f"{old!r} is in the library {LIBRARY.count(old)} times"
    return LIBRARY.replace(old, new)
