"""The line between terminal and region at its worst: nothing is lost, nothing is doubled, every fault has its words."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509

from config.texts import LANGUAGES, say
from domain.errors import SyncError
from domain.wire import signed
from domain.world import World, utc_text
from regional import certificates
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from sync import crypto
from sync.keys import KEYSET
from sync.messages import Status
from tests.fakes.lines import Relay, Script, answer
from tests.region_fixtures import Terminal, events_per_terminal

New = Callable[..., Terminal]


def port(region: EmbeddedRegion) -> int:
    return int(region.url.rpartition(":")[2])


def busy_terminal(terminal: New) -> Terminal:
    """With facts enough that a batch outweighs the relay's threshold."""
    one = terminal()
    for _ in range(120):
        one.outbox.give(one.world.random(40).hex())
    return one


def mine(region: EmbeddedRegion, one: Terminal) -> int:
    return events_per_terminal(region.dsn).get(one.me.terminal_id, 0)


@pytest.mark.parametrize("spoil", ["drop", "cut"])
def test_an_answer_lost_after_the_commit_doubles_nothing(
    region: EmbeddedRegion, terminal: New, apply: Callable[[], int], spoil: str
):
    one = busy_terminal(terminal)
    with Relay(port(region), spoil) as relay:
        fault = one.through(relay.url).fails()
        assert relay.answered.is_set()
    assert (fault.code, fault.retry) == ("sync.cut_short", "later")
    assert one.outbox.acked_seq == 0, "not settled without the acknowledgement"
    assert one.sync().received_upto == 120
    assert apply() == 1
    assert mine(region, one) == 120


def test_killed_after_commit_before_the_answer(region: EmbeddedRegion, terminal: New, apply: Callable[[], int]):
    one = busy_terminal(terminal)
    with Relay(port(region), "hold") as relay:
        assert one.through(relay.url, read_s=1.0).fails().code == "sync.timeout"
        assert relay.answered.is_set()
        region.kill()
    assert one.fails().code in ("sync.refused", "sync.cut_short")
    assert one.fails().code == "sync.refused"
    region.start_api()
    assert one.sync().received_upto == 120
    assert apply() == 1
    assert mine(region, one) == 120


def test_down_for_long_then_up(region: EmbeddedRegion, terminal: New):
    one = terminal()
    region.stop_api()
    for _ in range(3):
        one.outbox.give("child")
        assert one.fails().retry == "later"
    region.start_api()
    assert one.sync().received_upto == 3


def test_nobody_listens_and_no_such_host(terminal: New):
    one = terminal()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    assert one.through(f"https://127.0.0.1:{free}").fails().code == "sync.refused"
    fault = one.through("https://region.invalid").fails()
    assert (fault.code, fault.retry) == ("sync.no_network", "later")


def test_plain_http_is_refused(terminal: New):
    assert terminal().through("http://127.0.0.1:1").fails().code == "sync.bad_url"


def test_a_silent_region_is_a_timeout(region: EmbeddedRegion, terminal: New):
    one = terminal()
    with Script(*pair(region), [None]) as script:
        assert one.through(script.url, read_s=0.3).fails().code == "sync.timeout"


HTML = b"<html>502 Bad Gateway</html>"
SPOILT = {
    "not HTTP at all": (b"\x00\xff garbage", "sync.cut_short", {}),
    "an empty answer": (b"", "sync.cut_short", {}),
    "a page": (answer(200, HTML), "sync.garbage", {}),
    "other JSON": (answer(200, b'{"ok":true}'), "sync.garbage", {}),
    "bad UTF-8": (answer(200, b'{"generation":"\xff"}'), "sync.garbage", {}),
    "too deep": (answer(200, b"[" * 100_000), "sync.garbage", {}),
    "cut short": (answer(200, b'{"generation":', length=500), "sync.cut_short", {}),
    "without end": (answer(200, b"x" * 1_500_000), "sync.answer_too_large", {}),
    "a proxy's error": (answer(502, HTML), "sync.server_fault", {"status": 502}),
    "a redirect": (answer(302, b"", "Location: https://127.0.0.1:1/"), "sync.garbage", {"status": 302}),
    "busy, with words": (answer(503, b'{"code":"BUSY","retry_after_s":7}'), "sync.busy", {"retry_after_s": 7}),
    "busy, without": (answer(429, HTML, "Retry-After: 33"), "sync.busy", {"retry_after_s": 33}),
    "a silly wait": (answer(503, b"", "Retry-After: 99999999999"), "sync.busy", {"retry_after_s": 86400}),
    "too large": (answer(413, b"{}"), "sync.too_large", {}),
    "start over": (answer(410, b'{"code":"START_OVER"}'), "sync.start_over", {}),
    "upgrade": (answer(426, b'{"code":"UPGRADE","oldest":"9.9"}'), "sync.upgrade", {"oldest": "9.9"}),
    "a code we do not know": (answer(418, b'{"code":"TEAPOT"}'), "sync.garbage", {}),
    "codes that are no text": (answer(403, b'{"code":[1]}'), "sync.garbage", {}),
}


@pytest.mark.parametrize("name", SPOILT)
def test_every_spoilt_answer_has_its_words(region: EmbeddedRegion, terminal: New, name: str):
    raw, code, params = SPOILT[name]
    one = terminal()
    one.outbox.give("child")
    with Script(*pair(region), [raw]) as script:
        fault = one.through(script.url).fails()
    assert fault.code == code
    assert params.items() <= fault.params.items()
    assert all(say(language, fault.code, **fault.params) for language in LANGUAGES)
    assert (one.outbox.acked_seq, len(one.outbox.events)) == (0, 1)


def test_a_clock_that_never_agrees_is_asked_once_more_and_no_more(region: EmbeddedRegion, terminal: New):
    said = answer(401, b'{"code":"CLOCK","server_time":"2031-01-01T00:00:00.000Z"}')
    one = terminal()
    with Script(*pair(region), [said, said, said]) as script:
        fault = one.through(script.url).fails()
        assert len(script.requests) == 2
    assert (fault.code, fault.params["server_time"]) == ("sync.clock", "2031-01-01T00:00:00.000Z")


@pytest.mark.parametrize("lie", ["other key", "other terminal", "other epoch", "other hash", "too little", "a lease"])
def test_a_false_acknowledgement_settles_nothing(region: EmbeddedRegion, terminal: New, lie: str):
    one = terminal()
    one.outbox.give("child")
    one.outbox.give("child")
    one.outbox.keep, kept = spy(one.outbox.keep)
    ack = signed.Ack(one.me.terminal_id, one.outbox.epoch, 2, 0, one.outbox.hashes[2], one.outbox.generation, "now")
    wrong = {
        "other terminal": {"terminal_id": "another"},
        "other epoch": {"epoch": "0" * 32},
        "other hash": {"hash": "0" * 64},
        "too little": {"received_upto": 1, "hash": one.outbox.hashes[1]},
    }.get(lie, {})
    keys = region_keys(region)
    document = keys.sign("ack", msgspec.structs.replace(ack, **wrong))
    if lie == "other key":
        document = msgspec.structs.replace(document, signature=crypto.sign(crypto.new_key(), document.payload))
    if lie == "a lease":
        document = keys.sign("lease", ack)
    now = utc_text(World().now())
    status = Status(one.outbox.generation, "", 0, "", 0, now, keys.version, "")
    answers = [answer(200, msgspec.json.encode(status)), answer(200, signed.encode(document))]
    with Script(*pair(region), answers) as script:
        one.through(script.url).fails()
        assert len(script.requests) == 2
    again = lie == "other hash"  # another history, the region says: sealed once more in a new epoch
    assert (one.outbox.acks, one.outbox.acked_seq, len(kept)) == ([], 0, 2 if again else 1)
    assert one.sync().received_upto == 2


@pytest.mark.parametrize("lie", ["another root", "an older version"])
def test_a_false_key_set_is_not_taken(region: EmbeddedRegion, terminal: New, lie: str):
    one = terminal()
    one.outbox.give("child")
    keys, held = region_keys(region), one.outbox.documents[KEYSET]
    payload = signed.payload(signed.decode(held, "keyset"), signed.KeySet)
    payload = msgspec.structs.replace(payload, version=payload.version - 1 if lie == "an older version" else 9)
    root = crypto.new_key() if lie == "another root" else keys._root
    data = msgspec.json.encode(payload)
    document = signed.SignedDocument("keyset", "x", data, crypto.sign(root, signed.to_sign("keyset", data)))
    status = Status(one.outbox.generation, "", 0, "", 0, utc_text(World().now()), payload.version, "")
    answers = [answer(200, msgspec.json.encode(status)), answer(200, signed.encode(document))]
    with Script(*pair(region), answers) as script:
        fault = one.through(script.url).fails()
    assert (fault.code, fault.retry) == ("sync.bad_keyset", "operator")
    assert one.outbox.documents[KEYSET] == held


def test_another_ca_an_expired_and_an_early_certificate_and_another_name(
    region: EmbeddedRegion, terminal: New, tmp_path: Path
):
    one, now, local = terminal(), World().now(), certificates.LOCAL_NAMES
    year = timedelta(days=365)
    cases = (
        ("sync.cert_chain", tmp_path / "ca", local, now - year, now + year),
        ("sync.cert_expired", region.folder / "tls", local, now - year, now - timedelta(days=1)),
        ("sync.cert_not_yet", region.folder / "tls", local, now + timedelta(days=1), now + year),
        ("sync.cert_name", region.folder / "tls", ("region.example",), now - year, now + year),
    )
    (tmp_path / "ca").mkdir()
    certificates.issue_ca(tmp_path / "ca", now)
    for number, (code, ca, names, begins, ends) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in ("ca.pem", "ca.key"):
            (folder / name).write_bytes((ca / name).read_bytes())
        certificates.issue_server(folder, names, begins, ends)
        with Script(folder / "server.pem", folder / "server.key", [b""]) as script:
            fault = one.through(script.url).fails()
        assert (fault.code, fault.retry) == (code, "later")


def test_the_system_store_is_not_trusted(region: EmbeddedRegion, terminal: New, monkeypatch: pytest.MonkeyPatch):
    one = terminal()
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(region.ca_file))
    foreign = (region.folder / "tls").parent / "foreign"
    foreign.mkdir(exist_ok=True)
    certificates.issue_ca(foreign, World().now())
    fault = one.through(region.url, ca_pem=(foreign / "ca.pem").read_text()).fails()
    assert fault.code == "sync.cert_chain"


def test_a_certificate_window_covers_a_clock_a_year_off(region: EmbeddedRegion):
    for name in ("ca.pem", "server.pem"):
        certificate = x509.load_pem_x509_certificate((region.folder / "tls" / name).read_bytes())
        assert certificate.not_valid_before_utc < World().now() - timedelta(days=366)
        assert certificate.not_valid_after_utc > World().now() + timedelta(days=3 * 365)


def test_a_ca_file_without_a_certificate(region: EmbeddedRegion, terminal: New):
    with pytest.raises(SyncError) as caught:
        terminal().through(region.url, ca_pem="nothing")
    assert caught.value.code == "sync.bad_ca"


def pair(region: EmbeddedRegion) -> tuple[Path, Path]:
    return region.folder / "tls" / "server.pem", region.folder / "tls" / "server.key"


def region_keys(region: EmbeddedRegion) -> KeyRing:
    return KeyRing(region.folder / "keys", World().now())


def spy(method):
    calls: list[tuple] = []

    def run(*args):
        calls.append(args)
        return method(*args)

    return run, calls
