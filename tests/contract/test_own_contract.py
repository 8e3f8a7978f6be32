"""The repository's own contract says all that it must."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from services.chassis.audit import AuditTrail
from services.chassis.contract import RECORD_HOST, Internal, Method, Permission, Service
from services.chassis.keyring import KEY_BYTES, Keyring, RootKey
from services.chassis.postgres import Pool
from services.data.__main__ import ContractHost
from tests.contract.walk import named_elements, own_contract
from tests.fakes.chassis_frame import fake_telemetry

METHODS = tuple(own_contract().methods.values())
OWN_SERVICES = tuple(service for service in own_contract().services if service.host != RECORD_HOST)
"""Those with a folder of their own, beside data, which hosts what has none."""


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.path)
def test_every_rpc_has_a_rule_and_a_comment(method: Method) -> None:
    assert method.comment
    assert not isinstance(method.rule.access, Internal) or method.rule.access.callers


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.path)
def test_every_rpc_that_is_not_internal_has_a_rest_binding(method: Method) -> None:
    assert bool(method.bindings) is not method.is_internal


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.path)
def test_every_permission_begins_with_the_service_of_its_package(method: Method) -> None:
    if isinstance(method.rule.access, Permission):
        assert method.rule.access.name.startswith(f"{method.service.split('.')[-3]}.")


def test_every_rpc_of_data_is_served() -> None:
    keyring = Keyring([RootKey(id="k", secret=bytes(KEY_BYTES))])
    frame: Any = SimpleNamespace(
        name=RECORD_HOST,
        environ={},
        keyring=keyring,
        telemetry=fake_telemetry(),
        clients=None,
        audit=AuditTrail(None),
    )
    served = ContractHost(frame, Pool("postgresql:///")).serve_contract(own_contract()).handlers
    assert set(served) == {method.path for method in METHODS if method.host == RECORD_HOST}


@pytest.mark.parametrize("service", OWN_SERVICES, ids=lambda service: service.full_name)
def test_every_rpc_of_a_service_is_derived_or_a_method_of_its_servicer(service: Service) -> None:
    name = service.full_name.rpartition(".")[2].removesuffix("Service")
    servicer = getattr(importlib.import_module(f"services.{service.host}.servicer"), f"{name}Servicer", None)
    written = [method for method in service.methods if method.standard is None]
    assert [method.name for method in written if not callable(getattr(servicer, method.name, None))] == []


def test_everything_that_has_a_name_has_a_comment() -> None:
    assert [f"{element.place}: {element.name}" for element in named_elements() if not element.comment] == []


def test_the_walk_reaches_all_kinds_of_elements() -> None:
    names = {element.name for element in named_elements()}
    assert {
        "tenon.options.v1.Rule",
        "tenon.options.v1.Rule.access",
        "tenon.options.v1.Rule.limit",
        "tenon.options.v1.Per",
        "tenon.options.v1.Per.PER_SUBJECT",
        "tenon.flightops.v1.Flight",
    } <= names


def test_every_package_of_ours_is_hosted() -> None:
    hosts = {service.package: service.host for service in own_contract().services}
    assert hosts["tenon.flightops.v1"] == "data"
    assert set(hosts.values()) <= {"auth", "data"} | {package.split(".")[1] for package in hosts}
