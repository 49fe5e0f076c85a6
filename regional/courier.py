"""Batches that came by hand, on a stick: the checks of those that come over the line, without a signed request."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from domain.errors import ConfigError
from domain.wire import batch, chain, signed
from domain.world import World, utc_text
from regional import administration, auth, inbox, queries
from regional.auth import Refused
from regional.database import Connection
from regional.keys import KeyRing
from sync import courier
from sync.messages import version

_HAVE = "SELECT have_seq, have_hash FROM epoch WHERE terminal_id = %s AND epoch = %s"
Found = tuple[str, str, int, int, Path]  # terminal, epoch, first, last: the order in which they are taken


@dataclass
class Report:
    """What a stick brought: batches `taken` with so many `facts`, those held before too; `refused`: file -> answer."""

    taken: int = 0
    facts: int = 0
    refused: dict[str, bytes] = field(default_factory=dict)


def take(dsn: str, keys: KeyRing, world: World, actor: str, folder: Path) -> Report:
    """Take every batch in `folder`, each in a transaction of its own, and then write the answer beside it; the key set
    too. Raises ConfigError when the stick cannot be read or written; what was taken by then is taken once."""
    report = Report()
    try:
        with queries.connect(dsn) as connection:
            for *_, path in sorted(_found(folder, report)):
                _take(connection, keys, world, path, report)
            row = connection.execute("SELECT generation FROM region_state").fetchone()
            assert row
            _write(folder / courier.KEYS, signed.encode(keys.keyset(row[0])))
            counts = {"taken": report.taken, "facts": report.facts, "refused": len(report.refused)}
            administration.audit(connection, world.now(), actor, "courier.taken", **counts)
    except OSError as fault:
        raise ConfigError("region.stick", path=str(folder), detail=fault.strerror or "") from fault
    return report


def _found(folder: Path, report: Report) -> list[Found]:
    """The batches by terminal and number, whatever their files are called; what is none gets its answer here."""
    found: list[Found] = []
    for path in folder.iterdir():
        if path.suffix == courier.BATCH and path.is_file():
            try:
                header = inbox.unpacked(_read(path)).header
            except Refused as refused:
                _refuse(path, refused, report)
            else:
                found.append((header.terminal_id, header.epoch, header.first_seq, header.last_seq, path))
    return found


def _take(connection: Connection, keys: KeyRing, world: World, path: Path, report: Report) -> None:
    blob = _read(path)
    try:
        with connection.transaction():
            packed = inbox.unpacked(blob)
            ack = _answer(connection, keys, world, packed, blob)
    except Refused as refused:
        _refuse(path, refused, report)
        return
    report.taken, report.facts = report.taken + 1, report.facts + packed.header.n
    _write(path.with_suffix(courier.ACK), ack)
    path.with_suffix(courier.REFUSAL).unlink(missing_ok=True)


def _answer(connection: Connection, keys: KeyRing, world: World, packed: batch.Packed, blob: bytes) -> bytes:
    """The acknowledgement; after a gap, of what is held, so that the terminal brings the rest. Raises Refused."""
    header, now = packed.header, world.now()
    who = auth.by_id(connection, header.terminal_id, now)
    if version(header.client) < version(who.oldest_client):
        raise Refused(426, "UPGRADE", oldest=who.oldest_client)
    try:
        answer = inbox.take(connection, keys, who, packed, blob, now, directly=False)
    except Refused as refused:
        if refused.code != "GAP":
            raise
        row = connection.execute(_HAVE, (who.terminal_id, header.epoch)).fetchone()
        have, last = row or (0, chain.start(who.terminal_id, header.epoch))
        held = signed.Ack(who.terminal_id, header.epoch, have, 0, last.hex(), who.generation, utc_text(now))
        return signed.encode(keys.sign("ack", held))
    if isinstance(answer, Refused):
        raise answer
    return answer


def _refuse(path: Path, refused: Refused, report: Report) -> None:
    body = msgspec.json.encode({"code": refused.code, **refused.params})
    report.refused[path.name] = body
    _write(path.with_suffix(courier.REFUSAL), body)


def _read(path: Path) -> bytes:
    """A little more than a batch may have: enough to see that it is too large."""
    with path.open("rb") as file:
        return file.read(batch.MAX_FILE_BYTES + 1)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all; a stick is pulled out at any moment."""
    draft = path.with_name(path.name + ".part")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
