"""Serves SigningKeyService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenon.auth.v1 import signing_key_service_pb2 as pb

from services.auth.domain.key_rotation import KeyState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.auth.domain.key_rotation import KeyRotation
    from services.auth.domain.signing_keys import SigningKey
    from services.chassis.call import Call

NAMES = "signingKeys/"
"""What names of keys begin with."""

_STATES = {
    KeyState.STAGED: pb.SIGNING_KEY_STATE_STAGED,
    KeyState.SIGNING: pb.SIGNING_KEY_STATE_SIGNING,
    KeyState.RETIRED: pb.SIGNING_KEY_STATE_RETIRED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKeyServicer:
    """Shows and exchanges the keys that sign."""

    rotation: KeyRotation
    """Does it."""
    forget: Callable[[], None]
    """Lets this process read the keys anew."""

    async def DescribeSigningKeys(
        self, request: pb.DescribeSigningKeysRequest, call: Call
    ) -> pb.DescribeSigningKeysResponse:
        """Return the keys that are published."""
        del request, call
        return pb.DescribeSigningKeysResponse(signing_keys=_encode(await self.rotation.describe()))

    async def RotateSigningKeys(self, request: pb.RotateSigningKeysRequest, call: Call) -> pb.RotateSigningKeysResponse:
        """Publish the next keys now."""
        del request
        found = await self.rotation.rotate(_actor(call))
        self.forget()
        return pb.RotateSigningKeysResponse(signing_keys=_encode(found))

    async def RevokeSigningKeys(self, request: pb.RevokeSigningKeysRequest, call: Call) -> pb.RevokeSigningKeysResponse:
        """Withdraw keys at once."""
        found = await self.rotation.revoke(_actor(call), {name.removeprefix(NAMES) for name in request.names})
        self.forget()
        return pb.RevokeSigningKeysResponse(signing_keys=_encode(found))


def _actor(call: Call) -> str:
    return f"workloads/{call.caller.workload}"


def _encode(keys: Sequence[tuple[SigningKey, KeyState]]) -> list[pb.SigningKey]:
    found = []
    for key, state in keys:
        made = pb.SigningKey(name=f"{NAMES}{key.id}", algorithm=key.algorithm, state=_STATES[state])
        made.activate_time.FromDatetime(key.activates)
        found.append(made)
    return found
