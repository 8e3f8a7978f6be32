"""Signing in by a SAML provider that no code of ours is part of: Auth statement 43."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree
from saml2.saml import NAMEID_FORMAT_TRANSIENT, NameID
from saml2.xmldsig import DIGEST_SHA1, DIGEST_SHA512, SIG_RSA_SHA1, SIG_RSA_SHA512
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from services.auth.domain.errors import FederatedSignInInvalid, FederatedSignInRefused
from services.auth.domain.federation.assertions import Wish, read_assertion
from services.auth.storage.federation.certificates import read_certificate
from services.auth.storage.federation.saml_requests import make_key
from services.auth.storage.federation.saml_xml import NAMESPACES
from tests.integration.auth.federation.identity_provider import ENTITY, MULTI_FACTOR, PASSWORD
from tests.integration.auth.federation.wrapping import OF_ASSERTIONS, OF_RESPONSES, VICTIM

if TYPE_CHECKING:
    from tests.integration.auth.federation.conftest import Party

RESPONSE_SIGNED = {"sign_response": True, "sign_assertion": False}


@pytest.mark.parametrize(
    "options",
    [
        {},
        RESPONSE_SIGNED,
        {"sign_response": True},
        {"sign_alg": SIG_RSA_SHA512, "digest_alg": DIGEST_SHA512},
    ],
    ids=["assertion", "response", "both", "sha512"],
)
async def test_a_signed_assertion_says_who_somebody_is(party: Party, options: dict[str, Any]) -> None:
    """Auth statement 43: what is signed by the provider's key is read."""
    said = await party.hear(party.answer(await party.ask(), **options))
    read = read_assertion(party.provider, said)
    assert (read.subject, read.email, read.display_name) == ("ada-7f3b", "ada@example.com", "Ada Lovelace")
    assert read.email_verified is False
    assert said.contexts == (PASSWORD,)


async def test_the_state_comes_back_as_it_was(party: Party) -> None:
    """RelayState says nothing."""
    await party.ask()
    assert party.state == "opaque-state"


async def test_a_response_is_taken_once(party: Party) -> None:
    """Auth statement 43: each assertion once."""
    response = party.answer(await party.ask())
    await party.hear(response)
    with pytest.raises(FederatedSignInInvalid, match="used before"):
        await party.hear(response)


@pytest.mark.parametrize(("name", "make"), OF_ASSERTIONS.items(), ids=OF_ASSERTIONS)
async def test_a_wrapped_assertion_is_refused(party: Party, name: str, make: Any) -> None:
    """Auth statement 43: only the signed node is read."""
    await refuse_wrapped(party, name, make, {})


@pytest.mark.parametrize(("name", "make"), OF_RESPONSES.items(), ids=OF_RESPONSES)
async def test_a_wrapped_response_is_refused(party: Party, name: str, make: Any) -> None:
    """Auth statement 43: only the signed node is read."""
    await refuse_wrapped(party, name, make, RESPONSE_SIGNED)


async def refuse_wrapped(party: Party, name: str, make: Any, options: dict[str, Any]) -> None:
    """Wrap, see that the signature still holds and that somebody else is named, and see it refused."""
    wrapped = etree.tostring(make(etree.fromstring(party.answer(await party.ask(), **options))))
    assert VICTIM.encode() in wrapped
    holds = XMLVerifier().verify(
        wrapped,
        x509_cert=read_certificate(party.abroad.certificate),
        expect_config=SignatureConfiguration(location=".//"),
        id_attribute="ID",
    )
    assert isinstance(holds, VerifyResult), name
    with pytest.raises(FederatedSignInInvalid):
        await party.hear(wrapped)


async def test_what_was_changed_afterwards_is_refused(party: Party) -> None:
    """Auth statement 43: a tampered assertion."""
    for options in ({}, RESPONSE_SIGNED):
        response = party.answer(await party.ask(), **options)
        with pytest.raises(FederatedSignInInvalid, match="does not hold"):
            await party.hear(response.replace(b"ada-7f3b", b"eve-7f3b"))


async def test_what_nobody_has_signed_is_refused(party: Party) -> None:
    """Auth statement 43: an unsigned assertion, and one whose signature was taken out."""
    request = await party.ask()
    with pytest.raises(FederatedSignInInvalid, match="not signed"):
        await party.hear(party.answer(request, sign_assertion=False))
    root = etree.fromstring(party.answer(request))
    signature = root.find(".//ds:Signature", NAMESPACES)
    assert signature is not None
    holder = signature.getparent()
    assert holder is not None
    holder.remove(signature)
    with pytest.raises(FederatedSignInInvalid, match="not signed"):
        await party.hear(etree.tostring(root))


async def test_a_key_that_was_not_pinned_signs_nothing(party: Party) -> None:
    """Auth statement 43: whatever certificate the signature brings along; while keys change, several are pinned."""
    stranger = make_key(ENTITY)[1]
    party.provider, own = replace(party.provider, certificates=(stranger,)), party.provider
    with pytest.raises(FederatedSignInInvalid, match="not the provider's"):
        await party.hear(party.answer(await party.ask()))
    party.provider = replace(own, certificates=(stranger, *own.certificates))
    await party.hear(party.answer(await party.ask()))


async def test_sha1_is_no_signature(party: Party) -> None:
    """Auth statement 43: weak algorithms are refused."""
    for options in ({"sign_alg": SIG_RSA_SHA1}, {"digest_alg": DIGEST_SHA1}):
        with pytest.raises(FederatedSignInInvalid, match="does not hold"):
            await party.hear(party.answer(await party.ask(), **options))


async def test_a_response_to_another_request_is_refused(party: Party) -> None:
    """Auth statement 43: InResponseTo, and nothing that nobody has asked for."""
    await party.ask()
    for other in ("_another", None):
        with pytest.raises(FederatedSignInInvalid, match="another request"):
            await party.hear(party.answer(other))  # type: ignore[arg-type]  # begun by the provider


async def test_the_request_that_is_answered_is_the_signed_one(party: Party) -> None:
    """Auth statement 43: what stands around the assertion is not signed, so that it is not enough."""
    request = await party.ask()
    response = party.answer("_another").replace(b'InResponseTo="_another"', f'InResponseTo="{request}"'.encode(), 1)
    with pytest.raises(FederatedSignInInvalid):
        await party.hear(response)


async def test_a_response_for_another_address_is_refused(party: Party) -> None:
    """Auth statement 43: destination and recipient."""
    request = await party.ask()
    elsewhere = "https://elsewhere.test/acs"
    response = party.abroad.answer(request, elsewhere, party.place.entity)
    with pytest.raises(FederatedSignInInvalid, match="another address"):
        await party.hear(response)
    outer = response.replace(elsewhere.encode(), party.place.receiver.encode(), 1)
    assert outer != response
    with pytest.raises(FederatedSignInInvalid):
        await party.hear(outer)


async def test_a_response_for_another_audience_is_refused(party: Party) -> None:
    """Auth statement 43: audience."""
    request = await party.ask()
    with pytest.raises(FederatedSignInInvalid, match="somebody else"):
        await party.hear(party.abroad.answer(request, party.place.receiver, "https://elsewhere.test/metadata"))


async def test_a_response_of_another_provider_is_refused(party: Party) -> None:
    """Auth statement 43: issuer."""
    response = party.answer(await party.ask())
    party.provider = replace(party.provider, issuer="https://another.test/metadata")
    with pytest.raises(FederatedSignInInvalid, match="another provider"):
        await party.hear(response)


@pytest.mark.parametrize("minutes", [-5, 6, 30])
async def test_a_response_is_good_for_a_few_minutes(party: Party, minutes: int) -> None:
    """Auth statement 43: the window, before and after."""
    response = party.answer(await party.ask())
    party.speaking.clock = lambda: datetime.now(UTC) + timedelta(minutes=minutes, seconds=5)
    with pytest.raises(FederatedSignInInvalid):
        await party.hear(response)


async def test_a_session_that_is_over_at_the_provider_is_refused(party: Party) -> None:
    """Auth statement 43: SessionNotOnOrAfter."""
    over = (datetime.now(UTC) - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with pytest.raises(FederatedSignInInvalid, match="session"):
        await party.hear(party.answer(await party.ask(), session_not_on_or_after=over))


async def test_a_name_that_is_another_one_each_time_is_nobody(party: Party) -> None:
    """A transient name is not known again, unless an attribute says who it is."""
    name = NameID(format=NAMEID_FORMAT_TRANSIENT, text="x1")
    with pytest.raises(FederatedSignInInvalid, match="know again"):
        await party.hear(party.answer(await party.ask(), name_id=name))
    party.provider = replace(party.provider, claims={**party.provider.claims, "subject": "mail"})
    said = await party.hear(party.answer(await party.ask(), name_id=name))
    assert read_assertion(party.provider, said).subject == "ada@example.com"


async def test_entities_comments_and_document_types_are_refused(party: Party) -> None:
    """Auth statement 43: XML that does more than say something."""
    response = party.answer(await party.ask())
    body = response.partition(b"?>")[2] if response.startswith(b"<?xml") else response
    bad = (
        b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + body,
        b'<!DOCTYPE r [<!ENTITY a "1"><!ENTITY b "&a;&a;">]>' + body.replace(b"ada-7f3b", b"&b;"),
        body.replace(b"ada-7f3b", b"ada-7f3b<!-- -->.evil"),
        b"<!-- before -->" + body,
        body.replace(b"ada-7f3b", b"ada-7f3b<?php?>"),
        body[:-20],
        b"",
    )
    for document in bad:
        with pytest.raises(FederatedSignInInvalid):
            await party.hear(document)
    with pytest.raises(FederatedSignInInvalid):
        await party.hear(body.decode().encode("utf-16"))


async def test_an_encrypted_assertion_is_refused_with_what_to_do(party: Party) -> None:
    """Nothing is decrypted: whoever sets up the provider is told."""
    root = etree.fromstring(party.answer(await party.ask()))
    etree.SubElement(root, f"{{{NAMESPACES['saml']}}}EncryptedAssertion")
    with pytest.raises(FederatedSignInInvalid, match="encrypts"):
        await party.hear(etree.tostring(root))


async def test_two_parts_of_one_name_are_refused(party: Party) -> None:
    """Auth statement 43: what a signature refers to is one element."""
    root = etree.fromstring(party.answer(await party.ask()))
    assertion = root.find("saml:Assertion", NAMESPACES)
    assert assertion is not None
    root.set("ID", assertion.get("ID", ""))
    with pytest.raises(FederatedSignInInvalid, match="one name"):
        await party.hear(etree.tostring(root))


async def test_whoever_is_not_signed_in_there_is_not_signed_in_here(party: Party) -> None:
    """A status other than success is told, and nothing else of the response."""
    request = await party.ask()
    made = party.abroad.server.create_error_response(
        request, party.place.receiver, ("urn:oasis:names:tc:SAML:2.0:status:AuthnFailed", "no"), sign=False
    )
    with pytest.raises(FederatedSignInRefused, match="AuthnFailed"):
        await party.hear(str(made).encode())


async def test_how_somebody_has_signed_in_there_counts_as_the_provider_s_record_says(party: Party) -> None:
    """A context is a level where an administrator says so, and never more than aal2."""
    party.provider = replace(party.provider, levels={MULTI_FACTOR: "aal2"})
    for context, methods in ((PASSWORD, ("fed",)), (MULTI_FACTOR, ("fed", "mfa"))):
        authn = {"class_ref": context, "authn_auth": ENTITY}
        said = await party.hear(party.answer(await party.ask(), authn=authn))
        assert read_assertion(party.provider, said).methods == methods


async def test_whoever_has_to_be_asked_again_was_asked_again(party: Party) -> None:
    """ForceAuthn is asked for, and the provider has to have seen the person since."""
    request = await party.ask(Wish(fresh=True))
    old = int((datetime.now(UTC) - timedelta(hours=1)).timestamp())
    authn = {"class_ref": PASSWORD, "authn_auth": ENTITY, "authn_instant": old}
    with pytest.raises(FederatedSignInInvalid, match="asked who you are"):
        await party.hear(party.answer(request, authn=authn))
    assert (await party.hear(party.answer(request))).time is None
