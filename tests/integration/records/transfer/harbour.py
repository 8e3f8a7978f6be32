"""Crates and parts, imported and exported by the engine as a servicer would have it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.longrunning import operations_pb2
from google.protobuf.message_factory import GetMessageClass
from tenon.records.v1 import transfer_pb2

from services.chassis.contract import Contract, compile_protos, load_contract
from services.data.servicer.operations import OperationsServicer
from services.records.reading.pages import PageTokens
from tests.integration.records.library import KEYRING, Library, user

if TYPE_CHECKING:
    from services.chassis.call import Caller

PACKAGE = "cargo.v1"
SERVICE = f"/{PACKAGE}.CargoService/"
CONTRACTS = Path(__file__).parent / "contracts"

CSV, JSONL, PARQUET = transfer_pb2.FORMAT_CSV, transfer_pb2.FORMAT_JSONL, transfer_pb2.FORMAT_PARQUET
FORMATS = (CSV, JSONL, PARQUET)


@cache
def cargo_contract() -> Contract:
    """Compile the contract, once."""
    return load_contract(compile_protos([CONTRACTS]), services=("auth", "data"))


class Harbour(Library):
    """Imports and exports, waited for."""

    async def upload(self, content: bytes, caller: Caller | None = None) -> str:
        """Store a file and return its name."""
        async with self.engine.transfers.files.writing(caller or user(), "text/plain") as file:
            for place in range(0, len(content), 70_000):
                await file.write(content[place : place + 70_000])
            name: str = (await file.finish()).name
            return name

    async def download(self, name: str, caller: Caller | None = None) -> bytes:
        """Return the content of a file."""
        files = self.engine.transfers.files
        file = await files.get(caller or user(), name)
        content = b"".join([piece async for piece in files.read(file.id)])
        assert len(content) == file.size_bytes
        return content

    async def begin(self, method: str, caller: Caller | None = None, **fields: Any) -> str:
        """Begin an operation and return its name."""
        return str(operations_pb2.Operation.FromString(await self.send(method, caller, **fields)).name)

    async def wait(self, name: str, caller: Caller | None = None) -> operations_pb2.Operation:
        """Wait until an operation is done."""
        servicer = OperationsServicer(self.engine.transfers.operations, PageTokens(KEYRING))
        call = self.call("ImportCrates", caller)
        request = operations_pb2.WaitOperationRequest(name=name)
        request.timeout.FromSeconds(60)
        operation = await servicer.WaitOperation(request, call)
        assert operation.done
        return operation

    async def bring(
        self, content: bytes, form: int, caller: Caller | None = None, *, method: str = "ImportCrates", **more: Any
    ) -> transfer_pb2.ImportReport:
        """Import rows and return the report, in which every row is in one place."""
        source = await self.upload(content, caller)
        operation = await self.wait(await self.begin(method, caller, source=source, format=form, **more), caller)
        assert not operation.HasField("error"), operation.error
        report = transfer_pb2.ImportReport()
        assert operation.response.Unpack(report)
        dealt = report.rows_created + report.rows_updated + report.rows_skipped + report.rows_rejected
        assert report.rows_read == dealt
        return report

    async def take(
        self, form: int, caller: Caller | None = None, *, method: str = "ExportCrates", **more: Any
    ) -> tuple[transfer_pb2.ExportReport, bytes]:
        """Export rows and return the report and the file."""
        operation = await self.wait(await self.begin(method, caller, format=form, **more), caller)
        assert not operation.HasField("error"), operation.error
        report = transfer_pb2.ExportReport()
        assert operation.response.Unpack(report)
        return report, await self.download(report.file, caller)

    async def crates(self, caller: Caller | None = None) -> list[Any]:
        """Return all crates as they are stored."""
        kind = GetMessageClass(self.contract.pool.FindMessageTypeByName(f"{PACKAGE}.Crate"))
        rows = await self.engine.pool.fetch(
            "SELECT message FROM cargo_v1.crates WHERE organization = $1 ORDER BY name",
            ((caller or user()).organization,),
        )
        return [kind.FromString(row["message"]) for row in rows]
