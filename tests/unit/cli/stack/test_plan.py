"""The plan of a run: what it holds, in which order, and what each process is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.chassis.repository import service_folders
from services.cli.stack.plan import plan
from services.cli.supervision.spec import ProcessSpec, layers_of

if TYPE_CHECKING:
    from pathlib import Path

    from services.cli.settings import Settings


def names(specs: tuple[ProcessSpec, ...]) -> list[str]:
    return [spec.name for spec in specs]


def by_name(settings: Settings) -> dict[str, ProcessSpec]:
    return {spec.name: spec for spec in plan(settings, compile_key="k", demo=True)}


def test_a_full_run_has_every_process_and_step(settings: Settings) -> None:
    assert names(plan(settings, compile_key="k", demo=True)) == [
        *("postgres", "certificates", "contract", "valkey", "databases"),
        *("auth-0", "commerce-0", "data-0", "data-1", "envoy", "demo"),
    ]


def test_every_service_folder_is_served_and_has_its_role(settings: Settings) -> None:
    specs = by_name(settings)
    assert {f"{service}-0" for service in service_folders()} <= set(specs)
    assert f"services={','.join(service_folders())}" in specs["databases"].argv


def test_what_has_not_changed_is_not_compiled_and_the_demo_can_be_left_out(settings: Settings) -> None:
    assert {"contract", "demo"}.isdisjoint(names(plan(settings)))


def test_the_order_is_stores_then_services_then_edge_then_demo(settings: Settings) -> None:
    layers = [names(layer) for layer in layers_of(plan(settings, compile_key="k", demo=True))]
    assert layers == [
        ["postgres", "certificates", "contract", "valkey"],
        ["databases"],
        ["auth-0", "commerce-0", "data-0", "data-1"],
        ["envoy"],
        ["demo"],
    ]


def test_a_process_that_waits_for_what_is_not_planned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wait for"):
        layers_of((ProcessSpec(name="a", argv=("true",), log=tmp_path / "a.log", after=("b",)),))


def test_each_worker_has_sockets_of_its_own_and_knows_all_its_peers(settings: Settings) -> None:
    specs = by_name(settings)
    assert specs["data-1"].environ["TENON_LISTEN"] == f"unix:{settings.run}/data-1.sock"
    assert specs["data-1"].environ["TENON_HTTP_LISTEN"] == f"unix:{settings.run}/data-1.http.sock"
    assert specs["auth-0"].environ["TENON_PEERS"] == (
        f"auth=unix:{settings.run}/auth-0.sock,commerce=unix:{settings.run}/commerce-0.sock,"
        f"data=unix:{settings.run}/data-0.sock;unix:{settings.run}/data-1.sock"
    )


def test_a_service_is_told_what_it_needs_and_inherits_nothing_else(settings: Settings) -> None:
    environ = by_name(settings)["data-0"].environ
    assert set(environ) == {
        *("PATH", "TENON_CONTRACT", "TENON_LISTEN", "TENON_HTTP_LISTEN", "TENON_DATABASE_URL", "TENON_REDIS_URL"),
        *("TENON_CERTS", "TENON_TRUST_DOMAIN", "TENON_ISSUER", "TENON_AUDIENCE", "TENON_JWKS", "TENON_ROOT_KEY"),
        *("TENON_PEERS", "TENON_WORKER"),
    }
    assert environ["TENON_DATABASE_URL"] == f"postgresql://data@/tenon?host={settings.run}"


def test_data_alone_is_told_where_python_may_lie_beside_contracts(settings: Settings, tmp_path: Path) -> None:
    specs = {spec.name: spec for spec in plan(replace(settings, contracts=(tmp_path / "a", tmp_path / "b")))}
    told = {name: spec.environ["TENON_METHODS"] for name, spec in specs.items() if "TENON_METHODS" in spec.environ}
    assert told == dict.fromkeys(["data-0", "data-1"], f"{tmp_path}/a:{tmp_path}/b")


def test_auth_alone_is_told_where_the_first_password_is(settings: Settings) -> None:
    specs = by_name(settings)
    told = [name for name, spec in specs.items() if "TENON_ADMIN_PASSWORD_FILE" in spec.environ]
    assert told == ["auth-0"]


def test_auth_alone_is_told_how_mail_leaves(settings: Settings) -> None:
    url = "smtp+starttls://someone:secret@mail.x.test"
    specs = {spec.name: spec for spec in plan(replace(settings, of_auth={"TENON_SMTP_URL": url}))}
    assert [name for name, spec in specs.items() if "TENON_SMTP_URL" in spec.environ] == ["auth-0"]
    told = {
        name: spec.environ["TENON_MAIL_FOLDER"] for name, spec in specs.items() if "TENON_MAIL_FOLDER" in spec.environ
    }
    assert told == {"auth-0": str(settings.home / "mail")}
    assert "secret" not in repr(replace(settings, of_auth={"TENON_SMTP_URL": url}))


def test_every_process_ends_with_its_supervisor(settings: Settings) -> None:
    for spec in by_name(settings).values():
        assert "--pdeathsig" in spec.argv, spec.name


def test_contracts_are_followed_where_that_is_asked_for(settings: Settings) -> None:
    followed = {spec.name: spec for spec in plan(settings, watch=True)}["contracts"]
    assert (followed.once, followed.speaks, followed.after) == (False, True, ("envoy",))
    assert "contracts" not in names(plan(settings))


def test_breaking_callers_is_allowed_by_word_alone(settings: Settings) -> None:
    allowed = {spec.name: spec for spec in plan(replace(settings, allow_breaking=True), watch=True)}
    assert allowed["data-0"].environ["TENON_ALLOW_BREAKING"] == "1"
    assert "--allow-breaking" in allowed["contracts"].argv
    refused = {spec.name: spec for spec in plan(settings, watch=True)}
    assert "TENON_ALLOW_BREAKING" not in refused["data-0"].environ
    assert "--allow-breaking" not in refused["contracts"].argv
