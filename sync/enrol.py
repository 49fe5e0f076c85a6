"""A terminal's first contact: a one-time code against a place in the region."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import SyncError
from domain.wire import signed
from domain.world import World
from sync import crypto
from sync.client import RegionClient
from sync.keys import KEYSET, REGISTRATION, ROOT, TERMINAL_KEY, RegionKeys, private_bytes
from sync.messages import EnrolmentRequest


@dataclass(frozen=True)
class Enrolment:
    """What the region gave, all verified. `documents` are to be kept by name through Outbox.remember."""

    registration: signed.Registration
    documents: dict[str, bytes]
    generation: str
    offset_ms: int
    leases: list[signed.Lease]


def enrol(
    url: str,
    ca_pem: str,
    code: str,
    key: crypto.PrivateKey,
    *,
    client: str,
    world: World,
    before: str = "",
    hub: bool = False,
) -> Enrolment:
    """Enrol this terminal, or clinic's `hub`; `key` is its new signing key, and signing the request proves that we hold
    it. `before`: the terminal id it goes by until now, whose unsent facts it carries on.

    The same code with the same key may be tried again when an answer was lost. Raises SyncError.
    """
    region = RegionClient(url, ca_pem, key, world, client=client)
    try:
        answer = region.enrol(EnrolmentRequest(code, crypto.point(key.public_key()), client, before=before, hub=hub))
        keyset = signed.encode(answer.keyset)
        keys = RegionKeys(keyset, answer.root)
        registration = accepted_registration(keys, answer.registration, key)
        region.status(registration.terminal_id)  # the clock, and proof that the place works
    finally:
        region.close()
    if registration.hub != hub:
        raise SyncError("sync.code_kind", "operator")
    return Enrolment(
        registration,
        {
            TERMINAL_KEY: private_bytes(key),
            REGISTRATION: signed.encode(answer.registration),
            KEYSET: keyset,
            ROOT: answer.root,
        },
        answer.generation,
        region.offset_ms or 0,
        accepted_leases(keys, answer.leases, registration.terminal_id),
    )


def accepted_registration(
    keys: RegionKeys, document: signed.SignedDocument, key: crypto.PrivateKey
) -> signed.Registration:
    """The place it gives: signed by the region, and made out to `key`. Raises SyncError."""
    said = signed.payload(keys.verified(document), signed.Registration)
    if said.suite != signed.SIGN_SUITE:
        raise SyncError("sync.unknown_suite", "operator", suite=said.suite)
    if document.kind != "registration" or said.key_id != crypto.key_id(key.public_key()):
        raise SyncError("sync.bad_answer", "operator")
    return said


def accepted_leases(
    keys: RegionKeys, documents: tuple[signed.SignedDocument, ...], terminal_id: str
) -> list[signed.Lease]:
    """The leases of an answer, each signed by the region and made out to this terminal. Raises SyncError."""
    leases = [signed.payload(keys.verified(document), signed.Lease) for document in documents]
    if any(document.kind != "lease" for document in documents) or any(x.terminal_id != terminal_id for x in leases):
        raise SyncError("sync.bad_answer", "operator")
    return leases
