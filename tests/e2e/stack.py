"""A whole running Tenon for the tests: started by its own command, on a free port, in a folder of its own."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
from google.rpc import error_details_pb2, status_pb2

from services.chassis.contract import Contract, read_contract

DETAILS = "grpc-status-details-bin"
EDGE_REASONS = {"UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "INVALID_ARGUMENT"}
"""Reasons of errors that the edge makes itself, one per status; those of services say more."""

TENON = Path(sys.executable).with_name("tenon")
COMMAND_SECONDS = 240


def is_of_edge(answer: httpx.Response) -> bool:
    """Whether the edge has refused a request, and not the service behind it, which would have refused it too."""
    if answer.headers.get("content-type", "").startswith("application/grpc"):
        sealed = answer.headers[DETAILS]
        return reason_of(base64.b64decode(sealed + "=" * (-len(sealed) % 4))) in EDGE_REASONS
    return {d["reason"] for d in answer.json()["details"] if d["@type"].endswith("ErrorInfo")} <= EDGE_REASONS


def reason_of(details: bytes) -> str:
    """Return the reason in an encoded `google.rpc.Status`."""
    info = error_details_pb2.ErrorInfo()
    next(d for d in status_pb2.Status.FromString(details).details if d.Is(info.DESCRIPTOR)).Unpack(info)
    reason: str = info.reason
    return reason


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(kw_only=True)
class Stack:
    """One running stack."""

    home: Path
    """Its state folder."""
    port: int
    """The edge's port."""
    options: tuple[str, ...] = ()
    """More arguments of `tenon up`."""
    environ: dict[str, str] = field(default_factory=dict)
    """More variables of its environment."""
    tokens: dict[tuple[str, ...], str] = field(default_factory=dict, repr=False)
    """Tokens that were minted, by the arguments of `tenon token`."""
    listening: dict[str, list[str]] = field(default_factory=dict)
    """Where workers listen, by their service."""

    @property
    def url(self) -> str:
        """The edge's address."""
        return f"http://127.0.0.1:{self.port}"

    def tenon(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the `tenon` command on this stack."""
        environ = os.environ | {"TENON_HOME": str(self.home), "TENON_EDGE_PORT": str(self.port)} | self.environ
        done = subprocess.run(
            [TENON, *arguments], env=environ, text=True, capture_output=True, timeout=COMMAND_SECONDS, check=False
        )
        if check and done.returncode:
            raise AssertionError(
                f"tenon {' '.join(arguments)} exited with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done

    def start(self) -> str:
        """Start it and return what it printed."""
        return self.tenon("up", "--detach", *self.options).stdout

    def stop(self) -> None:
        """Stop it."""
        self.tenon("down")

    def status(self) -> dict[str, Any]:
        """Return what `tenon status --json` prints, also while something is not healthy."""
        answer: dict[str, Any] = json.loads(self.tenon("status", "--json", check=False).stdout)
        return answer

    def token(self, *arguments: str) -> str:
        """Return an access token, minted once for the same arguments."""
        if arguments not in self.tokens:
            self.tokens[arguments] = self.tenon("token", *arguments).stdout.strip()
        return self.tokens[arguments]

    def client(self, token: str | None = None, **options: Any) -> httpx.Client:
        """Return a REST client of the edge."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, **options)

    def channel(self) -> grpc.Channel:
        """Return a gRPC channel to the edge."""
        return grpc.insecure_channel(f"127.0.0.1:{self.port}")

    def endpoints(self, service: str) -> list[str]:
        """Return where each worker of a service listens. It does so for as long as the stack runs."""
        if not self.listening:
            for process in self.status()["processes"]:
                self.listening.setdefault(process["name"].rpartition("-")[0], []).append(process["endpoint"])
        return self.listening[service]

    def direct(self, service: str, workload: str = "cli", *, number: int = 0) -> grpc.Channel:
        """Return a gRPC channel past the edge, to one worker of a service, under the certificate of a workload."""
        endpoints = self.endpoints(service)
        certs = self.home / "certs" / workload
        folder = certs / "current" if (certs / "current").exists() else certs
        credentials = grpc.ssl_channel_credentials(
            *((folder / name).read_bytes() for name in ("ca.pem", "key.pem", "cert.pem"))
        )
        return grpc.secure_channel(endpoints[number], credentials, [("grpc.ssl_target_name_override", service)])

    def contract(self) -> Contract:
        """Return the contract that the stack runs."""
        return read_contract(self.home / "contract.binpb")
