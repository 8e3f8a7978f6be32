"""That people are asked, see what they have agreed to, and can change their minds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import grpc
import pytest
from tenon.auth.v1 import consent_service_pb2

from services.auth.domain.audit import LoggedAudit
from services.auth.domain.authentication import Authentication
from services.auth.domain.errors import FlowUnknown
from services.auth.domain.oauth.flows import Flows, Step
from services.auth.storage.database import Database
from services.auth.storage.directory import SqlDirectory
from services.auth.storage.oauth_clients import SqlClients
from services.auth.storage.oauth_codes import SqlCodes
from services.auth.storage.oauth_consents import SqlConsents
from services.auth.storage.oauth_flows import SqlFlows
from services.auth.storage.sessions import SqlSessions
from tests.fakes.auth_provider import Proof, answer_of, claims_of, page_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.fakes.auth_provider import Authority


class NoHints:
    """Knows no id token (port `Hints`)."""

    async def read_hint(self, token: str, client: str) -> str | None:
        return None


@pytest.fixture
async def flows(authority: Authority, database: str) -> AsyncIterator[Flows]:
    """What the pages call."""
    opened = Database(database)
    yield Flows(
        kept=SqlFlows(opened),
        clients=SqlClients(opened),
        directory=SqlDirectory(opened),
        consents=SqlConsents(opened),
        codes=SqlCodes(opened),
        hints=NoHints(),
        transactions=opened,
        audit=LoggedAudit(),
    )
    await opened.close()


def flow_of(response: httpx.Response) -> str:
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))["flow"]


async def go_on(authority: Authority, flow: str) -> httpx.Response:
    return await authority.http.get("/oauth2/continue", params={"flow": flow})


async def test_people_are_asked_once_for_a_client_whose_identity_is_assured(authority: Authority, flows: Flows) -> None:
    """Auth statement 12: consent is asked for, remembered for what was agreed, and asked again for more."""
    client = await authority.register(client_uri="https://app.test")
    asked = await authority.authorize(client, scope="openid email")
    flow = flow_of(asked)
    assert page_of(asked) == "/account/sign-in"
    view = await flows.describe(flow)
    assert (view.client_name, view.redirect_host, view.scopes) == ("An application", "app.test", ("openid", "email"))
    assert view.steps == (Step.SIGN_IN, Step.CONSENT, Step.ANSWER)
    session = await SqlSessions(authority.pool).find(await authority.sign_in())
    assert session is not None
    assert page_of(await go_on(authority, flow)) == "/account/consent"
    assert (await flows.describe(flow, session)).steps == (Step.CONSENT, Step.ANSWER)
    await flows.approve(flow, session)
    assert "code" in answer_of(await go_on(authority, flow))
    assert (await go_on(authority, flow)).status_code == 400, "a flow ends once"
    assert "code" in answer_of(await authority.authorize(client, scope="email openid"))
    assert page_of(await authority.authorize(client, scope="openid email profile")) == "/account/consent"
    assert page_of(await authority.authorize(client, prompt="consent")) == "/account/consent"


async def test_people_are_asked_each_time_for_a_client_as_which_anybody_may_pose(
    authority: Authority, flows: Flows
) -> None:
    """Auth statement 12: a public app on a machine is not assured."""
    uri = "http://127.0.0.1/done"
    client = await authority.register(token_endpoint_auth_method="none", redirect_uris=[uri])
    session = await SqlSessions(authority.pool).find(await authority.sign_in())
    assert session is not None
    for _ in range(2):
        asked = await authority.authorize(client, redirect_uri=uri)
        assert page_of(asked) == "/account/consent"
        await flows.approve(flow_of(asked), session)
        assert "code" in answer_of(await go_on(authority, flow_of(asked)), uri)


async def test_a_refusal_goes_to_the_client(authority: Authority, flows: Flows) -> None:
    client = await authority.register()
    await authority.sign_in()
    flow = flow_of(await authority.authorize(client))
    await flows.deny(flow)
    answer = answer_of(await go_on(authority, flow))
    assert (answer["error"], answer["state"]) == ("access_denied", "state 1")
    for gone in (flow, "unknown", "nul\0", ""):
        with pytest.raises(FlowUnknown):
            await flows.deny(gone)


async def test_nobody_agrees_for_somebody_else(authority: Authority, flows: Flows) -> None:
    client = await authority.register()
    other = await authority.add_user("other@x.test")
    theirs = await SqlSessions(authority.pool).find(await authority.sign_in(other))
    assert theirs is not None
    flow = flow_of(await authority.authorize(client))
    await flows.approve(flow, theirs)
    await authority.sign_in()
    assert page_of(await go_on(authority, flow)) == "/account/consent"
    stale = flow_of(await authority.authorize(client, acr_values="aal2"))
    with pytest.raises(FlowUnknown):
        await flows.approve(stale, theirs)
    assert theirs.authentication == Authentication(time=theirs.authentication.time, methods=("pwd",))


async def test_a_consent_is_seen_and_taken_back_with_all_that_it_gave(authority: Authority, flows: Flows) -> None:
    """Auth statements 12 and 19: the person revokes, and the client's tokens end."""
    client = await authority.register()
    session = await SqlSessions(authority.pool).find(await authority.sign_in())
    assert session is not None
    proof = Proof()
    asked = await authority.authorize(client, proof, scope="openid offline_access")
    await flows.approve(flow_of(asked), session)
    code = answer_of(await go_on(authority, flow_of(asked)))["code"]
    tokens = (await authority.redeem(client, code, proof)).json()
    admin: dict[str, Any] = await authority.admin()
    listed = await authority.consents.ListConsents(consent_service_pb2.ListConsentsRequest(), **admin)
    assert [(one.client_id, set(one.scopes)) for one in listed.consents] == [(client.id, {"offline_access", "openid"})]
    request = consent_service_pb2.RevokeConsentRequest(client_id=client.id)
    await authority.consents.RevokeConsent(request, **admin)
    assert await authority.introspect(client, tokens["access_token"]) == {"active": False}
    renewal = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await authority.token(client, **renewal)).status_code == 400
    assert page_of(await authority.authorize(client)) == "/account/consent"
    with pytest.raises(grpc.aio.AioRpcError):
        await authority.consents.RevokeConsent(request, **admin)


async def test_people_agree_to_what_is_asked_for_claim_by_claim(authority: Authority, flows: Flows) -> None:
    """Auth statement 12: the parameter `claims` gives nothing that was not asked for, nor what the client may not."""
    client = await authority.register(scopes=["openid", "email"])
    session = await SqlSessions(authority.pool).find(await authority.sign_in())
    assert session is not None
    await flows.approve(flow_of(await authority.authorize(client)), session)
    assert "code" in answer_of(await authority.authorize(client)), "openid alone was agreed to"
    proof, named = Proof(), {"email": None, "name": None, "phone_number": {"essential": True}}
    asked = await authority.authorize(client, proof, claims=json.dumps({"id_token": named, "userinfo": named}))
    assert page_of(asked) == "/account/consent"
    assert (await flows.describe(flow_of(asked), session)).scopes == ("openid", "email")
    await flows.approve(flow_of(asked), session)
    code = answer_of(await go_on(authority, flow_of(asked)))["code"]
    tokens = (await authority.redeem(client, code, proof)).json()
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    told = (await authority.http.get("/oauth2/userinfo", headers=bearer)).json()
    assert told.keys() == {"sub", "email"}
    assert {"email"} == {"email", "name", "phone_number"} & claims_of(tokens["id_token"]).keys()


async def test_nobody_poses_as_a_client_of_our_own(authority: Authority) -> None:
    """Auth statement 12: whoever listens at the person's machine could be anybody (RFC 8252 §8.6)."""
    uri = "http://127.0.0.1/done"
    own = await authority.register(token_endpoint_auth_method="none", redirect_uris=[uri], first_party=True)
    await authority.sign_in()
    stranger = "http://127.0.0.1:6666/done"
    assert page_of(await authority.authorize(own, redirect_uri=stranger)) == "/account/consent"
    assert (
        answer_of(await authority.authorize(own, redirect_uri=stranger, prompt="none"), stranger)["error"]
        == "consent_required"
    )


async def test_what_waits_for_a_client_ends_with_the_consent(authority: Authority, flows: Flows) -> None:
    """Auth statement 19: neither a code nor an authorization that was agreed to outlives what the person takes back."""
    client, proof = await authority.register(), Proof()
    session = await SqlSessions(authority.pool).find(await authority.sign_in())
    assert session is not None
    asked, other = await authority.authorize(client, proof), await authority.authorize(client)
    for one in (asked, other):
        await flows.approve(flow_of(one), session)
    code = answer_of(await go_on(authority, flow_of(asked)))["code"]
    assert await flows.consents.revoke(session.organization, session.user, client.id, now=flows.clock())
    assert (await authority.redeem(client, code, proof)).status_code == 400
    assert page_of(await go_on(authority, flow_of(other))) == "/account/consent"
    assert not await flows.consents.revoke(session.organization, session.user, f"{client.id}\0", now=flows.clock())
