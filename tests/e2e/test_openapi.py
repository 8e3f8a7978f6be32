"""The edge's OpenAPI document against the edge: schemathesis finds no 5xx, and no answer that the document lacks.

It calls every operation with values at the edges of their schemas, with random ones, and with wrong ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from services.meshgen import openapi
from tests.e2e.conftest import CONTRACTS
from tests.e2e.stack import Stack, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)

SECONDS = 30
"""How long one run looks for faults. What it calls in that time is chosen by a fixed seed."""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, since it is called with whatever fits a schema, and holds a shelf with a book."""
    home = tmp_path_factory.mktemp("openapi") / "home"
    stack = Stack(home=home, port=free_port(), options=("--contracts", str(CONTRACTS), "--no-demo"))
    stack.start()
    with stack.client(stack.token()) as client:
        assert client.post("/library/v1/shelves?shelfId=a", json={"theme": "All"}).status_code == 200
        assert client.post("/library/v1/shelves/a/books?bookId=b", json={"title": "B"}).status_code == 200
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def strict(target: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document without its `default` answers, by which every status would be documented, and without streams.

    A stream ends when its client does: the tests of Watch look at them.
    """
    with target.client() as client:
        document = client.get("/openapi.json").json()
    for item in document["paths"].values():
        for verb, operation in list(item.items()):
            operation["responses"].pop("default")
            if "text/event-stream" in operation["responses"]["200"].get("content", {}):
                del item[verb]
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(json.dumps(document))
    return path


def explore(target: Stack, strict: Path, *options: str, known: dict[str, str] | None = None) -> dict[str, Any]:
    """Run schemathesis, and return its report; fails with its words where it finds something."""
    folder = strict.parent
    lines = [f'"path.{name}" = "{value}"' for name, value in (known or {}).items()]
    (folder / "schemathesis.toml").write_text("\n".join(["[parameters]", *lines]))
    arguments = ["--config-file", "schemathesis.toml", "run", strict.name, "--url", target.url]
    arguments += ["--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing", "--max-examples", "8"]
    arguments += ["--seed", "1", "--workers", "1", "--max-time", str(SECONDS), "--warnings", "off"]
    arguments += ["--header", f"Authorization: Bearer {target.token()}", "--report-json-path", "report.json"]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *arguments, *options],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS * 4,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


def accepted(report: dict[str, Any]) -> set[str]:
    """Return the operations that did what they were asked at least once."""
    return {
        name
        for name, phases in report["valid_rates"].items()
        if any(phase.get("accepted", 0) for phase in phases.values())
    }


def test_the_served_document_is_that_of_the_contracts_that_run(target: Stack) -> None:
    expected = openapi.generate(target.contract())
    with target.client() as client:
        assert {name: client.get(f"/{name}").text for name in expected} == expected


def test_the_reference_is_served_without_a_token(target: Stack) -> None:
    with target.client() as client:
        assert "API reference" in client.get("/docs", follow_redirects=True).text
        assert client.get("/docs/app.js").status_code == 200


def test_no_operation_answers_what_the_document_does_not_say(target: Stack, strict: Path) -> None:
    report = explore(target, strict)
    assert report["operations"]["tested"] == report["operations"]["total"] > 50
    assert len(accepted(report)) > 10, report["valid_rates"]


def test_no_operation_on_what_exists_answers_what_the_document_does_not_say(target: Stack, strict: Path) -> None:
    options = ("--include-path-regex", "^/library", "--exclude-method", "DELETE")
    report = explore(target, strict, *options, known={"shelf": "a", "book": "b"})
    assert {"GET /library/v1/shelves/{shelf}/books/{book}", "POST /library/v1/shelves"} <= accepted(report)
