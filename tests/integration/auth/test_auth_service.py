"""The whole service, without a socket of its own: its contract, its chain, its rules, Postgres and Redis."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from tenon.auth.v1 import (
    role_pb2,
    role_service_pb2,
    role_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
    user_pb2,
    user_service_pb2,
    user_service_pb2_grpc,
)

from services.auth.__main__ import wire
from services.chassis.audit import AuditTrail
from services.chassis.contract import PROTO_ROOT, Contract, compile_protos, load_contract, write_contract
from services.chassis.frame import Frame
from services.chassis.interceptors import standard_chain
from services.chassis.keyring import create_root_key
from services.chassis.settings import Settings
from tests.fakes.chassis_channel import MemoryChannel
from tests.fakes.chassis_frame import fake_telemetry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from services.chassis.postgres import Pool

EMAIL = "admin@tenon.local"
PASSWORD = "the first password of the administrator"


@cache
def own_contract() -> Contract:
    return load_contract(compile_protos([PROTO_ROOT]), services=("auth", "data"), custom=None)


@dataclass
class Service:
    """Auth as its callers see it."""

    channel: Callable[[str], Any]
    frame: Frame

    def __post_init__(self) -> None:
        edge: Any = self.channel("edge")
        self.users: Any = user_service_pb2_grpc.UserServiceStub(edge)
        self.roles: Any = role_service_pb2_grpc.RoleServiceStub(edge)
        self.sessions: Any = session_service_pb2_grpc.SessionServiceStub(edge)

    async def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> Any:
        return await self.sessions.SignIn(session_service_pb2.SignInRequest(email=email, password=password))

    async def bearer(self, email: str = EMAIL, password: str = PASSWORD) -> dict[str, Any]:
        opened = await self.sign_in(email, password)
        return {"metadata": [("authorization", f"Bearer {opened.access_token}")]}

    async def add_user(self, email: str, *permissions: str) -> tuple[Any, dict[str, Any]]:
        """Make a user with a role of these permissions, and return both the user and the user's own metadata."""
        admin = await self.bearer()
        role = await self.roles.CreateRole(
            role_service_pb2.CreateRoleRequest(role=role_pb2.Role(permissions=permissions)), **admin
        )
        user = await self.users.CreateUser(
            user_service_pb2.CreateUserRequest(user=user_pb2.User(email=email, roles=[role.name])), **admin
        )
        reset = await self.users.ResetPassword(user_service_pb2.ResetPasswordRequest(name=user.name), **admin)
        return user, await self.bearer(email, reset.password)


async def reason_of(answer: Awaitable[Any]) -> str:
    """Return the status and the reason that a call fails with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await answer
    details = dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]
    info = ErrorInfo()
    assert Status.FromString(details).details[0].Unpack(info)
    return f"{caught.value.code().name} {info.reason}"


def claims_of(token: str) -> Mapping[str, Any]:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


@pytest.fixture
def environ(tmp_path: Path, database: str, valkey_socket: Path, redis: object) -> dict[str, str]:
    write_contract(own_contract(), tmp_path / "contract.binpb")
    create_root_key(tmp_path / "root.key")
    password = tmp_path / "admin-password"
    password.touch(mode=0o600)
    password.write_text(f"{PASSWORD}\n")
    return {
        "TENON_CONTRACT": str(tmp_path / "contract.binpb"),
        "TENON_LISTEN": f"unix:{tmp_path}/auth.sock"[:100],
        "TENON_INSECURE": "1",
        "TENON_DATABASE_URL": database,
        "TENON_REDIS_URL": f"unix://{valkey_socket}",
        "TENON_ROOT_KEY": str(tmp_path / "root.key"),
        "TENON_ISSUER": "https://tenon.test",
        "TENON_ADMIN_PASSWORD_FILE": str(password),
    }


@asynccontextmanager
async def started(environ: Mapping[str, str]) -> AsyncIterator[Service]:
    """Start auth as a process would."""
    clients: Any = None
    frame = Frame(
        name="auth",
        settings=Settings.from_environ(environ),
        environ=environ,
        contract=own_contract(),
        clients=clients,
        telemetry=fake_telemetry(),
        publish=lambda _contract, _handlers: None,
        audit=AuditTrail(None),
    )
    async with wire(frame) as wiring:
        assert wiring.verifier is not None
        chain = standard_chain(
            telemetry=frame.telemetry, verifier=wiring.verifier, audit=frame.audit, trust_domain="tenon.local"
        )
        yield Service(
            channel=lambda name: MemoryChannel(
                wiring.handlers, chain.bind, peer=f"spiffe://tenon.local/ns/tenon/sa/{name}" if name else ""
            ),
            frame=frame,
        )


@pytest.fixture
async def service(environ: dict[str, str]) -> AsyncIterator[Service]:
    async with started(environ) as running:
        yield running


async def test_the_administrator_signs_in_and_the_token_opens_what_it_should(service: Service) -> None:
    opened = await service.sign_in()
    claims = claims_of(opened.access_token)
    assert (claims["sub"], claims["org"], claims["permissions"]) == (opened.user, "default", ["*"])
    metadata = [("authorization", f"Bearer {opened.access_token}")]
    listed = await service.users.ListUsers(user_service_pb2.ListUsersRequest(), metadata=metadata)
    assert [(user.name, user.email, list(user.roles)) for user in listed.users] == [
        (opened.user, EMAIL, ["roles/administrator"])
    ]


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(service: Service) -> None:
    answers = {
        await reason_of(service.sign_in("nobody@tenon.local")),
        await reason_of(service.sign_in(password="wrong")),
    }
    assert answers == {"UNAUTHENTICATED SIGN_IN_FAILED"}


async def test_fifty_parallel_refreshes_give_one_successor(service: Service) -> None:
    opened = await service.sign_in()
    request = session_service_pb2.RefreshSessionRequest(refresh_token=opened.refresh_token)
    answers = await asyncio.gather(*(service.sessions.RefreshSession(request) for _ in range(50)))
    assert len({answer.refresh_token for answer in answers}) == 1
    request.refresh_token = answers[0].refresh_token
    assert (await service.sessions.RefreshSession(request)).refresh_token not in {
        opened.refresh_token,
        answers[0].refresh_token,
    }


async def test_signing_out_ends_the_session_of_the_access_token(service: Service) -> None:
    opened, other = await service.sign_in(), await service.sign_in()
    metadata = [("authorization", f"Bearer {opened.access_token}")]
    await service.sessions.SignOut(session_service_pb2.SignOutRequest(), metadata=metadata)
    request = session_service_pb2.RefreshSessionRequest(refresh_token=opened.refresh_token)
    assert await reason_of(service.sessions.RefreshSession(request)) == "UNAUTHENTICATED REFRESH_TOKEN_INVALID"
    request.refresh_token = other.refresh_token
    await service.sessions.RefreshSession(request)


async def test_nobody_climbs_by_way_of_users_and_roles(service: Service) -> None:
    admin = (await service.sign_in()).user
    user, own = await service.add_user("keeper@x.test", "auth.*")
    everything = role_pb2.Role(permissions=["*"])
    own_role = role_pb2.Role(name=user.roles[0], permissions=["*"])
    climbing = user_pb2.User(name=user.name, email=user.email, roles=["roles/administrator"])
    taking = user_pb2.User(name=admin, email="evil@x.test")
    attempts = [
        service.roles.CreateRole(role_service_pb2.CreateRoleRequest(role=everything), **own),
        service.roles.UpdateRole(role_service_pb2.UpdateRoleRequest(role=own_role), **own),
        service.users.UpdateUser(user_service_pb2.UpdateUserRequest(user=climbing), **own),
        service.users.UpdateUser(
            user_service_pb2.UpdateUserRequest(user=climbing, update_mask=FieldMask(paths=["*"])), **own
        ),
        service.users.CreateUser(
            user_service_pb2.CreateUserRequest(user=user_pb2.User(email="x@x.test", roles=["roles/administrator"])),
            **own,
        ),
        service.users.UpdateUser(user_service_pb2.UpdateUserRequest(user=taking), **own),
        service.users.ResetPassword(user_service_pb2.ResetPasswordRequest(name=admin), **own),
        service.users.DeleteUser(user_service_pb2.DeleteUserRequest(name=admin), **own),
    ]
    assert {await reason_of(attempt) for attempt in attempts} == {"PERMISSION_DENIED GRANT_EXCEEDS_OWN"}


async def test_two_administrators_who_remove_each_other_at_once_leave_one(service: Service) -> None:
    first = await service.sign_in()
    second, own = await service.add_user("second@x.test", "*")
    metadata = {"metadata": [("authorization", f"Bearer {first.access_token}")]}
    results = await asyncio.gather(
        service.users.DeleteUser(user_service_pb2.DeleteUserRequest(name=second.name), **metadata),
        service.users.DeleteUser(user_service_pb2.DeleteUserRequest(name=first.user), **own),
        return_exceptions=True,
    )
    assert sum(isinstance(result, grpc.aio.AioRpcError) for result in results) == 1


async def test_a_refused_change_leaves_nothing_not_even_an_event(service: Service, pool: Pool) -> None:
    events = await pool.fetch("SELECT count(*) FROM auth.outbox")
    opened = await service.sign_in()
    metadata = [("authorization", f"Bearer {opened.access_token}")]
    request = user_service_pb2.UpdateUserRequest(user=user_pb2.User(name=opened.user, disabled=True))
    refused = service.users.UpdateUser(request, metadata=metadata)
    assert await reason_of(refused) == "FAILED_PRECONDITION LAST_ADMINISTRATOR"
    user = await service.users.GetUser(user_service_pb2.GetUserRequest(name=opened.user), metadata=metadata)
    assert not user.disabled
    assert await pool.fetch("SELECT count(*) FROM auth.outbox") == events


async def test_a_disabled_user_has_no_session_left_and_no_way_in(service: Service) -> None:
    user, _ = await service.add_user("ann@x.test", "auth.users.get")
    admin = await service.bearer()
    reset = await service.users.ResetPassword(user_service_pb2.ResetPasswordRequest(name=user.name), **admin)
    opened = await service.sign_in("ANN@x.test", reset.password)
    disabled = user_pb2.User(name=user.name, disabled=True)
    await service.users.UpdateUser(user_service_pb2.UpdateUserRequest(user=disabled), **admin)
    request = session_service_pb2.RefreshSessionRequest(refresh_token=opened.refresh_token)
    assert await reason_of(service.sessions.RefreshSession(request)) == "UNAUTHENTICATED REFRESH_TOKEN_INVALID"
    assert await reason_of(service.sign_in("ann@x.test", reset.password)) == "UNAUTHENTICATED SIGN_IN_FAILED"


async def test_a_repeated_request_makes_one_user(service: Service) -> None:
    admin = await service.bearer()
    request = user_service_pb2.CreateUserRequest(
        user=user_pb2.User(email="ann@x.test"), request_id="0f8fad5b-d9cb-469f-a165-70867728950e"
    )
    first, second = [await service.users.CreateUser(request, **admin) for _ in range(2)]
    assert first == second
    request.request_id = ""
    assert await reason_of(service.users.CreateUser(request, **admin)) == "ALREADY_EXISTS RECORD_ALREADY_EXISTS"


async def test_the_command_alone_mints_tokens_for_the_system_too(service: Service) -> None:
    request = token_service_pb2.MintTokenRequest(organization="system")
    for workload in ("edge", "data", ""):
        stub: Any = token_service_pb2_grpc.TokenServiceStub(service.channel(workload))
        assert await reason_of(stub.MintToken(request)) == "PERMISSION_DENIED WORKLOAD_NOT_ALLOWED"
    stub = token_service_pb2_grpc.TokenServiceStub(service.channel("cli"))
    minted = await stub.MintToken(request)
    claims = claims_of(minted.access_token)
    assert (claims["org"], claims["permissions"], claims["client_id"]) == ("system", ["*"], "cli")


async def test_a_guesser_is_told_to_wait_and_the_owner_at_another_address_is_not(service: Service) -> None:
    async def sign_in(password: str, address: str) -> Any:
        request = session_service_pb2.SignInRequest(email=EMAIL, password=password)
        return await service.sessions.SignIn(request, metadata=[("x-forwarded-for", f"203.0.113.9, {address}")])

    for _ in range(21):
        assert await reason_of(sign_in("wrong", "192.0.2.1")) == "UNAUTHENTICATED SIGN_IN_FAILED"
    assert await reason_of(sign_in(PASSWORD, "192.0.2.1")) == "RESOURCE_EXHAUSTED SIGN_IN_THROTTLED"
    assert (await sign_in(PASSWORD, "192.0.2.2")).access_token


async def test_two_workers_that_start_at_once_make_one_administrator_and_one_key(environ: dict[str, str]) -> None:
    async with AsyncExitStack() as stack:
        services = await asyncio.gather(*(stack.enter_async_context(started(environ)) for _ in range(3)))
        opened = await asyncio.gather(*(service.sign_in() for service in services))
        assert len({answer.user for answer in opened}) == 1
        assert len({answer.access_token.split(".")[0] for answer in opened}) == 1
        metadata = [("authorization", f"Bearer {opened[0].access_token}")]
        listed = await services[1].users.ListUsers(user_service_pb2.ListUsersRequest(), metadata=metadata)
        assert len(listed.users) == 1


async def test_a_password_that_was_changed_outlives_the_next_start(environ: dict[str, str]) -> None:
    async with started(environ) as service:
        request = user_service_pb2.ChangePasswordRequest(current_password=PASSWORD, new_password="quite another one")
        await service.users.ChangePassword(request, **(await service.bearer()))
    async with started(environ) as service:
        assert await reason_of(service.sign_in()) == "UNAUTHENTICATED SIGN_IN_FAILED"
        await service.sign_in(password="quite another one")


async def test_neither_passwords_nor_tokens_are_in_the_database_as_they_are(service: Service, pool: Pool) -> None:
    opened = await service.sign_in()
    again = await service.sessions.RefreshSession(
        session_service_pb2.RefreshSessionRequest(refresh_token=opened.refresh_token)
    )
    tables = await pool.fetch("SELECT table_name FROM information_schema.tables WHERE table_schema = 'auth'")
    kept = str([await pool.fetch(f'SELECT t::text FROM auth."{table["table_name"]}" t') for table in tables])
    assert "argon2id" in kept
    for secret in (PASSWORD, opened.refresh_token, again.refresh_token, opened.access_token):
        assert secret not in kept
        assert secret.encode().hex() not in kept
