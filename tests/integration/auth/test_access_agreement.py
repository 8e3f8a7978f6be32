"""Check, ListResources and ListSubjects agree with each other and with a plain evaluator, on random data in Postgres.

Auth statement 48: every item that is listed passes Check, and nothing that passes is left out.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, assume, given, settings

from services.auth.domain.access.decisions import Decisions, Question, Verdict
from services.auth.domain.access.listing import Listing
from services.auth.domain.access.names import Object
from services.auth.domain.access.relations import Change
from services.auth.domain.access.writing import AccessWriting
from services.auth.domain.errors.access import AccessModelInvalid
from services.auth.storage import schema
from services.auth.storage.conditions import CelConditions
from services.auth.storage.database import Database
from services.auth.storage.directory import SqlDirectory
from services.auth.storage.relations import SqlRelations
from tests.fakes.access_naive import IDS, NO, OPEN, YES, World, worlds

if TYPE_CHECKING:
    from services.auth.domain.access.decisions import Decision

STATES = {Verdict.DENIED: NO, Verdict.CONDITIONAL: OPEN, Verdict.ALLOWED: YES}
NOBODY = "zz"
"""A user whom no relation names."""
EXAMPLES = 300


class Service:
    """What is judged, over one database."""

    def __init__(self, database: Database) -> None:
        store, conditions = SqlRelations(database), CelConditions()
        self.decisions = Decisions(store=store, conditions=conditions, directory=SqlDirectory(database))
        self.listing = Listing(decisions=self.decisions)
        self.writing = AccessWriting(store=store, conditions=conditions, changes=database, models=self.decisions.models)
        self.numbers = itertools.count()

    async def load(self, world: World) -> str:
        """Keep a world in an organization of its own, whose name is returned."""
        organization = f"o{next(self.numbers)}"
        try:
            await self.writing.replace_model(organization, world.model, 0)
        except AccessModelInvalid:
            return ""
        relations = [one._replace(context=json.dumps(fixed) if fixed else "") for one, fixed in world.relations]
        await self.writing.write(organization, Change(writes=relations))
        return organization

    async def compare(self, organization: str, world: World) -> None:
        """Ask everything, in every way."""
        names = [(type_, name) for type_, name in world.trees if (type_, name)[0] != "groups"]
        for type_, name in names:
            for user in ("a", NOBODY):
                await self._compare_resources(organization, world, (type_, name), user)
            await self._compare_subjects(organization, world, (type_, name), "a")

    async def _compare_resources(self, organization: str, world: World, name: tuple[str, str], user: str) -> None:
        subject = Object("users", user)
        expected = {id_: world.answer(name[0], id_, name[1], subject) for id_ in IDS}
        questions = [
            Question(subject=subject, permission=name[1], resource=Object(name[0], id_), context=world.context)
            for id_ in IDS
        ]
        checked = (await self.decisions.check_all(organization, questions)).decisions
        assert {id_: state_of(one) for id_, one in zip(IDS, checked, strict=True)} == expected
        alone = await self.decisions.check(organization, questions[0])
        assert alone.decisions == checked[:1]
        found, after = dict.fromkeys(IDS, NO), ""
        while True:
            page = await self.listing.list_resources(
                organization,
                subject=subject,
                permission=name[1],
                type_=name[0],
                context=world.context,
                after=after,
                count=2,
            )
            found |= dict.fromkeys(page.allowed, YES) | dict.fromkeys(page.conditional, OPEN)
            after = page.after
            if not after:
                break
        assert found == expected

    async def _compare_subjects(self, organization: str, world: World, name: tuple[str, str], id_: str) -> None:
        expected = {user: world.answer(name[0], id_, name[1], ("users", user)) for user in (*IDS, NOBODY)}
        page = await self.listing.list_subjects(
            organization,
            resource=Object(name[0], id_),
            permission=name[1],
            type_="users",
            context=world.context,
            after="",
            count=10,
        )
        listed = dict.fromkeys(page.allowed, YES) | dict.fromkeys(page.conditional, OPEN)
        anybody = listed.get("*", NO)
        found = {user: listed.get(user, NO if user in page.excepted else anybody) for user in (*IDS, NOBODY)}
        assert found == expected


def state_of(decision: Decision) -> int:
    return STATES[decision.verdict]


async def test_check_and_lists_agree_with_each_other_and_with_a_plain_evaluator(database: str) -> None:
    """Auth statement 48."""
    opened = Database(database)
    await schema.migrate(opened)
    service = Service(opened)
    loop = asyncio.get_running_loop()
    sound = 0

    async def run(world: World) -> bool:
        organization = await service.load(world)
        if organization:
            await service.compare(organization, world)
        return bool(organization)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False)
    @given(worlds())
    def judge(world: World) -> None:
        nonlocal sound
        # Hypothesis is synchronous: it has a thread of its own, and the database keeps its loop.
        assume(asyncio.run_coroutine_threadsafe(run(world), loop).result(60))
        sound += 1

    await asyncio.to_thread(judge)
    await opened.close()
    assert sound >= EXAMPLES // 2
