"""A client without any file learns all of what is public, and nothing of what is internal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2 as pb

from services.chassis.reflection import ALPHA, STABLE, Reflection
from tests.fakes.chassis_channel import MemoryChannel
from tests.fakes.chassis_frame import fake_chain

if TYPE_CHECKING:
    from services.chassis.contract import Contract

Request = pb.ServerReflectionRequest


@pytest.fixture
def reflection(grpc_contract: Contract) -> Reflection:
    return Reflection(grpc_contract)


async def ask(reflection: Reflection, *requests: Any, protocol: str = STABLE) -> list[Any]:
    channel = MemoryChannel(reflection.handlers(), fake_chain().bind)
    call = channel.stream_stream(
        f"/{protocol}/ServerReflectionInfo", Request.SerializeToString, pb.ServerReflectionResponse.FromString
    )
    return [response async for response in call(list(requests))]


def files_of(response: Any) -> list[descriptor_pb2.FileDescriptorProto]:
    return [
        descriptor_pb2.FileDescriptorProto.FromString(data)
        for data in response.file_descriptor_response.file_descriptor_proto
    ]


@pytest.mark.parametrize("protocol", [ALPHA, STABLE])
async def test_all_public_services_of_the_mesh_are_listed(
    reflection: Reflection, grpc_contract: Contract, protocol: str
) -> None:
    [response] = await ask(reflection, Request(list_services="*"), protocol=protocol)
    names = [service.name for service in response.list_services_response.service]
    assert names == sorted(names)
    assert {ALPHA, STABLE, "grpc.health.v1.Health"} <= set(names)
    assert {service.full_name for service in grpc_contract.services if service.is_public} <= set(names)
    assert not {service.full_name for service in grpc_contract.services if not service.is_public} & set(names)


async def test_every_listed_service_can_be_built_from_one_answer(reflection: Reflection) -> None:
    for name in reflection.names:
        [response] = await ask(reflection, Request(file_containing_symbol=name))
        pool = DescriptorPool()
        waiting = {file.name: file for file in files_of(response)}

        def add(file: Any, pool: Any = pool, waiting: Any = waiting) -> None:
            for dependency in file.dependency:
                if dependency in waiting:
                    add(waiting.pop(dependency))
            pool.Add(file)

        while waiting:
            add(waiting.pop(next(iter(waiting))))
        assert pool.FindServiceByName(name).full_name == name


async def test_the_asked_file_comes_first_and_imports_once_per_stream(reflection: Reflection) -> None:
    request = Request(file_containing_symbol="tenon.flightops.v1.Airport")
    first, second = await ask(reflection, request, request)
    assert files_of(first)[0].name == files_of(second)[0].name == "tenon/flightops/v1/airport.proto"
    assert len(files_of(first)) > 1
    assert len(files_of(second)) == 1


@pytest.mark.parametrize(
    "symbol",
    [
        "tenon.flightops.v1.Airport",
        "tenon.flightops.v1.Airport.name",
        ".tenon.flightops.v1.Airport",
        "tenon.options.v1.rule",
        "google.rpc.ErrorInfo",
    ],
)
async def test_symbols_of_all_kinds_are_found(reflection: Reflection, symbol: str) -> None:
    [response] = await ask(reflection, Request(file_containing_symbol=symbol))
    assert files_of(response)


async def test_internal_methods_are_not_shown(reflection: Reflection, grpc_contract: Contract) -> None:
    internal = [m for service in grpc_contract.services for m in service.methods if m.is_internal]
    assert internal, "the contract has internal methods, or this test shows nothing"
    for method in internal:
        symbol = f"{method.service}.{method.name}"
        [response] = await ask(reflection, Request(file_containing_symbol=symbol))
        assert response.error_response.error_code == 5
    shown = {
        f"/{file.package}.{service.name}/{method.name}"
        for data in reflection.files.encoded.values()
        for file in [descriptor_pb2.FileDescriptorProto.FromString(data)]
        for service in file.service
        for method in service.method
    }
    assert not shown & {method.path for method in internal}


async def test_options_are_found_by_number(reflection: Reflection) -> None:
    numbers, file = await ask(
        reflection,
        Request(all_extension_numbers_of_type="google.protobuf.MethodOptions"),
        Request(
            file_containing_extension=pb.ExtensionRequest(
                containing_type="google.protobuf.MethodOptions", extension_number=73617
            )
        ),
    )
    assert 73617 in numbers.all_extension_numbers_response.extension_number
    assert files_of(file)[0].name == "tenon/options/v1/options.proto"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Request(file_by_filename="absent.proto"), 5),
        (Request(file_containing_symbol="absent.Thing"), 5),
        (Request(all_extension_numbers_of_type="absent.Thing"), 5),
        (Request(file_containing_extension=pb.ExtensionRequest(containing_type="a.B", extension_number=1)), 5),
        (Request(), 3),
    ],
)
async def test_what_is_not_there_is_an_error_within_the_stream(
    reflection: Reflection, request_: Any, code: int
) -> None:
    [response, after] = await ask(reflection, request_, Request(list_services=""))
    assert response.error_response.error_code == code
    assert response.original_request == request_
    assert after.list_services_response.service
