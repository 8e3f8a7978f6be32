"""Endpoints on which a process listens: Unix sockets that a dead one left behind, ports that are taken."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

from services.chassis.refusal import StartRefused

_BACKLOG = 1024


class EndpointInUse(StartRefused):
    """Somebody else listens there."""


def clear_stale_socket(endpoint: str) -> None:
    """Remove the socket that a dead process left at `unix:/path`; do nothing for other endpoints.

    Raises:
        EndpointInUse: Where a living process listens on it, or the path is no socket.
    """
    if not endpoint.startswith("unix:"):
        return
    path = Path(endpoint.removeprefix("unix:"))
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    if not stat.S_ISSOCK(mode):
        raise EndpointInUse(f"{path} is a file. Mend: name another path, or remove it.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError:
            pass
    raise EndpointInUse(f"Somebody listens on {path}. Mend: stop that process, or name another path.")


def prepare_socket(endpoint: str) -> socket.socket:
    """Return a listening socket for `unix:/path` or `host:port`.

    Raises:
        EndpointInUse: Where somebody else listens there.
    """
    clear_stale_socket(endpoint)
    try:
        if endpoint.startswith("unix:"):
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(endpoint.removeprefix("unix:"))
        else:
            host, _, port = endpoint.rpartition(":")
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host.strip("[]"), int(port)))
    except OSError as error:
        raise EndpointInUse(f"{endpoint}: {error.strerror}. Mend: stop whoever uses it, or name another.") from error
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener
