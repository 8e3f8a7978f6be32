"""The schema that a contract makes."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from graphql import GraphQLNonNull, get_named_type, print_schema, validate_schema

from services.chassis.contract import REPOSITORY, Internal, Public, read_contract
from services.graph import build_schema
from services.graph.roots import root_fields
from tests.fakes.studio import only_studio
from tests.unit.graph.golden import GOLDEN, output

if TYPE_CHECKING:
    from services.chassis.contract import Contract


@pytest.fixture(scope="module")
def contract() -> Contract:
    return read_contract(REPOSITORY / "gen" / "contract.binpb")


def test_the_schema_is_the_golden_one() -> None:
    assert output() == GOLDEN.read_text(), "write it anew: python -m tests.unit.graph.golden"


def test_a_schema_does_not_depend_on_the_order_of_services(contract: Contract) -> None:
    turned = replace(contract, services=tuple(reversed(contract.services)))
    assert print_schema(build_schema(turned)) == print_schema(build_schema(contract))


def test_the_repositorys_own_schema_is_valid_and_built_in_no_time(contract: Contract) -> None:
    started = time.process_time()
    schema = build_schema(contract)
    assert validate_schema(schema) == []
    assert time.process_time() - started < 1


def test_every_unary_rpc_that_a_token_is_for_is_a_field(contract: Contract) -> None:
    queries, mutations = root_fields(contract)
    offered = {root.method.path for root in (*queries, *mutations)}
    for method in contract.methods.values():
        raw = "google.api.HttpBody" in {method.output, method.input} or method.service.endswith(".GraphService")
        streams = method.client_streaming or method.server_streaming
        access = method.rule.access
        if isinstance(access, Internal) or streams or raw:
            assert method.path not in offered
        elif not isinstance(access, Public):
            assert method.path in offered, method.path


def test_signing_in_is_no_field_since_the_edge_counts_its_addresses(contract: Contract) -> None:
    assert "/tenon.auth.v1.SessionService/SignIn" in contract.methods
    fields = build_schema(contract).mutation_type.fields  # type: ignore[union-attr]  # there are mutations
    assert not {"signIn", "refreshSession"} & fields.keys()


def test_what_reads_is_a_query_and_what_writes_a_mutation(contract: Contract) -> None:
    queries, mutations = root_fields(contract)
    assert {"flight", "flights", "batchGetFlights"} <= {root.name for root in queries}
    assert {"createFlight", "updateFlight", "deleteFlight"} <= {root.name for root in mutations}


def test_a_record_whose_plural_is_its_singular_gets_the_names_of_its_rpcs(contract: Contract) -> None:
    assert {"getAircraft", "listAircraft"} <= {root.name for root in root_fields(contract)[0]}


def _type(name: str) -> Any:
    return build_schema(only_studio()).type_map[name]


def test_a_field_that_some_may_not_read_may_be_null() -> None:
    assert not isinstance(_type("Artist").fields["fee"].type, GraphQLNonNull)
    assert isinstance(_type("Artist").fields["title"].type, GraphQLNonNull)


def test_what_is_only_written_is_not_read_and_what_is_only_read_is_not_written() -> None:
    assert "password" not in _type("Artist").fields
    assert "password" in _type("ArtistInput").fields
    assert "createTime" in _type("Artist").fields
    assert "createTime" not in _type("ArtistInput").fields


def test_a_reference_leads_to_its_record_at_any_depth() -> None:
    assert get_named_type(_type("Artist").fields["labelRecord"].type).name == "Label"
    assert get_named_type(_type("Artist").fields["influencesRecords"].type).name == "Artist"
    assert get_named_type(_type("AlbumTrack").fields["guestRecord"].type).name == "Artist"


def test_parents_and_children_lead_to_each_other() -> None:
    assert get_named_type(_type("Album").fields["parentRecord"].type).name == "Artist"
    albums = _type("Artist").fields["albums"]
    assert albums.type.name == "AlbumsConnection"
    assert albums.args.keys() == {"filter", "orderBy", "first", "after"}


def test_what_the_contract_says_is_what_the_schema_says() -> None:
    assert _type("Artist").description == "Is somebody who records albums."
    assert _type("Artist").fields["title"].description == "Is what the audience calls them."
    assert _type("AlbumFormat").values["FORMAT_VINYL"].description == "Is vinyl."
    assert _type("Mutation").fields["createAlbum"].description == "Makes an album."
