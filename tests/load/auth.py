"""`python -m tests.load.auth`: what tokens, their renewal and introspection, and sign-ins cost in auth.

A figure per core is what one core would answer if it did nothing else: 1,000,000 by the microseconds of CPU that auth
spends on a request. Postgres and the edge are counted apart. What shares a machine with others shows in rates and
times, and much less in those.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from argon2 import PasswordHasher, Type

from services.auth.storage.hashing import MEMORY_KIB, TIME_COST
from services.chassis.jwks import Jwks
from services.chassis.revocations import NothingRevoked
from services.chassis.tokens import TokenVerifier
from tests.load.cases import FLIGHTS, Case, Key, Operation, Way
from tests.load.job import Job
from tests.load.machine import describe_machine, warn_if_busy
from tests.load.measure import CaseFailed, measure
from tests.load.provider import PEOPLE, open_provider
from tests.load.stack import run_stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.load.measure import Sample
    from tests.load.provider import Client, Provider
    from tests.load.stack import Stack

FORM, PACED, SIGN_IN = (f"tests.load.drive_{name}" for name in ("form", "paced", "sign_in"))
TOKEN, INTROSPECT = "/oauth2/token", "/oauth2/introspect"
TOKENS = 100
"""Access tokens that are introspected in turn."""

QUIET = 4
"""Connections of those who go about their work beside a flood of sign-ins."""

PACE = 0.04
"""Seconds from one of their requests to the next, of each connection."""

HEADS = ("req/s", "p50 ms", "p99 ms", "auth µs", "edge µs", "postgres µs", "per core/s")
MICROSECONDS = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One thing that is asked, over and over."""

    label: str
    """What the report calls it."""
    driver: str
    """The module that asks."""
    job: Job
    """What it does."""
    goal: float = 0.0
    """Requests per second and core that are to be reached, or 0 where it is only told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What was to be reached, and what was."""

    title: str
    """What it is about."""
    value: float
    """What was reached."""
    goal: float
    """What was to be."""
    at_most: bool = False
    """Whether less is better."""

    @property
    def is_met(self) -> bool:
        """Whether it was reached."""
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def __str__(self) -> str:
        """Return it in one line."""
        verdict = "met" if self.is_met else f"NOT MET, by {abs(self.value / self.goal - 1):.0%}"
        bound = "at most" if self.at_most else "at least"
        shape = ",.2f" if self.goal < 10 else ",.0f"
        return f"  {self.title:<72}{self.value:>12{shape}}  {bound} {self.goal:{shape}}: {verdict}"


@dataclass(kw_only=True)
class Report:
    """What the bench has found."""

    lines: list[str] = field(default_factory=list)
    """What is to be printed."""
    targets: list[Target] = field(default_factory=list)
    """What was to be reached."""

    def __str__(self) -> str:
        """Return the whole report."""
        return "\n".join([*self.lines, "", "Targets (medians of the runs):", *map(str, self.targets)])


def main() -> int:
    """Run the bench; return 0 where everything could be measured, whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.auth", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often each is run, in turn (3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each run is counted (2)")
    parser.add_argument("--level", type=int, default=16, help="requests under way at once (16)")
    home = Path(".tenon/bench")
    parser.add_argument("--home", type=Path, default=home, help="the state folder, kept for the next time")
    arguments = parser.parse_args()
    sys.stdout.write(f"{describe_machine()}\n{warn_if_busy()}\n")
    with run_stack(arguments.home.absolute()) as stack:
        found = asyncio.run(measure_auth(stack, runs=arguments.runs, seconds=arguments.seconds, level=arguments.level))
    sys.stdout.write(f"{found}\n{warn_if_busy()}\n")
    return 0


async def measure_auth(stack: Stack, *, runs: int, seconds: float, level: int) -> Report:
    """Ask each question over and over, `level` at once, then flood auth with sign-ins."""
    report = Report(lines=[_row("", *HEADS)])
    async with open_provider(stack) as provider:
        report.targets.append(await _measure_verification(provider))
        samples: dict[str, list[Sample]] = {}
        for _ in range(runs):
            # Interleaved, so that whatever else the machine does meets all alike.
            for question in await _questions(provider, seconds=seconds, level=level):
                samples.setdefault(question.label, []).append(await _ask(stack, question))
                if question.goal and len(samples[question.label]) == runs:
                    per_core = MICROSECONDS / _median(samples[question.label], "service")
                    title = f"{question.label}, per core of auth"
                    report.targets.append(Target(title=title, value=per_core, goal=question.goal))
        report.lines += [_row(label, *_figures(found)) for label, found in samples.items()]
        await _measure_flood(provider, report, seconds=max(seconds, 4.0), level=level, runs=runs)
    return report


async def _questions(provider: Provider, *, seconds: float, level: int) -> list[Question]:
    """Return what is asked, through the edge and directly, each with fresh refresh tokens."""
    stack = provider.stack
    settings = stack.settings
    direct = f"unix:{settings.run / 'auth-0.http.sock'}"
    found = []
    for place, target in (("auth", direct), ("edge", settings.url.removeprefix("http://"))):
        for label, client, path, forms, goal in await _forms(provider, level):
            job = Job(
                target=target,
                requests=tuple(f"{path}\n{form}" for form in forms),
                kind="POST",
                token=client.basic,
                connections=level,
                warm_up=0.5,
                seconds=seconds,
                rows=0,
                certificates=str(settings.certificates("edge")),
            )
            judged = goal if place == "auth" else 0.0
            found.append(Question(label=f"{label}, {place}", driver=FORM, job=job, goal=judged))
    return found


async def _forms(provider: Provider, level: int) -> Iterable[tuple[str, Client, str, Sequence[str], float]]:
    rsa, ecdsa = provider.clients["RS256"], provider.clients["ES256"]
    plain, with_id = "offline_access commerce.*", "openid offline_access commerce.*"

    async def chains(client: Client, scope: str) -> list[str]:
        tokens = await provider.grant_families(client, scope, level)
        return [f"grant_type=refresh_token&refresh_token={token}" for token in tokens]

    access = [f"token={token}" for token in await provider.grant_access(rsa, TOKENS)]
    held = [f"token={token}" for token in await provider.grant_families(rsa, plain, TOKENS)]
    return (
        ("client credentials", rsa, TOKEN, ["grant_type=client_credentials"], 1000),
        ("refresh", rsa, TOKEN, await chains(rsa, plain), 800),
        ("refresh with an id token (ES256)", ecdsa, TOKEN, await chains(ecdsa, with_id), 800),
        ("refresh with an id token (RS256)", rsa, TOKEN, await chains(rsa, with_id), 800),
        ("introspection of access tokens", rsa, INTROSPECT, access, 2000),
        ("introspection of refresh tokens", rsa, INTROSPECT, held, 2000),
    )


async def _ask(stack: Stack, question: Question) -> Sample:
    key = Key(Way.REST, Operation.NOOP, question.job.connections)
    service, edge = stack.cpu_of("auth-0"), stack.cpu_of("envoy")
    case = Case(key=key, driver=question.driver, job=question.job, service=service, edge=edge)
    try:
        return await measure(case, lambda: stack.cpu_of("postgres"))
    except CaseFailed as error:
        raise CaseFailed(f"{question.label}: {error}") from error


async def _measure_verification(provider: Provider) -> Target:
    """Verify tokens that are known, as each call to a service does, in this process."""
    settings = provider.stack.settings

    async def fetch() -> bytes:
        return (await provider.http.get("/auth/v1/jwks.json")).content

    keys = Jwks(fetch=fetch)
    verifier = TokenVerifier(keys=keys, revoked=NothingRevoked(), issuer=settings.issuer, audience=settings.audience)
    tokens = await provider.grant_access(provider.clients["RS256"], TOKENS)
    for token in tokens:
        await verifier.verify(token)
    rates = []
    for _ in range(5):
        started = time.process_time()
        for _ in range(200):
            for token in tokens:
                await verifier.verify(token)
        rates.append(200 * len(tokens) / (time.process_time() - started))
    title = "verification of known access tokens in a service, per core"
    return Target(title=title, value=statistics.median(rates), goal=100_000)


async def _measure_flood(provider: Provider, report: Report, *, seconds: float, level: int, runs: int) -> None:
    """Flood auth with sign-ins, and see what it does to those who go about their work."""
    stack, hash_seconds = provider.stack, _measure_hash()
    calm: dict[str, list[float]] = {}
    flooded: dict[str, list[float]] = {}
    floods: list[Sample] = []
    for _ in range(runs):
        quiet = await _quiet(provider, seconds=seconds)
        for question in quiet:
            calm.setdefault(question.label, []).append((await _ask(stack, question)).p99)
            # The flood is there before those who work, and for longer.
            flood = asyncio.create_task(_ask(stack, _sign_ins(provider, seconds=seconds + 1.5, level=level)))
            await asyncio.sleep(0.5)
            flooded.setdefault(question.label, []).append((await _ask(stack, question)).p99)
            floods.append(await flood)
        alone = await _ask(stack, _sign_ins(provider, seconds=seconds, level=level))
        floods[-1] = alone
    report.lines.append(_row("sign-ins by password, auth", *_figures(floods[-1:])))
    share = hash_seconds * MICROSECONDS / _median(floods, "service")
    title = f"sign-ins by password: share of auth's CPU that argon2 itself takes ({hash_seconds * 1000:.1f} ms)"
    report.targets.append(Target(title=title, value=share, goal=0.9))
    for label, values in calm.items():
        ratio = statistics.median(after / before for before, after in zip(values, flooded[label], strict=True))
        figures = f"{statistics.median(values):.1f} → {statistics.median(flooded[label]):.1f} ms"
        report.targets.append(
            Target(title=f"{label}: p99 beside the flood ({figures})", value=ratio, goal=2.0, at_most=True)
        )


def _measure_hash() -> float:
    """Return the seconds of CPU that one verification of a password takes while all cores do the same."""
    hasher = PasswordHasher(
        time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
    )
    encoded = hasher.hash("a password of the bench")

    def verify(_: int) -> float:
        started = time.thread_time()
        hasher.verify(encoded, "a password of the bench")
        return time.thread_time() - started

    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(cores) as pool:
        return statistics.median(pool.map(verify, range(30 * cores)))


def _sign_ins(provider: Provider, *, seconds: float, level: int) -> Question:
    settings = provider.stack.settings
    people = provider.people[:PEOPLE]
    job = Job(
        target=f"unix:{settings.socket('auth-0')}",
        requests=tuple(json.dumps({"email": each.email, "password": each.password}) for each in people),
        kind="SignIn",
        token="",
        connections=level,
        warm_up=0.5,
        seconds=seconds,
        rows=0,
        certificates=str(settings.certificates("edge")),
    )
    return Question(label="sign-ins by password", driver=SIGN_IN, job=job)


async def _quiet(provider: Provider, *, seconds: float) -> list[Question]:
    """Return what others do meanwhile: reads through the edge, and introspections, by auth itself."""
    stack = provider.stack
    address = stack.settings.url.removeprefix("http://")
    connection = await stack.connect()
    try:
        name = await connection.fetchval("SELECT name FROM tenon_flightops_v1.flights LIMIT 1")
    finally:
        await connection.close()
    client = provider.clients["RS256"]
    tokens = await provider.grant_access(client, 1)

    def paced(kind: str, request: str, token: str, rows: int) -> Job:
        return Job(
            target=address,
            requests=(request,),
            kind=kind,
            token=token,
            connections=QUIET,
            warm_up=0.5,
            seconds=seconds,
            rows=rows,
            pace=PACE,
        )

    get = paced("GET", f"{FLIGHTS.rpartition('/')[0]}/{name}", await stack.token(), 1)
    introspect = paced("POST", f"{INTROSPECT}\ntoken={tokens[0]}", client.basic, 0)
    return [
        Question(label="a Get through the edge", driver=PACED, job=get),
        Question(label="an introspection through the edge", driver=PACED, job=introspect),
    ]


def _median(samples: Sequence[Sample], name: str) -> float:
    return statistics.median(float(getattr(sample, name)) for sample in samples)


def _figures(samples: Sequence[Sample]) -> tuple[str, ...]:
    whole = [_median(samples, name) for name in ("rate", "p50", "p99", "service", "edge", "postgres")]
    whole.append(MICROSECONDS / _median(samples, "service"))
    return tuple(f"{value:,.1f}" if 1 <= place <= 2 else f"{value:,.0f}" for place, value in enumerate(whole))


def _row(label: str, *cells: str) -> str:
    return f"{label:<46}" + "".join(f"{cell:>13}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
