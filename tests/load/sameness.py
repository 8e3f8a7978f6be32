"""Checks before anything is measured that all sides answer the same, or there is nothing to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from tests.load.cases import FLIGHTS, PAGE
from tests.load.measure import CaseFailed

if TYPE_CHECKING:
    from tests.load.cases import Subjects

TOLERANCE = 0.1
"""By how much answers may differ in length: etags and page tokens are each side's own."""


async def check_sameness(subjects: Subjects, token: str) -> str:
    """Return the lengths of what all sides answer; raises CaseFailed where they are not the same records."""
    rivals = subjects.rivals
    sides = {
        "ours": subjects.stack.settings.url,
        "FastAPI": f"http://{rivals.bare.target}",
        "FastAPI with equal duties": f"http://{rivals.equal.target}",
        "FastAPI behind mTLS": f"http://{rivals.tls.target}",
    }
    lines = []
    async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {token}"}) as client:
        for what, path in (
            ("Get", f"/flightops/v1/{subjects.names[0]}"),
            (f"List {PAGE}", f"{FLIGHTS}?pageSize={PAGE}"),
        ):
            answers = {name: await client.get(f"{url}{path}") for name, url in sides.items()}
            _compare(what, answers)
            lengths = ", ".join(f"{name} {len(answer.content):,}" for name, answer in answers.items())
            lines.append(f"Bytes of one {what}: {lengths}; the records are equal.")
    return "\n".join(lines)


def _compare(what: str, answers: dict[str, httpx.Response]) -> None:
    ours = answers["ours"]
    for name, answer in answers.items():
        if not answer.is_success:
            raise CaseFailed(f"{what}: {name} answers {answer.status_code}: {answer.text[:300]}")
        if _content(answer.json()) != _content(ours.json()):
            raise CaseFailed(f"{what}: {name} answers other records than ours:\n{answer.text[:700]}\n{ours.text[:700]}")
        if abs(len(answer.content) / len(ours.content) - 1) > TOLERANCE:
            raise CaseFailed(f"{what}: {name} answers {len(answer.content)} bytes, ours {len(ours.content)}.")


def _content(value: Any) -> Any:
    """Return what is left without etags and page tokens."""
    if isinstance(value, dict):
        return {name: _content(item) for name, item in value.items() if name not in {"etag", "nextPageToken"}}
    return [_content(item) for item in value] if isinstance(value, list) else value
