"""A hub's place in its region: enrolled like a terminal's, with a code that is for a hub. The key is a file of the
hub's folder, what the region gave stands in its database."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from domain.errors import ConfigError, SyncError
from domain.wire import signed
from domain.world import World
from regional.database import Connection
from sync import crypto, enrol
from sync.keys import KEYSET, REGISTRATION, ROOT, Identity, RegionKeys, private_bytes, private_from_bytes

CLIENT = "vaxdesk-hub/0.2.0"
CATALOGUE, FEED, URL, CA = "region.catalogue", "region.feed", "region.url", "region.ca"
UP, DOWN = "report.up", "report.down"
_CLINIC = "INSERT INTO clinic (code, name) VALUES (%s, %s) ON CONFLICT (code) DO UPDATE SET name = excluded.name"
_KEY = "hub.key"
_NEXT_KEY = "hub.key.next"  # of an enrolment under way: its code is good for this key only


@dataclass(frozen=True)
class Place:
    """Who this hub is to its region, where that is, and the region's keys under the root pinned at enrolment."""

    me: Identity
    registration: signed.Registration
    document: signed.SignedDocument
    url: str
    ca_pem: str
    keys: RegionKeys
    keyset: bytes

    @property
    def clinic(self) -> str:
        return self.registration.clinic_id


@dataclass(frozen=True)
class Waiting:
    """Batches that wait for the region, or were refused by it, and how many desks this hub lets in."""

    batches: int
    refused: int
    desks: int


def waiting(connection: Connection) -> Waiting:
    row = connection.execute(
        "SELECT count(*) FILTER (WHERE ack IS NULL AND refused = ''), count(*) FILTER (WHERE refused <> ''),"
        " (SELECT count(*) FROM terminal WHERE key_id IS NOT NULL AND revoked_at IS NULL) FROM relay"
    ).fetchone()
    return Waiting(*(row or (0, 0, 0)))


def is_hub(folder: Path) -> bool:
    """Whether the server of this folder is a clinic's hub."""
    return (folder / _KEY).exists()


def recall(connection: Connection, name: str) -> bytes:
    """A note of the hub, b"" when there is none."""
    row = connection.execute("SELECT value FROM hub_note WHERE name = %s", (name,)).fetchone()
    return bytes(row[0]) if row else b""


def remember(connection: Connection, name: str, value: bytes) -> None:
    connection.execute(
        "INSERT INTO hub_note VALUES (%s, %b) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
    )


def load(folder: Path, connection: Connection) -> Place:
    """Raises ConfigError("hub.not_enrolled")."""
    document = recall(connection, REGISTRATION)
    if not is_hub(folder) or not document:
        raise ConfigError("hub.not_enrolled")
    given = signed.decode(document, "registration")
    said = signed.payload(given, signed.Registration)
    keyset = recall(connection, KEYSET)
    return Place(
        Identity(said.terminal_id, private_from_bytes((folder / _KEY).read_bytes())),
        said,
        given,
        recall(connection, URL).decode(),
        recall(connection, CA).decode(),
        RegionKeys(keyset, recall(connection, ROOT)),
        keyset,
    )


def take(
    folder: Path,
    connection: Connection,
    region: tuple[str, str],
    code: str,
    world: World,
    accept: Callable[[str], bool] = lambda _: True,
) -> signed.Registration:
    """Enrol this hub at the region (URL, CA as PEM); `accept` is shown the fingerprint of the region's root first.

    The same code may be tried again when an answer was lost. Raises SyncError, "sync.code_kind" for a
    desk's code; ConfigError "hub.other_clinic" when the database is another clinic's.
    """
    url, ca_pem = region
    gained = enrol.enrol(url, ca_pem, code, _next_key(folder), client=CLIENT, world=world, hub=True)
    said = gained.registration
    if not accept(crypto.fingerprint(gained.documents[ROOT])):
        raise SyncError("sync.fingerprint_differs", "operator")
    before = recall(connection, REGISTRATION)
    if (
        before
        and signed.payload(signed.decode(before, "registration"), signed.Registration).clinic_id != said.clinic_id
    ):
        raise ConfigError("hub.other_clinic")
    with connection.transaction():
        connection.execute(_CLINIC, (said.clinic_id, said.clinic_name))
        for name in (REGISTRATION, KEYSET, ROOT):
            remember(connection, name, gained.documents[name])
        remember(connection, URL, url.encode())
        remember(connection, CA, ca_pem.encode())
    (folder / _NEXT_KEY).rename(folder / _KEY)
    return said


def _next_key(folder: Path) -> crypto.PrivateKey:
    """Made where there is none, readable by nobody else."""
    path = folder / _NEXT_KEY
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(private_bytes(crypto.new_key()))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    return private_from_bytes(path.read_bytes())
