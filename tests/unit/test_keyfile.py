"""The wrapped key: every way in opens, every other way and every changed byte is refused in words."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from config.texts import table
from domain.errors import StoreError
from domain.wire.signed import HPKE_SUITE, RegionKey
from sync import crypto
from terminal.store import keyfile
from terminal.store.keyfile import Cost, KeyFile

DEK = bytes(range(32))
CHEAP = Cost(memory_kib=64, passes=1, lanes=1)
ESCROW = crypto.private_from_int(9)


def region_key() -> RegionKey:
    public = ESCROW.public_key()
    return RegionKey(crypto.key_id(public), "escrow", HPKE_SUITE, crypto.point(public), "", "")


def machine_mode(secret: bytes = b"m" * 32) -> KeyFile:
    key = keyfile.with_machine(keyfile.create(DEK, "db-1"), DEK, secret, os.urandom)
    key = keyfile.with_passphrase(key, DEK, "recovery", "接种 blue horse", os.urandom, CHEAP)
    return keyfile.with_escrow(key, DEK, region_key())


def refused(code: str, work: object, *args: object) -> None:
    with pytest.raises(StoreError) as fault:
        work(*args)
    assert fault.value.code == code
    table()[code]["en"].format_map(fault.value.params)
    table()[code]["zh_CN"].format_map(fault.value.params)


def test_every_slot_opens_to_the_same_key() -> None:
    key = keyfile.decode(keyfile.encode(machine_mode()))
    assert keyfile.unlock_machine(key, b"m" * 32) == DEK
    assert keyfile.unlock_passphrase(key, "recovery", "接种 blue horse") == DEK
    assert keyfile.unlock_escrow(key, ESCROW) == DEK
    assert keyfile.fits(key, DEK) and not keyfile.fits(key, bytes(32))


def test_full_width_typing_of_a_passphrase_is_the_same_passphrase() -> None:
    assert keyfile.unlock_passphrase(machine_mode(), "recovery", "接种　ｂｌｕｅ　ｈｏｒｓｅ") == DEK


def test_wrong_secrets_are_told_apart() -> None:
    key = machine_mode()
    refused("key.wrong", keyfile.unlock_passphrase, key, "recovery", "Blue horse")
    refused("key.wrong_machine", keyfile.unlock_machine, key, b"n" * 32)
    refused("key.wrong_escrow", keyfile.unlock_escrow, key, crypto.private_from_int(8))
    refused("key.no_passphrase_slot", keyfile.unlock_passphrase, key, "start", "x")
    bare = keyfile.create(DEK, "db-1")
    refused("key.no_machine_slot", keyfile.unlock_machine, bare, b"m" * 32)
    refused("key.no_escrow_slot", keyfile.unlock_escrow, bare, ESCROW)


def test_machine_and_start_passphrase_exclude_each_other() -> None:
    key = machine_mode()
    assert keyfile.exposure(key) == "key.thief_reads"
    asked = keyfile.with_passphrase(key, DEK, "start", "morning", os.urandom, CHEAP)
    assert keyfile.exposure(asked) == "key.thief_needs_passphrase"
    assert not keyfile.has(asked, "machine") and keyfile.has(asked, "recovery") and keyfile.has(asked, "escrow")
    assert keyfile.unlock_passphrase(asked, "start", "morning") == DEK
    again = keyfile.with_machine(asked, DEK, b"m" * 32, os.urandom)
    assert not keyfile.has(again, "start") and keyfile.unlock_machine(again, b"m" * 32) == DEK
    assert {"key.thief_reads", "key.thief_needs_passphrase"} <= table().keys()


def test_a_slot_replaces_its_like_and_recovery_can_be_taken_away() -> None:
    key = keyfile.with_passphrase(machine_mode(), DEK, "recovery", "second", os.urandom, CHEAP)
    refused("key.wrong", keyfile.unlock_passphrase, key, "recovery", "接种 blue horse")
    assert keyfile.unlock_passphrase(key, "recovery", "second") == DEK
    assert not keyfile.has(keyfile.without_recovery(key), "recovery")


def test_a_slot_is_never_made_for_another_key() -> None:
    refused("key.damaged", keyfile.with_machine, machine_mode(), bytes(32), b"m" * 32, os.urandom)


def test_a_slot_of_another_database_or_kind_does_not_open() -> None:
    key = machine_mode()
    moved = KeyFile(1, "db-2", key.check, key.slots)
    refused("key.wrong_machine", keyfile.unlock_machine, moved, b"m" * 32)
    refused("key.wrong_escrow", keyfile.unlock_escrow, moved, ESCROW)


def test_every_changed_byte_and_every_cut_is_refused() -> None:
    data = keyfile.encode(machine_mode())
    chance = random.Random(1)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << chance.randrange(8)
        refused("key.damaged", keyfile.decode, bytes(changed))
        refused("key.damaged", keyfile.decode, data[:at])


def test_a_newer_file_asks_for_a_newer_program() -> None:
    refused("key.newer", keyfile.decode, keyfile.encode(KeyFile(2, "db-1", bytes(8))))


def test_the_default_cost_is_64_mib_three_passes_four_lanes() -> None:
    key = keyfile.with_passphrase(keyfile.create(DEK, "d"), DEK, "start", "p", os.urandom)
    assert b'"cost":{"memory_kib":65536,"passes":3,"lanes":4}' in keyfile.encode(key)
    assert keyfile.unlock_passphrase(key, "start", "p") == DEK


def test_the_file_is_private_and_replaced_whole(tmp_path: Path) -> None:
    path, secret_path = tmp_path / "vaxdesk.key", tmp_path / "machine.key"
    refused("key.missing", keyfile.load, path)
    refused("key.no_machine_file", keyfile.machine_secret, secret_path)
    secret = keyfile.new_machine_secret(secret_path, os.urandom)
    assert secret == keyfile.machine_secret(secret_path) and len(secret) == 32
    (tmp_path / "vaxdesk.key.new").write_bytes(b"left by a power cut")
    key = machine_mode(secret)
    keyfile.save(path, keyfile.create(DEK, "db-1"))
    keyfile.save(path, key)
    assert keyfile.load(path) == key and sorted(p.name for p in tmp_path.iterdir()) == ["machine.key", "vaxdesk.key"]
    assert path.stat().st_mode & 0o777 == secret_path.stat().st_mode & 0o777 == 0o600
    keyfile.forget_machine_secret(secret_path)
    keyfile.forget_machine_secret(secret_path)
    assert not secret_path.exists()
    secret_path.write_bytes(b"short")
    refused("key.wrong_machine", keyfile.machine_secret, secret_path)
    refused("key.unreadable", keyfile.load, tmp_path)
