"""The local certificate authority: a SPIFFE identity for every workload, renewed before it ends (`python -m`)."""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.cli.home import write_private
from services.cli.settings import CERTIFICATE_LIFE, WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAF_LIFE = timedelta(seconds=CERTIFICATE_LIFE)
AUTHORITY_LIFE = timedelta(days=365)
AUTHORITY_OVERLAP = timedelta(days=30)
"""How long before its end an authority gets a successor."""

TRUST_LEAD = LEAF_LIFE
"""How long a new authority is trusted by all before it signs anything."""

CLOCK_SKEW = timedelta(minutes=5)
VERSIONS_KEPT = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Authority:
    """A certificate authority of this state folder."""

    certificate: x509.Certificate
    """Its certificate."""
    key: ec.EllipticCurvePrivateKey
    """Its key, which never leaves the state folder."""


def renew(folder: Path, *, trust_domain: str, now: datetime, workloads: Sequence[str] = WORKLOADS) -> tuple[str, ...]:
    """Issue every certificate that is missing, damaged or past half its life; return the names of those issued.

    `folder` holds `ca/` and for each workload `<name>/current`, a link to a folder of `ca.pem`, `cert.pem`, `key.pem`.
    """
    authorities = _read_authorities(folder / "ca", now)
    if not authorities or authorities[-1].certificate.not_valid_after_utc - now < AUTHORITY_OVERLAP:
        authorities.append(_make_authority(folder / "ca", now))
    # All must trust an authority before the first certificate that it signed is shown to them.
    seasoned = [a for a in authorities if now - a.certificate.not_valid_before_utc - CLOCK_SKEW >= TRUST_LEAD]
    signer = seasoned[-1] if seasoned else authorities[0]
    bundle = b"".join(_pem(authority.certificate) for authority in authorities)
    issued = []
    for name in workloads:
        identity = f"spiffe://{trust_domain}/ns/tenon/sa/{name}"
        if not _is_current(folder / name / "current", identity, bundle, now):
            _issue(folder / name, identity, signer=signer, bundle=bundle, now=now)
            issued.append(name)
    return tuple(issued)


def _read_authorities(folder: Path, now: datetime) -> list[Authority]:
    found = []
    for path in sorted(folder.glob("*.pem")):
        with suppress(ValueError):
            content = path.read_bytes()
            key = serialization.load_pem_private_key(content, password=None)
            certificate = x509.load_pem_x509_certificate(content)
            if isinstance(key, ec.EllipticCurvePrivateKey) and certificate.not_valid_after_utc > now:
                found.append(Authority(certificate=certificate, key=key))
    return sorted(found, key=lambda authority: authority.certificate.not_valid_before_utc)


def _make_authority(folder: Path, now: datetime) -> Authority:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    # The serial in the name keeps an authority and its successor apart for verifiers that look issuers up by name.
    serial = x509.random_serial_number()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Tenon local authority {serial:x}"[:64])])
    certificate = (
        x509.CertificateBuilder(serial_number=serial)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(folder / f"{serial:x}.pem", _key_pem(key) + _pem(certificate))
    return Authority(certificate=certificate, key=key)


def _issue(folder: Path, identity: str, *, signer: Authority, bundle: bytes, now: datetime) -> None:
    name = folder.name
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity), x509.DNSName(name)])
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        x509.CertificateBuilder(serial_number=x509.random_serial_number())
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(signer.certificate.subject)
        .public_key(key.public_key())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(min(now + LEAF_LIFE, signer.certificate.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(usages, critical=False)
        .add_extension(names, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
        .sign(signer.key, hashes.SHA256())
    )
    version = folder / f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    version.mkdir(mode=0o700, parents=True)
    write_private(version / "ca.pem", bundle)
    write_private(version / "cert.pem", _pem(certificate))
    write_private(version / "key.pem", _key_pem(key))
    _swap(folder / "current", version.name)


def _swap(link: Path, target: str) -> None:
    # One rename changes key, certificate and bundle together: a reader never pairs a new key with an old certificate.
    draft = link.with_name(f"{link.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(link)
    versions = sorted((p for p in link.parent.iterdir() if p.is_dir() and not p.is_symlink()), key=lambda p: p.name)
    for outdated in [version for version in versions if version.name != target][: -(VERSIONS_KEPT - 1)]:
        shutil.rmtree(outdated, ignore_errors=True)


def _is_current(folder: Path, identity: str, bundle: bytes, now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), password=None)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        trusted = (folder / "ca.pem").read_bytes()
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    half_life = (
        certificate.not_valid_before_utc + (certificate.not_valid_after_utc - certificate.not_valid_before_utc) / 2
    )
    return (
        trusted == bundle
        and key.public_key() == certificate.public_key()
        and names.get_values_for_type(x509.UniformResourceIdentifier) == [identity]
        and certificate.not_valid_before_utc <= now < half_life
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def main() -> None:
    """Renew what is due: `tenon up` runs this at its start and from time to time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trust-domain", required=True)
    arguments = parser.parse_args()
    issued = renew(arguments.folder, trust_domain=arguments.trust_domain, now=datetime.now(UTC))
    print(f"issued {', '.join(issued)}" if issued else "all certificates are current")  # noqa: T201 (a step's log)


if __name__ == "__main__":
    main()
