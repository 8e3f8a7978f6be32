"""The column of words follows the contract: rows that are there are searched as soon as the contract asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.contract import compile_protos, load_contract
from services.records.engine import Engine
from services.records.schema.vectors import PREFIX
from tests.integration.records.library import KEYRING, Library

if TYPE_CHECKING:
    from pathlib import Path

    from services.chassis.postgres import Pool

PROTO = """
syntax = "proto3";
package memos.v1;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/api/resource.proto";
import "tenon/options/v1/options.proto";
service MemosService {
  rpc CreateMemo(CreateMemoRequest) returns (Memo) {
    option (tenon.options.v1.rule) = {permission: "memos.memos.create"};
    option (google.api.http) = {post: "/memos/v1/memos" body: "memo"};
  }
  rpc SearchMemos(SearchMemosRequest) returns (SearchMemosResponse) {
    option (tenon.options.v1.rule) = {permission: "memos.memos.search"};
    option (google.api.http) = {get: "/memos/v1/memos:search"};
  }
}
message Memo {
  option (google.api.resource) = {type: "memos.test/Memo" pattern: "memos/{memo}" plural: "memos" singular: "memo"};
  option (tenon.options.v1.record) = {SEARCH};
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
  TITLE = 2;
  repeated string labels = 3;
}
message CreateMemoRequest { Memo memo = 1; string memo_id = 2; }
message SearchMemosRequest { string query = 1; int32 page_size = 2; string page_token = 3; }
message SearchMemosResponse { repeated Memo memos = 1; string next_page_token = 2; }
"""


async def opened(pool: Pool, folder: Path, search: str, title: str = "string title") -> Library:
    """Open the memos by a contract that searches these fields."""
    root = folder / (search or "none").replace('"', "").replace(" ", "_").replace(":", "") / title.replace(" ", "_")
    (root / "memos" / "v1").mkdir(parents=True, exist_ok=True)
    text = PROTO.replace("SEARCH}", f"{search}}}").replace("TITLE", title)
    if not search:
        start, end = text.index("  rpc SearchMemos"), text.index("message Memo ")
        text = f"{text[:start]}}}\n{text[end:]}"
    (root / "memos" / "v1" / "memos.proto").write_text(text)
    contract = load_contract(compile_protos([root]), services=("auth", "data"), custom=None)
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    return Library(engine, contract, "memos.v1", "/memos.v1.MemosService/")


async def found(memos: Library, query: str) -> list[str]:
    return [memo.name for memo in (await memos.do("SearchMemos", query=query)).memos]


async def words(pool: Pool) -> list[str]:
    """Return the columns of words that the table has."""
    sql = "SELECT attname FROM pg_attribute WHERE attrelid = 'memos_v1.memos'::regclass AND NOT attisdropped"
    return [row[0] for row in await pool.fetch(sql) if row[0].startswith(PREFIX)]


async def test_rows_that_are_there_are_searched_once_the_contract_asks_for_it(pool: Pool, tmp_path: Path) -> None:
    memos = await opened(pool, tmp_path, "")
    await memos.do("CreateMemo", memo_id="a", memo={"title": "urn", "labels": ["old jar"]})
    assert await words(pool) == []
    by_title = await opened(pool, tmp_path, 'search: "title"')
    assert await found(by_title, "urn") == ["memos/a"]
    assert await found(by_title, "jar") == []
    by_both = await opened(pool, tmp_path, 'search: "title" search: "labels"')
    assert await found(by_both, "urn jar") == ["memos/a"]
    # A worker of the version before goes on, and is not in the way of the next.
    assert await found(by_title, "urn") == ["memos/a"]
    assert len(await words(pool)) == 2
    await opened(pool, tmp_path, 'search: "labels"')
    assert len(await words(pool)) == 2
    back = await opened(pool, tmp_path, 'search: "title" search: "labels"')
    assert await found(back, "urn jar") == ["memos/a"]


async def test_a_field_that_is_searched_may_be_renamed_and_become_optional(pool: Pool, tmp_path: Path) -> None:
    memos = await opened(pool, tmp_path, 'search: "title"')
    await memos.do("CreateMemo", memo_id="a", memo={"title": "urn"})
    before = await words(pool)
    renamed = await opened(pool, tmp_path, 'search: "heading"', "optional string heading")
    assert await words(pool) == before  # the words are the same, so nothing was written again
    assert await found(renamed, "urn") == ["memos/a"]
    await renamed.do("CreateMemo", memo_id="b", memo={})
    assert await found(renamed, "urn") == ["memos/a"]
