"""Every way in which an encrypted line can fail to be the region's, in words; and what must not fail: a renewed
certificate, a CA file with a Chinese comment."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from config.texts import LANGUAGES, say, table
from domain.errors import SyncError
from domain.world import World
from regional import certificates
from regional.serve import EmbeddedRegion
from sync import crypto
from terminal import bootstrap
from tests.fakes.homes import SETTINGS
from tests.fakes.lines import Script, close
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]
NOW, DAY = World().now(), timedelta(days=1)


@dataclass(frozen=True)
class Issuer:
    """A name with its key, and what proves it."""

    key: crypto.PrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def issue(name: str, by: Issuer | None = None, *, ca: bool = False, begins=NOW - DAY, ends=NOW + 30 * DAY) -> Issuer:
    """A certificate for 127.0.0.1 or, with `ca`, of an authority; signed by itself when nobody else does."""
    key = crypto.new_key()
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(by.certificate.subject if by else named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        address = x509.SubjectAlternativeName([certificates._general(name)])
        built = built.add_extension(address, critical=False)
    return Issuer(key, built.sign(by.key if by else key, hashes.SHA256()))


class Server:
    """Listens on loopback and gives every connection to `handle`."""

    def __init__(self, handle: Callable[[socket.socket], object]) -> None:
        self._handle = handle
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        close(self._listener)
        self._thread.join(10)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed when the test ends
            while True:
                near, _ = self._listener.accept()
                with near, contextlib.suppress(OSError):  # ssl.SSLError is one
                    near.settimeout(5)
                    self._handle(near)


def secured(
    folder: Path, chain: bytes, key: crypto.PrivateKey, *, old: bool = False
) -> Callable[[socket.socket], object]:
    """A server that shows this chain and answers nothing; an `old` one knows nothing newer than TLS 1.1."""
    (folder / "chain.pem").write_bytes(chain)
    (folder / "leaf.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "leaf.key")
    if old:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1

    def handle(near: socket.socket) -> None:
        with context.wrap_socket(near, server_side=True) as line:
            line.recv(1)

    return handle


def in_words(fault: SyncError) -> dict[str, str]:
    """The text in every language, filled in."""
    return {language: say(language, fault.code, **fault.params) for language in LANGUAGES}


@pytest.fixture
def ca() -> Issuer:
    return issue("our region", ca=True)


@pytest.fixture
def one(terminal: New) -> Iterator[Terminal]:
    one = terminal()
    one.outbox.give("child")
    yield one
    assert (one.outbox.acked_seq, len(one.outbox.events)) == (0, 1), "nothing settled, nothing lost"


def fails(one: Terminal, handle: Callable[[socket.socket], object], ca: Issuer) -> SyncError:
    with Server(handle) as server:
        fault = one.through(server.url, ca_pem=ca.pem.decode()).fails()
    assert fault.params["url"] == server.url
    assert fault.retry == "later", "what stands between may go away: nobody has to press a button then"
    return fault


Shown = tuple[bytes, crypto.PrivateKey]


def leaf(by: Issuer | None, name: str = "127.0.0.1", **more: object) -> Shown:
    made = issue(name, by, **more)
    return made.pem, made.key


def with_its_authority(_: Issuer) -> Shown:
    foreign = issue("another", ca=True)
    pem, key = leaf(foreign)
    return pem + foreign.pem, key


CERTIFICATES: dict[str, tuple[str, Callable[[Issuer], Shown]]] = {
    "expired": ("sync.cert_expired", lambda ca: leaf(ca, begins=NOW - 9 * DAY, ends=NOW - DAY)),
    "not yet valid": ("sync.cert_not_yet", lambda ca: leaf(ca, begins=NOW + DAY)),
    "this clock a year ahead": (
        "sync.cert_expired",
        lambda ca: leaf(ca, begins=NOW - 380 * DAY, ends=NOW - 350 * DAY),
    ),
    "this clock a year behind": (
        "sync.cert_not_yet",
        lambda ca: leaf(ca, begins=NOW + 350 * DAY, ends=NOW + 380 * DAY),
    ),
    "another address": ("sync.cert_name", lambda ca: leaf(ca, "192.0.2.7")),
    "another name": ("sync.cert_name", lambda ca: leaf(ca, "region.example")),
    "signed by itself": ("sync.cert_self_signed", lambda ca: leaf(None)),
    "of another authority": ("sync.cert_chain", lambda ca: leaf(issue("another", ca=True))),
    "of another authority, which is shown": ("sync.cert_unknown", with_its_authority),
    "of an authority that bears our name": ("sync.cert_unknown", lambda ca: leaf(issue("our region", ca=True))),
    "without its intermediate": ("sync.cert_chain", lambda ca: leaf(issue("between", ca, ca=True))),
}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_that_is_not_the_regions_has_its_own_words(one: Terminal, ca: Issuer, tmp_path: Path, name: str):
    code, make = CERTIFICATES[name]
    fault = fails(one, secured(tmp_path, *make(ca)), ca)
    assert fault.code == code
    words = in_words(fault)
    assert "本机" in words["zh_CN"] and "this PC" in words["en"]
    if code in ("sync.cert_expired", "sync.cert_not_yet"):
        assert "核对本机的日期和时间" in words["zh_CN"] and "Look at this PC's date and time" in words["en"]


def test_with_its_intermediate_it_is_the_region(terminal: New, ca: Issuer, tmp_path: Path):
    between = issue("between", ca, ca=True)
    pem, key = leaf(between)
    with Server(secured(tmp_path, pem + between.pem, key)) as server:
        assert terminal().through(server.url, ca_pem=ca.pem.decode()).fails().code == "sync.cut_short"


def plain(said: bytes) -> Callable[[socket.socket], object]:
    return lambda near: (near.recv(4096), near.sendall(said))


def cut_at(folder: Path, made: Shown, at: int, spoil: int = 0):
    """The first `at` bytes of a good server's first flight; with `spoil`, all of it with that byte changed."""
    good = secured(folder, *made)

    def handle(near: socket.socket) -> None:
        here, there = socket.socketpair()
        thread = threading.Thread(target=_quietly, args=(good, there), daemon=True)
        thread.start()
        here.sendall(near.recv(4096))
        flight = bytearray(here.recv(65536))
        if spoil:
            flight[spoil] ^= 0xFF
        near.sendall(flight[: at or None])
        close(here)
        thread.join(10)

    return handle


def _quietly(handle: Callable[[socket.socket], object], there: socket.socket) -> None:
    with there, contextlib.suppress(OSError):
        handle(there)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_no_handshake_has_its_own_words(one: Terminal, ca: Issuer, tmp_path: Path):
    good = leaf(ca)
    cases = [
        ("sync.no_tls", plain(b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n")),
        ("sync.no_tls", plain(b"220 mail.example ready\r\n")),
        ("sync.no_tls", plain(bytes(range(256)) * 40)),
        ("sync.tls_old", secured(tmp_path, *good, old=True)),
        ("sync.tls_cut", lambda near: near.recv(4096)),
        ("sync.tls_cut", cut_at(tmp_path, good, 200)),
        ("sync.tls", cut_at(tmp_path, good, 0, spoil=300)),
        ("sync.tls", plain(b"\x16\x03\x03\x00\x20" + b"\xff" * 500)),
    ]
    told = [(fault.code, code) for code, handle in cases for fault in [fails(one, handle, ca)]]
    assert [was for was, _ in told] == [wanted for _, wanted in told]


def test_a_handshake_that_stalls_is_a_timeout_and_not_for_ever(one: Terminal, ca: Issuer):
    over = threading.Event()
    with Server(lambda near: over.wait(20)) as server:
        line = one.through(server.url, ca_pem=ca.pem.decode())
        line.client._timeout = (0.3, 0.3)
        assert line.fails().code == "sync.timeout"
        over.set()


def test_each_of_these_has_a_text_of_its_own():
    codes = [code for code in table() if code.startswith(("sync.cert_", "sync.tls", "sync.no_tls", "sync.bad_ca"))]
    assert len(codes) == 11
    for language in LANGUAGES:
        assert len({table()[code][language] for code in codes}) == len(codes)


# -- the CA file -----------------------------------------------------------------------------------------------------


def home_with(folder: Path, url: str, ca_file: bytes | None) -> bootstrap.Home:
    (folder / "vaxdesk.toml").write_text(SETTINGS.format(clinic=CLINIC, printer="127.0.0.1:9", url=url), "utf-8")
    if ca_file is not None:
        (folder / "ca.pem").write_bytes(ca_file)
    return bootstrap.find_home(folder / "vaxdesk.toml")


@pytest.mark.parametrize("spoilt", ["missing", "empty", "garbage", "binary", "cut", "a key", "GBK"])
def test_a_ca_file_that_is_none_is_said(region: EmbeddedRegion, terminal: New, tmp_path: Path, spoilt: str):
    good = region.ca_file.read_bytes()
    certificate = x509.load_pem_x509_certificate(good)
    contents = {
        "missing": None,
        "empty": b"",
        "garbage": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "binary": certificate.public_bytes(Encoding.DER),
        "cut": good[: len(good) // 2],
        "a key": (region.folder / "tls" / "ca.key").read_bytes(),
        "GBK": "区平台".encode("gbk") + good,
    }
    home = home_with(tmp_path, region.url, contents[spoilt])
    with pytest.raises(SyncError) as caught:
        terminal().through(region.url, ca_pem=bootstrap.read_ca(home))
    assert caught.value.code == ("sync.no_ca_file" if spoilt == "missing" else "sync.bad_ca")
    assert all(in_words(caught.value).values())


def test_a_chinese_comment_in_the_ca_file_is_a_comment(region: EmbeddedRegion, terminal: New, tmp_path: Path):
    marked = "\ufeff# 徐汇区平台的根证书\n".encode() + region.ca_file.read_bytes()
    home = home_with(tmp_path, region.url, marked)
    one = terminal()
    one.outbox.give("child")
    assert one.through(region.url, ca_pem=bootstrap.read_ca(home)).sync().received_upto == 1


def test_a_server_certificate_for_a_ca_file_is_not_taken_for_one(region: EmbeddedRegion, terminal: New):
    leaf_only = (region.folder / "tls" / "server.pem").read_text()
    assert terminal().through(region.url, ca_pem=leaf_only).fails().code == "sync.cert_chain"


# -- what must go on -------------------------------------------------------------------------------------------------


def test_a_certificate_renewed_by_the_same_authority_is_the_same_region(region: EmbeddedRegion, terminal: New):
    one = terminal()
    one.outbox.give("child")
    assert one.sync().received_upto == 1
    before = (region.folder / "tls" / "server.pem").read_bytes()
    certificates.issue_server(region.folder / "tls", certificates.LOCAL_NAMES, NOW - DAY, NOW + 90 * DAY)
    assert (region.folder / "tls" / "server.pem").read_bytes() != before
    region.stop_api()
    region.start_api()
    one.outbox.give("child")
    assert one.sync().received_upto == 2


def test_an_answer_in_clear_is_never_asked_for(region: EmbeddedRegion, terminal: New, tmp_path: Path):
    """What is sent to a server that shows a wrong certificate: not one byte of a request."""
    one, foreign = terminal(), tmp_path / "foreign"
    foreign.mkdir()
    certificates.ensure(foreign, (), NOW)
    with Script(foreign / "server.pem", foreign / "server.key", [b""]) as script:
        one.through(script.url).fails()
        assert script.requests == []
