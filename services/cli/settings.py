"""Where one run of the stack lives and listens, parsed once from the environment."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from services.chassis.repository import RECORD_HOST, REPOSITORY, service_folders
from services.chassis.settings import SOCKET_PATH_LIMIT
from services.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICES = service_folders()
"""The services of a run: every folder that is one."""

MOST_WORKERS = 99
"""Processes that one service may have."""

LONGEST_SOCKET = f"{max(SERVICES, key=len)}-{MOST_WORKERS}.http.sock"
"""The longest name that a socket of ours has."""

WORKLOADS = ("edge", *SERVICES, "cli")
"""Who has an identity in the mesh."""

CERTIFICATE_LIFE = 24 * 3600
"""Seconds that a workload's certificate lasts; it is renewed at half of them."""

HANDED_ON = ("PATH", "LANG", "SSL_CERT_FILE")
HANDED_ON_PREFIXES = ("OTEL_", "TENON_LOG_")
OF_AUTH = (
    "TENON_DPOP_NONCES",
    "TENON_FEDERATION_PRIVATE",
    "TENON_MAIL_SENDER",
    "TENON_OUTGOING_PRIVATE",
    "TENON_REFRESH_GRACE",
    "TENON_REGISTRATION",
    "TENON_SESSION_IDLE",
    "TENON_SESSION_LIFETIME",
    "TENON_SMTP_URL",
    "TENON_TOKEN_LIFETIME",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """One run of the stack on one machine."""

    root: Path
    """The folder that holds `proto/`, `services/` and `gen/`."""
    home: Path
    """The state folder."""
    run: Path
    """The folder of the sockets: short, and nobody else's."""
    edge_host: str
    """The address that the edge listens on."""
    edge_port: int
    """The port that the edge listens on."""
    metrics_port: int
    """The port of this machine alone that shows everybody's metrics to Prometheus, or 0 for none."""
    workers: Mapping[str, int]
    """How many processes each service has, by its name."""
    trust_domain: str
    """The SPIFFE trust domain of the workloads."""
    issuer: str
    """What tokens carry as `iss`."""
    audience: str
    """What tokens carry as `aud`."""
    contracts: tuple[Path, ...] = ()
    """Import roots of contracts outside the repository."""
    allow_breaking: bool = False
    """Whether a contract may break callers of the one before it."""
    of_auth: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What auth alone is told: the mail server, with its password, and what it allows."""
    handed_on: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The few variables of our own environment that the processes get."""

    @property
    def url(self) -> str:
        """Where a client on this machine reaches the edge."""
        host = "localhost" if self.edge_host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else self.edge_host  # noqa: S104 (compared, not bound)
        return f"http://{host}:{self.edge_port}"

    @property
    def logs(self) -> Path:
        """The folder with a log for each process."""
        return self.home / "logs"

    @property
    def contract(self) -> Path:
        """The compiled contract that every process reads."""
        return self.home / "contract.binpb"

    @property
    def root_key(self) -> Path:
        """The file that everything secret is derived from."""
        return self.home / "root.key"

    @property
    def admin_password(self) -> Path:
        """The file with the first password of the bootstrap administrator."""
        return self.home / "admin-password"

    @property
    def bare_environ(self) -> dict[str, str]:
        """The environment of a program that is none of ours: where things are, and the language."""
        return {name: value for name, value in self.handed_on.items() if name in HANDED_ON}

    def certificates(self, workload: str) -> Path:
        """Return the folder with a workload's current certificate: a link that is swapped when it is renewed."""
        return self.home / "certs" / workload / "current"

    def log(self, name: str) -> Path:
        """Return the path of a process's log."""
        return self.logs / f"{name}.log"

    def socket(self, name: str) -> Path:
        """Return the path of a socket in the runtime folder."""
        return self.run / f"{name}.sock"


def read_settings(
    environ: Mapping[str, str], *, directory: Path, contracts: tuple[Path, ...] = (), empty: bool = False
) -> Settings:
    """Return the settings of a command that was called in a directory; raises CommandError for what cannot be.

    `empty` says that folders of contracts may hold none yet.
    """
    home = Path(environ.get("TENON_HOME") or find_home(directory)).expanduser().absolute()
    port = _read_number(environ, "TENON_EDGE_PORT", 8080, 1, 65535)
    host = environ.get("TENON_EDGE_HOST") or "127.0.0.1"
    return Settings(
        root=REPOSITORY,
        home=home,
        run=_choose_run(environ, home),
        edge_host=host,
        edge_port=port,
        metrics_port=_read_number(environ, "TENON_METRICS_PORT", 0, 0, 65535),
        workers={
            service: _read_number(environ, workers_variable(service), _usual_workers(service), 1, MOST_WORKERS)
            for service in SERVICES
        },
        trust_domain=environ.get("TENON_TRUST_DOMAIN") or "tenon.local",
        issuer=environ.get("TENON_ISSUER") or f"http://localhost:{port}",
        audience=environ.get("TENON_AUDIENCE") or "tenon",
        contracts=tuple(_existing_folder(directory / path, empty=empty) for path in contracts),
        of_auth={name: environ[name] for name in OF_AUTH if environ.get(name)},
        handed_on={k: v for k, v in environ.items() if k in HANDED_ON or k.startswith(HANDED_ON_PREFIXES)},
    )


def workers_variable(service: str) -> str:
    """Return the variable that says how many processes a service has, such as `TENON_DATA_WORKERS`."""
    return f"TENON_{service.upper()}_WORKERS"


def find_home(directory: Path) -> Path:
    """Return the state folder of the project that a directory lies in: the nearest one, else beside its `proto/`."""
    ancestors = (directory, *directory.parents)
    for folder in ancestors:
        if (folder / ".tenon").is_dir():
            return folder / ".tenon"
    project = next((folder for folder in ancestors if (folder / "proto").is_dir()), directory)
    return project / ".tenon"


def _choose_run(environ: Mapping[str, str], home: Path) -> Path:
    name = f"tenon-{hashlib.sha256(os.fsencode(home)).hexdigest()[:8]}"
    asked = environ.get("TENON_RUN")
    offered = environ.get("XDG_RUNTIME_DIR")
    candidates = [Path(asked).absolute()] if asked else []
    if not asked and offered and os.access(offered, os.W_OK):
        candidates.append(Path(offered) / name)
    if not asked:
        candidates += [Path(tempfile.gettempdir()) / name, Path("/tmp") / name]  # noqa: S108 (made 0700 and checked)
    for run in candidates:
        if len(os.fsencode(run / LONGEST_SOCKET)) <= SOCKET_PATH_LIMIT:
            return run
    raise CommandError(
        f"The runtime folder {candidates[0]} is too long: a socket's path may have {SOCKET_PATH_LIMIT} bytes.",
        mend="set TENON_RUN to a shorter folder, such as /tmp/tenon.",
    )


def _usual_workers(service: str) -> int:
    # Data serves every contract without a service of its own: the work is there.
    return min(2, os.cpu_count() or 1) if service == RECORD_HOST else 1


def _existing_folder(path: Path, *, empty: bool) -> Path:
    folder = path.resolve()
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}.", mend="give --contracts an existing import root.")
    if not empty and next(folder.rglob("*.proto"), None) is None:
        raise CommandError(
            f"There is no .proto file in {folder}.",
            mend="put a contract there, such as library/v1/library.proto for the package library.v1.",
        )
    return folder


def _read_number(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or not least <= int(text) <= most:
        raise CommandError(f"{name} is {text!r}.", mend=f"set it to a whole number from {least} to {most}.")
    return int(text)
