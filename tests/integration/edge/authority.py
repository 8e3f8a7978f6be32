"""A certificate authority and an issuer of tokens, made by the test itself."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import time
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

if TYPE_CHECKING:
    from pathlib import Path

ISSUER = "http://issuer.test"
AUDIENCE = "tenon"
TRUST_DOMAIN = "test.local"

_HOUR = dt.timedelta(hours=1)


class Authority:
    """Signs certificates with SPIFFE identities."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
        builder = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), True
        )
        self.pem = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, folder: Path, workload: str, *, domain: str = TRUST_DOMAIN) -> Path:
        """Write ca.pem, cert.pem and key.pem anew, swap the link `current` to them, and return the link."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [
            x509.DNSName(workload),
            x509.UniformResourceIdentifier(f"spiffe://{domain}/ns/tenon/sa/{workload}"),
        ]
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, workload)])
        builder = self._builder(name, key).add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        fresh = folder / f"{time.monotonic_ns()}"
        fresh.mkdir(parents=True)
        (fresh / "ca.pem").write_bytes(self.pem)
        (fresh / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (fresh / "key.pem").write_bytes(private)
        link = folder / "next"
        link.symlink_to(fresh.name)
        current = folder / "current"
        os.replace(link, current)  # noqa: PTH105 - the rename is the point
        return current

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _HOUR)
            .not_valid_after(now + _HOUR)
        )


class Issuer:
    """Signs tokens, and says with which keys."""

    def __init__(self) -> None:
        self.keys: dict[str, ECKey] = {}
        self.rotate("first")

    def rotate(self, kid: str) -> None:
        """Sign with a new key from now on. The old ones stay published."""
        self.keys[kid] = ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256", "use": "sig"})
        self.kid = kid

    def jwks(self) -> bytes:
        """Return the public keys."""
        return json.dumps({"keys": [key.as_dict(private=False) for key in self.keys.values()]}).encode()

    def token(self, *permissions: str, key: ECKey | None = None, **claims: Any) -> str:
        """Return a token that grants these patterns. A claim of None is left out."""
        now = int(time.time())
        body = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "users/ann",
            "org": "organizations/default",
            "permissions": list(permissions),
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "jti": str(time.monotonic_ns()),
            **claims,
        }
        header = {"alg": "ES256", "typ": "at+jwt", "kid": self.kid}
        kept = {name: value for name, value in body.items() if value is not None}
        return jwt.encode(header, kept, key or self.keys[self.kid], algorithms=["ES256"])

    def unsigned(self, *permissions: str) -> str:
        """Return a token whose header says that it needs no signature (`alg: none`)."""
        payload = self.token(*permissions).split(".")[1]
        header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")
        return f"{header}.{payload}."
