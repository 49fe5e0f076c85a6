"""A damaged database is refused in words, or opens with everything in it; nothing between."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.texts import LANGUAGES, say
from domain.errors import StoreError
from terminal.store import backup, keyfile
from terminal.store.database import Store
from terminal.store.ledger import check_audit
from terminal.store.outbox import check_chain
from tests.fakes.ledgers import KEY, new_store, new_world, tell_facts

PAGE = 4096


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a sound database with 400 facts."""
    path = tmp_path_factory.mktemp("sound") / "records.db"
    store = new_store(path)
    tell_facts(store, new_world(), 400)
    store.close()
    return path.read_bytes()


def look(path: Path) -> bool:
    """True when it opens whole, False when it is refused; any other answer fails."""
    try:
        store = Store(path, KEY)
    except StoreError as fault:
        assert (fault.code, fault.retry) == ("store.damaged", "operator")
        return False
    assert store.sql("SELECT count(*) FROM event") == [(400,)]
    assert check_chain(store) is None and check_audit(store) is None
    store.close()
    return True


def test_a_flipped_bit_on_every_page(sound: bytes, tmp_path: Path) -> None:
    path, pages = tmp_path / "records.db", len(sound) // PAGE
    assert pages > 40
    opened = 0
    for page in range(pages):
        at = page * PAGE + (page * 997) % PAGE
        path.write_bytes(sound[:at] + bytes([sound[at] ^ (1 << page % 8)]) + sound[at + 1 :])
        opened += look(path)
    assert opened == 0


@pytest.mark.parametrize("at", [0, 15, 16, 24, 40, 60, 96, 100, 2048, 4016, 4032, 4095])
def test_a_flipped_bit_in_the_first_page(sound: bytes, tmp_path: Path, at: int) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(sound[:at] + bytes([sound[at] ^ 0x10]) + sound[at + 1 :])
    assert look(path) is False


@pytest.mark.parametrize("size", [0, 1, 100, 4095, 4096, 8192, -4096, -1])
def test_a_file_cut_short(sound: bytes, tmp_path: Path, size: int) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(sound[:size])
    assert look(path) is False


@pytest.mark.parametrize("other", [b"\0" * 8192, b"SQLite format 3\0" + b"\0" * 8176, b"not a database at all" * 500])
def test_another_file_in_its_place(tmp_path: Path, other: bytes) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(other)
    assert look(path) is False


def test_pages_of_two_times_mixed(sound: bytes, tmp_path: Path) -> None:
    """Two whole pages changed places: each has a good hash, but for another place."""
    path = tmp_path / "records.db"
    path.write_bytes(sound[: 5 * PAGE] + sound[6 * PAGE : 7 * PAGE] + sound[5 * PAGE : 6 * PAGE] + sound[7 * PAGE :])
    assert look(path) is False


def test_a_damaged_log(tmp_path: Path) -> None:
    """SQLite ends a write-ahead log at the first frame whose checksum fails, as after a power cut: what is left is
    whole and a beginning of what was told. That facts are missing shows at the region, which has seen them."""
    live, world = tmp_path / "live.db", new_world()
    store = new_store(live)
    told = tell_facts(store, world, 40)
    path, log = tmp_path / "records.db", live.with_name("live.db-wal").read_bytes()
    assert len(log) > 40 * PAGE
    for at in range(7, len(log), len(log) // 60):
        path.write_bytes(live.read_bytes())
        path.with_name("records.db-wal").write_bytes(log[:at] + bytes([log[at] ^ 4]) + log[at + 1 :])
        try:
            look_at = Store(path, KEY)
        except StoreError as fault:
            assert fault.code == "store.damaged"
            continue
        left = [row[0] for row in look_at.sql("SELECT event_id FROM event ORDER BY no")]
        assert left == told[: len(left)]
        if look_at.sql("SELECT 1 FROM head"):
            assert check_chain(look_at) is None and check_audit(look_at) is None
        look_at.close()
    store.close()


def test_a_wrong_key_is_not_damage(sound: bytes, tmp_path: Path) -> None:
    """The key file knows its key, so that nobody restores a backup over a sound database."""
    path, other = tmp_path / "records.db", b"x" * 32
    path.write_bytes(sound)
    assert keyfile.fits(keyfile.create(KEY, "db"), KEY)
    assert not keyfile.fits(keyfile.create(KEY, "db"), other)
    with pytest.raises(StoreError, match=r"store\.damaged"):
        Store(path, other)
    assert path.read_bytes() == sound
    assert look(path) is True


def test_the_words_name_the_way_back() -> None:
    assert all("backup restore" in say(language, "store.damaged") for language in LANGUAGES)


def test_the_way_back(sound: bytes, tmp_path: Path) -> None:
    path, world = tmp_path / "records.db", new_world()
    path.write_bytes(sound)
    keyfile.save(tmp_path / "key.json", keyfile.create(KEY, "db"))
    store = Store(path, KEY)
    info = backup.create(store, tmp_path / "backups", world, tmp_path / "key.json")
    store.close()
    damaged = path.read_bytes()[:-PAGE] + b"\xff" * PAGE
    path.write_bytes(damaged)
    assert look(path) is False
    aside = backup.restore(info.path, path, KEY, world)
    assert aside is not None and aside.read_bytes() == damaged, "the damaged file is kept"
    assert Store(path, KEY).sql("SELECT count(*) FROM event") == [(400,)]


def test_damage_while_open(sound: bytes, tmp_path: Path) -> None:
    """Pages spoilt under a running program: an error in words, never another exception or other data."""
    path = tmp_path / "records.db"
    path.write_bytes(sound)
    store = Store(path, KEY)
    store.run(store.sql, "PRAGMA cache_size = 0")
    with path.open("r+b") as file:
        for page in range(1, len(sound) // PAGE):
            file.seek(page * PAGE + 77)
            file.write(b"\xff\x00\xff")
    for table in ("event", "outbox", "audit", "head"):
        with pytest.raises(StoreError) as caught:
            store.run(store.sql, f"SELECT * FROM {table}")
        assert caught.value.code == "store.damaged"
    with pytest.raises(StoreError):
        tell_facts(store, new_world(), 1)
    store.close()
