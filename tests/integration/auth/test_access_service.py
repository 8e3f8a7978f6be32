"""Access through the whole service: contract, chain, rules, Postgres, and the AuthZEN doors beside it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from starlette.applications import Starlette
from tenon.auth.v1 import (
    access_model_service_pb2 as models_pb,
)
from tenon.auth.v1 import (
    access_model_service_pb2_grpc,
    access_service_pb2_grpc,
    permission_service_pb2_grpc,
    relation_service_pb2_grpc,
)
from tenon.auth.v1 import (
    access_service_pb2 as access_pb,
)
from tenon.auth.v1 import (
    permission_service_pb2 as permissions_pb,
)
from tenon.auth.v1 import (
    relation_service_pb2 as relations_pb,
)

from services.auth.__main__ import wire
from services.chassis.audit import AuditTrail
from services.chassis.contract import Permission
from services.chassis.frame import Frame
from services.chassis.interceptors import standard_chain
from services.chassis.settings import Settings
from tests.fakes.chassis_channel import MemoryChannel
from tests.fakes.chassis_frame import fake_telemetry
from tests.integration.auth.test_auth_service import (  # noqa: F401 - a fixture among them
    Service,
    environ,
    own_contract,
    reason_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

MODEL: Mapping[str, Any] = {
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


@dataclass
class Access:
    """Auth as those see it who ask about access, by default as its administrator."""

    service: Service
    http: httpx.AsyncClient
    admin: Mapping[str, Any]

    def __post_init__(self) -> None:
        edge: Any = self.service.channel("edge")
        self.checks: Any = access_service_pb2_grpc.AccessServiceStub(edge)
        self.models: Any = access_model_service_pb2_grpc.AccessModelServiceStub(edge)
        self.relations: Any = relation_service_pb2_grpc.RelationServiceStub(edge)
        self.permissions: Any = permission_service_pb2_grpc.PermissionServiceStub(edge)

    async def model(self, **fields: Any) -> Any:
        request = ParseDict({"access_model": {**MODEL, **fields}}, models_pb.UpdateAccessModelRequest())
        return await self.models.UpdateAccessModel(request, **self.admin)

    async def write(self, *writes: Any, caller: Mapping[str, Any] | None = None, **more: Any) -> Any:
        said = [one if isinstance(one, dict) else relation(one) for one in writes]
        request = ParseDict({"writes": said, **more}, relations_pb.WriteRelationsRequest())
        return await self.relations.WriteRelations(request, **(caller or self.admin))

    async def check(self, question: str, caller: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """Ask a question such as `users/ann view documents/a`."""
        request = access_pb.CheckRequest(question=asked(question), **more)
        return await self.checks.Check(request, **(caller or self.admin))


def relation(text: str) -> dict[str, str]:
    left, subject = text.split("@")
    resource, name = left.split("#")
    return {"resource": resource, "relation": name, "subject": subject}


def asked(text: str, **context: Any) -> Any:
    subject, permission, *resource = text.split()
    said = {"subject": subject, "permission": permission, "resource": "".join(resource)}
    return ParseDict({**said, "context": context} if context else said, access_pb.AccessQuestion())


@pytest.fixture
async def access(environ: dict[str, str]) -> AsyncIterator[Access]:  # noqa: F811
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
        service = Service(
            channel=lambda name: MemoryChannel(
                wiring.handlers, chain.bind, peer=f"spiffe://tenon.local/ns/tenon/sa/{name}" if name else ""
            ),
            frame=frame,
        )
        loops = [asyncio.create_task(task()) for task in wiring.tasks]
        transport = httpx.ASGITransport(app=Starlette(routes=list(wiring.http)))
        async with httpx.AsyncClient(transport=transport, base_url="http://auth") as http:
            yield Access(service=service, http=http, admin=await service.bearer())
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def test_relations_are_written_checked_listed_explained_and_deleted(access: Access) -> None:
    model = await access.model()
    assert (await access.models.GetAccessModel(models_pb.GetAccessModelRequest(), **access.admin)) == model
    office = {**relation("documents/a#viewer@users/bob"), "condition": "office", "context": {"net": "10."}}
    written = await access.write("documents/a#parent@documents/b", "documents/b#viewer@users/ann", office)
    answer = await access.check("users/ann view documents/a", at_least_as_fresh=written.written_at)
    assert (answer.allowed, answer.decision) == (True, access_pb.ACCESS_DECISION_ALLOWED)
    assert answer.checked_at
    bob = await access.check("users/bob view documents/a")
    assert (bob.allowed, bob.decision, list(bob.missing_context)) == (
        False,
        access_pb.ACCESS_DECISION_CONDITIONAL,
        ["ip"],
    )

    batch = access_pb.BatchCheckRequest()
    for id_, question in {
        "near": asked("users/bob view documents/a", ip="10.0.0.1"),
        "far": asked("users/bob view documents/a", ip="192.0.2.1"),
        "role": asked("users/bob shop.orders.get"),
    }.items():
        batch.items.add(correlation_id=id_, question=question)
    results = (await access.checks.BatchCheck(batch, **access.admin)).results
    assert {one.correlation_id: one.allowed for one in results} == {"near": True, "far": False, "role": False}

    listing = access_pb.ListResourcesRequest(
        subject="users/ann", permission="view", resource_type="documents", page_size=1
    )
    first = await access.checks.ListResources(listing, **access.admin)
    listing.page_token = first.next_page_token
    second = await access.checks.ListResources(listing, **access.admin)
    assert [*first.resources, *second.resources] == ["documents/a", "documents/b"]
    assert not second.next_page_token
    subjects = access_pb.ListSubjectsRequest(resource="documents/a", permission="view", subject_type="users")
    listed = await access.checks.ListSubjects(subjects, **access.admin)
    assert (list(listed.subjects), list(listed.conditional_subjects)) == (["users/ann"], ["users/bob"])

    explained = access_pb.ExplainRequest(question=asked("users/ann view documents/a"))
    steps = (await access.checks.Explain(explained, **access.admin)).steps
    assert "documents/b#viewer@users/ann" in [step.what for step in steps]

    kept = await access.relations.ListRelations(relations_pb.ListRelationsRequest(page_size=2), **access.admin)
    assert MessageToDict(kept.relations[1]) == office | {"context": {"net": "10."}}
    deletion = ParseDict({"filter": {"resource_type": "documents"}}, relations_pb.DeleteRelationsRequest())
    deleted = await access.relations.DeleteRelations(deletion, **access.admin)
    assert (deleted.deleted_count, deleted.complete) == (3, True)
    assert not (await access.check("users/ann view documents/a", at_least_as_fresh=deleted.written_at)).allowed


async def test_the_same_check_answers_by_roles(access: Access) -> None:
    user, _ = await access.service.add_user("clerk@x.test", "shop.orders.*")
    assert (await access.check(f"{user.name} shop.orders.get")).allowed
    assert not (await access.check(f"{user.name} shop.items.get")).allowed


async def test_what_is_wrong_has_a_reason(access: Access) -> None:
    assert await reason_of(access.check("users/ann view documents/a")) == "FAILED_PRECONDITION ACCESS_MODEL_MISSING"
    model = await access.model()
    broken = {**MODEL["types"][2], "permissions": [{"name": "view", "expression": "editor"}]}
    wrong = [
        (access.model(types=[broken]), "INVALID_ARGUMENT ACCESS_MODEL_INVALID"),
        (access.model(etag=str(int(model.etag) + 1)), "ABORTED ACCESS_MODEL_CHANGED"),
        (access.check("users/ann publish documents/a"), "INVALID_ARGUMENT ACCESS_NAME_UNKNOWN"),
        (access.check("users/ann view"), "INVALID_ARGUMENT ACCESS_QUERY_INVALID"),
        (access.check("ann view documents/a"), "INVALID_ARGUMENT ACCESS_QUERY_INVALID"),
        (
            access.check("users/ann view documents/a", at_least_as_fresh="made-up"),
            "FAILED_PRECONDITION CHECKED_AT_UNKNOWN",
        ),
        (access.write("documents/a#owner@users/ann"), "INVALID_ARGUMENT RELATION_INVALID"),
        (
            access.write({**relation("documents/a#viewer@users/a"), "condition": "office", "context": {"ip": 1}}),
            "INVALID_ARGUMENT CONTEXT_INVALID",
        ),
        (
            access.write(
                "documents/a#viewer@users/ann",
                preconditions=[{"filter": {"resource_type": "documents"}, "existence": "RELATION_EXISTENCE_SOME"}],
            ),
            "FAILED_PRECONDITION RELATION_PRECONDITION_FAILED",
        ),
    ]
    for answer, reason in wrong:
        assert await reason_of(answer) == reason
    await access.write("documents/a#viewer@users/ann")
    bare = access.model(types=[{"name": "users"}])
    assert await reason_of(bare) == "FAILED_PRECONDITION ACCESS_MODEL_IN_USE"


async def test_who_lacks_the_permission_gets_no_answer(access: Access) -> None:
    """Auth statement 46: function-level rules hold for those who ask about access too."""
    await access.model()
    _, poor = await access.service.add_user("poor@x.test", "shop.*")
    attempts = [
        access.check("users/ann view documents/a", caller=poor),
        access.write("documents/a#viewer@users/ann", caller=poor),
        access.models.GetAccessModel(models_pb.GetAccessModelRequest(), **poor),
        access.permissions.ListPermissions(permissions_pb.ListPermissionsRequest(), **poor),
    ]
    for attempt in attempts:
        assert (await reason_of(attempt)).startswith("PERMISSION_DENIED")


async def test_parallel_writes_of_one_precondition_have_one_winner(access: Access) -> None:
    await access.model()
    none = [{"filter": {"resource_type": "documents"}, "existence": "RELATION_EXISTENCE_NONE"}]
    writes = (access.write(f"documents/{n}#viewer@users/ann", preconditions=none) for n in range(8))
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(not isinstance(result, Exception) for result in results) == 1


async def test_the_catalogue_and_the_matrix_are_the_contracts(access: Access) -> None:
    listed = await access.permissions.ListPermissions(
        permissions_pb.ListPermissionsRequest(service="auth", permission="auth.users.*"), **access.admin
    )
    methods = {one.name: [method.path for method in one.methods] for one in listed.permissions}
    assert methods["auth.users.get"] == ["/tenon.auth.v1.UserService/GetUser"]
    everything = await access.permissions.ListPermissions(permissions_pb.ListPermissionsRequest(), **access.admin)
    rules = [method.rule.access for method in own_contract().methods.values()]
    asked_for = {access_.name for access_ in rules if isinstance(access_, Permission)}
    assert {one.name for one in everything.permissions} == asked_for
    await access.service.add_user("clerk@x.test", "auth.users.get", "auth.*")
    matrix = await access.permissions.GetRoleMatrix(
        permissions_pb.GetRoleMatrixRequest(permission="auth.users.*"), **access.admin
    )
    grants = {row.role: dict(row.grants) for row in matrix.roles}
    assert grants["roles/administrator"]["auth.users.get"] == "*"
    (clerk,) = (row for role, row in grants.items() if role != "roles/administrator")
    assert (clerk["auth.users.get"], clerk["auth.users.list"]) == ("auth.users.get", "auth.*")
    assert {one.path for one in matrix.methods} >= {"/tenon.auth.v1.UserService/GetUser"}


async def test_authzen_answers_beside_it_from_the_same_relations(access: Access) -> None:
    await access.model()
    await access.write("documents/a#viewer@users/ann")
    said = {
        "subject": {"type": "users", "id": "ann"},
        "action": {"name": "view"},
        "resource": {"type": "documents", "id": "a"},
    }
    headers = dict(access.admin["metadata"])
    # The loop that reads the public keys has had its turn by now.
    answer = await access.http.post("/access/v1/evaluation", json=said, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"decision": True})
    refused = await access.http.post("/access/v1/evaluation", json=said)
    assert refused.status_code == 401
