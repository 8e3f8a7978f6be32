"""A gRPC channel to a service of this machine, under the command's own identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import grpc.aio

if TYPE_CHECKING:
    from pathlib import Path


def open_channel(socket: Path, *, certificates: Path, name: str) -> grpc.aio.Channel:
    """Open a channel over mTLS to the service of that name; raises OSError where the certificate is not there."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=(certificates / "ca.pem").read_bytes(),
        private_key=(certificates / "key.pem").read_bytes(),
        certificate_chain=(certificates / "cert.pem").read_bytes(),
    )
    options = (("grpc.ssl_target_name_override", name), ("grpc.use_local_subchannel_pool", 1))
    return grpc.aio.secure_channel(f"unix:{socket}", credentials, options=options)
