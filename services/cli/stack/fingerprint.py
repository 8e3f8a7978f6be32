"""Says whether the contracts have to be compiled again: a hash of all that the compiled result depends on."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from services.cli.home import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from services.cli.settings import Settings

KEY_FILE = "contract.key"


def compile_key(settings: Settings) -> str:
    """Return the name of the contracts' state, or an empty string where what was compiled is whole and of it."""
    key = _hash_sources(settings)
    with suppress(OSError, ValueError):
        if (settings.home / KEY_FILE).read_text() == f"{key} {_hash_results(settings)}":
            return ""
    return key


def write_compiled(settings: Settings, key: str) -> None:
    """Write down that what is compiled now is of this state. Done last: a step that was broken off is done again."""
    write_private(settings.home / KEY_FILE, f"{key} {_hash_results(settings)}".encode())


def _hash_sources(settings: Settings) -> str:
    digest = hashlib.sha256()
    topology = (settings.home, settings.run, settings.edge_host, settings.edge_port, settings.issuer, settings.audience)
    workers = (sorted(settings.workers.items()), settings.trust_domain, settings.metrics_port)
    telemetry = settings.handed_on.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    digest.update(repr((*topology, *workers, telemetry, settings.contracts)).encode())
    _feed(digest, _sources(settings))
    return digest.hexdigest()


def _hash_results(settings: Settings) -> str:
    digest = hashlib.sha256()
    _feed(digest, (settings.contract, *sorted((settings.home / "envoy").rglob("*.yaml"))))
    return digest.hexdigest()


def _feed(digest: hashlib._Hash, paths: Iterable[Path]) -> None:
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path}:{len(content)}:".encode())
        digest.update(content)


def _sources(settings: Settings) -> Iterator[Path]:
    for root in (settings.root / "proto", *settings.contracts):
        yield from sorted(root.rglob("*.proto"))
    # Which methods Python serves is part of what is judged.
    for root in settings.contracts:
        yield from sorted(root.rglob("methods.py"))
    yield from sorted((settings.root / "services" / "data" / "methods").glob("*.py"))
    # The compiler itself is under development too, and its libraries are pinned by the lock file.
    for part in ("chassis/contract", "chassis/repository.py", "meshgen", "cli/stack/contract.py"):
        folder = settings.root / "services" / part
        yield from sorted(folder.rglob("*.py")) if folder.is_dir() else (folder,)
    services = settings.root / "services"
    yield from sorted(path for path in (services / "meshgen" / "pages").rglob("*.*") if path.is_file())
    yield from sorted(services.glob("*/__main__.py"))
    yield from sorted(path for path in settings.root.glob("requirements/*.lock"))
