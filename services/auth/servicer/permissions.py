"""Serves PermissionService: what the running contract asks of callers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenon.auth.v1 import permission_pb2
from tenon.auth.v1 import permission_service_pb2 as pb

from services.auth.domain.access.catalogue import MethodRule, Selection
from services.chassis.contract import Authenticated, Internal, Permission, Public

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.auth.domain.access.catalogue import Catalogue
    from services.chassis.call import Call
    from services.chassis.contract import Contract, Method

_KINDS = {
    "public": permission_pb2.METHOD_ACCESS_KIND_PUBLIC,
    "authenticated": permission_pb2.METHOD_ACCESS_KIND_AUTHENTICATED,
    "permission": permission_pb2.METHOD_ACCESS_KIND_PERMISSION,
    "internal": permission_pb2.METHOD_ACCESS_KIND_INTERNAL,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PermissionServicer:
    """Shows permissions, and who holds them."""

    catalogue: Catalogue
    """Knows them."""

    async def ListPermissions(self, request: pb.ListPermissionsRequest, call: Call) -> pb.ListPermissionsResponse:
        """Return the permissions that are asked for."""
        del call
        response = pb.ListPermissionsResponse()
        for name, methods in self.catalogue.list_permissions(_selection(request)).items():
            response.permissions.add(
                name=name, service=name.split(".")[0], methods=[_show(method) for method in methods]
            )
        return response

    async def GetRoleMatrix(self, request: pb.GetRoleMatrixRequest, call: Call) -> pb.GetRoleMatrixResponse:
        """Return what the roles of the organization hold."""
        methods, rows = await self.catalogue.list_roles(call.caller.organization, _selection(request), request.roles)
        response = pb.GetRoleMatrixResponse(methods=[_show(method) for method in methods])
        for row in rows:
            response.roles.add(role=row.role, display_name=row.display_name, grants=row.grants)
        return response


def read_rules(contract: Contract) -> Sequence[MethodRule]:
    """Return what a contract says of its methods."""
    return [_read(method) for method in contract.methods.values()]


def _read(method: Method) -> MethodRule:
    step_up = method.rule.step_up
    kind, detail = _access(method)
    return MethodRule(
        path=method.path,
        service=method.service,
        host=method.host,
        access=kind,
        detail=detail,
        doors=tuple(f"{binding.verb} {binding.template}" for binding in method.bindings),
        acr=step_up.acr if step_up else "",
        max_age=(step_up.max_age or 0.0) if step_up else 0.0,
    )


def _access(method: Method) -> tuple[str, str]:
    match method.rule.access:
        case Public(reason=reason):
            return "public", reason
        case Authenticated(reason=reason):
            return "authenticated", reason
        case Permission(name=name):
            return "permission", name
        case Internal(callers=callers):
            return "internal", ", ".join(callers)


def _selection(request: pb.ListPermissionsRequest | pb.GetRoleMatrixRequest) -> Selection:
    return Selection(service=request.service, permission=request.permission, method=request.method)


def _show(rule: MethodRule) -> permission_pb2.MethodAccess:
    message = permission_pb2.MethodAccess(
        path=rule.path,
        service=rule.service,
        host=rule.host,
        kind=_KINDS[rule.access],
        detail=rule.detail,
        rest=rule.doors,
        acr=rule.acr,
    )
    if rule.max_age:
        message.max_age.FromMicroseconds(round(rule.max_age * 1_000_000))
    return message
