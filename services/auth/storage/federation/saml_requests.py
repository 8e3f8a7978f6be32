"""Writes what we send to SAML providers: requests by the redirect binding, and our metadata."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from lxml import etree

from services.auth.storage.federation.saml_xml import DS, METADATA, NAMESPACES, PROTOCOL, SAML

if TYPE_CHECKING:
    from services.auth.domain.federation.assertions import Wish
    from services.auth.domain.federation.providers import Provider

POST_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"

_KEY_BITS = 2048
_KEY_DAYS = 3650


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Who we are to one provider, and where it answers: nothing of it is anybody else's."""

    entity: str
    """Our entity id, which is where our metadata are."""
    receiver: str
    """Where responses come (AssertionConsumerService)."""

    @classmethod
    def at(cls, issuer: str, provider: str) -> Place:
        """Return the place for a provider's id."""
        root = f"{issuer.rstrip('/')}/federation/saml/{provider}"
        return cls(entity=f"{root}/metadata", receiver=f"{root}/acs")


def write_request(provider: Provider, place: Place, request: str, now: datetime, wish: Wish) -> bytes:
    """Return an AuthnRequest of that id (SAML 2.0 core §3.4.1)."""
    root = etree.Element(
        f"{{{PROTOCOL}}}AuthnRequest",
        {
            "ID": request,
            "Version": "2.0",
            "IssueInstant": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Destination": provider.sign_in_url,
            "AssertionConsumerServiceURL": place.receiver,
            "ProtocolBinding": POST_BINDING,
        },
        nsmap={name: NAMESPACES[name] for name in ("saml", "samlp")},
    )
    if wish.fresh or wish.max_age is not None:
        root.set("ForceAuthn", "true")
    etree.SubElement(root, f"{{{SAML}}}Issuer").text = place.entity
    if wish.login_hint and provider.sends_login_hint:
        subject = etree.SubElement(root, f"{{{SAML}}}Subject")
        name = etree.SubElement(subject, f"{{{SAML}}}NameID")
        name.set("Format", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress")
        name.text = wish.login_hint
    policy = etree.SubElement(root, f"{{{PROTOCOL}}}NameIDPolicy", {"AllowCreate": "true"})
    if provider.name_id_format:
        policy.set("Format", provider.name_id_format)
    return etree.tostring(root)


def redirect(provider: Provider, request: bytes, state: str, key: bytes | None) -> str:
    """Return where the browser goes with a request, signed where there is a key (SAML 2.0 bindings §3.4.4.1)."""
    deflate = zlib.compressobj(wbits=-15)
    packed = base64.b64encode(deflate.compress(request) + deflate.flush()).decode()
    query = urlencode({"SAMLRequest": packed, "RelayState": state})
    if key is not None:
        query += "&" + urlencode({"SigAlg": RSA_SHA256})
        private = serialization.load_der_private_key(key, None)
        assert isinstance(private, rsa.RSAPrivateKey)  # noqa: S101 - as `make_key` has made it
        signature = private.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())
        query += "&" + urlencode({"Signature": base64.b64encode(signature).decode()})
    return f"{provider.sign_in_url}{'&' if '?' in provider.sign_in_url else '?'}{query}"


def write_metadata(provider: Provider, place: Place, certificate: str) -> bytes:
    """Return our metadata for a provider, with the certificate of its own where requests are signed."""
    root = etree.Element(
        f"{{{METADATA}}}EntityDescriptor",
        {"entityID": place.entity},
        nsmap={name: NAMESPACES[name] for name in ("md", "ds")},
    )
    own = etree.SubElement(
        root,
        f"{{{METADATA}}}SPSSODescriptor",
        {
            "protocolSupportEnumeration": PROTOCOL,
            "AuthnRequestsSigned": "true" if certificate else "false",
            "WantAssertionsSigned": "true",
        },
    )
    if certificate:
        described = etree.SubElement(own, f"{{{METADATA}}}KeyDescriptor", {"use": "signing"})
        data = etree.SubElement(etree.SubElement(described, f"{{{DS}}}KeyInfo"), f"{{{DS}}}X509Data")
        lines = certificate.strip().splitlines()[1:-1]
        etree.SubElement(data, f"{{{DS}}}X509Certificate").text = "".join(lines)
    if provider.name_id_format:
        etree.SubElement(own, f"{{{METADATA}}}NameIDFormat").text = provider.name_id_format
    etree.SubElement(
        own,
        f"{{{METADATA}}}AssertionConsumerService",
        {"Binding": POST_BINDING, "Location": place.receiver, "index": "0", "isDefault": "true"},
    )
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def make_key(entity: str) -> tuple[bytes, str]:
    """Return a new key, PKCS #8, and its certificate, PEM. It takes a while: call it in a thread."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, (urlsplit(entity).hostname or "tenon")[:64])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_KEY_DAYS))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM).decode()
