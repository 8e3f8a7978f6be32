"""How services go on in their callers' names (RFC 8693)."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from services.auth.domain.oauth.clients import TOKEN_EXCHANGE
from services.auth.domain.oauth.exchange import ACCESS_TOKEN
from services.auth.storage.database import Database
from services.auth.storage.signing_keys import RememberedKeys, SqlSigningKeys
from services.auth.storage.tokens import JwtTokens
from tests.fakes.auth_provider import ISSUER, claims_of
from tests.integration.auth.oauth.test_dpop import Key

if TYPE_CHECKING:
    import httpx

    from tests.fakes.auth_provider import Authority, Registered

SCOPE = "openid commerce.orders.* commerce.products.get"


async def service(authority: Authority, **fields: Any) -> Registered:
    described = {
        "display_name": "Orders",
        "grant_types": [TOKEN_EXCHANGE],
        "redirect_uris": [],
        "audiences": ["tenon"],
        "scopes": ["commerce.*"],
    }
    return await authority.register(**{**described, **fields})


async def caller(authority: Authority, scope: str = SCOPE) -> dict[str, Any]:
    app = await authority.register(first_party=True)
    return await authority.tokens(app, scope=scope)


async def exchange(authority: Authority, client: Registered, token: str, **fields: str) -> httpx.Response:
    asked = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
    return await authority.token(client, **{**asked, **fields})


async def sign(authority: Authority, token: str, **claims: Any) -> str:
    """Return a token of ours that says something else."""
    database = Database(authority.frame.settings.database_url)
    try:
        keys = RememberedKeys(SqlSigningKeys(database, authority.frame.keyring.sealer("auth signing key"), ("ES256",)))
        said = {**claims_of(token), "jti": secrets.token_hex(8), **claims}
        return (await JwtTokens(keys, issuer=ISSUER, audience="tenon").sign(said)).text
    finally:
        await database.close()


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def test_a_service_goes_on_in_its_callers_name_with_its_own_beside(authority: Authority) -> None:
    """Auth statements 27 and 47: the subject stays, the actor is recorded, and nothing is gained."""
    orders, subject = await service(authority), (await caller(authority))["access_token"]
    answer = await exchange(authority, orders, subject)
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["issued_token_type"], told["token_type"]) == (ACCESS_TOKEN, "Bearer")
    assert "refresh_token" not in told
    before, after = claims_of(subject), claims_of(told["access_token"])
    for name in ("iss", "sub", "aud", "org", "sid", "grant", "auth_time", "acr"):
        assert after[name] == before[name], name
    assert after["act"] == {"sub": f"clients/{orders.id}"}
    assert after["client_id"] == orders.id
    assert after["scope"] == "commerce.orders.* commerce.products.get"
    assert after["permissions"] == ["commerce.orders.*", "commerce.products.get"]
    assert after["exp"] <= before["exp"]
    stock = await service(authority)
    again = (await exchange(authority, stock, told["access_token"])).json()
    chain = {"sub": f"clients/{stock.id}", "act": {"sub": f"clients/{orders.id}"}}
    assert claims_of(again["access_token"])["act"] == chain
    assert (await authority.introspect(stock, again["access_token"]))["act"] == chain
    rows = await authority.pool.fetch("SELECT actor, subject FROM auth.audit_events WHERE kind = 'token.exchanged'")
    assert {(row["actor"], row["subject"]) for row in rows} == {
        (f"clients/{one.id}", before["sub"]) for one in (orders, stock)
    }


async def test_scope_and_audience_only_shrink(authority: Authority) -> None:
    """Auth statement 27: scope and audience are within the subject's."""
    orders, subject = await service(authority), (await caller(authority))["access_token"]
    less = (await exchange(authority, orders, subject, scope="commerce.orders.get")).json()
    assert less["scope"] == "commerce.orders.get"
    assert claims_of(less["access_token"])["permissions"] == ["commerce.orders.get"]
    for wider in ("commerce.*", "commerce.products.*", "library.books.get", "tenon"):
        assert refusal(await exchange(authority, orders, subject, scope=wider)) == (400, "invalid_scope")
    assert refusal(await exchange(authority, orders, less["access_token"], scope="commerce.orders.*"))[0] == 400
    assert (await exchange(authority, orders, subject, audience="tenon")).status_code == 200
    for fields in ({"audience": "https://bank.test"}, {"resource": "https://bank.test"}):
        assert refusal(await exchange(authority, orders, subject, **fields)) == (400, "invalid_target")
    narrow = await service(authority, scopes=["commerce.orders.get"])
    got = (await exchange(authority, narrow, subject)).json()
    assert (got["scope"], claims_of(got["access_token"])["permissions"]) == ("", []), "orders.* is more than it may ask"


async def test_other_kinds_of_tokens_are_not_exchanged(authority: Authority) -> None:
    """Auth statements 20 and 27: types are allow-listed, and an id token is no access token whatever it is called."""
    orders, tokens = await service(authority), await caller(authority)
    for kind in ("id_token", "refresh_token", "jwt", "saml2"):
        named = f"urn:ietf:params:oauth:token-type:{kind}"
        for answer in (
            await exchange(authority, orders, tokens["id_token"], subject_token_type=named),
            await exchange(authority, orders, tokens["id_token"]),
            await exchange(authority, orders, tokens["access_token"], subject_token_type=named),
            await exchange(authority, orders, tokens["access_token"], requested_token_type=named),
            await exchange(authority, orders, tokens["access_token"], actor_token=tokens["id_token"]),
            await exchange(authority, orders, "nonsense"),
            await exchange(authority, orders, ""),
        ):
            assert refusal(answer) == (400, "invalid_request")


async def test_only_whoever_a_token_is_meant_for_exchanges_it(authority: Authority) -> None:
    """Auth statement 27: the issuer and the audience of a subject's token are allow-listed."""
    tokens = await caller(authority)
    stranger = await service(authority, audiences=["https://another.test"])
    assert refusal(await exchange(authority, stranger, tokens["access_token"])) == (400, "invalid_request")
    web = await authority.register()
    assert refusal(await exchange(authority, web, tokens["access_token"])) == (400, "unauthorized_client")
    orders = await service(authority)
    foreign = await sign(authority, tokens["access_token"], iss="https://elsewhere.test")
    expired = await sign(authority, tokens["access_token"], exp=int(time.time()) - 1)
    for token in (foreign, expired):
        assert refusal(await exchange(authority, orders, token)) == (400, "invalid_request")


async def test_a_token_that_was_taken_back_is_not_exchanged_and_takes_its_heirs_with_it(authority: Authority) -> None:
    """Auth statements 25 and 27."""
    orders, subject = await service(authority), (await caller(authority))["access_token"]
    heir = (await exchange(authority, orders, subject)).json()["access_token"]
    assert (await authority.introspect(orders, heir))["active"]
    grant = claims_of(subject)["grant"]
    await authority.pool.fetch(
        "INSERT INTO auth.revocations (key, before, expire_time) VALUES ($1, 9007199254740992, now() + interval '1h')",
        [f"grant:{grant}"],
    )
    assert await authority.introspect(orders, heir) == {"active": False}
    assert refusal(await exchange(authority, orders, subject)) == (400, "invalid_request")


async def test_an_actor_may_be_named_by_a_token_of_its_own(authority: Authority) -> None:
    """Auth statement 27: actor_token is optional, and judged like the subject's."""
    account = await authority.add_service_account("commerce.orders.get")
    robot = await service(
        authority, grant_types=[TOKEN_EXCHANGE, "client_credentials"], service_account=account, scopes=["commerce.*"]
    )
    actor = (await authority.token(robot, grant_type="client_credentials")).json()["access_token"]
    subject = (await caller(authority))["access_token"]
    told = (await exchange(authority, robot, subject, actor_token=actor, actor_token_type=ACCESS_TOKEN)).json()[
        "access_token"
    ]
    assert claims_of(told)["act"] == {"sub": account}
    assert claims_of(told)["sub"] == claims_of(subject)["sub"]
    assert refusal(await exchange(authority, robot, subject, actor_token=actor))[0] == 400
    own = (await exchange(authority, robot, actor)).json()["access_token"]
    assert claims_of(own)["permissions"] == ["commerce.orders.get"]


async def test_whom_a_token_does_not_name_may_not_act_and_nobody_passes_for_a_person_unasked(
    authority: Authority,
) -> None:
    """Auth statement 27: may_act and the registration decide impersonation."""
    orders = await service(authority)
    double = await service(authority, impersonates=True)
    subject = (await caller(authority))["access_token"]
    assert claims_of((await exchange(authority, double, subject)).json()["access_token"])["act"], "the token is silent"
    naming = await sign(authority, subject, may_act={"sub": f"clients/{double.id}"})
    assert refusal(await exchange(authority, orders, naming)) == (400, "invalid_request")
    assert "act" not in claims_of((await exchange(authority, double, naming)).json()["access_token"])
    for_orders = await sign(authority, subject, may_act={"sub": f"clients/{orders.id}"})
    assert claims_of((await exchange(authority, orders, for_orders)).json()["access_token"])["act"]
    rows = await authority.pool.fetch("SELECT client, outcome FROM auth.audit_events WHERE kind = 'token.refused'")
    assert [(row["client"], row["outcome"]) for row in rows] == [(orders.id, "denied")]


async def test_a_chain_of_actors_has_an_end(authority: Authority) -> None:
    """Auth statement 27."""
    orders, token = await service(authority), (await caller(authority))["access_token"]
    for _ in range(5):
        token = (await exchange(authority, orders, token)).json()["access_token"]
    assert refusal(await exchange(authority, orders, token)) == (400, "invalid_request")


async def test_a_bound_token_is_exchanged_with_its_key_alone(authority: Authority) -> None:
    """Auth statements 27 and 28."""
    key, other = Key(), Key()
    orders = await service(authority)
    machine = await service(authority, grant_types=[TOKEN_EXCHANGE, "client_credentials"])
    form = {"grant_type": "client_credentials"}
    bound = await authority.http.post("/oauth2/token", data=form, auth=machine.auth, headers=key.prove())
    token = bound.json()["access_token"]
    assert refusal(await exchange(authority, orders, token)) == (400, "invalid_request")
    asked = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
    wrong = await authority.http.post("/oauth2/token", data=asked, auth=machine.auth, headers=other.prove())
    assert refusal(wrong) == (400, "invalid_request")
    right = await authority.http.post("/oauth2/token", data=asked, auth=machine.auth, headers=key.prove())
    assert claims_of(right.json()["access_token"])["cnf"] == {"jkt": key.thumbprint}


async def test_nobody_becomes_stronger_by_an_exchange(authority: Authority) -> None:
    """Auth statement 27: a mailed code beside a password is told as `otp`, and is no second factor."""
    app, orders = await authority.register(first_party=True), await service(authority)
    await authority.sign_in(methods=("pwd", "mail"))
    token = (await authority.tokens(app, scope=SCOPE))["access_token"]
    assert claims_of(token)["acr"] == "aal1"
    assert claims_of((await exchange(authority, orders, token)).json()["access_token"])["acr"] == "aal1"
    await authority.sign_in(methods=("pwd", "otp"))
    token = (await authority.tokens(app, scope=SCOPE))["access_token"]
    assert claims_of((await exchange(authority, orders, token)).json()["access_token"])["acr"] == "aal2"
