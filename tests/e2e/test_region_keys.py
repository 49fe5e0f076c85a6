"""Places that run out and are renewed, keys that change while batches are under way, suites by their id."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest

from config.texts import LANGUAGES, say
from domain.errors import ConfigError, SyncError, WireError
from domain.wire import batch, signed
from domain.world import World, from_utc_text, utc_text
from regional.enrolment import REGISTRATION_LIFE
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from sync import batches, crypto
from sync.client import RegionClient
from sync.keys import KEYSET, REGISTRATION, ROOT, RegionKeys
from sync.messages import EnrolmentRequest
from sync.sealing import seal_waiting
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]


def ring(region: EmbeddedRegion) -> KeyRing:
    return KeyRing(region.folder / "keys", World().now())


def age(region: EmbeddedRegion, one: Terminal, by: timedelta) -> signed.Registration:
    """Let the terminal's place be older, on both sides."""
    old = one.place.registration
    begins, ends = (utc_text(from_utc_text(day) - by) for day in (old.not_before, old.not_after))
    aged = msgspec.structs.replace(old, not_before=begins, not_after=ends)
    document = signed.encode(ring(region).sign("registration", aged))
    one.outbox.documents[REGISTRATION] = document
    with psycopg.connect(region.dsn) as connection:
        mine = (document, one.me.terminal_id)
        connection.execute("UPDATE terminal SET registration = %s WHERE terminal_id = %s", mine)
    return aged


def held(one: Terminal) -> signed.Registration:
    return signed.payload(signed.decode(one.outbox.documents[REGISTRATION], "registration"), signed.Registration)


def sealed_to(one: Terminal) -> list[str]:
    return [batch.unpack(waiting.blob).header.region_key_id for waiting in one.outbox.sealed]


def seal(one: Terminal) -> None:
    """Seal what waits without the region, as for a stick."""
    keys = RegionKeys(one.outbox.documents[KEYSET], one.outbox.documents[ROOT])
    seal_waiting(one.outbox, keys, one.me, one.world, one.client.client)


# -- registrations ---------------------------------------------------------------------------------------------------


def test_a_place_is_renewed_after_two_thirds_of_its_life_and_not_before(region: EmbeddedRegion, terminal: New):
    one = terminal()
    first = held(one)
    assert from_utc_text(first.not_after) - from_utc_text(first.not_before) == REGISTRATION_LIFE
    age(region, one, timedelta(days=59))
    assert not one.sync().renewed
    age(region, one, timedelta(days=61))
    assert one.sync().renewed
    fresh = held(one)
    assert (fresh.terminal_id, fresh.desk, fresh.key_id) == (first.terminal_id, first.desk, first.key_id)
    assert fresh.not_after > first.not_after
    assert not one.sync().renewed


def test_an_expired_place_uploads_is_told_apart_elsewhere_and_renews(region: EmbeddedRegion, terminal: New):
    one = terminal()
    age(region, one, timedelta(days=200))
    for work in (lambda: one.client.leases({"receipt": 5}), lambda: one.client.feed("", 1)):
        with pytest.raises(SyncError) as caught:
            work()
        assert (caught.value.code, caught.value.retry) == ("sync.expired", "later")
    one.outbox.give("child")
    one.outbox.wanted = {"receipt": 5}
    result = one.sync()
    assert (result.received_upto, result.renewed, result.leases) == (1, True, 1)
    assert one.client.feed("", 1)


def test_a_renewal_asked_twice_answers_the_same(region: EmbeddedRegion, terminal: New):
    one = terminal()
    age(region, one, timedelta(days=61))
    answers: list[bytes] = []
    lines = [one.through(region.url).client for _ in range(4)]
    asking = [threading.Thread(target=lambda line=line: answers.append(line.renew())) for line in lines]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    for line in lines:
        line.close()
    assert len(answers) == 4 and len(set(answers)) == 1


def test_the_terminals_clock_does_not_decide_on_renewal(region: EmbeddedRegion, terminal: New):
    years_ahead = World(now=lambda: World().now() + timedelta(days=800))
    one = terminal(years_ahead)
    assert not one.sync().renewed


@pytest.mark.parametrize("lie", ["another terminal", "another key", "another suite", "another region"])
def test_a_renewal_that_is_not_ours_is_not_kept(region: EmbeddedRegion, terminal: New, tmp_path: Path, lie: str):
    one = terminal()
    aged = age(region, one, timedelta(days=61))
    changed = {"another terminal": {"terminal_id": "x"}, "another key": {"key_id": "0" * 16}}
    changed["another suite"] = {"suite": "sm2-sm3"}
    keys = KeyRing(tmp_path / "keys", World().now()) if lie == "another region" else ring(region)
    answer = keys.sign("registration", msgspec.structs.replace(aged, **changed.get(lie, {})))
    one.client.renew = lambda: signed.encode(answer)  # the line is the boundary here
    one.outbox.give("child")
    fault = one.fails()
    assert fault.code == ("sync.unknown_suite" if lie == "another suite" else "sync.bad_answer")
    assert held(one) == aged
    assert one.outbox.acked_seq == 1, "facts do not wait for a renewal"


# -- rotation --------------------------------------------------------------------------------------------------------


def test_new_keys_stand_beside_the_old_and_reach_a_terminal_with_its_next_visit(
    region: EmbeddedRegion, terminal: New, apply: Callable[[], int]
):
    one = terminal()
    one.outbox.give("child")
    one.sync()
    before = ring(region).keys
    seal_key, sign_key = ring(region).rotate(("seal", "sign"), World().now())
    one.outbox.give("child")
    seal(one)
    assert sealed_to(one) == [before[0].key_id], "sealed before it heard of the new key"
    assert one.sync().received_upto == 2, "taken inside the overlap"
    known = RegionKeys(one.outbox.documents[KEYSET], one.outbox.documents[ROOT]).keyset
    assert {key.key_id for key in known.keys} == {key.key_id for key in (*before, seal_key, sign_key)}
    one.outbox.give("child")
    seal(one)
    assert sealed_to(one) == [seal_key.key_id]
    one.sync()
    assert one.outbox.acks[-1].received_upto == 3
    assert apply() > 0
    ends = next(key.not_after for key in ring(region).keys if key.key_id == before[0].key_id)
    assert ends < utc_text(World().now() + timedelta(days=366))


def test_after_the_overlap_a_batch_is_refused_in_words_and_sealed_again(region: EmbeddedRegion, terminal: New):
    one = terminal()
    for _ in range(3):
        one.outbox.give("child")
        seal(one)
    old = sealed_to(one)
    first = one.outbox.sealed[0]
    fresh, _ = ring(region).rotate(("seal", "sign"), World().now(), timedelta(0))
    with pytest.raises(SyncError) as caught:
        one.client.put_batch(one.me.terminal_id, first.epoch, first.first_seq, first.last_seq, first.blob)
    assert caught.value.code == "sync.old_key"
    for language in LANGUAGES:
        assert say(language, caught.value.code, **caught.value.params)
    assert one.sync().received_upto == 3
    assert one.outbox.acked_seq == 3
    with psycopg.connect(region.dsn) as connection:
        files = connection.execute("SELECT file FROM batch WHERE terminal_id = %s", (one.me.terminal_id,)).fetchall()
    assert {batch.unpack(bytes(file)).header.region_key_id for (file,) in files} == {fresh.key_id} != set(old)


def test_a_batch_taken_before_the_overlap_ended_is_still_applied_and_not_taken_twice(
    region: EmbeddedRegion, terminal: New, apply: Callable[[], int]
):
    one = terminal()
    one.outbox.give("child")
    seal(one)
    sent = one.outbox.sealed[0]
    ack = one.client.put_batch(one.me.terminal_id, sent.epoch, sent.first_seq, sent.last_seq, sent.blob)
    ring(region).rotate(("seal",), World().now(), timedelta(0))
    assert one.sync().received_upto == 1, "the answer was lost: sealed anew, it is the same history"
    assert signed.payload(signed.decode(ack, "ack"), signed.Ack) == one.outbox.acks[-1]
    assert apply() > 0
    with psycopg.connect(region.dsn) as connection:
        problems = connection.execute("SELECT count(*) FROM batch WHERE problem IS NOT NULL").fetchone()
    assert problems == (0,)


def test_the_only_key_is_taken_whatever_its_dates_say(tmp_path: Path):
    keys = KeyRing(tmp_path, World().now() - timedelta(days=3000))
    assert keys.seal_key(keys.keys[0].key_id, World().now())
    fresh = keys.rotate(("seal",), World().now())[0]
    assert keys.seal_key(fresh.key_id, World().now())
    with pytest.raises(WireError) as caught:
        keys.seal_key(keys.keys[0].key_id, World().now())
    assert caught.value.code == "wire.seal_key_ended"
    assert keys.seal_key(keys.keys[0].key_id), "what was taken in time stays readable"


def test_processes_that_run_notice_a_rotation_and_two_commands_do_not_lose_one(tmp_path: Path):
    now = World().now()
    running = KeyRing(tmp_path, now)
    turning = [
        threading.Thread(target=lambda: KeyRing(tmp_path, now).rotate(("sign",), World().now())) for _ in range(8)
    ]
    for thread in turning:
        thread.start()
    for thread in turning:
        thread.join()
    assert running.version == 9
    assert len({key.key_id for key in running.keys}) == 3 + 8
    document = running.sign("ack", signed.Ack("t", "e", 1, 0, "", "", ""))
    RegionKeys(signed.encode(running.keyset("g")), running.root).verified(document)


def test_a_region_of_the_first_version_keeps_its_root(tmp_path: Path):
    """keyset.json then did not name it: it lay in root.pem."""
    keys = KeyRing(tmp_path, World().now())
    root = crypto.key_id(crypto.public_from_point(keys.root))
    (tmp_path / f"{root}.pem").rename(tmp_path / "root.pem")
    said = msgspec.json.decode((tmp_path / "keyset.json").read_bytes())
    del said["root"]
    (tmp_path / "keyset.json").write_bytes(msgspec.json.encode(said))
    again = KeyRing(tmp_path, World().now())
    assert again.root == keys.root
    again.rotate(("seal",), World().now())
    assert KeyRing(tmp_path, World().now()).root == keys.root


def test_private_keys_are_their_owners_alone_and_a_missing_one_is_said(tmp_path: Path):
    keys = KeyRing(tmp_path, World().now())
    files = sorted(tmp_path.glob("*.pem"))
    assert len(files) == 4 and all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    (tmp_path / f"{keys.keys[0].key_id}.pem").unlink()
    with pytest.raises(ConfigError) as caught:
        KeyRing(tmp_path, World().now())
    assert caught.value.code == "region.bad_keys"


def test_while_the_keys_cannot_be_read_the_region_is_busy_and_nothing_is_lost(region: EmbeddedRegion, terminal: New):
    one = terminal()
    one.outbox.give("child")
    ring_file, aside = region.folder / "keys" / "keyset.json", region.folder / "keyset.aside"
    ring_file.rename(aside)
    try:
        fault = one.fails()
        assert (fault.code, fault.retry) == ("sync.busy", "later")
    finally:
        aside.rename(ring_file)
    assert one.sync().received_upto == 1


# -- suites ----------------------------------------------------------------------------------------------------------


def batch_of(one: Terminal, **other: object) -> tuple[bytes, tuple[str, str, int, int]]:
    """The first event, sealed with another header."""
    key = RegionKeys(one.outbox.documents[KEYSET], one.outbox.documents[ROOT]).seal_key(World().now())
    head = batch.Header(
        1, batch.SUITE, one.me.terminal_id, one.outbox.epoch, 1, 1, 1, one.outbox.hashes[0], one.outbox.hashes[1],
        key.key_id, utc_text(World().now()), 0, "", "vaxdesk/0.1.0",
    )  # fmt: skip
    head = msgspec.structs.replace(head, **other)
    blob = batches.seal(head, one.outbox.events[:1], one.me.key, crypto.public_from_point(key.public))
    return blob, (one.me.terminal_id, one.outbox.epoch, 1, 1)


@pytest.mark.parametrize("other", [{"suite": "sm2-sm3-sm4gcm+zstd"}, {"fmt": 2}])
def test_a_batch_of_an_unknown_suite_is_refused_in_words(terminal: New, other: dict[str, object]):
    one = terminal()
    one.outbox.give("child")
    blob, name = batch_of(one, **other)
    with pytest.raises(SyncError) as caught:
        one.client.put_batch(*name, blob)
    assert (caught.value.code, caught.value.retry) == ("sync.unknown_suite", "operator")
    for language in LANGUAGES:
        assert str(other.get("suite", batch.SUITE)) in say(language, caught.value.code, **caught.value.params)
    assert one.sync().received_upto == 1, "nothing of it was taken"


def test_a_terminal_key_of_an_unknown_suite_is_refused_in_words_and_costs_no_code(region: EmbeddedRegion):
    code, key = region.new_code(clinic=CLINIC), crypto.new_key()
    client = RegionClient(region.url, region.ca_file.read_text(), key, World(), client="vaxdesk/0.1.0")
    said = EnrolmentRequest(code, crypto.point(key.public_key()), client.client, suite="ed25519")
    with pytest.raises(SyncError) as caught:
        client.enrol(said)
    assert (caught.value.code, caught.value.params) == ("sync.unknown_suite", {"suite": "ed25519"})
    answer = client.enrol(msgspec.structs.replace(said, suite=signed.SIGN_SUITE))
    client.close()
    assert signed.payload(answer.registration, signed.Registration).suite == signed.SIGN_SUITE


def test_keys_of_a_suite_nobody_knows_are_passed_over(region: EmbeddedRegion, terminal: New):
    one = terminal()
    keys = RegionKeys(one.outbox.documents[KEYSET], one.outbox.documents[ROOT])
    known, usual = keys.keyset, keys.seal_key(World().now()).key_id
    newer = msgspec.structs.replace(known.keys[0], suite="mlkem768-x25519", key_id="f" * 16, not_before=after(known))
    data = msgspec.json.encode(msgspec.structs.replace(known, keys=(*known.keys, newer)))
    root = ring(region)._root
    document = signed.SignedDocument(
        "keyset", crypto.key_id(root.public_key()), data, crypto.sign(root, signed.to_sign("keyset", data))
    )
    one.outbox.documents[KEYSET] = signed.encode(document)
    one.outbox.give("child")
    seal(one)
    assert sealed_to(one) == [usual]


def after(known: signed.KeySet) -> str:
    latest: datetime = max(from_utc_text(key.not_before) for key in known.keys)
    return utc_text(latest + timedelta(seconds=1))
