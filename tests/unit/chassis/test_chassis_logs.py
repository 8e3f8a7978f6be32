"""Log lines are JSON, tell of which request they are, and hold no secret."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.logs import REQUEST_ID, TRACE_ID, AccessLog, JsonFormatter, TextFormatter, format_time, redact

if TYPE_CHECKING:
    from collections.abc import Iterator

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c2Vycy8xIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"


@pytest.fixture(autouse=True)
def _no_request() -> Iterator[None]:
    tokens = REQUEST_ID.set(""), TRACE_ID.set("")
    yield
    REQUEST_ID.reset(tokens[0])
    TRACE_ID.reset(tokens[1])


def line(message: str, *args: Any, **extra: Any) -> dict[str, Any]:
    record = logging.LogRecord("toy", logging.INFO, __file__, 1, message, args, None)
    vars(record).update(extra)
    fields: dict[str, Any] = json.loads(JsonFormatter(service="auth", worker=2).format(record))
    return fields


def test_a_line_names_process_request_and_trace() -> None:
    REQUEST_ID.set("request-1")
    TRACE_ID.set("a" * 32)
    fields = line("hello %s", "there", rows=3)
    assert fields.pop("time").endswith("Z")
    assert fields == {
        "level": "INFO",
        "service": "auth",
        "worker": 2,
        "logger": "toy",
        "message": "hello there",
        "request_id": "request-1",
        "trace_id": "a" * 32,
        "rows": 3,
    }


def test_outside_of_a_request_there_is_no_id() -> None:
    assert "request_id" not in line("hello")


def test_a_newline_cannot_forge_a_second_line() -> None:
    formatter = JsonFormatter(service="auth", worker=0)
    record = logging.LogRecord("toy", logging.INFO, __file__, 1, 'a\n{"level":"ERROR"}', (), None)
    assert "\n" not in formatter.format(record)


@pytest.mark.parametrize(
    "secret",
    [
        JWT,
        JWT.rpartition(".")[0],
        f"authorization: Bearer {JWT}",
        "Bearer abcdef0123456789",
        "postgresql://data:hunter2@db/tenon",
        "redis://:hunter2@cache",
        "-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMHcCAQ",
    ],
)
@pytest.mark.parametrize("formatter", [JsonFormatter, TextFormatter])
def test_secrets_are_redacted_wherever_they_stand(secret: str, formatter: Any) -> None:
    record = logging.LogRecord("toy", logging.INFO, __file__, 1, "got %s", (secret,), None)
    record.value = secret
    text = formatter(service="auth", worker=0).format(record)
    for part in (JWT, "hunter2", "MHcCAQ", "abcdef0123456789"):
        assert part not in text
    assert "[redacted]" in text


def refuse_secret() -> None:
    raise RuntimeError(f"refused {JWT}")


def test_a_secret_in_a_traceback_is_redacted() -> None:
    with pytest.raises(RuntimeError) as caught:
        refuse_secret()
    info = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("toy", logging.ERROR, __file__, 1, "failed", (), info)
    text = JsonFormatter(service="auth", worker=0).format(record)
    assert JWT not in text
    assert "Traceback" in json.loads(text)["exception"]


def test_what_is_no_secret_stays() -> None:
    text = "GET unix:/run/a.sock http://localhost:8080/x user@example.com bearer token missing"
    assert redact(text) == text


def test_times_are_utc_to_the_millisecond() -> None:
    assert format_time(1_700_000_000.0625) == "2023-11-14T22:13:20.062Z"
    assert format_time(0.9996) == "1970-01-01T00:00:00.999Z"


async def test_access_lines_wait_for_each_other_and_none_is_lost() -> None:
    stream = io.StringIO()
    log = AccessLog(service="toy", worker=1, stream=stream)
    loop = asyncio.get_running_loop()
    for number in range(300):
        log.write(0.0, f'"n":{number}', loop)
    assert len(stream.getvalue().splitlines()) == 256
    log.flush()
    lines = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert [fields["n"] for fields in lines] == list(range(300))
    assert lines[0]["worker"] == 1
