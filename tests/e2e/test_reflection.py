"""A person with `grpcurl` sees every public service through the one port."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

BIN = Path(sys.executable).parent
GRPCURL = BIN / "grpcurl"
BUF = BIN / "buf"


def grpcurl(stack: Stack, *arguments: str) -> str:
    """Run `grpcurl -plaintext` with the edge's address put where `@` stands."""
    command = [str(GRPCURL), "-plaintext", *(a.replace("@", f"127.0.0.1:{stack.port}") for a in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


needs_grpcurl = pytest.mark.skipif(
    not GRPCURL.exists(), reason="grpcurl is installed where Go is; `buf curl` covers its part below"
)


@needs_grpcurl
def test_grpcurl_lists_every_public_service_and_no_internal_one(stack: Stack) -> None:
    listed = set(grpcurl(stack, "@", "list").split())
    services = stack.contract().services
    assert {service.full_name for service in services if service.is_public} <= listed
    assert not {service.full_name for service in services if not service.is_public} & listed


@needs_grpcurl
def test_grpcurl_describes_a_method_and_its_messages(stack: Stack) -> None:
    service = grpcurl(stack, "@", "describe", "library.v1.LibraryService")
    assert "rpc GetBook ( .library.v1.GetBookRequest ) returns ( .library.v1.Book )" in service
    assert "string isbn = 3" in grpcurl(stack, "@", "describe", "library.v1.Book")


@needs_grpcurl
def test_grpcurl_calls_with_a_token(stack: Stack, book: str) -> None:
    answer = grpcurl(
        stack,
        "-H",
        f"authorization: Bearer {stack.token()}",
        "-d",
        json.dumps({"name": book}),
        "@",
        "library.v1.LibraryService/GetBook",
    )
    assert json.loads(answer)["name"] == book


def test_buf_curl_calls_by_reflection(stack: Stack, book: str) -> None:
    assert shutil.which(str(BUF))
    done = subprocess.run(
        [
            str(BUF),
            "curl",
            "--protocol",
            "grpc",
            "--http2-prior-knowledge",
            "--header",
            f"authorization: Bearer {stack.token()}",
            "--data",
            json.dumps({"name": book}),
            f"{stack.url}/library.v1.LibraryService/GetBook",
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == book
