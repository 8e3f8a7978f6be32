"""Fixtures that all tests share: pytest-grpc's, made to serve our servicers on asyncio."""

from __future__ import annotations

from tests.grpc_fixtures import (
    _grpc_server,
    grpc_add_to_server,
    grpc_addr,
    grpc_channel,
    grpc_contract,
    grpc_create_channel,
    grpc_handlers,
    grpc_server,
    grpc_stub,
    grpc_verifier,
)

__all__ = [
    "_grpc_server",
    "grpc_add_to_server",
    "grpc_addr",
    "grpc_channel",
    "grpc_contract",
    "grpc_create_channel",
    "grpc_handlers",
    "grpc_server",
    "grpc_stub",
    "grpc_verifier",
]
