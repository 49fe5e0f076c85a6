"""A copy of a region that needs no PostgreSQL to be read: the sealed batches as they came, in tar archives that are
written once, beside the few tables that do not follow from them. The batches stay sealed; the region's keys are not in
it and are kept elsewhere.

    backup.json            what belongs to the copy, with the SHA-256 of every file; its own after a line feed
    batches-000001.tar     <terminal>/<epoch>/<first>-<last>.imb, those that came since the copy before
    tables-000001/         PostgreSQL's COPY text, a file a table

What was copied is safe: the terminals learn it with the next acknowledgement and may then purge it.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from domain.errors import ConfigError, WireError
from domain.wire import UNREADABLE, batch, chain
from domain.world import World, utc_text
from regional import database
from regional.database import Connection
from regional.enrolment import FIRST_LEASES
from regional.keys import KeyRing
from sync import batches, crypto

MANIFEST = "backup.json"
_KEPT_TABLES = 3  # copies of the tables that stay
# What does not follow from the batches, in the order of their references.
_TABLES = (
    "region_state",
    "clinic",
    "enrolment_code",
    "terminal",
    "epoch",
    "lease",
    "number_series",
    "reference",
    "recalled_lot",
    "lookup",
    "region_audit",
    "region_staff",
    "record_access",
)
_NUMBERED = ("clinic", "region_audit", "record_access")  # whose `number` counts on by itself


class File(msgspec.Struct, frozen=True):
    """`columns` of a table's file; "" for batches."""

    sha256: str
    size: int
    columns: tuple[str, ...] = ()


class Manifest(msgspec.Struct, frozen=True):
    """`upto`: terminal, epoch, the last event copied. `terminals`: id -> public key (point)."""

    fmt: int
    run: int
    at: str
    generation: str
    migrations: int
    upto: tuple[tuple[str, str, int], ...]
    terminals: dict[str, bytes]
    files: dict[str, File]


@dataclass
class Report:
    """What a copy holds. `sealed_for_others` batches could not be opened for want of the key."""

    batches: int = 0
    events: int = 0
    sealed_for_others: int = 0
    fresh: int = 0
    _seen: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)


_FRESH = """
SELECT b.terminal_id, b.epoch, b.first_seq, b.last_seq, b.received_at, b.file
FROM batch b
LEFT JOIN jsonb_to_recordset(%s) AS c (terminal_id text, epoch text, upto bigint) USING (terminal_id, epoch)
WHERE b.last_seq > coalesce(c.upto, 0) ORDER BY b.terminal_id, b.epoch, b.first_seq
"""
_COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_SAFE = "UPDATE epoch SET safe_seq = greatest(safe_seq, %s) WHERE terminal_id = %s AND epoch = %s AND have_seq >= %s"
# Numbers leased after the copy are not known here: so many are passed over.
_PASS_OVER = """
UPDATE number_series n SET next = next + %s * greatest(1, (SELECT count(*) FROM terminal t WHERE
    t.clinic_code = n.clinic_code)) WHERE kind = %s
"""


def back_up(dsn: str, folder: Path, world: World) -> Report:
    """Copy what is new into `folder`, read it back, then say that it is safe. Raises ConfigError."""
    with _disk(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = _manifest(folder) if (folder / MANIFEST).exists() else None
        with psycopg.connect(dsn) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True  # and so without a number of its own: readers of the feed do not wait for it
            made, report = _copy(connection, folder, before, world)
        _write_manifest(folder, made)
        for name in made.files:
            if before is None or name not in before.files:
                _check_file(folder, name, made.files[name])
        _drop_old_tables(folder, made)
    with psycopg.connect(dsn) as connection:
        for terminal_id, epoch, upto in made.upto:
            connection.execute(_SAFE, (upto, terminal_id, epoch, upto))
    return report


def verify(folder: Path, keys: KeyRing) -> Report:
    """Read the whole copy: every file's hash, every batch's form, signature, seal and chain. Raises ConfigError."""
    with _disk(folder):
        manifest, report = _manifest(folder), Report()
        for name, file in manifest.files.items():
            _check_file(folder, name, file)
        for name, blob, _ in _blobs(folder, manifest):
            try:
                _check_batch(batch.unpack(blob), manifest, keys, report)
            except WireError as fault:
                raise ConfigError("region.backup_damaged", path=name) from fault
        held = {where: seq for where, (seq, _) in report._seen.items()}
        if held != {(terminal, epoch): seq for terminal, epoch, seq in manifest.upto if seq}:
            raise ConfigError("region.backup_damaged", path=MANIFEST)
    return report


def restore(dsn: str, folder: Path, keys: KeyRing, world: World) -> Report:
    """Fill an empty region from a copy; its workers then apply everything anew, and terminals send what came after the
    copy. Raises ConfigError, also when the region is not empty."""
    report = verify(folder, keys)
    with _disk(folder), psycopg.connect(dsn) as connection:
        manifest = _manifest(folder)
        if manifest.migrations > len(database.MIGRATIONS):
            raise ConfigError("region.newer_database", found=manifest.migrations, known=len(database.MIGRATIONS))
        if connection.execute("SELECT 1 FROM terminal UNION ALL SELECT 1 FROM batch LIMIT 1").fetchone():
            raise ConfigError("region.not_empty")
        connection.execute("DELETE FROM region_state")
        _copy_in(connection, folder, manifest)
        connection.execute("UPDATE epoch SET safe_seq = have_seq")
        pass_over_numbers(connection)
        for table in _NUMBERED:
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'number'), max(number)) FROM {table}".encode()
            )
        connection.execute("UPDATE region_state SET generation = %s", (world.random(16).hex(),))
    return report


def pass_over_numbers(connection: Connection) -> None:
    """To be called when a region came back from a copy, by whatever means: what was leased after it is not known."""
    for kind, count in FIRST_LEASES.items():
        connection.execute(_PASS_OVER, (count, kind))


def _copy(connection: Connection, folder: Path, before: Manifest | None, world: World) -> tuple[Manifest, Report]:
    """One snapshot: the batches that this folder does not have, and the tables. A region that came back from a copy is
    copied whole; the archives from before stay, named by nothing: they may hold what it lost."""
    run = before.run + 1 if before else 1
    said = connection.execute("SELECT generation FROM region_state").fetchone()
    assert said
    if before and before.generation != said[0]:  # it came back from a copy: what it holds may be another history
        before = None
    held = {name: file for name, file in before.files.items() if not file.columns} if before else {}
    copied = [{"terminal_id": t, "epoch": e, "upto": seq} for t, e, seq in before.upto] if before else []
    fresh, tar = _copy_batches(connection, copied, folder / f"batches-{run:06d}.tar")
    files = held | ({tar.name: _describe(tar)} if fresh else {})
    tables = folder / f"tables-{run:06d}"
    tables.mkdir(mode=0o700, exist_ok=True)
    for table in _TABLES:
        files[f"{tables.name}/{table}"] = _copy_table(connection, table, tables / table)
    _sync_folder(tables)
    keys = connection.execute("SELECT terminal_id, public_key FROM terminal WHERE key_id IS NOT NULL").fetchall()
    upto = connection.execute("SELECT terminal_id, epoch, have_seq FROM epoch ORDER BY 1, 2").fetchall()
    number = len(database.MIGRATIONS)
    manifest = Manifest(
        1, run, utc_text(world.now()), said[0], number, tuple((t, e, s) for t, e, s in upto), dict(keys), files
    )
    return manifest, Report(fresh=fresh)


def _copy_batches(connection: Connection, copied: list[dict[str, Any]], path: Path) -> tuple[int, Path]:
    count = 0
    with connection.cursor("fresh") as rows, _writing(path) as file, tarfile.open(fileobj=file, mode="w") as tar:
        rows.itersize = 50
        for terminal_id, epoch, first, last, received_at, blob in rows.execute(_FRESH, (Jsonb(copied),)):
            member = tarfile.TarInfo(f"{terminal_id}/{epoch}/{first}-{last}.imb")
            member.size, member.mtime, member.mode = len(blob), int(received_at.timestamp()), 0o600
            tar.addfile(member, io.BytesIO(blob))
            count += 1
    if not count:
        path.unlink()
    return count, path


def _copy_table(connection: Connection, table: str, path: Path) -> File:
    columns = tuple(row[0] for row in connection.execute(_COLUMNS, (table,)))
    command = sql.SQL("COPY {} ({}) TO STDOUT").format(sql.Identifier(table), _names(columns))
    with _writing(path) as file, connection.cursor().copy(command) as stream:
        for piece in stream:
            file.write(piece)
    return msgspec.structs.replace(_describe(path), columns=columns)


def _copy_in(connection: Connection, folder: Path, manifest: Manifest) -> None:
    for name, described in manifest.files.items():
        if described.columns:
            table = sql.Identifier(name.partition("/")[2])
            command = sql.SQL("COPY {} ({}) FROM STDIN").format(table, _names(described.columns))
            with (folder / name).open("rb") as file, connection.cursor().copy(command) as stream:
                while piece := file.read(1 << 20):
                    stream.write(piece)
    batch_rows = sql.SQL(
        "COPY batch (terminal_id, epoch, first_seq, last_seq, last_hash, file, received_at) FROM STDIN (FORMAT BINARY)"
    )
    with connection.cursor().copy(batch_rows) as stream:
        stream.set_types(["text", "text", "int8", "int8", "bytea", "bytea", "timestamptz"])
        for _, blob, received_at in _blobs(folder, manifest):
            header = batch.unpack(blob).header
            place = header.terminal_id, header.epoch, header.first_seq, header.last_seq
            stream.write_row((*place, bytes.fromhex(header.last_hash), blob, received_at))


def _blobs(folder: Path, manifest: Manifest) -> Iterator[tuple[str, bytes, datetime]]:
    """Every batch: file, bytes, when it was received."""
    for name in sorted(name for name, file in manifest.files.items() if not file.columns):
        with tarfile.open(folder / name, mode="r:") as tar:
            for member in tar:
                content = tar.extractfile(member)
                if content is None or member.size > batch.MAX_FILE_BYTES:
                    raise ConfigError("region.backup_damaged", path=name)
                yield f"{name}: {member.name}", content.read(), datetime.fromtimestamp(member.mtime, UTC)


def _check_batch(packed: batch.Packed, manifest: Manifest, keys: KeyRing, report: Report) -> None:
    """Signature and seal, and that it goes on where the batch before it ended. Raises WireError."""
    header = packed.header
    public = manifest.terminals.get(header.terminal_id)
    if public is None:
        raise WireError("wire.bad_signature")
    batches.check_signature(packed, crypto.public_from_point(public))
    try:
        batches.open_sealed(packed, keys.seal_key(header.region_key_id))
    except WireError as fault:
        if fault.code != "wire.seal_broken":
            raise
        report.sealed_for_others += 1
    where = header.terminal_id, header.epoch
    have, last = report._seen.get(where, (0, chain.start(*where).hex()))
    if header.first_seq > have + 1 or (header.first_seq == have + 1 and header.prev_hash != last):
        raise WireError("wire.bad_chain")
    report.batches += 1
    report.events += max(0, header.last_seq - have)
    if header.last_seq > have:
        report._seen[where] = header.last_seq, header.last_hash


def _manifest(folder: Path) -> Manifest:
    data, _, digest = (folder / MANIFEST).read_bytes().rstrip(b"\n").partition(b"\n")
    if sha256(data).hexdigest().encode() != digest:
        raise ConfigError("region.backup_damaged", path=MANIFEST)
    return msgspec.json.decode(data, type=Manifest)


def _write_manifest(folder: Path, made: Manifest) -> None:
    """Whole or not at all: until it is there the copy before counts."""
    data = msgspec.json.encode(made)
    fresh = folder / f"{MANIFEST}.new"
    with _writing(fresh) as file:
        file.write(data + b"\n" + sha256(data).hexdigest().encode() + b"\n")
    _sync_folder(folder)
    fresh.rename(folder / MANIFEST)
    _sync_folder(folder)


def _drop_old_tables(folder: Path, made: Manifest) -> None:
    for old in sorted(folder.glob("tables-*"))[:-_KEPT_TABLES]:
        if not any(name.startswith(f"{old.name}/") for name in made.files):
            shutil.rmtree(old)


def _describe(path: Path) -> File:
    digest, size = _digest(path)
    return File(digest, size)


def _check_file(folder: Path, name: str, file: File) -> None:
    path = folder / name
    if not path.is_file() or _digest(path) != (file.sha256, file.size):
        raise ConfigError("region.backup_damaged", path=name)


def _digest(path: Path) -> tuple[str, int]:
    digest, size = sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


def _names(columns: tuple[str, ...]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


@contextmanager
def _writing(path: Path) -> Iterator[IO[bytes]]:
    """Its owner's alone from the first byte, on the disk at the end."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """What the disk or a spoilt file can raise, as ConfigError."""
    try:
        yield
    except (OSError, tarfile.TarError) as fault:
        raise ConfigError("region.backup_disk", path=str(folder)) from fault
    except UNREADABLE as fault:
        raise ConfigError("region.backup_damaged", path=MANIFEST) from fault
