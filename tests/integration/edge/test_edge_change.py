"""What changes under a running edge: contract, certificates, token keys and workers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

import pytest

from services.meshgen.envoy import generate
from tests.integration.edge.backend import Worker
from tests.integration.edge.rig import CONTRACTS, Edge, await_true, read_contract_of, running_edge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUTES = "rds/routes.yaml"
DOCUMENTS = ("pages/openapi.json", "pages/openapi.yaml")
COUNTS = "http.edge.rds.edge-routes."
REFUSALS = (COUNTS + "update_rejected", COUNTS + "update_failure")
ROTATIONS = ("ssl_context_update_by_sds",)
MARK = "  // Answers anybody.\n"
LATER = """  // Waves.
  rpc Wave(Ask) returns (Answer) {
    option (google.api.http) = {get: "/toy/v1/waves"};
    option (tenon.options.v1.rule) = {public: "A later version waves."};
  }

"""


@pytest.fixture
def fresh(short_folder: Path) -> Iterator[Edge]:
    """Yield an edge that a test may change."""
    with running_edge(short_folder, jwks_cache=1.0) as edge:
        yield edge


class Load:
    """Calls again and again until told to stop, and counts what came."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(2)]
        self.found: dict[int, int] = {}

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.await_calls(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def await_calls(self, more: int) -> None:
        """Wait for so many more calls."""
        goal = sum(self.found.values()) + more
        await_true(lambda: sum(self.found.values()) >= goal, "calls under load", seconds=30)

    def _call(self) -> None:
        headers = self._edge.bearer("*")
        while not self._stop.is_set():
            status = self._edge.rest.get("/toy/v1/things/1", headers=headers).status_code
            self.found[status] = self.found.get(status, 0) + 1


def count(edge: Edge, endings: tuple[str, ...]) -> int:
    """Return the sum of Envoy's counters whose names end so."""
    return sum(value for name, value in edge.stats().items() if name.endswith(endings))


def await_count(edge: Edge, endings: tuple[str, ...], goal: int) -> None:
    """Wait until those counters have reached a sum."""
    await_true(lambda: count(edge, endings) >= goal, f"{endings} of {goal}")


def later_contract(folder: Path) -> Any:
    """Return the toy contract with one method more."""
    name = "tenon/toy/v1/toy_service.proto"
    target = folder / "later" / name
    target.parent.mkdir(parents=True)
    text = (CONTRACTS / name).read_text()
    assert MARK in text
    target.write_text(text.replace(MARK, LATER + MARK))
    return read_contract_of(folder / "later")


def test_a_changed_contract_is_live_at_once_and_no_call_fails(fresh: Edge, short_folder: Path) -> None:
    later = generate(later_contract(short_folder), fresh.topology)
    earlier = generate(fresh.contract, fresh.topology)
    assert fresh.rest.get("/toy/v1/waves").status_code == 404
    before = fresh.stats()[COUNTS + "update_success"]
    with Load(fresh) as load:
        for turn in range(10):
            # The documents come first, as the routes name what they hold.
            assert fresh.write(later if turn % 2 == 0 else earlier) == (*DOCUMENTS, ROUTES)
            await_count(fresh, (COUNTS + "update_success",), before + turn + 1)
            load.await_calls(10)
        fresh.write(later)
        await_true(lambda: fresh.rest.get("/toy/v1/waves").status_code != 404, "the new method")
    assert set(load.found) == {200}
    stats = fresh.stats()
    assert stats["listener_manager.lds.update_success"] == 1
    assert stats["cluster_manager.cds.update_success"] == 1


def test_bad_files_leave_the_old_contract_in_place(fresh: Edge) -> None:
    files = generate(fresh.contract, fresh.topology)
    good = files[ROUTES]
    for turn, bad in enumerate(
        (
            "resources: [",
            good.replace("domains:", "nonsense: 1\n    domains:"),
            good.replace("cluster: toy", "cluster: missing"),
            good.replace("tenon.toy.v1.ToyService\n", "tenon.toy.v1.Missing\n"),
        )
    ):
        assert bad != good
        fresh.write({**files, ROUTES: bad})
        await_count(fresh, REFUSALS, turn + 1)
        assert fresh.rest.get("/toy/v1/greeting").status_code == 200
    fresh.write(files)
    assert fresh.rest.get("/toy/v1/greeting").status_code == 200


def test_a_service_with_another_identity_is_not_trusted(short_folder: Path) -> None:
    with running_edge(short_folder, identity="auth") as edge:
        answer = edge.rest.get("/toy/v1/greeting")
        assert answer.status_code == 503
        assert answer.json()["code"] == 14
        assert "TLS" not in answer.text
        assert edge.stats()["cluster.toy.ssl.fail_verify_san"] > 0


def test_certificates_rotate_under_load(fresh: Edge, short_folder: Path) -> None:
    with Load(fresh) as load:
        for _ in range(3):
            before = count(fresh, ROTATIONS)
            fresh.authority.issue(short_folder / "certs" / "edge", "edge")
            await_count(fresh, ROTATIONS, before + 1)
            load.await_calls(10)
    assert set(load.found) == {200}


def test_a_new_token_key_is_taken_and_the_old_one_still_holds(fresh: Edge) -> None:
    old = fresh.bearer("*")
    fresh.issuer.rotate("second")
    new = fresh.bearer("*")
    await_true(lambda: fresh.rest.get("/toy/v1/things/1", headers=new).status_code == 200, "the new key")
    assert fresh.rest.get("/toy/v1/things/1", headers=old).status_code == 200


def test_token_keys_outlive_their_source(fresh: Edge) -> None:
    fresh.jwks.close()
    before = fresh.stats()["http.edge.jwt_authn.jwks_fetch_failed"]
    await_true(lambda: fresh.stats()["http.edge.jwt_authn.jwks_fetch_failed"] > before + 1, "failed fetches")
    assert fresh.rest.get("/toy/v1/things/1", headers=fresh.bearer("*")).status_code == 200


def test_a_killed_worker_costs_no_idempotent_call(fresh: Edge, short_folder: Path) -> None:
    certs = short_folder / "certs" / "toy" / "current"
    with Load(fresh) as load:
        for index in (0, 1, 0):
            fresh.workers[index].kill()
            load.await_calls(30)
            fresh.workers[index] = Worker(fresh.toy, short_folder / f"toy-{index}.sock", certs)
            await_true(lambda: fresh.stats()["cluster.toy.membership_healthy"] == 2, "the worker's return")
    assert set(load.found) == {200}


def test_the_restart_of_the_only_worker_is_outlasted(short_folder: Path) -> None:
    with running_edge(short_folder, workers=1) as edge:
        certs = short_folder / "certs" / "toy" / "current"
        edge.workers[0].kill()
        answers: list[int] = []
        headers = edge.bearer("*")
        call = threading.Thread(
            target=lambda: answers.append(edge.rest.get("/toy/v1/things/1", headers=headers).status_code)
        )
        call.start()
        await_true(lambda: edge.stats()["cluster.toy.upstream_rq_retry"] > 0, "a retry")
        edge.workers[0] = Worker(edge.toy, short_folder / "toy-0.sock", certs)
        call.join()
    assert answers == [200]


def test_a_call_that_may_not_be_repeated_is_not(fresh: Edge) -> None:
    for worker in fresh.workers:
        worker.kill()
    answer = fresh.rest.post("/toy/v1/things", json={}, headers=fresh.bearer("*"))
    assert answer.status_code == 503
    assert answer.json()["details"][0]["reason"] == "UNAVAILABLE"
    assert fresh.stats()["cluster.toy.upstream_rq_retry"] == 0
