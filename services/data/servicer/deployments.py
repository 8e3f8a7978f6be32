"""Serves `tenon.data.v1.DeploymentService`: another contract, while this process serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenon.data.v1 import deployment_service_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.chassis.call import Call
    from services.data.domain import Deployments


class DeploymentServicer:
    """Lets the command replace the contract that is served here."""

    def __init__(self, deployments: Callable[[], Deployments[Any]]) -> None:
        """Take who finds the versions that this process knows: this servicer is a part of one of them."""
        self._deployments = deployments

    async def PrepareContract(
        self, request: deployment_service_pb2.PrepareContractRequest, _: Call
    ) -> deployment_service_pb2.PrepareContractResponse:
        """Make a compiled contract ready, or say what stops it."""
        done = await self._deployments().prepare(request.descriptor_set)
        return deployment_service_pb2.PrepareContractResponse(fingerprint=done.fingerprint, problems=done.problems)

    async def MigrateContract(
        self, request: deployment_service_pb2.MigrateContractRequest, _: Call
    ) -> deployment_service_pb2.MigrateContractResponse:
        """Bring the tables in step, or say what stops it; raises VersionUnknown."""
        done = await self._deployments().migrate(request.fingerprint, allow_breaking=request.allow_breaking)
        return deployment_service_pb2.MigrateContractResponse(statements=done.statements, problems=done.problems)

    async def PublishContract(
        self, request: deployment_service_pb2.PublishContractRequest, _: Call
    ) -> deployment_service_pb2.PublishContractResponse:
        """Serve a prepared contract from now on; raises VersionUnknown."""
        self._deployments().publish(request.fingerprint, keep_removed=request.keep_removed)
        return deployment_service_pb2.PublishContractResponse()
