"""Contracts that are saved go live beside the calls that are served, whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import CONTRACTS, sign_in_new_user
from tests.e2e.live import Calls, Contracts, await_live, await_true, new_contract
from tests.e2e.stack import Stack, free_port
from tests.pack.kit import World
from tests.pack.run import show_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    import grpc

LIBRARY = "library/v1/library.proto"
PROMISED_SECONDS = 2.0


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Contracts]]:
    """A stack that follows a copy of the library."""
    folder = tmp_path_factory.mktemp("contracts")
    shutil.copytree(CONTRACTS, folder, dirs_exist_ok=True)
    stack = Stack(
        home=tmp_path_factory.mktemp("live") / "home",
        port=free_port(),
        options=("--watch", "--no-demo", "--contracts", str(folder)),
    )
    stack.start()
    contracts = Contracts(folder=folder, log=stack.home / "logs" / "up.log")
    contracts.await_said("watching the contracts", since=0)
    with stack.client(stack.token()) as client:
        assert client.post("/library/v1/shelves?shelfId=kept", json={"theme": "Kept"}).status_code == 200
    yield stack, contracts
    stack.stop()


@pytest.fixture
def stack(followed: tuple[Stack, Contracts]) -> Stack:
    return followed[0]


@pytest.fixture
def contracts(followed: tuple[Stack, Contracts]) -> Iterator[Contracts]:
    """The contracts that are followed; what a test leaves broken is put right for the next."""
    found = followed[1]
    before = {path: path.read_text() for path in found.folder.rglob("*.proto")}
    yield found
    since = found.position()
    changed = [path for path in found.folder.rglob("*.proto") if path.read_text() != before.get(path)]
    for path in changed:
        path.unlink()
        if path in before:
            found.save(path.relative_to(found.folder).as_posix(), before[path])
    if changed:
        found.await_said("live in", since)


def test_a_new_contract_is_live_in_two_seconds_and_no_call_fails(stack: Stack, contracts: Contracts) -> None:
    seconds = []
    with Calls(stack=stack, token=stack.token(), total=2000) as calls, stack.client(stack.token()) as client:
        for number in range(3):
            path, text = new_contract(f"pets{number}")
            contracts.save(path, text)
            made = {"params": {"petId": "rex"}, "json": {"displayName": "Rex", "code": "r"}}
            seconds.append(await_live(client, "POST", f"/pets{number}/v1/pets", **made))
            assert client.get(f"/pets{number}/v1/pets/rex").json()["displayName"] == "Rex"
            calls.await_more(500)
    assert set(calls.answers) == {"200"}, calls.answers
    assert sum(calls.answers.values()) == 2000
    assert min(seconds) <= PROMISED_SECONDS, seconds


def test_a_contract_that_nobody_has_seen_passes_the_pack(stack: Stack, contracts: Contracts) -> None:
    path, text = new_contract("unseen")
    contracts.save(path, text)
    with stack.client(stack.token()) as client:
        await_live(client, "GET", "/unseen/v1/pets")
    powerless = sign_in_new_user(stack, "onlooker@example.com", permissions=())
    world = World(stack.contract(), lambda organization: stack.token("--organization", organization), powerless)
    shown, failed = show_all(world, stack.url, "unseen.v1")
    assert failed == {}
    assert shown > 100


def test_a_rule_that_is_changed_judges_from_then_on(stack: Stack, contracts: Contracts) -> None:
    path, text = new_contract("rules")
    price = "  int64 price = 90 [(buf.validate.field).int64.gte = 10];\n"
    named = "  // Is the price.\n" + price
    before = text.replace("  string display_name = 2", named + "\n  string display_name = 2", 1)
    assert before != text
    contracts.save(path, before)
    body = {"displayName": "Rex", "code": "r", "price": "15"}
    with stack.client(stack.token()) as client:
        await_live(client, "POST", "/rules/v1/pets", params={"petId": "first"}, json=body)
        contracts.save(path, before.replace("gte = 10", "gte = 20"))
        await_true(
            lambda: client.post("/rules/v1/pets?validateOnly=true", json=body | {"code": "x"}).status_code == 400,
            "the new bound",
        )
        found = client.post("/rules/v1/pets?petId=second", json=body | {"code": "s", "price": "25"})
    assert found.status_code == 200, found.text


def test_a_live_contract_is_served_by_grpc_and_listed_and_documented(stack: Stack, contracts: Contracts) -> None:
    since = contracts.position()
    contracts.save(*new_contract("owls"))
    said = contracts.await_said("owls.v1:", since)
    assert "live in" in said
    with stack.client(stack.token()) as client:
        packages = {each["package"] for each in client.get("/data/v1/contracts").json()["contracts"]}
        assert "owls.v1" in packages
        await_true(lambda: "/owls/v1/pets" in client.get("/openapi.yaml").text, "its documents")
    with stack.direct("data") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert call(b"\x0a\x12owls.v1.PetService") == b"\x08\x01"


def test_a_broken_file_changes_nothing_and_is_told_with_its_line_until_it_is_mended(
    stack: Stack, contracts: Contracts
) -> None:
    whole = contracts.read(LIBRARY)
    before = (stack.home / "contract.binpb").read_bytes()
    since = contracts.position()
    with Calls(stack=stack, token=stack.token(), total=200) as calls:
        contracts.save(LIBRARY, whole.replace("string theme = 2", "nonsense theme = 2"))
        said = contracts.await_said("Mend: ", since)
    assert "not applied; what runs goes on as it was" in said
    line = next(n for n, text in enumerate(whole.splitlines(), 1) if "string theme = 2" in text)
    assert f"{LIBRARY}:{line}" in said
    assert set(calls.answers) == {"200"}, calls.answers
    assert (stack.home / "contract.binpb").read_bytes() == before
    contracts.save(LIBRARY, whole)
    contracts.await_said("mended", since)


def test_a_contract_that_breaks_a_convention_or_its_callers_changes_nothing(stack: Stack, contracts: Contracts) -> None:
    path, text = new_contract("cats")
    since = contracts.position()
    contracts.save(path, text)
    contracts.await_said("cats.v1:", since)
    before = (stack.home / "contract.binpb").read_bytes()
    for broken, told in (
        (text.replace('option (tenon.options.v1.rule) = {permission: "cats.pets.get"};\n', "", 1), "rule"),
        (
            text.replace("string display_name = 2", "string title = 2").replace('"display_name"', '"title"'),
            "display_name",
        ),
        (text.replace("string description = 4", "int32 description = 4"), "description"),
    ):
        assert broken != text
        since = contracts.position()
        contracts.save(path, broken)
        said = contracts.await_said("--allow-breaking" if told == "display_name" else "Mend: ", since)
        assert "not applied" in said
        assert told in said
        assert f"{path}:" in said
    assert (stack.home / "contract.binpb").read_bytes() == before
    contracts.save(path, text)
    contracts.await_said("mended", since)


def test_a_method_and_a_file_that_are_removed_are_gone_and_no_other_call_fails(
    stack: Stack, contracts: Contracts
) -> None:
    path, text = new_contract("dogs")
    contracts.save(path, text)
    token = stack.token()
    with stack.client(token) as client, Calls(stack=stack, token=token, total=600) as calls:
        await_live(client, "GET", "/dogs/v1/pets")
        begin, end = text.index("  // Finds pets by words"), text.index("  // Creates a pet.")
        since = contracts.position()
        contracts.save(path, text[:begin] + text[end:])
        contracts.await_said("dogs.v1: 1 method less", since)
        assert client.get("/dogs/v1/pets:search", params={"query": "x"}).status_code == 404
        assert client.get("/dogs/v1/pets").status_code == 200
        (contracts.folder / path).unlink()
        contracts.await_said("dogs.v1: 12 methods less", since)
        assert client.get("/dogs/v1/pets").status_code == 404
    assert set(calls.answers) == {"200"}, calls.answers


def test_of_two_saves_in_a_row_the_last_is_live(stack: Stack, contracts: Contracts) -> None:
    path, text = new_contract("frogs")
    with stack.client(stack.token()) as client:
        contracts.save(path, text)
        contracts.save(path, text.replace("string code = 3", "string mark = 3").replace('"code"', '"mark"'))
        await_live(client, "POST", "/frogs/v1/pets", params={"petId": "a"}, json={"displayName": "A", "mark": "m"})
        assert client.get("/frogs/v1/pets/a").json()["mark"] == "m"


def test_a_worker_that_is_killed_during_the_change_serves_the_new_contract_too(
    stack: Stack, contracts: Contracts
) -> None:
    path, text = new_contract("birds")
    since = contracts.position()
    contracts.save(path, text)
    victims = [process["pid"] for process in stack.status()["processes"] if process["name"] == "data-1"]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    contracts.await_said("birds.v1:", since)
    with stack.client(stack.token()) as client:
        for number in range(20):
            made = client.post("/birds/v1/pets", json={"displayName": str(number)}, headers={"connection": "close"})
            assert made.status_code == 200, made.text


def test_what_is_live_is_served_after_a_restart(stack: Stack, contracts: Contracts) -> None:
    path, text = new_contract("fish")
    with stack.client(stack.token()) as client:
        contracts.save(path, text)
        await_live(client, "POST", "/fish/v1/pets", params={"petId": "wanda"}, json={"displayName": "Wanda"})
    stack.stop()
    stack.start()
    stack.tokens.clear()
    with stack.client(stack.token()) as client:
        assert client.get("/fish/v1/pets/wanda").status_code == 200
