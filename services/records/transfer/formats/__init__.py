"""The formats of files: how rows are read out of each, and written into each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.records.v1 import transfer_pb2

from services.records.transfer.formats.csv_rows import CsvReader, CsvWriter
from services.records.transfer.formats.json_rows import JsonReader, JsonWriter
from services.records.transfer.formats.parquet_rows import ParquetReader, ParquetWriter

if TYPE_CHECKING:
    from services.records.transfer.formats.rows import Reader, Writer

READERS: dict[int, type[Reader]] = {
    transfer_pb2.FORMAT_CSV: CsvReader,
    transfer_pb2.FORMAT_JSONL: JsonReader,
    transfer_pb2.FORMAT_PARQUET: ParquetReader,
}
"""What reads each format."""

WRITERS: dict[int, type[Writer]] = {
    transfer_pb2.FORMAT_CSV: CsvWriter,
    transfer_pb2.FORMAT_JSONL: JsonWriter,
    transfer_pb2.FORMAT_PARQUET: ParquetWriter,
}
"""What writes each format."""

__all__ = ["READERS", "WRITERS"]
