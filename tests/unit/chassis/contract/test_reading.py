"""A contract that meets every convention is read as it was written, with safe defaults for all that it leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.protobuf import message_factory

from services.chassis.contract import (
    PROTO_ROOT,
    REPOSITORY,
    Audit,
    Behavior,
    Binding,
    Contract,
    ContractError,
    Idempotency,
    Internal,
    Kind,
    Limit,
    Per,
    Permission,
    Public,
    Rule,
    Scope,
    Standard,
    StandardKind,
    compile_protos,
    load_contract,
    own_files,
    read_contract,
    serialize_contract,
    service_folders,
    write_contract,
)
from tests.unit.chassis.contract.library import FILE, HEAD, LIBRARY, changed, load

if TYPE_CHECKING:
    from pathlib import Path

SERVICE = "/library.v1.LibraryService/"


@pytest.fixture(scope="module")
def library() -> Contract:
    roots = [REPOSITORY / "tests" / "golden" / "contracts" / "library"]
    return load_contract(compile_protos(roots), services=("auth", "data"), own=own_files())


def test_what_a_rule_leaves_out_has_a_safe_default(library: Contract) -> None:
    assert library.methods[SERVICE + "GetBook"].rule == Rule(
        access=Permission(name="library.books.get"), limit=None, timeout=15.0, audit=Audit.WRITES
    )


def test_a_limit_of_a_public_method_counts_by_address(library: Contract) -> None:
    rule = library.methods[SERVICE + "GetShelf"].rule
    assert rule.access == Public(reason="Everybody may look at shelves.")
    assert rule.limit == Limit(per=Per.ADDRESS, requests=100, window=1.0, burst=100)


def test_a_limit_of_another_method_counts_by_subject() -> None:
    rule = '{permission: "library.books.get"}'
    found = load({FILE: changed(rule, rule.replace("}", " limit: {requests: 2}}"))})
    assert found.methods[SERVICE + "GetBook"].rule.limit == Limit(per=Per.SUBJECT, requests=2, window=1.0, burst=2)


def test_what_a_rule_says_is_read(library: Contract) -> None:
    rule = library.methods[SERVICE + "ListBooks"].rule
    assert rule.limit == Limit(per=Per.ORGANIZATION, requests=10, window=60.0, burst=20)
    assert rule.timeout == 2.5
    internal = library.methods[SERVICE + "BatchCreateBooks"]
    assert internal.rule.access == Internal(callers=("auth", "cli"))
    assert internal.rule.audit is Audit.NONE
    assert internal.is_internal


def test_all_bindings_are_read_the_main_one_first(library: Contract) -> None:
    assert library.methods[SERVICE + "ListBooks"].bindings == (
        Binding(verb="GET", template="/library/v1/{parent=shelves/*}/books", body="", response_body=""),
        Binding(verb="GET", template="/library/v1/books/of/{parent=shelves/*}", body="", response_body=""),
    )
    assert library.methods[SERVICE + "CreateBook"].bindings[0].body == "book"


def test_the_standard_methods_are_found(library: Contract) -> None:
    found = {method.name: method.standard for method in library.methods.values()}
    assert found["BatchGetBooks"] == Standard(kind=StandardKind.BATCH_GET, record="library.v1.Book")
    assert None not in found.values()


def test_a_method_tells_its_idempotency_and_its_comment(library: Contract) -> None:
    method = library.methods[SERVICE + "GetBook"]
    assert (method.idempotency, method.comment) == (Idempotency.NO_SIDE_EFFECTS, "Returns one book.")
    assert library.methods[SERVICE + "CreateBook"].idempotency is Idempotency.UNKNOWN


def test_a_record_has_its_names_parent_and_keys(library: Contract) -> None:
    book = library.records_by_message["library.v1.Book"]
    assert (book.singular, book.plural, book.parent) == ("book", "books", "shelves/{shelf}")
    assert book.scope is Scope.ORGANIZATION
    assert book.unique == (("isbn",), ("title", "edition"))
    assert book.index == (("binding", "publish_time"), ("title",), ("tags",))
    assert book.search == ("title",)
    assert book.comment == "Is a book on a shelf."
    assert library.records_by_message["library.v1.Shelf"].plural == "shelves"


def test_a_key_that_is_declared_twice_is_one_key() -> None:
    text = changed("string title = 2;", "string title = 2 [(tenon.options.v1.field) = {unique: true indexed: true}];")
    record = 'books/{book}"};\n  option (tenon.options.v1.record) = '
    text = text.replace(
        record + "{};", record + '{unique: {fields: ["title"]} unique: {fields: ["title"]} index: {fields: "title"}};'
    )
    book = load({FILE: text}).records_by_message["library.v1.Book"]
    assert (book.unique, book.index) == ((("title",),), (("title",),))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("title", (Kind.STRING, False, False, "")),
        ("edition", (Kind.UINT32, False, True, "")),
        ("authors", (Kind.MESSAGE, True, False, "library.v1.Book.Author")),
        ("binding", (Kind.ENUM, False, False, "library.v1.Book.Binding")),
        ("publish_time", (Kind.TIMESTAMP, False, True, "google.protobuf.Timestamp")),
        ("reading_time", (Kind.DURATION, False, True, "google.protobuf.Duration")),
        ("tags", (Kind.STRING, True, False, "")),
        ("labels", (Kind.MAP, False, False, "library.v1.Book.LabelsEntry")),
        ("cover", (Kind.BYTES, False, False, "")),
        ("seen_at", (Kind.STRING, False, True, "")),
        ("lent_count", (Kind.UINT64, False, False, "")),
    ],
)
def test_a_field_has_its_kind_and_presence(
    library: Contract, name: str, expected: tuple[Kind, bool, bool, str]
) -> None:
    field = library.records_by_message["library.v1.Book"].field(name)
    assert field
    assert (field.kind, field.repeated, field.presence, field.type_name) == expected


def test_a_field_tells_what_is_special_about_it(library: Contract) -> None:
    book = library.records_by_message["library.v1.Book"]
    isbn, note, lent = book.field("isbn"), book.field("note"), book.field("lent_shelf")
    assert isbn
    assert note
    assert lent
    assert isbn.unique
    assert isbn.max_length == 13
    assert isbn.behaviors == {Behavior.REQUIRED, Behavior.IMMUTABLE}
    assert note.sensitive
    assert lent.reference == "library.example.com/Shelf"


def test_behaviors_and_sensitivity_are_known_at_any_depth(library: Contract) -> None:
    assert library.behaviors["library.v1.Book.Author.display_name"] == {Behavior.REQUIRED}
    assert library.sensitive == {"library.v1.Book.note", "library.v1.Book.Author.address"}


def test_a_package_is_served_by_its_own_folder_or_by_data(library: Contract) -> None:
    assert library.hosts == ("data",)
    own = load_contract(compile_protos([PROTO_ROOT]), services=("auth", "data"), own=own_files(), custom=None)
    assert {service.host for service in own.services if service.package == "tenon.auth.v1"} == {"auth"}
    assert {service.host for service in own.services if service.package == "tenon.flightops.v1"} == {"data"}


def test_methods_of_a_service_folder_need_not_be_standard(tmp_path: Path) -> None:
    text = LIBRARY.replace("package library.v1", "package tenon.library.v1").replace("rpc GetBook", "rpc BorrowBook")
    (tmp_path / "own.proto").write_text(text)
    image = compile_protos([tmp_path])
    own = load_contract(image, services=("library", "data"))
    assert own.methods["/tenon.library.v1.LibraryService/BorrowBook"].standard is None
    with pytest.raises(ContractError, match="Nothing can serve this method"):
        load_contract(image, services=("data",))


def test_services_of_others_are_not_in_the_contract() -> None:
    text = (
        HEAD
        + 'import "google/cloud/location/locations.proto";\nmessage Job { google.cloud.location.Location place = 1; }'
    )
    found = load({"jobs.proto": text})
    assert found.services == ()
    assert found.pool.FindServiceByName("google.cloud.location.Locations")


def test_messages_are_made_from_a_private_pool(library: Contract) -> None:
    again = load_contract(library.descriptors, services=("auth", "data"), own=own_files())
    one, other = (
        message_factory.GetMessageClass(contract.pool.FindMessageTypeByName("library.v1.Book"))
        for contract in (library, again)
    )
    assert one is not other
    assert str(other.FromString(one(title="Dune").SerializeToString())) == 'title: "Dune"\n'


def test_error_details_are_among_the_descriptors(library: Contract) -> None:
    assert library.pool.FindMessageTypeByName("google.rpc.ErrorInfo")
    assert library.pool.FindEnumTypeByName("tenon.errors.v1.ErrorReason")


def test_a_written_contract_reads_back_the_same(library: Contract, tmp_path: Path) -> None:
    path = tmp_path / "state" / "contract.binpb"
    write_contract(library, path)
    again = read_contract(path, services=("auth", "data"))
    assert (again.services, again.records) == (library.services, library.records)
    assert serialize_contract(again) == path.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == ["contract.binpb"]


def test_the_bytes_of_a_contract_name_no_folder(library: Contract) -> None:
    assert str(REPOSITORY).encode() not in serialize_contract(library)


def test_a_damaged_contract_is_refused(library: Contract, tmp_path: Path) -> None:
    path = tmp_path / "contract.binpb"
    path.write_bytes(serialize_contract(library)[:-3])
    with pytest.raises(ContractError, match="damaged"):
        read_contract(path)


def test_a_contract_without_a_file_that_it_imports_is_refused(library: Contract) -> None:
    descriptors = type(library.descriptors)()
    descriptors.CopyFrom(library.descriptors)
    del descriptors.file[0]
    with pytest.raises(ContractError, match="cannot be used"):
        load_contract(descriptors, services=())


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no such folder"):
        compile_protos([tmp_path / "nowhere"])


def test_two_roots_with_the_same_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tenon/options/v1").mkdir(parents=True)
    (tmp_path / "tenon/options/v1/options.proto").write_text('syntax = "proto3";')
    with pytest.raises(ContractError, match="both have this file"):
        compile_protos([PROTO_ROOT, tmp_path])


def test_vendored_files_of_others_are_imported_and_not_compiled(tmp_path: Path) -> None:
    (tmp_path / "google/example").mkdir(parents=True)
    (tmp_path / "google/example/broken.proto").write_text("this is no proto")
    assert compile_protos([tmp_path])


def test_an_option_that_this_version_does_not_know_is_refused() -> None:
    image = compile_protos([REPOSITORY / "tests" / "golden" / "contracts" / "library"])
    file = next(file for file in image.file if file.name == "library/v1/library.proto")
    known = file.service[0].method[0].options.SerializeToString()
    # Field 99 of the rule: the extension once more, which protobuf merges into the one before.
    tag, rule = (73617 << 3 | 2), bytes([0x9A, 0x06, 0x01, 0x41])
    varint = bytes([tag & 0x7F | 0x80, (tag >> 7) & 0x7F | 0x80, tag >> 14])
    file.service[0].method[0].options.ParseFromString(known + varint + bytes([len(rule)]) + rule)
    with pytest.raises(ContractError, match="does not know"):
        load_contract(image, services=("auth", "data"), own=own_files())


def test_a_folder_is_a_service_if_it_has_a_main_and_a_contract(tmp_path: Path) -> None:
    for name in ("auth", "cli", "bus"):
        (tmp_path / "services" / name).mkdir(parents=True)
    (tmp_path / "services" / "auth" / "__main__.py").touch()
    (tmp_path / "services" / "cli" / "__main__.py").touch()
    for name in ("auth", "bus"):
        (tmp_path / "proto" / "tenon" / name / "v1").mkdir(parents=True)
    assert service_folders(tmp_path) == ("auth",)
