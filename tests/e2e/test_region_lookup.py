"""One child of any clinic for a stated purpose, with an audit; documents everybody works by; who received a lot."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from domain import events
from domain.errors import ConfigError, SyncError
from domain.world import World
from regional import __main__ as line
from regional import lookup, queries, reference
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from sync.client import RegionClient
from sync.feed import Feed
from sync.keys import region_keys
from sync.messages import LookupRequest
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]
OTHER = "3101150202"
BOOKLET = "0001999001"


def way(one: Terminal, clinic: str = CLINIC) -> tuple[Feed, MemoryFeedInbox]:
    inbox = MemoryFeedInbox(clinic)
    return Feed(inbox, one.client, region_keys(one.outbox), one.me, one.world), inbox


def ask(region: EmbeddedRegion, statement: str, *params: object) -> list[tuple]:
    with queries.connect(region.dsn) as connection:
        return connection.execute(statement.encode(), params).fetchall()


def registered(booklet: str) -> events.ChildRegistered:
    return events.ChildRegistered("赵一", "1", "2026-11-01", identifiers=(events.Identifier("booklet", booklet),))


def test_a_child_of_another_clinic_is_found_whole_and_the_region_remembers_who_asked(
    region: EmbeddedRegion, terminal: New, apply: Apply
):
    home, other = terminal(), terminal(clinic=OTHER)
    home.outbox.tell("child.registered", registered(BOOKLET), "child-far")
    home.outbox.tell("child.registered", events.ChildRegistered("赵一", "1", "2026-11-01"), "child-far-2")
    moved = home.outbox.give("child-wrong")
    home.outbox.give("child-wrong")
    home.outbox.tell("dose.moved", events.DoseMoved(moved, "child-far", ""), "child-wrong")
    home.outbox.tell("child.merged", events.ChildMerged("child-far-2", ""), "child-far")
    home.sync()
    apply()
    ways, inbox = way(other, OTHER)
    found = ways.lookup("booklet", BOOKLET, "vaccination", "S007")
    assert found.children == ("child-far", "child-far-2")
    mine = home.outbox.events
    assert {fact.data for fact in found.facts} == {mine[0], mine[1], mine[2], mine[4], mine[5]}
    assert {(fact.clinic, fact.also) for fact in found.facts} == {(CLINIC, False), (CLINIC, True)}
    assert ways.lookup("child", "child-far-2", "history", "S007").children == ("child-far-2", "child-far")
    columns = "clinic, actor, purpose, identifier_kind, outcome, child_id"
    audit = f"SELECT {columns} FROM lookup WHERE terminal_id = %s ORDER BY at"
    assert ask(region, audit, other.me.terminal_id) == [
        (OTHER, "S007", "vaccination", "booklet", "found", "child-far"),
        (OTHER, "S007", "history", "child", "found", "child-far-2"),
    ]
    ways.pull()
    assert inbox.about("child-far") == set()  # looking is not moving in


def test_what_is_not_found_or_not_one_is_said_and_audited(region: EmbeddedRegion, terminal: New, apply: Apply):
    one = terminal()
    for child in ("child-same-1", "child-same-2"):
        one.outbox.tell("child.registered", registered("0001999002"), child)
    one.sync()
    apply()
    ways, _ = way(one)
    for value, code in (("0001999002", "sync.lookup_ambiguous"), ("no such", "sync.lookup_not_found")):
        with pytest.raises(SyncError) as fault:
            ways.lookup("booklet", value, "vaccination", "S007")
        assert fault.value.code == code
    outcomes = ask(
        region, "SELECT outcome, child_id FROM lookup WHERE terminal_id = %s ORDER BY at", one.me.terminal_id
    )
    assert outcomes == [("ambiguous", ""), ("not_found", "")]
    with pytest.raises(SyncError, match=r"sync\.bad_request"):
        ways.lookup("booklet", "0001999002", "curiosity", "S007")
    with pytest.raises(SyncError, match=r"sync\.bad_request"):
        ways.lookup("booklet", "0001999002", "vaccination", "")


def test_no_terminal_asks_more_in_an_hour_however_many_at_once_and_the_refusals_are_audited(
    region: EmbeddedRegion, terminal: New
):
    one, left, most = terminal(), 3, lookup._MOST
    with queries.connect(region.dsn) as connection:
        connection.execute(
            "INSERT INTO lookup SELECT now(), %s, %s, 'S007', 'history', 'booklet', 'not_found'"
            " FROM generate_series(1, %s)",
            (one.me.terminal_id, CLINIC, most - left),
        )

    def look(_: int) -> str:
        client = RegionClient(region.url, region.ca_file.read_text(), one.me.key, World(), client="vaxdesk/0.2.0")
        with closing(client), pytest.raises(SyncError) as fault:
            client.lookup(LookupRequest("booklet", "no such", "history", "S007"))
        return fault.value.code

    with ThreadPoolExecutor(8) as desks:
        said = Counter(desks.map(look, range(12)))
    assert said == {"sync.lookup_not_found": left, "sync.busy": 12 - left}
    audit = "SELECT outcome, count(*) FROM lookup WHERE terminal_id = %s GROUP BY 1 ORDER BY 1"
    assert ask(region, audit, one.me.terminal_id) == [("not_found", most), ("refused", 12 - left)]
    with queries.connect(region.dsn) as connection:  # an hour later
        connection.execute(
            "UPDATE lookup SET at = at - interval '1 hour' WHERE terminal_id = %s", (one.me.terminal_id,)
        )
    assert look(0) == "sync.lookup_not_found"


def test_a_number_stands_in_no_address(terminal: New, monkeypatch: pytest.MonkeyPatch):
    one = terminal()
    ways, _ = way(one)
    addresses: list[str] = []
    send = one.client._session.request
    monkeypatch.setattr(
        one.client._session, "request", lambda method, url, **more: addresses.append(url) or send(method, url, **more)
    )
    with pytest.raises(SyncError):
        ways.lookup("resident_id", "110101202611010019", "vaccination", "S007")
    assert addresses and not any("110101202611010019" in address for address in addresses)


def test_requests_are_listed_with_their_day_until_the_clinic_of_the_dose_answers(
    region: EmbeddedRegion, terminal: New, apply: Apply
):
    home, other = terminal(), terminal(clinic=OTHER)
    dose = home.outbox.give("child-request")
    asked = other.outbox.tell(
        "correction.requested", events.CorrectionRequested(dose, "?", "2026-11-29"), "child-request"
    )
    other.outbox.tell("correction.answered", events.CorrectionAnswered(asked, "done"), "child-request")
    for one in (home, other):
        one.sync()
        apply()

    def standing() -> list[tuple[str, str, str, str, str]]:
        found = [one for one in queries.requests(region.dsn) if one.request_id == asked]
        return [(one.dose_id, one.by, one.asked, one.due, one.outcome) for one in found]

    assert standing() == [(dose, OTHER, CLINIC, "2026-11-29", "")]
    home.outbox.tell(
        "correction.answered", events.CorrectionAnswered(asked, "declined", "it is right"), "child-request"
    )
    home.sync()
    apply()
    assert standing() == [(dose, OTHER, CLINIC, "2026-11-29", "declined")]


# -- reference documents ---------------------------------------------------------------------------------------------


def publish(region: EmbeddedRegion, name: str, content: bytes, day: str = "2027-01-01") -> None:
    keys = KeyRing(region.folder / "keys", World().now())
    with queries.connect(region.dsn) as connection:
        reference.publish(connection, keys, name, content, date.fromisoformat(day), World().now())


def test_documents_come_signed_once_and_are_named_by_their_content(region: EmbeddedRegion, terminal: New):
    one = terminal()
    ways, inbox = way(one)
    publish(region, "notices", "明日停电".encode())
    publish(region, "notices", "明日停电".encode())
    publish(region, "notices", b"second")
    publish(region, "notices", b"second", "2027-02-01")
    assert ways.pull().references >= 3
    held = sorted(row for row in inbox.documents.items() if row[1][0].name == "notices")
    assert [content for _, (_, content) in held] == ["明日停电".encode(), b"second", b"second"]
    assert all(said.version == sha256(content).hexdigest() for _, (said, content) in held)
    assert [said.effective_on for _, (said, _) in held] == ["2027-01-01", "2027-01-01", "2027-02-01"]
    assert ways.pull().references == 0


def test_a_changed_document_is_not_kept(region: EmbeddedRegion, terminal: New, monkeypatch: pytest.MonkeyPatch):
    one = terminal()
    ways, inbox = way(one)
    publish(region, "changed", b"true")
    good = one.client.reference
    monkeypatch.setattr(one.client, "reference", lambda *name: good(*name).replace(b"\ntrue", b"\nlies"))
    with pytest.raises(SyncError, match=r"sync\.bad_answer"):
        ways.pull()
    assert "changed" not in {said.name for said, _ in inbox.documents.values()}
    with pytest.raises(SyncError, match=r"sync\.no_reference"):
        good("changed", "0" * 64)


def test_publish_and_recipients_by_command(region: EmbeddedRegion, terminal: New, tmp_path: Path, capsys):
    file = tmp_path / "programme.json"
    file.write_text('{"id":"cn"}')
    common = ["--data", str(region.folder), "--dsn", region.dsn]
    assert line.main(["publish", "cn-nip", str(file), "--effective", "2027-01-01", *common]) == 0
    assert sha256(file.read_bytes()).hexdigest() in capsys.readouterr().out
    assert line.main(["publish", "cn-nip", str(tmp_path / "none"), "--effective", "2027-01-01", *common]) == 1
    assert line.main(["publish", "cn/nip", str(file), "--effective", "2027-01-01", *common]) == 1
    file.write_text('{"lots": [{"lot": 1}]}')
    assert line.main(["publish", "recalled-lots", str(file), "--effective", "2027-01-01", *common]) == 1
    assert "recalled lots is wrong" in capsys.readouterr().err
    assert line.main(["recipients", "no such lot", *common]) == 0


def test_a_recall_reaches_every_recipient_moved_doses_and_those_that_come_later(
    region: EmbeddedRegion, terminal: New, apply: Apply
):
    home, other = terminal(), terminal(clinic=OTHER)
    kept = home.outbox.give("child-lot-1", lot_no="B77", maker="05")
    voided = home.outbox.give("child-lot-2", lot_no="B77", maker="05")
    home.outbox.tell("dose.voided", events.DoseVoided(voided, ""), "child-lot-2")
    given = home.outbox.give("child-lot-3", lot_no="B77", maker="05")
    moved = home.outbox.tell("dose.moved", events.DoseMoved(given, "child-lot-4", ""), "child-lot-3")
    home.outbox.give("child-lot-5", lot_no="B77", maker="06")
    corrected = home.outbox.give("child-lot-6", lot_no="B78", maker="05")
    home.outbox.tell("dose.corrected", events.DoseCorrected(corrected, {"lot_no": ("B78", "B77")}, ""), "child-lot-6")
    home.sync()
    apply()
    with queries.connect(region.dsn) as connection:
        found = reference.recipients(connection, "B77", "05")
    assert [(one.child_id, one.dose_id, one.clinic) for one in found if one.child_id.startswith("child-lot")] == [
        (child, dose, CLINIC)
        for child, dose in sorted(
            (("child-lot-1", kept), ("child-lot-4", moved), ("child-lot-6", corrected)), key=lambda one: one[1]
        )
    ]
    publish(
        region, "recalled-lots", json.dumps({"lots": [{"lot_no": "B77", "maker": "05", "reason": "cold"}]}).encode()
    )
    late = other.outbox.give("child-lot-7", lot_no="B77", maker="05")
    other.sync()
    apply()
    for one, clinic, doses in ((home, CLINIC, {kept, moved, corrected}), (other, OTHER, {late})):
        ways, inbox = way(one, clinic)
        ways.pull()
        advice = {one.params["dose"] for one in inbox.advice.values() if one.code == "recall.received"}
        assert advice == doses
        assert "recalled-lots" in {said.name for said, _ in inbox.documents.values()}


def test_an_empty_document_is_refused(region: EmbeddedRegion):
    with pytest.raises(ConfigError, match=r"region\.reference_size"):
        publish(region, "empty", b"")
