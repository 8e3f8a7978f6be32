"""Turns messages into calls of the domain and back, one servicer for each service of the contract."""

from __future__ import annotations

from services.data.servicer.contracts import ContractServicer
from services.data.servicer.deployments import DeploymentServicer
from services.data.servicer.files import FileServicer
from services.data.servicer.graphs import GraphServicer
from services.data.servicer.operations import OperationsServicer

__all__ = ["ContractServicer", "DeploymentServicer", "FileServicer", "GraphServicer", "OperationsServicer"]
