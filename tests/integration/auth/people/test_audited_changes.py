"""Who changes what others may do is in the audit trail: records, relations and access models (auth statement 49)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import ParseDict
from tenon.auth.v1 import (
    group_pb2,
    group_service_pb2,
    relation_service_pb2,
    relation_service_pb2_grpc,
    role_pb2,
    role_service_pb2,
    user_pb2,
    user_service_pb2,
)
from tenon.auth.v1.session_service_pb2 import SignInRequest

from tests.integration.auth.people.test_erasure import relate
from tests.integration.auth.test_auth_service import reason_of

if TYPE_CHECKING:
    from tests.integration.auth.people.conftest import Tenants

Told = tuple[str, str, dict[str, str]]


async def told(tenants: Tenants, *prefixes: str) -> list[Told]:
    """Return kind, subject and detail of the events of these kinds, in their order."""
    statement = "SELECT kind, subject, detail, actor, organization FROM auth.audit_events ORDER BY time, id"
    rows = await tenants.database.fetch(statement, [])
    chosen = [row for row in rows if row["kind"].startswith(prefixes)]
    assert all(row["actor"].startswith("users/") for row in chosen)
    return [(row["kind"], row["subject"], json.loads(row["detail"])) for row in chosen]


async def make_user(tenants: Tenants, caller: dict[str, Any], **fields: Any) -> Any:
    user = user_pb2.User(email="ann@x.test", **fields)
    return await tenants.users.CreateUser(user_service_pb2.CreateUserRequest(user=user), **caller)


async def test_changes_of_records_are_written_down_with_what_somebody_may_do_then(tenants: Tenants) -> None:
    admin = await tenants.admin()
    role = await tenants.role(admin, "shop.orders.*", "shop.carts.get", name="clerk")
    ann = await make_user(tenants, admin)
    change = user_pb2.User(name=ann.name, roles=[role], disabled=True)
    mask = FieldMask(paths=["roles", "disabled"])
    await tenants.users.UpdateUser(user_service_pb2.UpdateUserRequest(user=change, update_mask=mask), **admin)
    group = group_pb2.Group(display_name="Clerks", members=[ann.name], roles=[role])
    made = await tenants.groups.CreateGroup(group_service_pb2.CreateGroupRequest(group=group), **admin)
    await tenants.groups.DeleteGroup(group_service_pb2.DeleteGroupRequest(name=made.name), **admin)
    assert await told(tenants, "role.", "user.", "group.") == [
        ("role.created", role, {"permissions": "shop.orders.*, shop.carts.get"}),
        ("user.created", ann.name, {}),
        ("user.updated", ann.name, {"roles": role, "disabled": "yes", "fields": "roles, disabled"}),
        ("group.created", made.name, {"roles": role}),
        ("group.deleted", made.name, {}),
    ]


async def test_what_did_not_happen_is_not_written_down(tenants: Tenants) -> None:
    admin = await tenants.admin()
    clerk = await tenants.role(admin, "auth.users.*", "auth.roles.*", name="clerk")
    await make_user(tenants, admin, roles=[clerk])
    password = await tenants.users.ResetPassword(
        user_service_pb2.ResetPasswordRequest(name=(await own_user(tenants, admin)).name), **admin
    )
    opened = await tenants.sessions.SignIn(SignInRequest(email="ann@x.test", password=password.password))
    ann: Any = {"metadata": [("authorization", f"Bearer {opened.access_token}")]}
    before = await told(tenants, "role.")
    request = role_service_pb2.CreateRoleRequest(role=role_pb2.Role(permissions=["shop.*"]), role_id="too-much")
    assert (await reason_of(tenants.roles.CreateRole(request, **ann))).startswith("PERMISSION_DENIED")
    assert await told(tenants, "role.") == before


async def own_user(tenants: Tenants, admin: dict[str, Any]) -> Any:
    users = await tenants.users.ListUsers(user_service_pb2.ListUsersRequest(), **admin)
    return next(user for user in users.users if user.email == "ann@x.test")


async def test_access_models_and_relations_are_written_down_by_whom_they_are_for(tenants: Tenants) -> None:
    admin = await tenants.admin()
    await relate(tenants, admin, "users/ann")
    edge: Any = tenants.edge
    relations = relation_service_pb2_grpc.RelationServiceStub(edge)
    request = {"deletes": [{"resource": "documents/a", "relation": "viewer", "subject": "users/ann"}]}
    await relations.WriteRelations(ParseDict(request, relation_service_pb2.WriteRelationsRequest()), **admin)
    chosen = {"filter": {"resource_type": "documents"}}
    await relations.DeleteRelations(ParseDict(chosen, relation_service_pb2.DeleteRelationsRequest()), **admin)
    assert await told(tenants, "access_model.", "relation") == [
        ("access_model.replaced", "accessModel", {"before": "0", "revision": "1"}),
        ("relation.written", "users/ann", {"resource": "documents/a", "relation": "viewer"}),
        ("relation.written", "users/other", {"resource": "users/ann", "relation": "friend"}),
        ("relation.written", "users/other", {"resource": "documents/a", "relation": "viewer"}),
        ("relation.deleted", "users/ann", {"resource": "documents/a", "relation": "viewer"}),
        ("relations.deleted", "", {"deleted": "1", "resource_type": "documents"}),
    ]
