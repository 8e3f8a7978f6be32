"""Users of other systems sign in with the passwords that they have there, through the whole service."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import bcrypt
import pytest
from argon2 import PasswordHasher, Type
from argon2.low_level import hash_secret_raw
from tenon.auth.v1 import (
    adoption_service_pb2,
    adoption_service_pb2_grpc,
    role_pb2,
    role_service_pb2,
    user_service_pb2,
)

from services.auth.storage.database import Database
from services.auth.storage.hashing import OWN
from services.cli.commands.auth.sources.files import read_file
from tests.integration.auth.test_auth_service import environ, reason_of, service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.integration.auth.test_auth_service import Service

__all__ = ["environ", "service"]

PASSWORD = "a password of elsewhere, with an ä"
SALT = b"0123456789abcdef"


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def pbkdf2(kind: str, rounds: int, length: int | None = None) -> bytes:
    return hashlib.pbkdf2_hmac(kind, PASSWORD.encode(), SALT, rounds, length)


HASHES = {
    "bcrypt": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(),
    "scrypt": "$scrypt$ln=10,r=8,p=1$"
    + "$".join(map(b64, (SALT, hashlib.scrypt(PASSWORD.encode(), salt=SALT, n=1 << 10, r=8, p=1, dklen=32)))),
    "pbkdf2": f"$pbkdf2-sha256$i=1000${b64(SALT)}${b64(pbkdf2('sha256', 1000))}",
    "argon2": PasswordHasher(time_cost=1, memory_cost=1024, parallelism=2, type=Type.I).hash(PASSWORD),
}


def keycloak_credential(algorithm: str) -> dict[str, Any]:
    """Return a password as Keycloak exports it."""
    more: dict[str, list[str]] = {}
    if algorithm == "argon2":
        key = hash_secret_raw(PASSWORD.encode(), SALT, 5, 7168, 1, 32, Type.ID)
        rounds = 5
        more = {"hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}
    else:
        rounds = 2700
        key = pbkdf2(algorithm.removeprefix("pbkdf2-"), rounds, 64)
    secret = {"value": b64(key), "salt": b64(SALT), "additionalParameters": {}}
    data = {"hashIterations": rounds, "algorithm": algorithm, "additionalParameters": more}
    return {"type": "password", "secretData": json.dumps(secret), "credentialData": json.dumps(data)}


@pytest.fixture
async def kept(environ: dict[str, str], service: Service) -> AsyncIterator[Database]:
    """What the service keeps."""
    del service
    database = Database(environ["TENON_DATABASE_URL"])
    yield database
    await database.close()


async def adopt(service: Service, *users: Any, caller: dict[str, Any] | None = None) -> list[Any]:
    channel: Any = service.channel("edge")
    stub: Any = adoption_service_pb2_grpc.AdoptionServiceStub(channel)
    request = adoption_service_pb2.AdoptUsersRequest(users=users)
    return list((await stub.AdoptUsers(request, **(caller or await service.bearer()))).results)


def newcomer(email: str, **fields: Any) -> Any:
    return adoption_service_pb2.AdoptedUser(email=email, **fields)


async def hash_of(kept: Database, user: str) -> str:
    rows = await kept.fetch("SELECT password_hash FROM auth.credentials WHERE user_name = $1", [user])
    return str(rows[0]["password_hash"]) if rows else ""


@pytest.mark.parametrize("kind", HASHES)
async def test_users_sign_in_with_their_old_passwords_and_get_a_hash_of_ours(
    service: Service, kept: Database, kind: str
) -> None:
    [made] = await adopt(service, newcomer("ada@example.com", password_hash=HASHES[kind], display_name="Ada"))
    assert (made.reason, made.message) == ("", "")
    assert await hash_of(kept, made.user) == HASHES[kind]
    assert await reason_of(service.sign_in("ada@example.com", PASSWORD + "!")) == "UNAUTHENTICATED SIGN_IN_FAILED"
    assert await hash_of(kept, made.user) == HASHES[kind]
    assert (await service.sign_in("ada@example.com", PASSWORD)).user == made.user
    assert (await hash_of(kept, made.user)).startswith(OWN)
    assert (await service.sign_in("ada@example.com", PASSWORD)).user == made.user


@pytest.mark.parametrize("algorithm", ["pbkdf2-sha256", "pbkdf2-sha512", "argon2"])
async def test_users_of_a_realm_of_keycloak_sign_in_as_before(
    service: Service, kept: Database, tmp_path: Path, algorithm: str
) -> None:
    user = {
        "id": "8b8c",
        "username": "ada",
        "email": "Ada@Example.com",
        "emailVerified": True,
        "enabled": True,
        "firstName": "Ada",
        "lastName": "Lovelace",
        "credentials": [{"type": "otp"}, keycloak_credential(algorithm)],
    }
    (tmp_path / "realm.json").write_text(json.dumps({"realm": "acme", "users": [user]}))
    [row] = read_file(tmp_path / "realm.json", form="", roles={})
    assert row.user is not None
    [made] = await adopt(service, row.user)
    assert made.reason == "", made.message
    assert (await service.sign_in("ada@example.com", PASSWORD)).user == made.user
    assert (await hash_of(kept, made.user)).startswith(OWN)
    shown = await service.users.GetUser(user_service_pb2.GetUserRequest(name=made.user), **await service.bearer())
    assert (shown.email, shown.email_verified, shown.family_name) == ("ada@example.com", True, "Lovelace")
    assert dict(shown.metadata) == {"keycloak_id": "8b8c", "keycloak_username": "ada"}


async def test_one_who_cannot_be_taken_over_stops_no_other(service: Service, kept: Database) -> None:
    results = await adopt(
        service,
        newcomer("first@example.com"),
        newcomer("no address"),
        newcomer("ADMIN@tenon.local"),
        newcomer(""),
        newcomer("md5@example.com", password_hash="5f4dcc3b5aa765d61d8327deb882cf99"),
        newcomer("costly@example.com", password_hash="$2b$15$" + "a" * 53),
        newcomer("roles@example.com", roles=["roles/nothing-of-the-kind"]),
        newcomer("zone@example.com", zone="no zone"),
        newcomer("first@example.com"),
        newcomer("last@example.com", disabled=True),
    )
    assert [result.reason for result in results] == [
        "",
        "FIELD_INVALID",
        "USER_EXISTS",
        "FIELD_INVALID",
        "PASSWORD_HASH_UNUSABLE",
        "PASSWORD_HASH_UNUSABLE",
        "ROLE_UNKNOWN",
        "FIELD_INVALID",
        "USER_EXISTS",
        "",
    ]
    assert all(bool(result.user) is not bool(result.message) for result in results)
    rows = await kept.fetch("SELECT email FROM auth.users ORDER BY email")
    assert [row["email"] for row in rows] == ["admin@tenon.local", "first@example.com", "last@example.com"]
    assert await reason_of(service.sign_in("last@example.com", "anything at all")) == "UNAUTHENTICATED SIGN_IN_FAILED"


async def test_nobody_gives_more_than_they_hold(service: Service) -> None:
    _, clerk = await service.add_user("clerk@example.com", "auth.users.adopt", "commerce.products.get")
    admin = await service.bearer()
    for name, permissions in (("small", ["commerce.products.get"]), ("large", ["commerce.*"])):
        request = role_service_pb2.CreateRoleRequest(role=role_pb2.Role(permissions=permissions), role_id=name)
        await service.roles.CreateRole(request, **admin)
    small, large = await adopt(
        service,
        newcomer("small@example.com", roles=["roles/small"]),
        newcomer("large@example.com", roles=["roles/large"]),
        caller=clerk,
    )
    assert small.user.startswith("users/")
    assert (large.user, large.reason) == ("", "GRANT_EXCEEDS_OWN")


async def test_whoever_may_only_make_users_takes_none_over(service: Service) -> None:
    _, clerk = await service.add_user("clerk@example.com", "auth.users.create")
    answer = adopt(service, newcomer("new@example.com", password_hash=HASHES["bcrypt"]), caller=clerk)
    assert await reason_of(answer) == "PERMISSION_DENIED PERMISSION_MISSING"


async def test_more_than_five_hundred_are_refused_together(service: Service) -> None:
    users = [newcomer(f"user{number}@example.com") for number in range(501)]
    assert await reason_of(adopt(service, *users)) == "INVALID_ARGUMENT INVALID_ARGUMENT"


async def test_it_is_written_down_without_the_hash(service: Service, kept: Database) -> None:
    [made] = await adopt(service, newcomer("ada@example.com", password_hash=HASHES["bcrypt"]))
    rows = await kept.fetch("SELECT * FROM auth.audit_events WHERE kind = 'user.adopted'")
    assert [(row["subject"], row["outcome"]) for row in rows] == [(made.user, "success")]
    everything = str([dict(row) for row in rows]) + str(
        [dict(row) for row in await kept.fetch("SELECT * FROM auth.outbox")]
    )
    assert HASHES["bcrypt"] not in everything
