"""A SAML identity provider: pysaml2, which signs by xmlsec1 what no code of ours has written."""

from __future__ import annotations

import base64
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

if TYPE_CHECKING:
    from pathlib import Path

ENTITY = "https://idp.test/metadata"
SIGN_IN = "https://idp.test/sso"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
MULTI_FACTOR = "https://refeds.org/profile/mfa"


def missing_xmlsec() -> str:
    """Return what must be installed before pysaml2 can sign, or nothing."""
    return (
        "" if shutil.which("xmlsec1") else "xmlsec1 is not installed, by which pysaml2 signs: apt-get install xmlsec1"
    )


@dataclass
class IdentityProvider:
    """The provider, and a person at it."""

    server: Server
    certificate: str

    def read_request(self, url: str) -> tuple[str, str]:
        """Take a request as a browser brings it, and return its id and its RelayState."""
        assert url.startswith(SIGN_IN)
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        extra = {name: query[name] for name in ("SigAlg", "Signature") if name in query}
        parsed: Any = self.server.parse_authn_request(
            query["SAMLRequest"],
            BINDING_HTTP_REDIRECT,
            relay_state=query["RelayState"],
            **({"sigalg": extra["SigAlg"], "signature": extra["Signature"]} if extra else {}),
        )
        return parsed.message.id, query["RelayState"]

    def answer(self, request: str, receiver: str, entity: str, **options: Any) -> bytes:
        """Return a response to a request."""
        chosen: dict[str, Any] = {
            "identity": {"mail": ["ada@example.com"], "displayName": ["Ada Lovelace"]},
            "name_id": NameID(format=NAMEID_FORMAT_PERSISTENT, text="ada-7f3b"),
            "authn": {"class_ref": PASSWORD, "authn_auth": ENTITY},
            "sign_response": False,
            "sign_assertion": True,
            "sign_alg": SIG_RSA_SHA256,
            "digest_alg": DIGEST_SHA256,
            **options,
        }
        sent = {"in_response_to": request, "destination": receiver, "sp_entity_id": entity, **chosen}
        return str(self.server.create_authn_response(**sent)).encode()


def make_identity_provider(folder: Path, metadata: bytes, own: tuple[bytes, str]) -> IdentityProvider:
    """Return a provider with a key and its certificate, which knows us by our own metadata."""
    key, certificate = own
    body = base64.encodebytes(key).decode()
    (folder / "key.pem").write_text(f"-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----\n")
    (folder / "cert.pem").write_text(certificate)
    (folder / "sp.xml").write_bytes(metadata)
    config = IdPConfig()
    config.load(
        {
            "entityid": ENTITY,
            "key_file": str(folder / "key.pem"),
            "cert_file": str(folder / "cert.pem"),
            "metadata": {"local": [str(folder / "sp.xml")]},
            "xmlsec_binary": shutil.which("xmlsec1"),
            "service": {
                "idp": {
                    "endpoints": {
                        "single_sign_on_service": [(SIGN_IN, BINDING_HTTP_REDIRECT), (SIGN_IN, BINDING_HTTP_POST)]
                    },
                    "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None}},
                    "want_authn_requests_signed": True,
                }
            },
        }
    )
    return IdentityProvider(server=Server(config=config), certificate=certificate)
