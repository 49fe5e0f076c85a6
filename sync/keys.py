"""Keys as a terminal keeps them: its own signing key, and the region's key set under a pinned root."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from domain.errors import SyncError, WireError
from domain.wire import signed
from domain.world import from_utc_text, utc_text
from sync import crypto
from sync.ports import Outbox

# Names of the small documents kept through Outbox.remember.
TERMINAL_KEY = "terminal.key"
REGISTRATION = "terminal.registration"
ROOT = "region.root"
KEYSET = "region.keyset"


def private_bytes(key: crypto.PrivateKey) -> bytes:
    """PKCS #8 DER, not encrypted: it lives inside the encrypted database."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def private_from_bytes(data: bytes) -> crypto.PrivateKey:
    """Raises WireError("wire.bad_key") when `data` is not a P-256 key."""
    try:
        key = load_der_private_key(data, None)
    except (ValueError, TypeError) as fault:
        raise WireError("wire.bad_key", "operator") from fault
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise WireError("wire.bad_key", "operator")
    return key


@dataclass(frozen=True)
class Identity:
    """Who this terminal is to the region."""

    terminal_id: str
    key: crypto.PrivateKey


def identity(outbox: Outbox) -> Identity:
    """This terminal's identity, from what enrolment left. Raises SyncError("sync.not_enrolled")."""
    key, document = outbox.recall(TERMINAL_KEY), outbox.recall(REGISTRATION)
    if key is None or document is None:
        raise SyncError("sync.not_enrolled", "operator")
    registration = signed.payload(signed.decode(document, "registration"), signed.Registration)
    return Identity(registration.terminal_id, private_from_bytes(key))


def renewal_due(document: bytes, now: datetime) -> bool:
    """Whether two thirds of this registration's life are over at `now`, the region's time. Raises WireError."""
    held = signed.payload(signed.decode(document, "registration"), signed.Registration)
    try:
        begins, ends = from_utc_text(held.not_before), from_utc_text(held.not_after)
    except ValueError as fault:
        raise WireError("wire.document_unreadable", "operator") from fault
    return now >= begins + (ends - begins) * 2 / 3


class RegionKeys:
    """The region's keys, checked against the pinned root. `document` is the signed key set.

    Raises SyncError("sync.bad_keyset") when the root did not sign it.
    """

    def __init__(self, document: bytes, root: bytes) -> None:
        given = signed.decode(document, "keyset")
        if not crypto.verify(crypto.public_from_point(root), given.signature, signed.to_sign("keyset", given.payload)):
            raise SyncError("sync.bad_keyset", "operator")
        self.keyset = signed.payload(given, signed.KeySet)

    def seal_key(self, now: datetime) -> signed.RegionKey:
        """The newest sealing key that has begun by `now` (the region's time); data is never trapped by a date."""
        keys = sorted(
            (k for k in self.keyset.keys if (k.use, k.suite) == ("seal", signed.HPKE_SUITE)),
            key=lambda key: key.not_before,
        )
        if not keys:
            raise SyncError("sync.bad_keyset", "operator")
        begun = [key for key in keys if key.not_before <= utc_text(now)]
        return (begun or keys)[-1]

    def verified(self, document: signed.SignedDocument) -> signed.SignedDocument:
        """The same document when one of the region's signing keys signed it. Raises SyncError("sync.bad_answer")."""
        for key in self.keyset.keys:
            if (key.use, key.suite, key.key_id) == ("sign", signed.SIGN_SUITE, document.key_id):
                public = crypto.public_from_point(key.public)
                if crypto.verify(public, document.signature, signed.to_sign(document.kind, document.payload)):
                    return document
        raise SyncError("sync.bad_answer", "later")


def region_keys(outbox: Outbox) -> RegionKeys:
    """The pinned key set. Raises SyncError("sync.not_enrolled")."""
    document, root = outbox.recall(KEYSET), outbox.recall(ROOT)
    if document is None or root is None:
        raise SyncError("sync.not_enrolled", "operator")
    return RegionKeys(document, root)
