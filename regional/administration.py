"""What an administrator of the region does by command, and the audit of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from config import programmes
from domain.errors import ConfigError
from domain.wire import UNREADABLE, signed
from domain.wire.feed import Reference
from domain.world import World, utc_text
from regional import auth, backup, database, enrolment, queries, reference
from regional.clinics import publish_clinics
from regional.database import Connection
from regional.key_provider import Use
from regional.keys import KeyRing
from regional.postgres import Cluster

Action = Literal[
    "code.given", "terminal.revoked", "keys.rotated", "escrow.asked", "escrow.opened", "escrow.refused",
    "courier.taken", "staff.added", "staff.closed", "records.exported", "reference.published", "recipients.listed",
    "region.restored",
]  # fmt: skip
State = Literal["active", "expired", "cloned", "revoked"]


@dataclass(frozen=True)
class Standing:
    """A terminal as the region knows it: `events` received of its present epoch, when the last were acknowledged (""
    never), the program that sent them ("" unknown), its clock (region minus terminal, None unknown)."""

    terminal_id: str
    clinic: str
    clinic_name: str
    desk: str
    state: State
    events: int
    acked_at: str
    client: str
    offset_ms: int | None
    expires_at: str


class _Sender(msgspec.Struct):
    """What we want of a batch's header, of any version."""

    client: str = ""
    offset_ms: int | None = None


_TERMINALS = """
SELECT t.terminal_id, t.clinic_code, c.name, t.desk, t.revoked_at IS NOT NULL, t.cloned_at IS NOT NULL,
    t.registration, coalesce(e.have_seq, 0), e.ack, last_head(t.terminal_id, t.epoch)
FROM terminal t JOIN clinic c ON c.code = t.clinic_code LEFT JOIN epoch e USING (terminal_id, epoch)
WHERE t.key_id IS NOT NULL ORDER BY t.clinic_code, t.desk, t.terminal_id
"""


@contextmanager
def reach(folder: Path, dsn: str | None) -> Iterator[str]:
    """The given database, or the embedded one: joined when it runs, else started meanwhile. Raises ConfigError."""
    if dsn:
        database.migrate(dsn, World())
        yield dsn
        return
    with Cluster(folder) as cluster:
        database.create(cluster.dsn("postgres"), "region")
        database.migrate(cluster.dsn(), World())
        yield cluster.dsn()


def audit(connection: Connection, now: datetime, actor: str, action: Action, **details: Any) -> None:
    """Told before it counts: with the act in one transaction, or before it where the act is not the database's."""
    said = msgspec.json.encode(details).decode()
    connection.execute(
        "INSERT INTO region_audit (at, actor, action, details) VALUES (%s, %s, %s, %s)", (now, actor, action, said)
    )


def give_code(
    dsn: str, keys: KeyRing | None, world: World, actor: str, *, clinic: str, name: str, desk: str, hub: bool = False
) -> str:
    """A one-time enrolment code for a desk or for the clinic's hub, audited without the code. The list of clinics is
    published with `keys`; None, away from the server: at its next start."""
    with queries.connect(dsn) as connection, connection.transaction():
        audit(connection, world.now(), actor, "code.given", clinic=clinic, desk=desk, hub=hub)
        code = enrolment.new_code(connection, world, clinic=clinic, name=name, desk=desk, hub=hub)
        if keys:
            publish_clinics(connection, keys, world)
    return code


def revoke(dsn: str, world: World, actor: str, terminal_id: str) -> None:
    """The terminal may not send any more; at once. Raises ConfigError("region.no_such_terminal")."""
    queries.revoke(dsn, terminal_id, world.now())
    with queries.connect(dsn) as connection:
        audit(connection, world.now(), actor, "terminal.revoked", terminal_id=terminal_id)


def rotate(
    dsn: str, keys: KeyRing, world: World, actor: str, uses: tuple[Use, ...], overlap: timedelta
) -> tuple[signed.RegionKey, ...]:
    """New keys of these uses, audited. Raises ConfigError."""
    fresh = keys.rotate(uses, world.now(), overlap)
    with queries.connect(dsn) as connection:
        ids = {key.use: key.key_id for key in fresh}
        audit(connection, world.now(), actor, "keys.rotated", overlap_days=overlap.days, **ids)
    return fresh


def publish(dsn: str, keys: KeyRing, world: World, actor: str, name: str, path: Path, effective_on: date) -> Reference:
    """A file, or a programme's folder, as a document for every terminal, in force from a day on; audited. Raises
    ConfigError."""
    if not re.fullmatch(r"[0-9A-Za-z-]{1,64}", name):
        raise ConfigError("region.reference_name", name=name)
    try:
        content = programmes.packed(path) if path.is_dir() else path.read_bytes()
    except OSError as fault:
        raise ConfigError("region.no_file", path=str(path)) from fault
    with queries.connect(dsn) as connection, connection.transaction():
        said = reference.publish(connection, keys, name, content, effective_on, world.now())
        told = {"name": said.name, "number": said.number, "version": said.version, "effective_on": said.effective_on}
        audit(connection, world.now(), actor, "reference.published", **told)
    return said


def recipients(dsn: str, world: World, actor: str, lot_no: str, maker: str) -> list[reference.Recipient]:
    """Who received a dose of a lot, `maker` "" for whoever made it; audited before they are looked for."""
    with queries.connect(dsn) as connection:
        audit(connection, world.now(), actor, "recipients.listed", lot_no=lot_no, maker=maker)
        return reference.recipients(connection, lot_no, maker)


def restore(dsn: str, keys: KeyRing, world: World, actor: str, folder: Path) -> backup.Report:
    """Fill an empty region from a copy; audited in the region that came back. Raises ConfigError."""
    report = backup.restore(dsn, folder, keys, world)
    with queries.connect(dsn) as connection:
        audit(connection, world.now(), actor, "region.restored", batches=report.batches, events=report.events)
    return report


def restored(dsn: str, world: World, actor: str) -> None:
    """The database came back by other means: the terminals send again what it lost, no number is leased twice."""
    database.new_generation(dsn, world)
    with queries.connect(dsn) as connection:
        backup.pass_over_numbers(connection)
        audit(connection, world.now(), actor, "region.restored")


def terminals(dsn: str, now: datetime) -> list[Standing]:
    """Every terminal, by clinic and desk."""
    with queries.connect(dsn) as connection:
        return standings(connection, now)


def standings(connection: Connection, now: datetime) -> list[Standing]:
    """The same over a connection; the role of the dashboard may ask too."""
    return [_standing(row, now) for row in connection.execute(_TERMINALS)]


def _standing(row: tuple[Any, ...], now: datetime) -> Standing:
    terminal_id, clinic, name, desk, revoked, cloned, registration, events, ack, head = row
    ends = auth.registration(registration).not_after
    state: State = "expired" if ends < utc_text(now) else "active"
    if revoked or cloned:
        state = "revoked" if revoked else "cloned"
    sender = _sender(bytes(head)) if head else _Sender()
    acked_at = signed.payload(signed.decode(bytes(ack), "ack"), signed.Ack).time if ack else ""
    return Standing(
        terminal_id, clinic, name, desk, state, events, acked_at, sender.client, sender.offset_ms, ends
    )  # fmt: skip


def _sender(head: bytes) -> _Sender:
    try:
        return msgspec.json.decode(head[4 : 4 + int.from_bytes(head[:4], "big")], type=_Sender)
    except UNREADABLE:
        return _Sender()
