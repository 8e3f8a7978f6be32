"""Whether only what a passkey has really signed for us, just now, is believed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from soft_webauthn import SoftWebauthnDevice

from services.auth.domain.accounts import Account
from services.auth.domain.errors import AuthenticatorExists, EnrolmentInvalid, SignInFailed
from services.auth.domain.factors.passkeys import generate_challenge
from services.auth.domain.factors.setup import Owner
from services.auth.storage.webauthn import WebAuthn
from tests.fakes.auth_factors_world import HERE, FactorWorld
from tests.fakes.software_passkey import SoftwarePasskey, decode, encode

if TYPE_CHECKING:
    from services.auth.domain.factors.passkeys import Ceremonies

CLERK = "clerk@x.test"
WEBAUTHN: Ceremonies = WebAuthn(rp_id="tenon.test", name="Tenon", origins=["https://tenon.test"])


@pytest.fixture
def world() -> FactorWorld:
    """A clerk with a password, and real WebAuthn."""
    made = FactorWorld(ceremonies=WEBAUTHN)
    made.people.add_user("users/clerk", password_hash="hash:clerk's password")
    made.people.add_user("users/admin", password_hash="hash:admin's password")
    return made


async def owner(world: FactorWorld, user: str = "users/clerk") -> Owner:
    account = await world.people.find_by_name("default", user)
    assert account is not None
    return Owner(account=account, authenticated=world.clock(), origin=HERE)


async def register(world: FactorWorld, passkey: SoftwarePasskey, user: str = "users/clerk") -> None:
    begun = await world.setup.begin_passkey(await owner(world, user), "Phone")
    await world.setup.confirm_passkey(await owner(world, user), begun.enrolment, passkey.create(begun.options))


async def sign_in(world: FactorWorld, passkey: SoftwarePasskey, email: str = "") -> str:
    begun = await world.flow.begin(email=email)
    _, options = await world.flow.passkey_options(begun.attempt)
    state = await world.flow.passkey(begun.attempt, passkey.get(options), HERE)
    assert state.done
    return f"{state.user} {state.level}"


@pytest.mark.parametrize(("synced", "level"), [(False, "aal3"), (True, "aal2")])
async def test_a_passkey_that_was_registered_signs_in(world: FactorWorld, synced: bool, level: str) -> None:
    """Auth statement 39."""
    passkey = SoftwarePasskey(synced=synced)
    await register(world, passkey)
    assert await sign_in(world, passkey) == f"users/clerk {level}"
    assert await sign_in(world, passkey, CLERK) == f"users/clerk {level}"
    kept = await world.authenticators.find_passkey(passkey.id)
    assert kept is not None
    assert (kept.sign_count, kept.backup_eligible, kept.transports) == (2, synced, ("usb",))


async def test_an_independent_implementation_registers_and_asserts(world: FactorWorld) -> None:
    """Auth statement 39, with soft-webauthn."""
    device = SoftWebauthnDevice()
    begun = await world.setup.begin_passkey(await owner(world))
    asked = json.loads(begun.options)
    asked |= {"challenge": decode(asked["challenge"]), "user": {**asked["user"], "id": decode(asked["user"]["id"])}}
    made = device.create({"publicKey": asked}, "https://tenon.test")
    await world.setup.confirm_passkey(await owner(world), begun.enrolment, as_json(made))
    state = await world.flow.begin(email=CLERK)
    state = await world.flow.password(state.attempt, "clerk's password", HERE)
    assert not state.done
    _, options = await world.flow.passkey_options(state.attempt)
    asked = json.loads(options)
    answer = device.get({"publicKey": {**asked, "challenge": decode(asked["challenge"])}}, "https://tenon.test")
    state = await world.flow.passkey(state.attempt, as_json(answer), HERE)
    assert (state.done, state.level) == (True, "aal2")


def as_json(credential: dict[str, object]) -> str:
    """Return what soft-webauthn answers as a browser's `toJSON` has it."""
    response = credential["response"]
    assert isinstance(response, dict)
    assert isinstance(credential["rawId"], bytes)
    plain = {key: encode(value) for key, value in response.items() if isinstance(value, bytes)}
    raw = encode(credential["rawId"])
    return json.dumps({"id": raw, "rawId": raw, "type": "public-key", "response": plain})


@pytest.mark.parametrize(
    "change",
    [{"origin": "https://evil.test"}, {"origin": "http://tenon.test"}, {"rp_id": "evil.test"}],
    ids=["another origin", "another scheme", "another relying party"],
)
async def test_what_was_signed_for_somebody_else_is_not_believed(world: FactorWorld, change: dict[str, str]) -> None:
    """Auth statement 39: origin and rpId."""
    passkey = SoftwarePasskey()
    with pytest.raises(EnrolmentInvalid):
        await register(world, replace(passkey, **change))  # type: ignore[arg-type]  # fields of a passkey
    await register(world, passkey)
    for name, value in change.items():
        setattr(passkey, name, value)
    with pytest.raises(SignInFailed):
        await sign_in(world, passkey)


async def test_a_challenge_is_long_and_answered_once(world: FactorWorld) -> None:
    """Auth statement 39: 64 bits at least, single use."""
    assert len(generate_challenge()) * 8 >= 64
    assert len({generate_challenge() for _ in range(100)}) == 100
    passkey = SoftwarePasskey()
    begun = await world.setup.begin_passkey(await owner(world))
    wrong = replace(passkey, origin="https://evil.test").create(begun.options)
    with pytest.raises(EnrolmentInvalid):
        await world.setup.confirm_passkey(await owner(world), begun.enrolment, wrong)
    with pytest.raises(EnrolmentInvalid):
        await world.setup.confirm_passkey(await owner(world), begun.enrolment, passkey.create(begun.options))
    await register(world, passkey)
    state = await world.flow.begin(email=CLERK)
    _, options = await world.flow.passkey_options(state.attempt)
    answer = passkey.get(options)
    with pytest.raises(SignInFailed):
        await world.flow.passkey(state.attempt, answer.replace('"signature": "', '"signature": "AAAA'), HERE)
    with pytest.raises(SignInFailed):
        await world.flow.passkey(state.attempt, answer, HERE)
    other = await world.flow.begin(email=CLERK)
    await world.flow.passkey_options(other.attempt)
    with pytest.raises(SignInFailed):
        await world.flow.passkey(other.attempt, passkey.get(options), HERE)


async def test_a_passkey_without_its_user_does_not_sign_in_alone(world: FactorWorld) -> None:
    """Auth statement 39: user verification as the policy has it."""
    passkey = SoftwarePasskey(verified=False)
    await register(world, passkey)
    with pytest.raises(SignInFailed):
        await sign_in(world, passkey)


async def test_a_copied_passkey_is_noticed_and_suspended(world: FactorWorld) -> None:
    """Auth statement 39: a sign count that went back is flagged."""
    passkey = SoftwarePasskey()
    await register(world, passkey)
    copy = replace(passkey)
    for _ in range(2):
        await sign_in(world, passkey)
    with pytest.raises(SignInFailed):
        await sign_in(world, copy)
    assert "factor.suspended" in world.audit.kinds()
    assert "copy" in world.mail.posted[-1].text
    with pytest.raises(SignInFailed):
        await sign_in(world, passkey)
    state = await world.flow.begin(email=CLERK)
    state = await world.flow.password(state.attempt, "clerk's password", HERE)
    assert not state.done, "whoever has copied it is not asked for less"


async def test_a_passkey_that_does_not_count_signs_in_again_and_again(world: FactorWorld) -> None:
    passkey = SoftwarePasskey(counts=False, synced=True)
    await register(world, passkey)
    for _ in range(3):
        await sign_in(world, passkey)


async def test_a_passkey_is_one_users(world: FactorWorld) -> None:
    """Auth statement 39: bound to its user, a duplicate is refused."""
    passkey = SoftwarePasskey()
    await register(world, passkey)
    with pytest.raises(AuthenticatorExists):
        await register(world, passkey, "users/admin")
    await register(world, SoftwarePasskey(), "users/admin")
    passkey.user_handle = b"users/clerk"
    with pytest.raises(SignInFailed):
        await sign_in(world, passkey, "admin@x.test")
    passkey.user_handle = b"users/admin"
    with pytest.raises(SignInFailed):
        await sign_in(world, passkey)


async def test_a_browser_is_told_which_passkeys_there_are_so_that_none_is_made_twice(world: FactorWorld) -> None:
    passkey = SoftwarePasskey()
    await register(world, passkey)
    begun = await world.setup.begin_passkey(await owner(world))
    asked = json.loads(begun.options)
    assert [one["id"] for one in asked["excludeCredentials"]] == [encode(passkey.id)]
    assert decode(asked["user"]["id"]) == b"users/clerk"
    assert asked["attestation"] == "none"


@pytest.mark.parametrize(
    "answer", ["", "{}", "[]", "null", '{"id": 1}', '{"rawId": "AA", "id": "AA", "type": "public-key", "response": 7}']
)
def test_nonsense_is_no_answer(answer: str) -> None:
    account = Account(organization="default", name="users/clerk", email=CLERK)
    assert WEBAUTHN.offer_registration(account, b"c" * 32, ())
    assert WEBAUTHN.check_registration(answer, b"c" * 32) is None
    assert WEBAUTHN.read_assertion(answer) is None
