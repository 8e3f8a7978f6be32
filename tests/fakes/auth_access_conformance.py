"""What every adapter of `RelationStore` must do, the fake too: subclass the suite, and give it the adapter."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.auth.domain.access.model import (
    Condition,
    ModelText,
    ParameterType,
    RelationText,
    SubjectKind,
    TypeText,
    build_model,
)
from services.auth.domain.access.names import Object
from services.auth.domain.access.relations import Filter, Relation, Start, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.auth.domain.access.relations import Reader, RelationStore

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MODEL = ModelText(
    types=(
        TypeText(name="users"),
        TypeText(name="groups", relations=(RelationText(name="member", subjects=("users", "groups#member")),)),
        TypeText(
            name="documents",
            relations=(
                RelationText(name="parent", subjects=("documents",)),
                RelationText(name="banned", subjects=("users",)),
                RelationText(
                    name="viewer",
                    subjects=("users", "users/*", "groups#member", "users with sober"),
                    expression="direct | parent.viewer",
                ),
            ),
            permissions=(RelationText(name="view", expression="viewer - banned"),),
        ),
    ),
    conditions=(Condition(name="sober", expression="x == 1", parameters={"x": ParameterType.INT}),),
)
READS = build_model(MODEL, 1).reads(("documents", "view"))
ANN = Object("users", "ann")


def relation(text: str, **more: object) -> Relation:
    """Return the relation that a text such as `documents/a#viewer@groups/x#member` says."""
    left, subject = text.split("@")
    resource, name = left.split("#")
    body, _, subject_relation = subject.partition("#")
    fields = (*resource.split("/", 1), name, *body.split("/", 1), subject_relation)
    return Relation(*fields)._replace(**more)  # type: ignore[arg-type]


def start(*ids: str, subject: Object | None = ANN) -> Start:
    return Start(resource_type="documents", resource_ids=ids, reads=READS, subject=subject)


async def reached(reader: Reader, *ids: str, subject: Object | None = ANN, limit: int = 100) -> set[str] | None:
    """Return all relations that are found, as texts."""
    _, found = await reader.reach(start(*ids, subject=subject), now=NOW, limit=limit)
    return None if found is None else {str(one) for one in found}


class RelationStoreConformance:
    """For `RelationStore`; needs the fixture `store`, empty. `writing` opens what writes belong to."""

    @asynccontextmanager
    async def writing(self, store: RelationStore) -> AsyncIterator[None]:
        yield

    async def put(self, store: RelationStore, *relations: Relation) -> State:
        async with self.writing(store):
            await store.write("default", relations)
            return await store.advance("default")

    async def test_a_model_is_read_as_it_was_written_and_each_change_has_a_revision(self, store: RelationStore) -> None:
        assert await store.now("default").load_model() == (State(0, 0), None)
        async with self.writing(store):
            assert await store.advance("default", MODEL) == State(1, 1)
        assert await self.put(store) == State(2, 1)
        assert await store.now("default").load_model() == (State(2, 1), MODEL)
        assert await store.now("other").load_model() == (State(0, 0), None)

    async def test_a_relation_is_replaced_by_one_with_the_same_key_and_deleted_once(self, store: RelationStore) -> None:
        first = relation("documents/a#viewer@users/ann", condition="sober", context='{"x":1}')
        second = first._replace(condition="", context="", expire_time=NOW + timedelta(hours=1))
        await self.put(store, first)
        await self.put(store, second)
        _, found = await store.list("default", Filter(), after=(), count=10, now=NOW)
        assert list(found) == [second]
        async with self.writing(store):
            await store.delete("default", [first, relation("documents/b#viewer@users/ann")])
            await store.advance("default")
        assert not await store.is_any("default", Filter(), NOW)

    async def test_all_that_an_answer_depends_on_is_reached_however_deep(self, store: RelationStore) -> None:
        chain = [relation(f"documents/d{n}#parent@documents/d{n + 1}") for n in range(5)]
        groups = [
            relation("documents/d5#viewer@groups/g0#member"),
            relation("groups/g0#member@groups/g1#member"),
            relation("groups/g1#member@groups/g0#member"),
            relation("groups/g1#member@users/ann"),
        ]
        other = [relation("documents/x#viewer@users/ann"), relation("groups/g9#member@users/ann")]
        await self.put(store, *chain, *groups, *other)
        found = await reached(store.now("default"), "d0")
        assert found == {str(one) for one in (*chain, *groups)}

    async def test_the_subject_and_everybody_count_and_what_has_expired_does_not(self, store: RelationStore) -> None:
        await self.put(
            store,
            relation("documents/a#viewer@users/ann"),
            relation("documents/a#banned@users/ann", expire_time=NOW),
            relation("documents/a#viewer@users/*", expire_time=NOW + timedelta(seconds=1)),
        )
        found = await reached(store.now("default"), "a")
        assert found == {"documents/a#viewer@users/ann", "documents/a#viewer@users/*"}

    async def test_without_a_subject_every_subject_counts(self, store: RelationStore) -> None:
        kept = [relation("documents/a#viewer@users/bob"), relation("documents/a#parent@documents/b")]
        await self.put(store, *kept, relation("documents/b#banned@users/cy"), relation("documents/c#viewer@users/bob"))
        found = await reached(store.now("default"), "a", subject=None)
        assert found == {str(one) for one in kept} | {"documents/b#banned@users/cy"}

    async def test_more_than_the_limit_is_nothing_and_not_a_part(self, store: RelationStore) -> None:
        await self.put(store, *(relation(f"documents/a#viewer@groups/g{n}#member") for n in range(5)))
        reader = store.now("default")
        assert await reached(reader, "a", limit=4) is None
        assert len(await reached(reader, "a", limit=5) or ()) == 5

    async def test_candidates_are_all_objects_that_a_subject_leads_to_in_order(self, store: RelationStore) -> None:
        await self.put(
            store,
            relation("groups/g#member@users/ann"),
            relation("documents/b#viewer@groups/g#member"),
            relation("documents/a#parent@documents/b"),
            relation("documents/c#viewer@users/*"),
            relation("documents/d#viewer@users/bob"),
        )
        reader = store.now("default")

        async def candidates(after: str = "", count: int = 10, limit: int = 100) -> list[str] | None:
            return (await reader.find_candidates(start(), after=after, count=count, now=NOW, limit=limit))[1]

        assert await candidates() == ["a", "b", "c"]
        assert await candidates(after="a", count=1) == ["b"]
        assert await candidates(limit=3) is None
        assert await candidates(limit=4) == ["a", "b", "c"]

    async def test_a_snapshot_does_not_see_what_is_written_later(self, store: RelationStore) -> None:
        await self.put(store, relation("documents/a#viewer@users/ann"))
        async with store.snapshot("default") as reader:
            before = await reader.reach(start("a"), now=NOW, limit=10)
            await self.put(store, relation("documents/a#viewer@users/*"))
            assert await reader.reach(start("a"), now=NOW, limit=10) == before
        assert len(await reached(store.now("default"), "a") or ()) == 2

    async def test_organizations_see_nothing_of_each_other(self, store: RelationStore) -> None:
        await self.put(store, relation("documents/a#viewer@users/ann"))
        assert await reached(store.now("other"), "a") == set()
        assert await store.now("other").find_candidates(start(), after="", count=9, now=NOW, limit=9) == (
            State(0, 0),
            [],
        )
        assert not await store.is_any("other", Filter(), NOW)
        assert await store.find_kinds("other") == []

    async def test_lists_go_by_key_page_by_page(self, store: RelationStore) -> None:
        kept = [relation(f"documents/{id_}#viewer@users/ann") for id_ in "cab"]
        await self.put(store, *kept, relation("documents/a#viewer@users/bob", expire_time=NOW))
        _, first = await store.list("default", Filter(resource_type="documents"), after=(), count=2, now=NOW)
        assert [one.resource_id for one in first] == ["a", "b"]
        _, rest = await store.list("default", Filter(), after=first[-1].key, count=2, now=NOW)
        assert [one.resource_id for one in rest] == ["c"]

    async def test_a_filter_means_what_all_of_its_parts_mean(self, store: RelationStore) -> None:
        await self.put(
            store,
            relation("documents/a#viewer@users/ann"),
            relation("documents/a#banned@users/ann"),
            relation("documents/b#viewer@users/bob"),
            relation("documents/b#viewer@groups/g#member"),
        )
        for chosen, count in (
            (Filter(resource_type="documents", resource_id="a"), 2),
            (Filter(relation="viewer"), 3),
            (Filter(subject_type="users", subject_id="ann", relation="viewer"), 1),
            (Filter(subject_relation=""), 3),
            (Filter(subject_relation="member"), 1),
            (Filter(resource_type="folders"), 0),
        ):
            _, found = await store.list("default", chosen, after=(), count=9, now=NOW)
            assert len(found) == count, chosen
            assert await store.is_any("default", chosen, NOW) is bool(count)

    async def test_a_filter_deletes_no_more_than_it_may(self, store: RelationStore) -> None:
        await self.put(store, *(relation(f"documents/a{n}#viewer@users/ann") for n in range(5)))
        chosen = Filter(resource_type="documents")
        async with self.writing(store):
            assert await store.delete_some("default", chosen, 3) == 3
            assert await store.delete_some("default", chosen, 3) == 2

    async def test_the_kinds_of_relations_are_told_once(self, store: RelationStore) -> None:
        await self.put(
            store,
            relation("documents/a#viewer@users/ann", condition="sober"),
            relation("documents/b#viewer@users/bob", condition="sober"),
            relation("documents/b#viewer@users/*"),
            relation("documents/b#viewer@groups/g#member"),
        )
        assert set(await store.find_kinds("default")) == {
            ("documents", "viewer", SubjectKind("users", condition="sober")),
            ("documents", "viewer", SubjectKind("users", everybody=True)),
            ("documents", "viewer", SubjectKind("groups", "member")),
        }
        assert len(await store.find_kinds("default")) == 3

    async def test_what_has_expired_is_forgotten(self, store: RelationStore) -> None:
        await self.put(
            store, relation("documents/a#viewer@users/ann", expire_time=NOW), relation("documents/b#viewer@users/ann")
        )
        await store.prune(NOW)
        early = NOW - timedelta(days=1)
        _, found = await store.list("default", Filter(), after=(), count=9, now=early)
        assert [one.resource_id for one in found] == ["b"]
