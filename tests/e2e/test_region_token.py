"""A region whose keys live in a PKCS#11 token (SoftHSM2, from apt): they are made there, used there, never read out."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from config.texts import LANGUAGES, say
from domain.errors import WireError
from domain.wire import signed
from domain.world import World
from regional import queries
from regional.key_provider_pkcs11 import TokenProvider, read
from regional.keys import KeyRing
from regional.serve import EmbeddedRegion
from sync import crypto
from sync.client import RegionClient
from sync.enrol import enrol
from terminal.store import keyfile
from tests.fakes.outbox import enrolled
from tests.region_fixtures import CLINIC, Terminal
from tests.unit.test_second_reader import KEM, expand, extract

MODULE, LABEL, PIN = "/usr/lib/softhsm/libsofthsm2.so", "vaxdesk-test", "2718281828"


@pytest.fixture(scope="module", autouse=True)
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A fresh token for these tests; the processes of the region see it too."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        making = ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--so-pin", "3141592653", "--pin", PIN]
        subprocess.run(making, check=True, capture_output=True)
        yield
        pkcs11.unload(MODULE)


def describe(folder: Path, pin: str = PIN, label: str = LABEL) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pin").write_text(pin + "\n")
    (folder / "pin").chmod(0o600)
    described = folder / "pkcs11.toml"
    described.write_text(f'module = "{MODULE}"\ntoken = "{label}"\npin_file = "pin"\n')
    return described


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    describe(tmp_path)
    return KeyRing(tmp_path, World().now())


def test_the_token_signs_what_anybody_verifies(keys: KeyRing):
    said = keys.sign("ack", signed.Ack("t", "e", 1, 0, "", "", ""))
    public = next(key for key in keys.keys if key.use == "sign").public
    assert crypto.verify(crypto.public_from_point(public), said.signature, signed.to_sign("ack", said.payload))
    keyset = keys.keyset("generation")
    root = crypto.public_from_point(keys.root)
    assert crypto.verify(root, keyset.signature, signed.to_sign("keyset", keyset.payload))


def test_the_token_opens_what_anybody_sealed(keys: KeyRing):
    seal_key = next(key for key in keys.keys if key.use == "seal")
    for size in (0, 1, 1_000_000):
        sealed = crypto.seal(crypto.public_from_point(seal_key.public), b"x" * size, b"bound")
        assert crypto.unseal(keys.seal_key(seal_key.key_id), sealed, b"bound") == b"x" * size
    for changed, info in (
        (sealed, b"other"),
        (sealed[:-1] + b"\0", b"bound"),
        (b"\4" + bytes(64) + sealed[65:], b"bound"),
    ):
        with pytest.raises(WireError) as caught:
            crypto.unseal(keys.seal_key(seal_key.key_id), changed, info)
        assert caught.value.code == "wire.seal_broken"


def test_the_tokens_ecdh_gives_the_shared_secret_of_rfc_9180(tmp_path: Path):
    """Appendix A.3.1: skRm imported into the token, with enc, gives the KEM's shared_secret."""
    scalar = bytes.fromhex("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2")
    enc = bytes.fromhex(
        "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac9"
        "8536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4"
    )
    point = crypto.point(crypto.private_from_int(int.from_bytes(scalar, "big")).public_key())
    name = crypto.key_id(crypto.public_from_point(point))
    provider = TokenProvider(read(describe(tmp_path)))
    both = {
        Attribute.KEY_TYPE: KeyType.EC,
        Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1"),
        Attribute.LABEL: f"vaxdesk/{name}",
        Attribute.TOKEN: True,
    }
    private = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.VALUE: scalar, Attribute.DERIVE: True}
    public = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.EC_POINT: b"\x04\x41" + point}
    provider.run(lambda session: [session.create_object(both | half) for half in (private, public)], rw=True)
    key = provider.find(name)
    assert key is not None
    dh = key.exchange(ec.ECDH(), crypto.public_from_point(enc))
    shared = expand(KEM, extract(KEM, b"", b"eae_prk", dh), b"shared_secret", enc + point, 32)
    assert shared.hex() == "c0d26aeab536609a572b07695d933b589dcf363ff9d93c93adea537aeabb8cb8"
    assert crypto.unseal(key, crypto.seal(key.public_key(), b"facts", b"info"), b"info") == b"facts"


def test_no_key_leaves_the_token_and_each_is_good_for_one_thing(keys: KeyRing, tmp_path: Path):
    assert list(tmp_path.glob("*.pem")) == []
    held = keys.seal_key(keys.keys[0].key_id)
    with pytest.raises(TypeError):
        held.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(TypeError):
        held.private_numbers()

    def rights(session: pkcs11.Session) -> dict[str, tuple[bool, ...]]:
        wanted = (Attribute.SENSITIVE, Attribute.EXTRACTABLE, Attribute.SIGN, Attribute.DERIVE)
        found = session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
        return {one[Attribute.LABEL].removeprefix("vaxdesk/"): tuple(one[each] for each in wanted) for one in found}

    found = TokenProvider(read(tmp_path / "pkcs11.toml")).run(rights)
    for key in keys.keys:
        assert found[key.key_id] == (True, False, key.use == "sign", key.use != "sign")
    assert found[crypto.key_id(crypto.public_from_point(keys.root))] == (True, False, True, False)


def test_threads_share_the_token(keys: KeyRing):
    seal_key = next(key for key in keys.keys if key.use == "seal")
    sealed = crypto.seal(crypto.public_from_point(seal_key.public), b"facts", b"")
    opened: list[bytes] = []

    def open_many() -> None:
        opened.extend(crypto.unseal(keys.seal_key(seal_key.key_id), sealed, b"") for _ in range(20))

    threads = [threading.Thread(target=open_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == [b"facts"] * 160


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the binding's search ends twice
@pytest.mark.qt_no_exception_capture
def test_a_session_that_broke_is_opened_anew(tmp_path: Path):
    provider = TokenProvider(read(describe(tmp_path)))
    key = provider.new("sign")
    provider.run(lambda session: session.close())
    assert crypto.verify(key.public_key(), crypto.sign(key, b"facts"), b"facts")


def test_a_region_with_files_moves_to_a_token_by_a_rotation(tmp_path: Path):
    before = KeyRing(tmp_path, World().now())
    old = next(key for key in before.keys if key.use == "seal")
    describe(tmp_path)
    moved = KeyRing(tmp_path, World().now())
    assert moved.root == before.root
    fresh = moved.rotate(("seal", "sign"), World().now())
    assert not any((tmp_path / f"{key.key_id}.pem").exists() for key in fresh)
    for key in (old, fresh[0]):
        sealed = crypto.seal(crypto.public_from_point(key.public), b"facts", b"")
        assert crypto.unseal(moved.seal_key(key.key_id), sealed, b"") == b"facts"


@pytest.mark.parametrize("wrong", ["pin", "label", "library", "open pin", "no pin", "garbage"])
def test_a_token_that_cannot_be_used_is_said_in_words(region: EmbeddedRegion, tmp_path: Path, wrong: str):
    tmp_path = tmp_path / "keys"
    described = describe(tmp_path, "0000" if wrong == "pin" else PIN, "nobody" if wrong == "label" else LABEL)
    if wrong == "library":
        described.write_text(described.read_text().replace(MODULE, "/nowhere.so"))
    if wrong == "open pin":
        (tmp_path / "pin").chmod(0o644)
    if wrong == "no pin":
        (tmp_path / "pin").unlink()
    if wrong == "garbage":
        described.write_text("module = 1")
    words = [sys.executable, "-m", "regional", "serve", "--data", tmp_path.parent, "--dsn", region.dsn, "--port", "0"]
    said = subprocess.run(words, capture_output=True, text=True, timeout=60)
    code = "region.open_pin" if wrong == "open pin" else "region.bad_token"
    assert said.returncode == 1
    assert all(
        say(language, code, path=tmp_path / "pin", token="", detail="")[-20:] in said.stderr for language in LANGUAGES
    )
    assert PIN not in said.stderr
    assert not (tmp_path / "keyset.json").exists()


def test_a_whole_region_works_out_of_the_token(new_dsn: Callable[[], str], tmp_path: Path):
    """Its processes enrol, acknowledge, apply, rotate; a rescued disk is opened by the escrow key inside the token."""
    describe(tmp_path / "region" / "keys")
    world = World()
    with EmbeddedRegion(tmp_path / "region", dsn=new_dsn(), workers=1) as region:
        ca_pem, code = region.ca_file.read_text(), region.new_code(clinic=CLINIC)
        outbox, me, place = enrolled(region.url, ca_pem, code, world)
        client = RegionClient(region.url, ca_pem, me.key, world, client="vaxdesk/0.1.0")
        one = Terminal(outbox, me, place, client, world, ca_pem)
        doses = [outbox.give("child") for _ in range(5)]
        assert one.sync().received_upto == 5
        keys = KeyRing(tmp_path / "region" / "keys", world.now())
        keys.rotate(("seal", "sign"), world.now())
        doses.append(outbox.give("child"))
        assert one.sync().received_upto == 6
        assert region.wait_applied(30)
        assert queries.dose_ids(region.dsn) == sorted(doses)
        assert enrol(region.url, ca_pem, region.new_code(clinic=CLINIC), crypto.new_key(), client="x", world=world)
        client.close()
    escrow = next(key for key in keys.keys if key.use == "escrow")
    dek = os.urandom(32)
    wrapped = keyfile.with_escrow(keyfile.create(dek, "db"), dek, escrow)
    assert keyfile.unlock_escrow(wrapped, keys.escrow_key(escrow.key_id)) == dek
