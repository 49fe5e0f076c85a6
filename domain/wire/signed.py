"""Documents the region signs: acknowledgement, lease, key set, registration (docs/formats.md, section 5), and those
that come back through the feed (section 9)."""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from domain.errors import WireError
from domain.wire import UNREADABLE
from domain.wire.feed import Catalogue, Page, Record, Reference, Scope

Kind = Literal["ack", "lease", "keyset", "registration", "page", "record", "scope", "catalogue", "reference", "cursor"]
HPKE_SUITE = "p256-hkdf-sha256-aes256gcm"
SIGN_SUITE = "ecdsa-p256-sha256"


class SignedDocument(msgspec.Struct, frozen=True):
    """`payload` is the exact bytes signed (base64 on the wire); `signature` is r||s, 64 bytes."""

    kind: Kind
    key_id: str
    payload: bytes
    signature: bytes


class Ack(msgspec.Struct, frozen=True):
    """The region's word that events up to `received_upto` of this epoch are durable; `hash` is the chain there.

    `safe_upto` counts what is also in the off-site backup: a terminal never purges above it.
    """

    terminal_id: str
    epoch: str
    received_upto: int
    safe_upto: int
    hash: str
    generation: str
    time: str


class Lease(msgspec.Struct, frozen=True):
    """Numbers `first`..`last` of `kind`, for this terminal alone, for ever (no date).

    `prefix` is the clinic's part; `width` the digits of the serial. A child code range counts anew in each birth year.
    """

    lease_id: str
    terminal_id: str
    kind: Literal["child_code", "booklet", "receipt"]
    prefix: str
    first: int
    last: int
    width: int


class RegionKey(msgspec.Struct, frozen=True):
    """`public` is the X9.62 uncompressed point of a P-256 key, base64 on the wire.

    `use` is seal or escrow (HPKE_SUITE) or sign (SIGN_SUITE); a reader passes over a use or suite it does not know.
    """

    key_id: str
    use: str
    suite: str
    public: bytes
    not_before: str
    not_after: str


class KeySet(msgspec.Struct, frozen=True):
    """The keys of a region, signed by its root, which the terminal pinned at enrolment."""

    generation: str
    version: int
    keys: tuple[RegionKey, ...]


class Registration(msgspec.Struct, frozen=True, omit_defaults=True):
    """A terminal's place: renewed at two thirds of its life; an expired one still uploads. `suite` is that of the key
    `key_id`. `hub`: it is the hub of its clinic and passes on the batches of the clinic's desks."""

    terminal_id: str
    clinic_id: str
    clinic_name: str
    desk: str
    key_id: str
    not_before: str
    not_after: str
    suite: str = SIGN_SUITE
    hub: bool = False


T = TypeVar("T", Ack, Lease, KeySet, Registration, Page, Record, Scope, Catalogue, Reference)


def to_sign(kind: Kind, payload: bytes) -> bytes:
    return b"vaxdesk " + kind.encode() + b" 1\0" + payload


def encode(document: SignedDocument) -> bytes:
    return msgspec.json.encode(document)


def decode(data: bytes, kind: Kind) -> SignedDocument:
    """Read a signed document of one kind, unverified. Raises WireError("wire.document_unreadable")."""
    try:
        document = msgspec.json.decode(data, type=SignedDocument)
    except UNREADABLE as fault:
        raise WireError("wire.document_unreadable", "later") from fault
    if document.kind != kind or len(document.signature) != 64:
        raise WireError("wire.document_unreadable", "later")
    return document


def payload(document: SignedDocument, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(document.payload, type=type_)
    except UNREADABLE as fault:
        raise WireError("wire.document_unreadable", "later") from fault
