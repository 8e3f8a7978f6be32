"""JWTs in their compact form are what joserfc reads, whichever key signs them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from joserfc import jwt
from joserfc.errors import KeyParameterError
from joserfc.jwk import ECKey, RSAKey

from services.auth.storage.signatures import CompactSigner
from services.auth.storage.signing_keys import generate_key

CLAIMS = {"iss": "https://tenon.test", "sub": "users/1", "name": "Zoë ✓", "permissions": ["a.*"], "exp": 4_000_000_000}


@pytest.mark.parametrize(("algorithm", "kind"), [("ES256", ECKey), ("RS256", RSAKey)])
def test_what_is_signed_verifies_and_says_what_was_claimed(algorithm: str, kind: type[ECKey | RSAKey]) -> None:
    key = generate_key(datetime.now(UTC), algorithm)
    signer = CompactSigner(key)
    public = kind.import_key(dict(key.public))
    for typ in ("at+jwt", "JWT", "at+jwt"):
        read = jwt.decode(signer.sign(CLAIMS, typ), public, algorithms=[algorithm])
        assert read.claims == CLAIMS
        assert read.header == {"alg": algorithm, "typ": typ, "kid": key.id}


def test_a_key_without_its_private_part_signs_nothing() -> None:
    key = replace(generate_key(datetime.now(UTC)), private=None)
    with pytest.raises(KeyParameterError):
        CompactSigner(key)
