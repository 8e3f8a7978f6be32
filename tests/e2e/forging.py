"""Tokens that auth would never give out, signed with its own key: the sharpest there are to refuse."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.jwk import ECKey

from services.auth.storage.database import Database
from services.auth.storage.revocations import SqlRevocations
from services.auth.storage.signing_keys import SqlSigningKeys
from services.chassis.keyring import Keyring
from services.chassis.tokens import ALGORITHM, TOKEN_TYPE

if TYPE_CHECKING:
    from services.auth.domain.revocations import Revocation
    from tests.e2e.stack import Stack


@dataclass(kw_only=True)
class Forge:
    """Signs whatever it is asked to, as auth of one stack."""

    stack: Stack
    """The stack."""
    key: ECKey = field(repr=False)
    """Auth's own signing key."""
    issuer: str
    """Auth's name."""

    def token(self, *permissions: str, **claims: Any) -> str:
        """Return a token that grants these patterns; a claim of None is left out."""
        now = int(time.time())
        body = {
            "iss": self.issuer,
            "aud": "tenon",
            "sub": "users/forged",
            "org": "default",
            "permissions": list(permissions),
            "client_id": "forge",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "jti": str(time.monotonic_ns()),
            **claims,
        }
        kept = {name: value for name, value in body.items() if value is not None}
        header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": self.key.kid}
        return jwt.encode(header, kept, self.key, algorithms=[ALGORITHM])

    def revoke(self, *revocations: Revocation) -> None:
        """Revoke, as auth does, and tell nobody: everybody has to look."""

        async def revoke() -> None:
            database = Database(database_url(self.stack))
            try:
                await SqlRevocations(database).revoke(revocations)
            finally:
                await database.close()

        asyncio.run(revoke())


def forge_of(stack: Stack) -> Forge:
    """Return the forge of a stack that runs."""

    async def read() -> ECKey:
        database = Database(database_url(stack))
        seal = Keyring.from_file(stack.home / "root.key").sealer("auth signing key")
        try:
            keys = await SqlSigningKeys(database, seal).list()
        finally:
            await database.close()
        found = [key for key in keys if key.algorithm == ALGORITHM and key.private is not None]
        return ECKey.import_key(dict(found[0].private or {}))

    return Forge(stack=stack, key=asyncio.run(read()), issuer=claims_of(stack.token())["iss"])


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token says."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def database_url(stack: Stack) -> str:
    """Return where auth's tables are."""
    sockets = (p["endpoint"] for p in stack.status()["processes"] if p["name"] == "postgres")
    folder = PurePath(next(sockets).removeprefix("unix:")).parent
    return f"postgresql://auth@/tenon?host={folder}"
