"""The region's private CA and its server certificate. Terminals trust this CA alone.

Both begin two years in the past and the server's lasts five more: a clinic PC whose clock is a year off still connects,
and learns the time from the region.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from domain.errors import ConfigError
from regional.key_provider import write_private
from sync import crypto

BEGUN = timedelta(days=730)
CA_LIFE = timedelta(days=20 * 365)
SERVER_LIFE = timedelta(days=5 * 365)
_RENEW_BELOW = timedelta(days=3 * 365)
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def ensure(folder: Path, names: tuple[str, ...], now: datetime) -> tuple[Path, Path, Path]:
    """Paths of CA certificate, server certificate (with chain) and server key; made or renewed when needed.

    `names` are further DNS names or addresses. Raises ConfigError("region.bad_keys").
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ca, server, key = folder / "ca.pem", folder / "server.pem", folder / "server.key"
    wanted = tuple(dict.fromkeys((*LOCAL_NAMES, *names)))
    try:
        if not ca.exists():
            issue_ca(folder, now)
        if not server.exists() or not _good(server, wanted, now):
            issue_server(folder, wanted, now - BEGUN, now + SERVER_LIFE)
    except (OSError, ValueError, TypeError) as fault:
        raise ConfigError("region.bad_keys", path=str(folder)) from fault
    return ca, server, key


def issue_ca(folder: Path, now: datetime) -> None:
    """A new CA: every terminal has to be given its certificate."""
    key = crypto.new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vaxdesk region CA")])
    usage = _usage(sign=False, certs=True)
    built = _builder(name, name, key.public_key(), now - BEGUN, now + CA_LIFE)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(usage, True)
    write_private(folder / "ca.key", key)
    _write(folder / "ca.pem", built.sign(key, hashes.SHA256()))


def issue_server(folder: Path, names: tuple[str, ...], begins: datetime, ends: datetime) -> None:
    """A server certificate for these names, signed by the CA of `folder`."""
    ca = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    ca_key = load_pem_private_key((folder / "ca.key").read_bytes(), None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise ValueError("ca.key")
    key = crypto.new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vaxdesk region")])
    built = _builder(subject, ca.subject, key.public_key(), begins, ends)
    built = built.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    built = built.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    built = built.add_extension(_usage(sign=True, certs=False), critical=True)
    built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    built = built.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
    write_private(folder / "server.key", key)
    _write(folder / "server.pem", built.sign(ca_key, hashes.SHA256()))


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, sign: bool, certs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        key_cert_sign=certs,
        crl_sign=certs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _good(server: Path, names: tuple[str, ...], now: datetime) -> bool:
    certificate = x509.load_pem_x509_certificate(server.read_bytes())
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return certificate.not_valid_after_utc - now > _RENEW_BELOW and {_general(n) for n in names} <= set(held)


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
