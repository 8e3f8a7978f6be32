"""What of an OpenID provider's answer is believed: Auth statement 44, check by check."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey, OctKey

from services.auth.domain.errors import FederatedSignInInvalid, FederatedSignInRefused, IdentityProviderUnavailable
from services.auth.domain.federation.assertions import Said, Wish, read_assertion
from services.auth.domain.federation.providers import Kind, Provider
from services.auth.storage.federation.oidc import OidcSpeaking
from tests.fakes.auth_openid_provider import CLIENT, ISSUER, SECRET, FakeOpenIdProvider

PROVIDER = Provider(
    organization="default",
    name="identityProviders/op",
    display_name="Op",
    kind=Kind.OIDC,
    issuer=ISSUER,
    client_id=CLIENT,
    levels={"mfa": "aal2", "gold": "aal3"},
)
NOW = FakeOpenIdProvider.now


@dataclass
class Secrets:
    """One secret (port `ProviderSecrets`)."""

    async def set_secret(self, organization: str, provider: str, secret: str) -> None:
        raise NotImplementedError

    async def find_secret(self, organization: str, provider: str) -> str:
        assert (organization, provider) == ("default", "identityProviders/op")
        return SECRET

    async def remove(self, organization: str, provider: str) -> None:
        raise NotImplementedError


@dataclass
class Party:
    """We, in front of the provider."""

    provider: FakeOpenIdProvider = field(default_factory=FakeOpenIdProvider)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        fetching: Any = self.provider
        self.speaking = OidcSpeaking(
            fetching=fetching, secrets=Secrets(), issuer="https://tenon.test", clock=lambda: NOW
        )
        self.speaking.discovery.clock = lambda: self.seconds

    async def sign_in(self, wish: Wish | None = None, **answer: str | None) -> Said:
        """Ask, have the provider answer, and hear."""
        asked = await self.speaking.ask(PROVIDER, "the-state", wish or Wish())
        given = {**self.provider.authorize(asked.url), **answer}
        said = {name: value for name, value in given.items() if value is not None}
        return await self.speaking.hear(PROVIDER, said, asked.kept)


@pytest.fixture
def party() -> Party:
    """We and the provider."""
    return Party()


async def test_a_request_is_bound_to_what_only_we_know(party: Party) -> None:
    """Auth statement 44: state, nonce and PKCE, other ones each time."""
    asked = [await party.speaking.ask(PROVIDER, state, Wish()) for state in ("one", "two")]
    first, second = ({k: v[0] for k, v in parse_qs(urlsplit(one.url).query).items()} for one in asked)
    assert first["state"] == "one"
    assert first["response_type"] == "code"
    assert first["code_challenge_method"] == "S256"
    assert first["scope"] == "openid email profile"
    assert first["redirect_uri"] == "https://tenon.test/federation/oidc/op/callback"
    assert first["nonce"] != second["nonce"]
    assert first["code_challenge"] != second["code_challenge"]
    assert asked[0].kept["verifier"] not in asked[0].url


async def test_an_answer_that_holds_is_believed(party: Party) -> None:
    """What the id token says, and what the userinfo endpoint adds."""
    party.provider.claims = {"amr": ["pwd", "mfa"], "auth_time": NOW - 60, "aud": [CLIENT], "azp": CLIENT}
    said = await party.sign_in()
    read = read_assertion(PROVIDER, said)
    assert (read.subject, read.email, read.display_name) == ("ada", "ada@example.com", "Ada")
    assert read.methods == ("fed", "mfa")
    assert read.email_verified is False, "the provider is not trusted to"
    assert said.time is not None
    assert int(said.time.timestamp()) == NOW - 60


@pytest.mark.parametrize(
    ("name", "claims"),
    {
        "nonce": {"nonce": "another"},
        "no nonce": {"nonce": None},
        "issuer": {"iss": "https://evil.test"},
        "issuer with a slash": {"iss": f"{ISSUER}/"},
        "no issuer": {"iss": None},
        "audience": {"aud": "somebody-else"},
        "no audience": {"aud": None},
        "several audiences without azp": {"aud": [CLIENT, "somebody-else"]},
        "several audiences, given to another": {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"},
        "given to another": {"azp": "somebody-else"},
        "expired": {"exp": NOW - 61, "iat": NOW - 361},
        "no end": {"exp": None},
        "an end that is a text": {"exp": str(NOW + 300)},
        "old": {"iat": NOW - 700},
        "from the future": {"iat": NOW + 120},
        "no beginning": {"iat": None},
        "not yet": {"nbf": NOW + 120},
        "nobody": {"sub": None},
        "an empty name": {"sub": ""},
        "an endless name": {"sub": "a" * 256},
        "another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    }.items(),
)
async def test_an_id_token_that_says_something_else_is_refused(party: Party, name: str, claims: dict[str, Any]) -> None:
    """Auth statement 44: iss exact, aud is us, azp, nonce, exp and iat, each alone."""
    party.provider.claims = claims
    with pytest.raises(FederatedSignInInvalid):
        await party.sign_in()
    party.provider.claims = {}
    assert (await party.sign_in()).subject == "ada", name


async def test_an_id_token_is_signed_by_the_provider_s_key_in_a_way_that_is_listed(party: Party) -> None:
    """Auth statements 21 and 44: neither nothing, nor a shared secret, nor a key that came along."""
    own = party.provider
    stranger = ECKey.generate_key("P-256", {"kid": "first"})
    for signing, header in (
        (stranger, {}),
        (stranger, {"jwk": stranger.as_dict(private=False)}),
        (stranger, {"jku": "https://evil.test/jwks"}),
        (OctKey.import_key(SECRET * 4), {"alg": "HS256"}),
        (OctKey.import_key(json.dumps(own.key.as_dict(private=False))), {"alg": "HS256"}),
        (own.rsa, {"alg": "RS256", "kid": "first"}),
        (own.key, {"kid": "unknown"}),
        (own.key, {"typ": "at+jwt"}),
        (own.key, {"crit": ["kid"]}),
    ):
        own.signing, own.header = signing, header
        with pytest.raises(FederatedSignInInvalid):
            await party.sign_in()
    own.signing, own.header = own.rsa, {"alg": "RS256", "kid": "rsa"}
    assert (await party.sign_in()).subject == "ada"


async def test_a_token_without_a_signature_is_refused(party: Party) -> None:
    """Auth statement 21: `none`, in whatever case."""
    for algorithm in ("none", "None", "NONE"):
        header, claims = ({"alg": algorithm}, {"iss": ISSUER, "aud": CLIENT, "sub": "ada", "iat": NOW, "exp": NOW + 60})
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
        party.provider.token = ".".join([*parts, ""])
        with pytest.raises(FederatedSignInInvalid):
            await party.sign_in()


async def test_the_issuer_that_answers_is_the_one_that_was_asked(party: Party) -> None:
    """Auth statement 44: mix-up (RFC 9207); a provider that says it says so has to."""
    for issuer in ("https://evil.test", f"{ISSUER}/", None):
        with pytest.raises(FederatedSignInInvalid):
            await party.sign_in(iss=issuer)
    party = Party(provider=FakeOpenIdProvider(metadata={"authorization_response_iss_parameter_supported": False}))
    assert (await party.sign_in(iss=None)).subject == "ada"
    with pytest.raises(FederatedSignInInvalid):
        await party.sign_in(iss="https://evil.test")


async def test_a_code_of_another_sign_in_is_not_redeemed(party: Party) -> None:
    """Auth statement 44: PKCE; what one browser began another does not end."""
    one, two = await party.speaking.ask(PROVIDER, "1", Wish()), await party.speaking.ask(PROVIDER, "2", Wish())
    answer = party.provider.authorize(one.url)
    with pytest.raises(FederatedSignInInvalid):
        await party.speaking.hear(PROVIDER, answer, two.kept)
    with pytest.raises(FederatedSignInInvalid):
        await party.sign_in(code="another-code")
    with pytest.raises(FederatedSignInInvalid):
        await party.sign_in(code=None)


async def test_the_userinfo_endpoint_speaks_of_the_same_person(party: Party) -> None:
    """Auth statement 44 (OIDC Core section 5.3.2), and what is signed stands."""
    party.provider.userinfo = {"sub": "eve"}
    with pytest.raises(FederatedSignInInvalid):
        await party.sign_in()
    party.provider.userinfo, party.provider.claims = {"email": "eve@example.com"}, {"email": "ada@example.com"}
    assert (await party.sign_in()).claims["email"] == "ada@example.com"


async def test_an_error_of_the_provider_is_told_by_its_code_alone(party: Party) -> None:
    """Nothing that somebody put into an address is shown."""
    with pytest.raises(FederatedSignInRefused, match="access_denied"):
        await party.sign_in(code=None, error="access_denied")
    with pytest.raises(FederatedSignInRefused, match="unknown"):
        await party.sign_in(code=None, error="<b>call 0800</b>")


async def test_a_provider_that_calls_itself_otherwise_is_not_used() -> None:
    """Auth statement 44 (OIDC Discovery section 4.3), and endpoints have TLS."""
    for metadata in (
        {"issuer": "https://evil.test"},
        {"token_endpoint": "http://op.test/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": 7},
        {"token_endpoint": None},
    ):
        with pytest.raises(IdentityProviderUnavailable):
            await Party(provider=FakeOpenIdProvider(metadata=metadata)).sign_in()


async def test_what_a_provider_says_of_itself_is_remembered_and_new_keys_are_found(party: Party) -> None:
    """Discovery is cached; a key that nobody knows is looked for once in half a minute."""
    await party.sign_in()
    await party.sign_in()
    assert len([url for url in party.provider.fetched if "well-known" in url]) == 1
    assert party.provider.fetched.count(f"{ISSUER}/jwks") == 1
    party.provider.key = ECKey.generate_key("P-256", {"kid": "second", "use": "sig"})
    party.provider.header = {"kid": "second"}
    with pytest.raises(FederatedSignInInvalid):
        await party.sign_in()
    assert party.provider.fetched.count(f"{ISSUER}/jwks") == 1
    party.seconds = 31
    assert (await party.sign_in()).subject == "ada"


async def test_a_level_is_never_more_than_a_provider_s_word_is_good_for(party: Party) -> None:
    """Whatever a record says, nobody here has seen the factors."""
    party.provider.claims = {"acr": "gold"}
    assert read_assertion(PROVIDER, await party.sign_in()).methods == ("fed", "mfa")
    assert PROVIDER.level_of(["gold"]) == "aal2"
    assert PROVIDER.level_of(["silver"]) == "aal1"


async def test_whoever_has_to_be_asked_again_was_asked_again(party: Party) -> None:
    """`prompt=login` of a client goes on to the provider, and its answer has to show it."""
    for auth_time in (None, NOW - 3600):
        party.provider.claims = {"auth_time": auth_time}
        with pytest.raises(FederatedSignInInvalid):
            await party.sign_in(Wish(fresh=True))
    party.provider.claims = {"auth_time": NOW}
    assert (await party.sign_in(Wish(fresh=True))).time is None
    assert party.provider.asked["prompt"] == "login"
