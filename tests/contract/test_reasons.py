"""The reasons of errors in the contracts and in the code are the same."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import pytest

import services
from services.chassis.errors import TenonError
from tests.contract.walk import named_elements, own_contract

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool

DOMAINS = {
    "tenon" if package == "tenon.errors.v1" else f"{package.split('.')[1]}.tenon": package
    for file in own_contract().descriptors.file
    if "ErrorReason" in {enum.name for enum in file.enum_type} and (package := file.package).startswith("tenon.")
}
"""The package whose `ErrorReason` lists the reasons of a domain: `tenon.auth.v1` for `auth.tenon`."""


def reasons_in_code(domain: str) -> set[str]:
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
    waiting: list[type[TenonError]] = [TenonError]
    found: set[str] = set()
    while waiting:
        error = waiting.pop()
        waiting.extend(error.__subclasses__())
        if error.domain == domain and error.__module__.startswith("services."):
            found.add(error.reason)
    return found


def reasons_in_contract(pool: DescriptorPool, package: str) -> set[str]:
    values = pool.FindEnumTypeByName(f"{package}.ErrorReason").values
    return {value.name.removeprefix("ERROR_REASON_") for value in values if value.number}


@pytest.mark.parametrize("domain", DOMAINS)
def test_reasons_match_both_ways(domain: str) -> None:
    code, contract = reasons_in_code(domain), reasons_in_contract(own_contract().pool, DOMAINS[domain])
    assert code - contract == set(), "raised, and not in the contract"
    assert contract - code == set(), "in the contract, and never raised"


def test_every_domain_has_its_reasons_in_a_contract() -> None:
    waiting: list[type[TenonError]] = [TenonError]
    domains = set()
    while waiting:
        error = waiting.pop()
        waiting.extend(error.__subclasses__())
        if error.__module__.startswith("services."):
            domains.add(error.domain)
    assert domains <= set(DOMAINS)
    assert {"tenon", "auth.tenon"} <= set(DOMAINS)


@pytest.mark.parametrize("package", DOMAINS.values())
def test_every_reason_shows_its_error_info(package: str) -> None:
    prefix = f"{package}.ErrorReason.ERROR_REASON_"
    domain = next(domain for domain, name in DOMAINS.items() if name == package)
    for element in named_elements():
        if element.name.startswith(prefix) and not element.name.endswith("_UNSPECIFIED"):
            reason = element.name.removeprefix(prefix)
            assert f'{{"reason": "{reason}", "domain": "{domain}"' in element.comment, element.place
