"""Finds what of a SAML response is signed by the provider's own keys, and gives nothing else out (ASVS 5.0 6.8.2).

There is one assertion, and each signature stands in what it signs: in the assertion, or in the response around it. What
is returned is the tree that the signed bytes make, so that whatever else the document held is not there any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from services.auth.domain.errors import FederatedSignInInvalid
from services.auth.storage.federation.certificates import read_certificate
from services.auth.storage.federation.saml_xml import DS, PROTOCOL, SAML, all_of, make_parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Certificate

METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
"""How something may be signed: no SHA-1, no HMAC, no DSA."""

DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})

_ENVELOPED = f"{DS}enveloped-signature"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ASSERTION = f"{{{SAML}}}Assertion"
_RESPONSE = f"{{{PROTOCOL}}}Response"


def find_assertion(response: etree._Element, certificates: Sequence[str]) -> etree._Element:
    """Return the one assertion of a response as it was signed.

    Raises:
        FederatedSignInInvalid: there is not exactly one, it is encrypted, or none of the keys has signed it.
    """
    if response.tag != _RESPONSE:
        raise FederatedSignInInvalid("What came is no response.")
    if next(response.iter(f"{{{SAML}}}EncryptedAssertion"), None) is not None:
        raise FederatedSignInInvalid(
            "The provider encrypts its assertions, which we do not read: they come over TLS. Have it sign them alone."
        )
    if len(list(response.iter(_ASSERTION))) != 1:
        raise FederatedSignInInvalid("The response has not exactly one assertion.")
    found = all_of(response, "saml:Assertion")
    if len(found) != 1:
        raise FederatedSignInInvalid("The assertion is not where it belongs.")
    assertion = found[0]
    holders = [one for one in (assertion, response) if all_of(one, "ds:Signature")]
    if len(list(response.iter(f"{{{DS}}}Signature"))) != len(holders):
        raise FederatedSignInInvalid("The response has signatures where none belongs.")
    if not holders:
        raise FederatedSignInInvalid("The provider has not signed the assertion.")
    keys = [read_certificate(text) for text in certificates]
    # Each signature that there is has to hold; what the innermost has signed is what counts.
    results = [_verify(holder, keys) for holder in holders]
    signed = results[0]
    inner = [signed] if signed.tag == _ASSERTION else all_of(signed, "saml:Assertion")
    if len(inner) != 1 or len(list(signed.iter(_ASSERTION))) != 1 or inner[0].get("ID") != assertion.get("ID"):
        raise FederatedSignInInvalid("What is signed is something else.")
    return inner[0]


def _verify(holder: etree._Element, keys: Sequence[Certificate]) -> etree._Element:
    """Return what the signature in an element has signed, which is that element and nothing else."""
    _check_form(holder)
    for key in keys:
        config = SignatureConfiguration(
            location="./",
            expect_references=1,
            signature_methods=METHODS,
            digest_algorithms=DIGESTS,
            # Which key it is was said by an administrator; until when its certificate is good says nothing of it.
            verification_time=key.not_valid_before_utc,
        )
        try:
            result = XMLVerifier().verify(
                _alone(holder), x509_cert=key, expect_config=config, parser=make_parser(), id_attribute="ID"
            )
        except (SignXMLException, etree.LxmlError, ValueError, TypeError, KeyError, AttributeError):
            continue
        signed = result.signed_xml if isinstance(result, VerifyResult) else None
        if signed is not None and signed.tag == holder.tag and signed.get("ID") == holder.get("ID"):
            return signed
    raise FederatedSignInInvalid("The signature is not the provider's, or does not hold.")


def _check_form(holder: etree._Element) -> None:
    """Refuse a signature that refers to anything but the element in which it stands, whole and in one form."""
    signature = all_of(holder, "ds:Signature")[0]
    references = all_of(signature, "ds:SignedInfo/ds:Reference")
    name = holder.get("ID")
    if len(references) != 1 or not name or references[0].get("URI") != f"#{name}":
        raise FederatedSignInInvalid("The signature is of something else.")
    if list(signature.iter(f"{{{DS}}}Object")) or len(list(signature.iter(f"{{{DS}}}Reference"))) != 1:
        raise FederatedSignInInvalid("The signature holds more than a signature.")
    transforms = [one.get("Algorithm") for one in all_of(references[0], "ds:Transforms/ds:Transform")]
    method = all_of(signature, "ds:SignedInfo/ds:CanonicalizationMethod")
    if transforms != [_ENVELOPED, _EXCLUSIVE] or [one.get("Algorithm") for one in method] != [_EXCLUSIVE]:
        raise FederatedSignInInvalid("The signature changes what it signs in a way that is not allowed.")


def _alone(holder: etree._Element) -> bytes:
    """Return an element as a document of its own: nothing beside it can be meant."""
    return etree.tostring(holder, with_tail=False)
