"""Reads the certificates of SAML providers: what counts of them is the key, which the provider's record vouches for."""

from __future__ import annotations

import base64
import binascii

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_FEWEST_BITS, _MOST_BITS = 2048, 8192


def read_certificate(text: str) -> x509.Certificate:
    """Return a certificate in PEM, or its base64 alone as metadata have it. Raises ValueError."""
    if "-----BEGIN" in text:
        return x509.load_pem_x509_certificate(text.strip().encode())
    try:
        return x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
    except binascii.Error as error:
        raise ValueError("It is neither PEM nor base64.") from error


def check_certificate(text: str) -> str:
    """Return what is wrong with a certificate, or nothing."""
    try:
        key = read_certificate(text).public_key()
    except Exception:  # noqa: BLE001 - a parser's errors are many, and each means the same
        return "is no certificate: write it in PEM"
    if isinstance(key, rsa.RSAPublicKey):
        return "" if _FEWEST_BITS <= key.key_size <= _MOST_BITS else "has an RSA key that is too short or too long"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return ""
    return "has a key of a kind that signs no assertions"
