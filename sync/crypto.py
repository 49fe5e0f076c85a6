"""The cryptography of docs/formats.md: ECDSA P-256 signatures as r||s, HPKE seals, key ids."""

from __future__ import annotations

from hashlib import sha256

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.errors import WireError

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey

_SUITE = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def new_key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def private_from_int(secret: int) -> PrivateKey:
    """A P-256 key from its scalar (test vectors)."""
    return ec.derive_private_key(secret, ec.SECP256R1())


def point(key: PublicKey) -> bytes:
    """X9.62 uncompressed point, 65 bytes: how a public key travels."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def public_from_point(data: bytes) -> PublicKey:
    """The key of an uncompressed point, never a shorter form. Raises WireError("wire.bad_key")."""
    if len(data) != 65:
        raise WireError("wire.bad_key", "never")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)
    except ValueError as fault:
        raise WireError("wire.bad_key", "never") from fault


def key_id(key: PublicKey) -> str:
    """The first 16 hex digits of the SHA-256 of the point."""
    return sha256(point(key)).hexdigest()[:16]


def fingerprint(point: bytes) -> str:
    """Of a public key's point: 128 bits of its SHA-256 in groups of four hex digits, compared by eye on two screens."""
    digits = sha256(point).hexdigest()[:32].upper()
    return " ".join(digits[at : at + 4] for at in range(0, 32, 4))


def sign(key: PrivateKey, data: bytes) -> bytes:
    """ECDSA P-256 over SHA-256 as r||s, 64 bytes; deterministic (RFC 6979) but where a token holds the key."""
    der = key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify(key: PublicKey, signature: bytes, data: bytes) -> bool:
    if len(signature) != 64:
        return False
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        key.verify(der, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def seal(to: PublicKey, plain: bytes, info: bytes) -> bytes:
    """HPKE base mode, single shot (RFC 9180): 65 bytes of encapsulated key, then the AEAD's output."""
    return _SUITE.encrypt(plain, to, info)


def unseal(key: PrivateKey, sealed: bytes, info: bytes) -> bytes:
    """Open a seal; of `key` only `exchange` and `public_key` are used, so it may live in a token. Raises
    WireError("wire.seal_broken") for a wrong key, other info or changed bytes."""
    try:
        return _SUITE.decrypt(sealed, key, info)
    except (InvalidTag, ValueError) as fault:
        raise WireError("wire.seal_broken", "never") from fault
