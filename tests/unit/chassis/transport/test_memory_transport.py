"""The transport without sockets keeps what every transport must keep, so that servicers are tested on it."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis.interceptors import Chain
from services.chassis.interceptors.errors import ErrorsInterceptor
from tests.fakes.chassis_channel import MemoryChannel
from tests.fakes.chassis_conformance import Serve, TransportConformance


class TestMemoryTransport(TransportConformance):
    """The suite, on this transport."""

    @pytest.fixture
    def serve(self) -> Serve:
        async def serve(handlers: dict[str, Any]) -> Any:
            return MemoryChannel(handlers, Chain([ErrorsInterceptor()]).bind)

        return serve
