"""Says whether the contracts have to be compiled again: a hash of all that the compiled result depends on."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.cli.settings import Settings

KEY_FILE = "contract.key"


def compile_key(settings: Settings) -> str:
    """Return the name of the contracts' state, or an empty string where what was compiled is of this state."""
    key = _hash(settings)
    written = settings.home / KEY_FILE
    whole = settings.contract.exists() and (settings.home / "envoy" / "bootstrap.yaml").exists()
    with suppress(OSError, ValueError):
        if whole and written.read_text() == key:
            return ""
    return key


def _hash(settings: Settings) -> str:
    digest = hashlib.sha256()
    topology = (settings.home, settings.run, settings.edge_host, settings.edge_port, settings.issuer, settings.audience)
    workers = (settings.auth_workers, settings.data_workers, settings.trust_domain)
    digest.update(repr((*topology, *workers, settings.contracts)).encode())
    for path in _sources(settings):
        content = path.read_bytes()
        digest.update(f"{path}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources(settings: Settings) -> Iterator[Path]:
    for root in (settings.root / "proto", *settings.contracts):
        yield from sorted(root.rglob("*.proto"))
    # The compiler itself is under development too, and its libraries are pinned by the lock file.
    for part in ("chassis/contract", "meshgen", "cli/contract.py"):
        folder = settings.root / "services" / part
        yield from sorted(folder.rglob("*.py")) if folder.is_dir() else (folder,)
    services = settings.root / "services"
    yield from sorted(services.glob("*/__main__.py"))
    yield from sorted(path for path in settings.root.glob("*.lock"))
