"""The AuthZEN doors, by the modules of the OpenID conformance suite's test plans for policy decision points.

Each case has the name of its module in `net.openid.conformance.authzen.scenarios`, without the prefix `authzen-pdp-`.
The fixture is that of the certification scenario: two users, two records, eight decisions.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette

from services.auth.domain.access.catalogue import Catalogue, MethodRule
from services.auth.domain.access.model import Condition, ModelText, ParameterType, RelationText, TypeText
from services.auth.http.authzen import AuthzenDoor, routes
from services.chassis.errors import Unauthenticated
from services.chassis.keyring import KEY_BYTES, Keyring, RootKey
from services.chassis.postgres import DatabaseUnavailable
from services.chassis.tokens import Claims
from services.records.reading.pages import PageTokens
from tests.fakes.auth_access import FakeRelations, FakeRoleBook
from tests.fakes.auth_access_conformance import relation
from tests.fakes.auth_access_world import Access

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EVALUATION, EVALUATIONS = "/access/v1/evaluation", "/access/v1/evaluations"
SUBJECTS, RESOURCES, ACTIONS = (f"/access/v1/search/{kind}" for kind in ("subject", "resource", "action"))
ALICE, BOB = ({"type": "user", "id": name} for name in ("alice", "bob"))
ADMIN = {**BOB, "properties": {"role": "admin"}}
READ, WRITE = {"name": "read"}, {"name": "write"}
ONE, TWO = ({"type": "record", "id": f"record-{number}"} for number in (1, 2))
ACTIVE = {**ONE, "properties": {"status": "active"}}
ARCHIVED = {**TWO, "properties": {"status": "archived"}}
FIXTURE = {"subject": ALICE, "action": READ, "resource": ONE}
GOOD = "good"
P = ParameterType
MODEL = ModelText(
    types=(
        TypeText(name="user"),
        TypeText(
            name="record",
            relations=(
                RelationText(name="read", subjects=("user",)),
                RelationText(name="editor", subjects=("user with live",)),
                RelationText(name="archivist", subjects=("user", "user/* with admin")),
                RelationText(name="delete", subjects=("user with soft",)),
            ),
            permissions=(RelationText(name="write", expression="editor | archivist"),),
        ),
    ),
    conditions=(
        Condition(
            name="live",
            expression="!has(resource.status) || resource.status != 'archived'",
            parameters={"resource": P.MAP},
        ),
        Condition(
            name="admin", expression="has(subject.role) && subject.role == 'admin'", parameters={"subject": P.MAP}
        ),
        Condition(name="soft", expression="has(action.soft) && action.soft == true", parameters={"action": P.MAP}),
    ),
)
RELATIONS = (
    relation("record/record-1#read@user/alice"),
    relation("record/record-1#read@user/bob"),
    relation("record/record-1#editor@user/alice", condition="live"),
    relation("record/record-2#editor@user/alice", condition="live"),
    relation("record/record-2#archivist@user/*", condition="admin"),
    # Bob is an administrator, whatever a request says of him.
    relation("record/record-2#archivist@user/bob"),
    relation("record/record-1#delete@user/alice", condition="soft"),
)


class FakeVerifier:
    """Knows three tokens."""

    async def verify(self, token: str) -> Claims:
        grants = {"good": {"auth.access.check"}, "poor": {"auth.users.get"}, "bound": {"*"}}
        if token not in grants:
            raise Unauthenticated("The token is not known.")
        return Claims(
            subject="serviceAccounts/pep",
            organization="default",
            permissions=frozenset(grants[token]),
            expires=0,
            confirmation="thumbprint" if token == "bound" else "",
        )


class Pep:
    """Calls the doors."""

    def __init__(self, access: Access) -> None:
        self.access = access
        users = MethodRule(path="/s/GetUser", service="s", host="auth", access="permission", detail="auth.users.get")
        door = AuthzenDoor(
            decisions=access.decisions,
            listing=access.listing,
            catalogue=Catalogue(rules=lambda: [users], roles=FakeRoleBook()),
            tokens=PageTokens(Keyring([RootKey(id="k", secret=bytes(KEY_BYTES))])),
            verifier=FakeVerifier(),
            issuer="https://tenon.test",
        )
        transport = httpx.ASGITransport(Starlette(routes=list(routes(door))))
        self.client = httpx.AsyncClient(transport=transport, base_url="https://tenon.test")

    async def ask(
        self, path: str, said: object = None, *, method: str = "POST", token: str = GOOD, **more: Any
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        if "content" not in more:
            more["json"] = said
        return await self.client.request(method, path, headers=headers, **more)


@pytest.fixture
async def pep() -> AsyncIterator[Pep]:
    access = Access()
    await access.writing.replace_model("default", MODEL, 0)
    await access.put(*RELATIONS)
    made = Pep(access)
    yield made
    await made.client.aclose()


def without(said: dict[str, Any], *path: str) -> dict[str, Any]:
    """Return a request without one member."""
    copy: dict[str, Any] = json.loads(json.dumps(said))
    place = copy
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return copy


DECISIONS = {
    "fixture-request-permit-decision": (FIXTURE, True),
    "fixture-request-deny-decision": ({"subject": BOB, "action": WRITE, "resource": ONE}, False),
    "request-with-optional-context": (
        {**FIXTURE, "context": {"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"}},
        True,
    ),
    "request-with-additional-properties": (
        {
            "subject": {**ALICE, "properties": {"department": "Sales", "role": "manager"}},
            "action": {**READ, "properties": {"method": "GET"}},
            "resource": {**ONE, "properties": {"status": "active", "owner": "bob"}},
        },
        True,
    ),
    "request-with-unknown-fields": ({**FIXTURE, "foo": "bar", "futureField": {"nested": True}}, True),
    "fixture-request-deny-based-on-properties": (
        {"subject": ALICE, "action": WRITE, "resource": ARCHIVED},
        False,
    ),
    "fixture-request-permit-based-on-subject-properties": (
        {"subject": ADMIN, "action": WRITE, "resource": ARCHIVED},
        True,
    ),
    "fixture-request-permit-based-on-action-properties": (
        {"subject": ALICE, "action": {"name": "delete", "properties": {"soft": True}}, "resource": ONE},
        True,
    ),
    "fixture-request-deny-based-on-action-properties": (
        {"subject": ALICE, "action": {"name": "delete", "properties": {"soft": False}}, "resource": ONE},
        False,
    ),
    "unknown-top-level-fields": ({**FIXTURE, "x_future": 1}, True),
    "unknown-subject-fields": ({**FIXTURE, "subject": {**ALICE, "x_future": 1}}, True),
    "unknown-resource-fields": ({**FIXTURE, "resource": {**ONE, "x_future": 1}}, True),
    "unknown-action-fields": ({**FIXTURE, "action": {**READ, "x_future": 1}}, True),
}


@pytest.mark.parametrize(("said", "decision"), DECISIONS.values(), ids=[f"evaluation-{name}" for name in DECISIONS])
async def test_an_evaluation_is_decided(pep: Pep, said: object, decision: bool) -> None:
    response = await pep.ask(EVALUATION, said)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json()["decision"] is decision


MISSING = {
    "missing-subject": without(FIXTURE, "subject"),
    "missing-action": without(FIXTURE, "action"),
    "missing-resource": without(FIXTURE, "resource"),
    "subject-missing-type": without(FIXTURE, "subject", "type"),
    "subject-missing-id": without(FIXTURE, "subject", "id"),
    "action-missing-name": without(FIXTURE, "action", "name"),
    "resource-missing-type": without(FIXTURE, "resource", "type"),
    "resource-missing-id": without(FIXTURE, "resource", "id"),
    "subject-is-string": {**FIXTURE, "subject": "alice"},
    "action-name-is-number": {**FIXTURE, "action": {"name": 123}},
}


@pytest.mark.parametrize("said", MISSING.values(), ids=[f"evaluation-{name}" for name in MISSING])
async def test_an_evaluation_that_lacks_something_is_a_bad_request(pep: Pep, said: object) -> None:
    assert (await pep.ask(EVALUATION, said)).status_code == 400


SEARCHES: dict[str, tuple[str, dict[str, Any]]] = {
    "evaluation": (EVALUATION, FIXTURE),
    "evaluations": (EVALUATIONS, {**FIXTURE, "evaluations": [{}]}),
    "subject-search": (SUBJECTS, {"subject": {"type": "user"}, "action": READ, "resource": ONE}),
    "resource-search": (RESOURCES, {"subject": ALICE, "action": READ, "resource": {"type": "record"}}),
    "action-search": (ACTIONS, {"subject": ALICE, "resource": ONE}),
}
EACH = pytest.mark.parametrize(("path", "said"), SEARCHES.values(), ids=list(SEARCHES))


class TestEachDoor:
    """`<door>-x-request-id-echoed`, `-idempotency`, `-reject-…`, `-accept-content-type-with-charset`."""

    @EACH
    async def test_x_request_id_echoed(self, pep: Pep, path: str, said: object) -> None:
        response = await pep.ask(path, said, headers={"X-Request-ID": "bfe9eb29-ab87"})
        assert response.headers["x-request-id"] == "bfe9eb29-ab87"
        refused = await pep.ask(path, [], headers={"X-Request-ID": "bfe9eb29-ab87"})
        assert (refused.status_code, refused.headers["x-request-id"]) == (400, "bfe9eb29-ab87")

    @EACH
    async def test_idempotency(self, pep: Pep, path: str, said: object) -> None:
        answers = [(await pep.ask(path, said)).json() for _ in range(3)]
        assert answers[0] == answers[1] == answers[2]

    @EACH
    async def test_reject_get_method(self, pep: Pep, path: str, said: object) -> None:
        assert (await pep.ask(path, said, method="GET")).status_code == 405

    @EACH
    async def test_reject_put_method(self, pep: Pep, path: str, said: object) -> None:
        assert (await pep.ask(path, said, method="PUT")).status_code == 405

    @EACH
    async def test_reject_top_level_array(self, pep: Pep, path: str, said: object) -> None:
        assert (await pep.ask(path, [said])).status_code == 400

    @EACH
    async def test_reject_non_json_content_type(self, pep: Pep, path: str, said: object) -> None:
        content = json.dumps(said)
        for type_ in ("text/plain", "application/x-www-form-urlencoded", ""):
            response = await pep.ask(path, content=content, headers={"content-type": type_})
            assert response.status_code == 400

    @EACH
    async def test_accept_content_type_with_charset(self, pep: Pep, path: str, said: object) -> None:
        headers = {"content-type": "application/json; charset=utf-8"}
        assert (await pep.ask(path, content=json.dumps(said), headers=headers)).status_code == 200

    @EACH
    async def test_reject_malformed_json(self, pep: Pep, path: str, said: object) -> None:
        headers = {"content-type": "application/json"}
        for content in ('{"subject": ', "{'a': 1}", '{"a": NaN}', "[" * 100_000, b"\xff\xfe"):
            assert (await pep.ask(path, content=content, headers=headers)).status_code == 400

    @EACH
    async def test_half_a_character_is_no_text(self, pep: Pep, path: str, said: object) -> None:
        for half in ('"\\ud800"', '{"x": ["\\uDFFF"]}'):
            content = f'{json.dumps(said)[:-1]}, "context": {{"x": {half}}}}}'
            response = await pep.ask(path, content=content, headers={"content-type": "application/json"})
            assert response.status_code == 400

    @EACH
    async def test_reject_empty_body(self, pep: Pep, path: str, said: object) -> None:
        headers = {"content-type": "application/json"}
        assert (await pep.ask(path, content="", headers=headers)).status_code == 400

    @EACH
    async def test_missing_credentials_returns_401(self, pep: Pep, path: str, said: object) -> None:
        response = await pep.ask(path, said, token="")
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")

    @EACH
    async def test_invalid_credentials_returns_401(self, pep: Pep, path: str, said: object) -> None:
        assert (await pep.ask(path, said, token="forged")).status_code == 401
        assert (await pep.ask(path, said, token="bound")).status_code == 401
        basic = {"authorization": "Basic Z29vZDpnb29k"}
        assert (await pep.ask(path, said, token="", headers=basic)).status_code == 401

    @EACH
    async def test_a_caller_without_the_permission_is_told_nothing(self, pep: Pep, path: str, said: object) -> None:
        assert (await pep.ask(path, said, token="poor")).status_code == 403

    @EACH
    async def test_a_body_that_is_too_large_is_refused(self, pep: Pep, path: str, said: object) -> None:
        assert (await pep.ask(path, {"padding": "x" * 300_000})).status_code == 400

    @EACH
    async def test_nobody_is_allowed_anything_while_the_backend_fails(self, pep: Pep, path: str, said: object) -> None:
        """Auth statement 49."""

        class Gone(FakeRelations):
            def now(self, organization: str) -> Any:
                raise DatabaseUnavailable("The database does not answer.", retry_after=1.0)

        object.__setattr__(pep.access.decisions, "store", Gone())
        response = await pep.ask(path, said)
        assert response.status_code == 503
        assert "decision" not in response.json()


def decisions_of(response: httpx.Response) -> list[bool]:
    assert response.status_code == 200
    return [one["decision"] for one in response.json()["evaluations"]]


TIME = {"time": "2025-06-27T18:03-07:00"}
BATCHES = {
    "batch-request-with-evaluations-array": (
        {"subject": ALICE, "action": READ, "evaluations": [{"resource": ONE}, {"resource": TWO}]},
        [True, False],
    ),
    "batch-with-fixture-decisions-validated": (
        {"subject": BOB, "resource": ONE, "evaluations": [{"action": READ}, {"action": WRITE}]},
        [True, False],
    ),
    "batch-with-fully-specified-evaluations": (
        {"evaluations": [FIXTURE, {"subject": BOB, "action": WRITE, "resource": ONE}]},
        [True, False],
    ),
    "batch-with-context-inheritance": (
        {
            "subject": ALICE,
            "action": READ,
            "context": TIME,
            "evaluations": [{"resource": ONE}, {"resource": TWO, "context": {**TIME, "source": "batch-override"}}],
        },
        [True, False],
    ),
    "batch-with-properties-validated": (
        {"subject": ALICE, "action": WRITE, "evaluations": [{"resource": ACTIVE}, {"resource": ARCHIVED}]},
        [True, False],
    ),
    "batch-with-subject-properties-validated": (
        {"action": WRITE, "resource": ARCHIVED, "evaluations": [{"subject": ALICE}, {"subject": ADMIN}]},
        [False, True],
    ),
    "batch-with-default-value-merging": (
        {
            "subject": ALICE,
            "action": WRITE,
            "resource": {"type": "record"},
            "evaluations": [{"resource": without(ACTIVE, "type")}, {"resource": ARCHIVED}],
        },
        [True, False],
    ),
    "evaluation-level-errors": (
        {"subject": ALICE, "action": READ, "evaluations": [{"resource": ONE}, {}]},
        [True, False],
    ),
    "missing-subject-returns-decision-false": ({"action": READ, "evaluations": [{"resource": ONE}]}, [False]),
    "per-eval-overrides-default": (
        {"subject": BOB, "action": WRITE, "resource": ONE, "evaluations": [{}, {"subject": ALICE}]},
        [False, True],
    ),
    "unknown-top-level-fields": ({**FIXTURE, "x_future": {}, "evaluations": [{}]}, [True]),
}
MIXED = {"subject": BOB, "resource": ONE, "evaluations": [{"action": READ}, {"action": WRITE}, {"action": READ}]}
SEMANTICS = {
    "default-semantic-is-execute-all": (MIXED, [True, False, True]),
    "execute-all-explicit": ({**MIXED, "options": {"evaluations_semantic": "execute_all"}}, [True, False, True]),
    "deny-on-first-deny": ({**MIXED, "options": {"evaluations_semantic": "deny_on_first_deny"}}, [True, False]),
    "permit-on-first-permit": ({**MIXED, "options": {"evaluations_semantic": "permit_on_first_permit"}}, [True]),
}
ALL_BATCHES = BATCHES | SEMANTICS


@pytest.mark.parametrize(
    ("said", "decisions"), ALL_BATCHES.values(), ids=[f"evaluations-{name}" for name in ALL_BATCHES]
)
async def test_evaluations_are_decided_in_order(pep: Pep, said: object, decisions: list[bool]) -> None:
    assert decisions_of(await pep.ask(EVALUATIONS, said)) == decisions


@pytest.mark.parametrize(
    "said",
    [FIXTURE, {**FIXTURE, "evaluations": []}],
    ids=[
        "evaluations-missing-evaluations-array-backward-compat",
        "evaluations-empty-evaluations-array-backward-compat",
    ],
)
async def test_without_evaluations_the_request_itself_is_one(pep: Pep, said: object) -> None:
    response = await pep.ask(EVALUATIONS, said)
    assert (response.status_code, response.json()) == (200, {"decision": True})


@pytest.mark.parametrize(
    "said",
    [
        {**MIXED, "options": {"evaluations_semantic": "bogus_value"}},
        {**MIXED, "options": {"evaluations_semantic": 1}},
        {**MIXED, "options": []},
        {**MIXED, "evaluations": {}},
        {**MIXED, "evaluations": [{}] * 101},
        {"evaluations": []},
    ],
    ids=[
        "evaluations-unknown-semantic-value",
        "semantic of another type",
        "options of another type",
        "evaluations of another type",
        "too many",
        "empty, and nothing beside it",
    ],
)
async def test_evaluations_that_cannot_be_read_are_a_bad_request(pep: Pep, said: object) -> None:
    assert (await pep.ask(EVALUATIONS, said)).status_code == 400


SUBJECT_SEARCH = SEARCHES["subject-search"][1]
RESOURCE_SEARCH = SEARCHES["resource-search"][1]
ACTION_SEARCH = SEARCHES["action-search"][1]
FOUND: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "subject-search-valid-subject-search-request-with-non-empty-results": (SUBJECTS, SUBJECT_SEARCH, {"alice", "bob"}),
    "subject-search-subject-search-with-context": (SUBJECTS, {**SUBJECT_SEARCH, "context": TIME}, {"alice", "bob"}),
    "subject-search-subject-search-with-subject-id-omitted": (SUBJECTS, SUBJECT_SEARCH, {"alice", "bob"}),
    "subject-search-extra-subject-id-ignored": (SUBJECTS, {**SUBJECT_SEARCH, "subject": ALICE}, {"alice", "bob"}),
    "subject-search-unknown-entity-type": (SUBJECTS, {**SUBJECT_SEARCH, "subject": {"type": "spaceship"}}, set()),
    "subject-search-unknown-page-fields": (SUBJECTS, {**SUBJECT_SEARCH, "page": {"x_future": 1}}, {"alice", "bob"}),
    "subject-search-unknown-top-level-fields": (SUBJECTS, {**SUBJECT_SEARCH, "x_future": 1}, {"alice", "bob"}),
    "subject-search-subject-search-with-resource-properties": (
        SUBJECTS,
        {**SUBJECT_SEARCH, "action": WRITE, "resource": ARCHIVED},
        {"bob"},
    ),
    "resource-search-valid-resource-search-request-with-non-empty-results": (RESOURCES, RESOURCE_SEARCH, {"record-1"}),
    "resource-search-resource-search-with-resource-id-omitted": (RESOURCES, RESOURCE_SEARCH, {"record-1"}),
    "resource-search-extra-resource-id-ignored": (RESOURCES, {**RESOURCE_SEARCH, "resource": TWO}, {"record-1"}),
    "resource-search-unknown-top-level-fields": (RESOURCES, {**RESOURCE_SEARCH, "x_future": 1}, {"record-1"}),
    "resource-search-resource-search-with-subject-properties": (
        RESOURCES,
        {"subject": ADMIN, "action": WRITE, "resource": {"type": "record"}},
        {"record-2"},
    ),
    "action-search-valid-action-search-request-with-non-empty-results": (
        ACTIONS,
        ACTION_SEARCH,
        {"read", "write", "editor"},
    ),
    "action-search-action-search-with-context": (
        ACTIONS,
        {**ACTION_SEARCH, "context": TIME},
        {"read", "write", "editor"},
    ),
    "action-search-extra-action-ignored": (ACTIONS, {**ACTION_SEARCH, "action": READ}, {"read", "write", "editor"}),
    "action-search-unknown-entity-identifier": (
        ACTIONS,
        {**ACTION_SEARCH, "subject": {"type": "user", "id": "nonexistent-user"}},
        set(),
    ),
    "action-search-unknown-top-level-fields": (ACTIONS, {**ACTION_SEARCH, "x_future": 1}, {"read", "write", "editor"}),
    "action-search-action-search-with-properties": (
        ACTIONS,
        {"subject": ADMIN, "resource": ARCHIVED},
        {"write", "archivist"},
    ),
}


@pytest.mark.parametrize(("path", "said", "expected"), FOUND.values(), ids=list(FOUND))
async def test_a_search_finds_all_there_are(pep: Pep, path: str, said: object, expected: set[str]) -> None:
    response = await pep.ask(path, said)
    assert response.status_code == 200
    answer = response.json()
    assert {one.get("id", one.get("name")) for one in answer["results"]} == expected
    assert answer["page"] == {"next_token": "", "count": len(expected)}


async def test_a_search_for_subjects_says_where_all_may(pep: Pep) -> None:
    said = {
        "subject": {"type": "user", "properties": {"role": "admin"}},
        "action": WRITE,
        "resource": ARCHIVED,
    }
    answer = (await pep.ask(SUBJECTS, said)).json()
    assert answer["results"] == [ALICE, BOB]
    assert answer["context"] == {"everybody": {"except": []}}


LACKING = {
    "subject-search-missing-action": (SUBJECTS, without(SUBJECT_SEARCH, "action")),
    "subject-search-missing-resource": (SUBJECTS, without(SUBJECT_SEARCH, "resource")),
    "subject-search-subject-missing-type": (SUBJECTS, without(SUBJECT_SEARCH, "subject", "type")),
    "subject-search-action-missing-name": (SUBJECTS, without(SUBJECT_SEARCH, "action", "name")),
    "subject-search-action-is-string": (SUBJECTS, {**SUBJECT_SEARCH, "action": "read"}),
    "subject-search-resource-missing-type": (SUBJECTS, without(SUBJECT_SEARCH, "resource", "type")),
    "subject-search-resource-missing-id": (SUBJECTS, without(SUBJECT_SEARCH, "resource", "id")),
    "resource-search-missing-subject": (RESOURCES, without(RESOURCE_SEARCH, "subject")),
    "resource-search-missing-action": (RESOURCES, without(RESOURCE_SEARCH, "action")),
    "resource-search-missing-resource": (RESOURCES, without(RESOURCE_SEARCH, "resource")),
    "resource-search-action-missing-name": (RESOURCES, without(RESOURCE_SEARCH, "action", "name")),
    "resource-search-subject-missing-id": (RESOURCES, without(RESOURCE_SEARCH, "subject", "id")),
    "resource-search-resource-missing-type": (RESOURCES, without(RESOURCE_SEARCH, "resource", "type")),
    "action-search-missing-subject": (ACTIONS, without(ACTION_SEARCH, "subject")),
    "action-search-missing-resource": (ACTIONS, without(ACTION_SEARCH, "resource")),
    "action-search-subject-missing-type": (ACTIONS, without(ACTION_SEARCH, "subject", "type")),
    "action-search-subject-missing-id": (ACTIONS, without(ACTION_SEARCH, "subject", "id")),
    "action-search-subject-is-string": (ACTIONS, {**ACTION_SEARCH, "subject": "alice"}),
    "action-search-resource-missing-type": (ACTIONS, without(ACTION_SEARCH, "resource", "type")),
    "action-search-resource-missing-id": (ACTIONS, without(ACTION_SEARCH, "resource", "id")),
    "page of another type": (SUBJECTS, {**SUBJECT_SEARCH, "page": []}),
    "limit of another type": (SUBJECTS, {**SUBJECT_SEARCH, "page": {"limit": "1"}}),
    "no limit above zero": (RESOURCES, {**RESOURCE_SEARCH, "page": {"limit": 0}}),
    "a token that is none": (RESOURCES, {**RESOURCE_SEARCH, "page": {"token": "made-up"}}),
}


@pytest.mark.parametrize(("path", "said"), LACKING.values(), ids=list(LACKING))
async def test_a_search_that_lacks_something_is_a_bad_request(pep: Pep, path: str, said: object) -> None:
    assert (await pep.ask(path, said)).status_code == 400


async def test_pages_follow_each_other_to_the_last(pep: Pep) -> None:
    """Modules subject-search-request-with-page-limit and subject-search-request-with-page-token."""
    found, page = [], {"limit": 1}
    while True:
        answer = (await pep.ask(SUBJECTS, {**SUBJECT_SEARCH, "page": page})).json()
        assert len(answer["results"]) == answer["page"]["count"] <= 1
        found += [one["id"] for one in answer["results"]]
        if not answer["page"]["next_token"]:
            break
        page = {"limit": 1, "token": answer["page"]["next_token"]}
    assert found == ["alice", "bob"]


async def test_a_page_token_is_of_its_request(pep: Pep) -> None:
    token = (await pep.ask(SUBJECTS, {**SUBJECT_SEARCH, "page": {"limit": 1}})).json()["page"]["next_token"]
    assert token
    other = {**SUBJECT_SEARCH, "action": WRITE, "page": {"token": token}}
    assert (await pep.ask(SUBJECTS, other)).status_code == 400
    assert (await pep.ask(RESOURCES, {**RESOURCE_SEARCH, "page": {"token": token}})).status_code == 400


async def test_what_is_not_known_is_denied_with_the_reason(pep: Pep) -> None:
    for said in (
        {**FIXTURE, "action": {"name": "publish"}},
        {**FIXTURE, "resource": {"type": "spaceship", "id": "1"}},
        {**FIXTURE, "subject": {"type": "robot", "id": "1"}},
        {**FIXTURE, "subject": {"type": "user", "id": "*"}},
        {**FIXTURE, "subject": {"type": "No Type", "id": "a b"}},
    ):
        answer = await pep.ask(EVALUATION, said)
        assert answer.status_code == 200
        assert answer.json()["decision"] is False
        assert answer.json()["context"]["reason_admin"]["en"]


async def test_roles_answer_for_the_callers_own_organization(pep: Pep) -> None:
    pep.access.people.add_role("roles/clerk", "auth.users.*")
    pep.access.people.add_user("users/ann", "roles/clerk")
    said = {
        "subject": {"type": "users", "id": "ann"},
        "action": {"name": "auth.users.get"},
        "resource": {"type": "organizations", "id": "default"},
    }
    assert (await pep.ask(EVALUATION, said)).json() == {"decision": True}
    other = {**said, "resource": {"type": "organizations", "id": "other"}}
    assert (await pep.ask(EVALUATION, other)).json()["decision"] is False
    found = (await pep.ask(ACTIONS, without(said, "action"))).json()
    assert found["results"] == [{"name": "auth.users.get"}]


async def test_the_metadata_names_all_doors_and_needs_no_token(pep: Pep) -> None:
    """Certification scenario §6: discovery."""
    response = await pep.ask("/.well-known/authzen-configuration", method="GET", token="")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "policy_decision_point": "https://tenon.test",
        "access_evaluation_endpoint": "https://tenon.test/access/v1/evaluation",
        "access_evaluations_endpoint": "https://tenon.test/access/v1/evaluations",
        "search_subject_endpoint": "https://tenon.test/access/v1/search/subject",
        "search_resource_endpoint": "https://tenon.test/access/v1/search/resource",
        "search_action_endpoint": "https://tenon.test/access/v1/search/action",
    }
