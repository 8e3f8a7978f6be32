"""What runs in one stack, and in which order: a pure function of the settings."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from services.cli.settings import workers_variable
from services.cli.stack.edge import plan_edge
from services.cli.stack.postgres import plan_postgres
from services.cli.stack.valkey import plan_valkey
from services.cli.stack.workers import plan_workers
from services.cli.supervision.child import die_with_parent
from services.cli.supervision.spec import ProcessSpec

if TYPE_CHECKING:
    from services.cli.settings import Settings


WATCHER = "contracts"
"""The process that follows the contracts."""


def plan(
    settings: Settings, *, compile_key: str = "", demo: bool = False, watch: bool = False
) -> tuple[ProcessSpec, ...]:
    """Return every process and step of a run.

    `compile_key` names the state of the contracts that has to be compiled, and is empty where nothing has changed;
    `demo` says whether the demo's first rows are still to be loaded, `watch` whether contracts that are saved go live.
    """
    postgres, databases = plan_postgres(settings)
    steps = [_plan_certificates(settings)]
    if compile_key:
        steps.append(_plan_contract(settings, compile_key))
    prepared = tuple(step.name for step in steps)
    workers = plan_workers(settings, after=(*prepared, "databases", "valkey"))
    edge = plan_edge(settings, after=(*prepared, *(worker.name for worker in workers)))
    last = [_plan_demo(settings)] if demo else []
    if watch:
        last.append(_plan_watch(settings))
    return postgres, *steps, plan_valkey(settings), databases, *workers, edge, *last


def _plan_certificates(settings: Settings) -> ProcessSpec:
    folder, domain = str(settings.home / "certs"), settings.trust_domain
    return _step(settings, "certificates", ("services.cli.stack.certificates", folder, "--trust-domain", domain))


def _plan_contract(settings: Settings, key: str) -> ProcessSpec:
    roots = [part for root in settings.contracts for part in ("--contracts", str(root))]
    mend = "correct the contract as said above, and start again."
    return _step(settings, "contract", ("services.cli.stack.contract", "--key", key, *roots), whole=True, mend=mend)


def _plan_demo(settings: Settings) -> ProcessSpec:
    mend = "mend what is said above, or leave the rows out: tenon up --no-demo."
    return _step(settings, "demo", ("services.cli.stack.seed",), after=("envoy",), whole=True, mend=mend)


def _plan_watch(settings: Settings) -> ProcessSpec:
    roots = [part for root in settings.contracts for part in ("--contracts", str(root))]
    allowed = ("--allow-breaking",) if settings.allow_breaking else ()
    step = _step(settings, WATCHER, ("services.cli.live", *roots, *allowed), after=("envoy",), whole=True)
    return replace(step, once=False, speaks=True)


def _step(
    settings: Settings,
    name: str,
    module: tuple[str, ...],
    *,
    after: tuple[str, ...] = (),
    whole: bool = False,
    mend: str = "",
) -> ProcessSpec:
    environ = dict(settings.handed_on)
    if whole:
        environ |= {
            "TENON_HOME": str(settings.home),
            "TENON_RUN": str(settings.run),
            "TENON_EDGE_HOST": settings.edge_host,
            "TENON_EDGE_PORT": str(settings.edge_port),
            "TENON_METRICS_PORT": str(settings.metrics_port),
            **{workers_variable(service): str(count) for service, count in settings.workers.items()},
            "TENON_TRUST_DOMAIN": settings.trust_domain,
            "TENON_ISSUER": settings.issuer,
            "TENON_AUDIENCE": settings.audience,
        }
    return ProcessSpec(
        name=name,
        argv=die_with_parent((sys.executable, "-P", "-m", *module)),
        environ=environ,
        log=settings.log(name),
        after=after,
        once=True,
        mend=mend,
    )
