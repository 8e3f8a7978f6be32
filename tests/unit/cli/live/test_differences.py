"""Whether a person is told what a new contract changes for those who call already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.contract import compile_protos, load_contract
from services.cli.live.differences import describe

if TYPE_CHECKING:
    from pathlib import Path

    from services.chassis.contract import Contract

SHELF = """syntax = "proto3";
package {package};
import "google/api/annotations.proto";
import "google/api/resource.proto";
import "tenon/options/v1/options.proto";
message Shelf {{
  option (google.api.resource) = {{
    type: "{segment}.test/Shelf" pattern: "shelves/{{shelf}}" singular: "shelf" plural: "shelves"
  }};
  option (tenon.options.v1.record) = {{scope: SCOPE_ORGANIZATION}};
  string name = 1;
}}
message GetShelfRequest {{
  string name = 1;
}}
service ShelfService {{
  rpc GetShelf(GetShelfRequest) returns (Shelf) {{
    option (tenon.options.v1.rule) = {{permission: "{segment}.shelves.get"}};
    option (google.api.http) = {{get: "/{segment}/v1/{{name=shelves/*}}"}};
  }}
}}
"""


def contract_of(root: Path, *segments: str) -> Contract:
    for segment in segments:
        folder = root / segment / "v1"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "shelf.proto").write_text(SHELF.format(package=f"{segment}.v1", segment=segment))
    return load_contract(compile_protos([root]), services=("auth", "data"), custom=None)


def test_a_new_package_is_told_of_with_its_methods(tmp_path: Path) -> None:
    before, after = contract_of(tmp_path, "library"), contract_of(tmp_path, "library", "museum")
    assert describe(before, after)[0] == "museum.v1: 1 method more"
    assert describe(after, before)[0] == "museum.v1: 1 method less"


def test_a_field_of_graphql_that_a_new_package_renames_is_told_of(tmp_path: Path) -> None:
    before, after = contract_of(tmp_path, "library"), contract_of(tmp_path, "library", "museum")
    told = "GraphQL: `shelf` is `libraryShelf` from now on, since another package would share its name"
    assert describe(before, after)[1:] == (told,)
    assert describe(before, before) == ()
