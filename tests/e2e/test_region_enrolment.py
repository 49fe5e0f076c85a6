"""One-time codes against a place in the region, and numbers nobody else gets."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise

import psycopg
import pytest

from domain.errors import ConfigError, SyncError
from domain.world import World
from regional import database, enrolment, queries
from regional.__main__ import main
from regional.serve import EmbeddedRegion
from sync import crypto
from sync.enrol import Enrolment, enrol
from sync.keys import ROOT, TERMINAL_KEY, RegionKeys, private_bytes, private_from_bytes
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]


@pytest.fixture(autouse=True)
def no_failures_before(region: EmbeddedRegion) -> Iterator[None]:
    yield
    with psycopg.connect(region.dsn) as connection:
        connection.execute("DELETE FROM enrolment_failure")


def apply_for(region: EmbeddedRegion, code: str, key: crypto.PrivateKey | None = None) -> Enrolment:
    ca_pem = region.ca_file.read_text()
    return enrol(region.url, ca_pem, code, key or crypto.new_key(), client="vaxdesk/0.1.0", world=World())


def refused(region: EmbeddedRegion, code: str, word: str) -> SyncError:
    with pytest.raises(SyncError) as caught:
        apply_for(region, code)
    assert caught.value.code == word
    return caught.value


def test_a_code_gives_a_place_its_keys_and_numbers(region: EmbeddedRegion):
    key = crypto.new_key()
    place = apply_for(region, region.new_code(clinic=CLINIC, desk="3", name="㛃里门诊"), key)
    said = place.registration
    assert (said.clinic_id, said.clinic_name, said.desk) == (CLINIC, "㛃里门诊", "3")
    assert said.key_id == crypto.key_id(key.public_key())
    assert private_bytes(private_from_bytes(place.documents[TERMINAL_KEY])) == private_bytes(key)
    assert {k.use for k in RegionKeys(place.documents["region.keyset"], place.documents[ROOT]).keyset.keys} == {
        "seal", "sign", "escrow",
    }  # fmt: skip
    assert {lease.kind: (len(lease.prefix), lease.width) for lease in place.leases} == {
        "child_code": (10, 4), "booklet": (4, 6), "receipt": (4, 8),
    }  # fmt: skip


def test_a_code_is_read_as_people_type_it(region: EmbeddedRegion):
    code = region.new_code(clinic=CLINIC)
    typed = " " + code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert apply_for(region, typed).registration.clinic_id == CLINIC


def test_wrong_used_and_expired_codes(region: EmbeddedRegion):
    for wrong in ("0000-0000-0000-0000", "", "编码", "x" * 10_000):
        assert refused(region, wrong, "sync.code_wrong").retry == "operator"
    code = region.new_code(clinic=CLINIC)
    apply_for(region, code)
    refused(region, code, "sync.code_used")
    past = World(now=lambda: World().now() - timedelta(hours=25))
    with queries.connect(region.dsn) as connection:
        old = enrolment.new_code(connection, past, clinic=CLINIC, name="x", desk="1")
    refused(region, old, "sync.code_expired")


def test_the_same_key_may_ask_again_when_the_answer_was_lost(region: EmbeddedRegion):
    key, code = crypto.new_key(), region.new_code(clinic=CLINIC)
    first, again = apply_for(region, code, key), apply_for(region, code, key)
    assert first.registration == again.registration


def test_guessing_is_stopped_and_honest_codes_wait_too(region: EmbeddedRegion):
    for _ in range(10):
        refused(region, "0000-0000-0000-0000", "sync.code_wrong")
    fault = refused(region, region.new_code(clinic=CLINIC), "sync.too_many_tries")
    assert 0 < fault.params["retry_after_s"] <= 900


def test_a_code_is_used_once_however_many_try(region: EmbeddedRegion):
    code = region.new_code(clinic=CLINIC)

    def one(_: int) -> bool:
        try:
            apply_for(region, code)
        except SyncError as fault:
            assert fault.code == "sync.code_used"
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 1


def test_codes_are_kept_hashed(region: EmbeddedRegion):
    code = region.new_code(clinic=CLINIC).replace("-", "")
    with queries.connect(region.dsn) as connection:
        kept = connection.execute("SELECT code_hash FROM enrolment_code").fetchall()
    assert all(code.encode() not in row[0] and len(row[0]) == 32 for row in kept)


def test_sixteen_at_once_get_disjoint_numbers(region: EmbeddedRegion, terminal: New):
    desks = [terminal() for _ in range(4)]

    def ask(number: int) -> None:
        desk = desks[number % 4]
        line = desk.through(region.url)
        line.outbox.wanted = {"child_code": 11, "booklet": 200, "receipt": 70}
        line.client.leases(line.outbox.wanted)
        line.client.close()

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(16)))
    with queries.connect(region.dsn) as connection:
        for kind, *_ in connection.execute("SELECT DISTINCT kind FROM lease").fetchall():
            ranges = connection.execute(
                "SELECT first, last FROM lease WHERE kind = %s AND clinic_code = %s ORDER BY first", (kind, CLINIC)
            ).fetchall()
            assert len(ranges) >= 20
            assert all(a[1] < b[0] for a, b in pairwise(ranges))


def test_used_up_numbers_are_said_and_do_not_stop_enrolment(region: EmbeddedRegion):
    clinic = "3101150199"
    code = region.new_code(clinic=clinic)
    with psycopg.connect(region.dsn) as connection:
        connection.execute("INSERT INTO number_series VALUES (%s, 'child_code', 9990)", (clinic,))
    place = apply_for(region, code)
    assert {lease.kind: lease.last for lease in place.leases}["child_code"] == 9999
    place = apply_for(region, region.new_code(clinic=clinic))
    assert sorted(lease.kind for lease in place.leases) == ["booklet", "receipt"]


def test_used_up_numbers_of_a_lease(region: EmbeddedRegion, terminal: New):
    one = terminal()
    with psycopg.connect(region.dsn) as connection:
        connection.execute("UPDATE number_series SET next = 9999 WHERE kind = 'child_code'")
    one.outbox.wanted = {"child_code": 10}
    assert one.sync().leases == 1
    assert (one.outbox.leases[-1].first, one.outbox.leases[-1].last) == (9999, 9999)
    one.outbox.wanted = {"child_code": 10}
    fault = one.fails()
    assert (fault.code, fault.params) == ("sync.exhausted", {"kind": "child_code"})
    assert fault.retry == "later"  # a hold would keep back facts that have nothing to do with numbers
    one.outbox.wanted = {"child_code": 10, "receipt": 5}
    assert one.sync().leases == 1
    assert one.outbox.leases[-1].kind == "receipt"
    with psycopg.connect(region.dsn) as connection:
        connection.execute("UPDATE number_series SET next = 5000 WHERE kind = 'child_code'")


def test_a_day_has_its_numbers_and_no_more(region: EmbeddedRegion, terminal: New):
    """One terminal in a circle; the others of the clinic are not held up by it, and facts go up all the same."""
    one, other = terminal(), terminal()
    before = {lease.lease_id for lease in one.outbox.leases}
    for _ in range(4):
        one.outbox.wanted = {"booklet": 400}
        try:
            one.sync()
        except SyncError:
            break
    drawn = [lease for lease in one.outbox.leases if lease.lease_id not in before]
    assert [lease.last - lease.first + 1 for lease in drawn] == [400, 400, 100]  # and 300 with its place
    one.outbox.give("child")
    one.outbox.wanted = {"booklet": 1}
    fault = one.fails()
    assert (fault.code, fault.params["kind"], fault.retry) == ("sync.too_many_numbers", "booklet", "later")
    assert 86_000 < fault.params["retry_after_s"] <= 86_400 and one.outbox.acked_seq == 1
    one.outbox.wanted = {"booklet": 1, "receipt": 5}
    assert one.sync().leases == 1
    other.outbox.wanted = {"booklet": 300}
    assert other.sync().leases == 1
    with psycopg.connect(region.dsn) as connection:
        connection.execute(
            "UPDATE lease SET at = at - interval '25 hours' WHERE terminal_id = %s", (one.me.terminal_id,)
        )
    one.outbox.wanted = {"booklet": 300}
    assert one.sync().leases == 1


def test_a_revoked_terminal_draws_no_numbers_with_its_old_code(region: EmbeddedRegion):
    key, code = crypto.new_key(), region.new_code(clinic=CLINIC)
    place = apply_for(region, code, key)
    queries.revoke(region.dsn, place.registration.terminal_id, World().now())
    numbers = "SELECT count(*) FROM lease"
    with queries.connect(region.dsn) as connection:
        before = connection.execute(numbers).fetchone()
        with pytest.raises(SyncError) as caught:
            apply_for(region, code, key)
        assert caught.value.code == "sync.revoked"
        assert connection.execute(numbers).fetchone() == before


def test_the_command_line(region: EmbeddedRegion, terminal: New, capfd: pytest.CaptureFixture[str]):
    where = ["--data", str(region.folder), "--dsn", region.dsn]
    one = terminal(desk="1")
    capfd.readouterr()
    assert main(["code", *where, "--clinic", CLINIC, "--name", "徐汇测试门诊", "--desk", "9"]) == 0
    assert apply_for(region, capfd.readouterr().out.strip()).registration.desk == "9"
    assert main(["revoke", *where, one.me.terminal_id]) == 0
    assert one.fails().code == "sync.revoked"
    assert main(["terminals", *where]) == 0
    assert f"{one.me.terminal_id}\t{CLINIC}\t徐汇测试门诊\t1\trevoked\t0" in capfd.readouterr().out
    assert main(["revoke", *where, "nobody"]) == 1
    assert "nobody" in capfd.readouterr().err
    before = terminal().outbox.generation
    assert main(["restored", *where]) == 0
    assert terminal().outbox.generation != before


def test_a_newer_database_is_refused_with_both_numbers(new_dsn: Callable[[], str]):
    dsn = new_dsn()
    database.migrate(dsn, World())
    database.migrate(dsn, World())
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO migration VALUES (99, 'tomorrow')")
    with pytest.raises(ConfigError) as caught:
        database.migrate(dsn, World())
    assert caught.value.params == {"found": 99, "known": len(database.MIGRATIONS)}
