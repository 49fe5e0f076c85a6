"""A region's copy: what is in it is safe and only that; a spoilt one is found; from it everything comes back, and the
terminals bring the rest."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import ConfigError
from domain.world import World
from regional import __main__ as line
from regional import backup, database, queries
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from regional.worker import Applier
from sync.keys import region_keys
from sync.visit import sync_once
from tests.region_fixtures import Terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]


def keys(region: EmbeddedRegion) -> KeyRing:
    return KeyRing(region.folder / "keys", World().now())


def test_what_was_copied_is_safe_and_nothing_else(region: EmbeddedRegion, terminal: New, tmp_path: Path):
    one = terminal()
    for _ in range(3):
        one.outbox.give("child-safe")
    assert one.sync().safe_upto == 0
    assert backup.back_up(region.dsn, tmp_path / "copy", World()).fresh >= 1
    one.outbox.give("child-safe")
    result = one.sync()
    assert (result.received_upto, result.safe_upto) == (4, 3)
    assert one.outbox.acks[-1].safe_upto == 3
    assert one.sync().safe_upto == 3
    assert backup.back_up(region.dsn, tmp_path / "copy", World()).fresh == 1  # the new one alone
    assert one.sync().safe_upto == 4
    assert backup.back_up(region.dsn, tmp_path / "copy", World()).fresh == 0
    assert backup.back_up(region.dsn, tmp_path / "another", World()).fresh >= 2  # each folder is whole by itself
    report = backup.verify(tmp_path / "copy", keys(region))
    assert report.events >= 4 and report.sealed_for_others == 0
    assert oct((tmp_path / "copy" / "batches-000001.tar").stat().st_mode)[-3:] == "600"


def test_the_folder_goes_on_after_the_region_came_back_older(region: EmbeddedRegion, terminal: New, tmp_path: Path):
    one = terminal()
    for _ in range(2):
        one.outbox.give("child-older")
        one.sync()
    backup.back_up(region.dsn, tmp_path / "copy", World())
    with queries.connect(region.dsn) as connection:  # as its disk was before the second
        mine = (bytes.fromhex(one.outbox.hashes[1]), one.me.terminal_id)
        connection.execute("DELETE FROM batch WHERE terminal_id = %s AND first_seq > 1", mine[1:])
        connection.execute("UPDATE epoch SET have_seq = 1, have_hash = %s WHERE terminal_id = %s", mine)
    database.new_generation(region.dsn, World())
    backup.back_up(region.dsn, tmp_path / "copy", World())
    backup.verify(tmp_path / "copy", keys(region))
    one.sync()
    backup.back_up(region.dsn, tmp_path / "copy", World())
    assert backup.verify(tmp_path / "copy", keys(region)).events >= 2


def test_a_spoilt_copy_is_found_and_makes_nothing_safe(region: EmbeddedRegion, terminal: New, tmp_path: Path):
    one, folder = terminal(), tmp_path / "copy"
    for _ in range(3):
        one.outbox.give("child-spoilt")
    one.sync()
    backup.back_up(region.dsn, folder, World())
    good = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(good) > 5
    for path, data in good.items():
        for spoilt in (data[:-2], data[: len(data) // 2] + b"?" + data[len(data) // 2 + 1 :], None):
            if spoilt == data:
                continue
            path.unlink() if spoilt is None else path.write_bytes(spoilt)
            with pytest.raises(ConfigError) as fault:
                backup.verify(folder, keys(region))
            assert fault.value.code in ("region.backup_damaged", "region.backup_disk")
            path.write_bytes(data)
    backup.verify(folder, keys(region))
    other = KeyRing(tmp_path / "other-keys", World().now())
    report = backup.verify(folder, other)
    assert report.sealed_for_others == report.batches  # whole, and unreadable without the region's keys


def test_a_batch_of_another_terminal_or_out_of_the_chain_is_found(
    region: EmbeddedRegion, terminal: New, tmp_path: Path
):
    one = terminal()
    one.outbox.give("child-chain")
    one.sync()
    with queries.connect(region.dsn) as connection:
        connection.execute("DELETE FROM batch WHERE terminal_id = %s", (one.me.terminal_id,))
    backup.back_up(region.dsn, tmp_path / "copy", World())
    with pytest.raises(ConfigError, match=r"region\.backup_damaged"):
        backup.verify(tmp_path / "copy", keys(region))
    with queries.connect(region.dsn) as connection:
        connection.execute("DELETE FROM epoch WHERE terminal_id = %s", (one.me.terminal_id,))


def test_everything_comes_back_and_the_terminals_bring_the_rest(
    region: EmbeddedRegion, terminal: New, apply: Apply, new_dsn: Callable[[], str], tmp_path: Path
):
    one, folder = terminal(), tmp_path / "copy"
    doses = [one.outbox.give("child-back") for _ in range(5)]
    one.sync()
    apply()
    backup.back_up(region.dsn, folder, World())
    doses += [one.outbox.give("child-back") for _ in range(2)]
    one.sync()  # received, and lost with the region
    dsn, data = new_dsn(), tmp_path / "region"
    shutil.copytree(region.folder, data)
    common = ["--data", str(data), "--dsn", dsn]
    assert line.main(["verify", str(folder), "--data", str(data)]) == 0
    assert line.main(["restore", str(folder), *common]) == 0
    with pytest.raises(ConfigError, match=r"region\.not_empty"):
        backup.restore(dsn, folder, keys(region), World())
    applier = Applier(dsn, keys(region), World())
    while applier.apply():
        pass
    mine = {row.dose_id for row in queries.doses(dsn) if row.child_id == "child-back"}
    assert mine == set(doses[:5])
    with EmbeddedRegion(data, dsn=dsn, workers=0) as again:
        back = one.through(again.url, ca_pem=again.ca_file.read_text())
        result = sync_once(one.outbox, back.client, one.me, World())
        assert (result.rewound_to, result.received_upto, result.safe_upto) == (5, 7, 5)
        while applier.apply():
            pass
        applier.close()
        assert {row.dose_id for row in queries.doses(dsn) if row.child_id == "child-back"} == set(doses)
        first = {(lease.kind, lease.prefix, lease.first) for lease in one.outbox.leases}
        one.outbox.wanted = {"receipt": 10, "booklet": 10}
        sync_once(one.outbox, back.client, one.me, World())
        assert len({(lease.kind, lease.prefix, lease.first) for lease in one.outbox.leases}) == len(first) + 2
        assert again.new_code(clinic="3109990101", name="新门诊")  # its number is no other clinic's
        back.client.close()
    assert region_keys(one.outbox).keyset.generation != queries_generation(region.dsn)


def queries_generation(dsn: str) -> str:
    with queries.connect(dsn) as connection:
        return connection.execute("SELECT generation FROM region_state").fetchone()[0]


def test_a_copy_of_a_newer_region_is_refused(
    region: EmbeddedRegion, new_dsn: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    backup.back_up(region.dsn, tmp_path / "copy", World())
    dsn = new_dsn()
    database.migrate(dsn, World())
    monkeypatch.setattr(database, "MIGRATIONS", database.MIGRATIONS[:3])
    with pytest.raises(ConfigError, match=r"region\.newer_database"):
        backup.restore(dsn, tmp_path / "copy", keys(region), World())


# What follows from the batches when they are applied again, or protects only a few minutes.
DERIVED = {
    *("aefi", "child", "child_change", "child_identifier", "child_link", "correction", "correction_answer", "dose"),
    *("event", "event_also", "feed", "feed_floor", "lot", "quarantine", "reach", "recalled_dose", "review", "scope"),
    *("visit", "nonce", "enrolment_failure", "migration", "region_session"),
    *("hub_note", "relay", "heard", "heard_matter"),  # of a hub: its region and its terminals have all of it
}


def test_every_table_is_copied_or_follows_from_the_batches(region: EmbeddedRegion):
    """A new table that is neither belongs into regional/backup.py."""
    with queries.connect(region.dsn) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace"
        )
        assert {row[0] for row in found} == DERIVED | set(backup._TABLES) | {"batch"}


def test_a_folder_that_cannot_be_written_is_said(region: EmbeddedRegion, tmp_path: Path, capsys):
    (tmp_path / "file").write_text("")
    assert line.main(["backup", str(tmp_path / "file"), "--data", str(region.folder), "--dsn", region.dsn]) == 1
    assert "cannot be read or written" in capsys.readouterr().err
