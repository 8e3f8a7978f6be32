"""The services' worker processes, and the environment that each of them gets."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from services.chassis.repository import RECORD_HOST
from services.cli.supervision.child import die_with_parent
from services.cli.supervision.probes import is_grpc_ready
from services.cli.supervision.spec import ProcessSpec

if TYPE_CHECKING:
    from services.cli.settings import Settings


def sockets_of(settings: Settings, service: str) -> tuple[str, ...]:
    """Return the gRPC endpoints of a service, one for each worker."""
    return tuple(f"unix:{settings.socket(f'{service}-{index}')}" for index in range(settings.workers[service]))


def http_sockets_of(settings: Settings, service: str) -> tuple[str, ...]:
    """Return the HTTP endpoints of a service, one for each worker."""
    return tuple(f"unix:{settings.socket(f'{service}-{index}.http')}" for index in range(settings.workers[service]))


def plan_workers(settings: Settings, *, after: tuple[str, ...]) -> tuple[ProcessSpec, ...]:
    """Return every worker of every service."""
    return tuple(
        _plan_worker(settings, service, index, after)
        for service, count in settings.workers.items()
        for index in range(count)
    )


def service_environ(settings: Settings, service: str, index: int) -> dict[str, str]:
    """Return the whole environment of a worker: nothing of ours but what it names."""
    peers = ",".join(f"{name}={';'.join(sockets_of(settings, name))}" for name in settings.workers)
    environ = {
        **settings.handed_on,
        "TENON_CONTRACT": str(settings.contract),
        "TENON_LISTEN": sockets_of(settings, service)[index],
        "TENON_HTTP_LISTEN": http_sockets_of(settings, service)[index],
        "TENON_DATABASE_URL": f"postgresql://{service}@/tenon?host={settings.run}",
        "TENON_REDIS_URL": f"unix://{settings.socket('valkey')}",
        "TENON_CERTS": str(settings.certificates(service)),
        "TENON_TRUST_DOMAIN": settings.trust_domain,
        "TENON_ISSUER": settings.issuer,
        "TENON_AUDIENCE": settings.audience,
        "TENON_JWKS": http_sockets_of(settings, "auth")[0],
        "TENON_ROOT_KEY": str(settings.root_key),
        "TENON_PEERS": peers,
        "TENON_WORKER": str(index),
    }
    if service == "auth":
        environ["TENON_ADMIN_PASSWORD_FILE"] = str(settings.admin_password)
        environ |= {"TENON_MAIL_FOLDER": str(settings.home / "mail"), **settings.of_auth}
    if service == RECORD_HOST and settings.contracts:
        # Python may lie beside contracts, and is read again when they change.
        environ["TENON_METHODS"] = os.pathsep.join(map(str, settings.contracts))
    if settings.allow_breaking:
        environ["TENON_ALLOW_BREAKING"] = "1"
    return environ


def _plan_worker(settings: Settings, service: str, index: int, after: tuple[str, ...]) -> ProcessSpec:
    name = f"{service}-{index}"
    socket = settings.socket(name)
    return ProcessSpec(
        name=name,
        argv=die_with_parent((sys.executable, "-P", "-m", f"services.{service}")),
        environ=service_environ(settings, service, index),
        log=settings.log(name),
        endpoint=f"unix:{socket}",
        sockets=(socket, settings.socket(f"{name}.http")),
        after=after,
        probe=lambda: is_grpc_ready(socket, certificates=settings.certificates("cli"), name=service),
        stop_timeout=20.0,
    )
