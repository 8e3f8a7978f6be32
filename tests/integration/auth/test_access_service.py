"""Access through the whole service: contract, chain, rules and Postgres."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.timestamp_pb2 import Timestamp
from tenon.auth.v1 import (
    access_model_pb2,
    access_model_service_pb2,
    access_model_service_pb2_grpc,
    access_service_pb2,
    access_service_pb2_grpc,
    permission_pb2,
    permission_service_pb2,
    permission_service_pb2_grpc,
    relation_pb2,
    relation_service_pb2,
    relation_service_pb2_grpc,
)
from tests.integration.auth.test_auth_service import Service, environ, reason_of, service, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from services.chassis.postgres import Pool

__all__ = ["environ", "service"]

MODEL = {
    "types": [
        {"name": "users"},
        {"name": "groups", "relations": [{"name": "member", "subjects": ["users", "groups#member"]}]},
        {
            "name": "documents",
            "relations": [
                {"name": "parent", "subjects": ["documents"]},
                {
                    "name": "viewer",
                    "subjects": ["users", "users/*", "groups#member", "users with office"],
                    "expression": "direct | parent.viewer",
                },
            ],
            "permissions": [{"name": "view", "expression": "viewer"}],
        },
    ],
    "conditions": [
        {
            "name": "office",
            "expression": "ip.startsWith(net)",
            "parameters": {"ip": "ACCESS_PARAMETER_TYPE_STRING", "net": "ACCESS_PARAMETER_TYPE_STRING"},
        }
    ],
}
