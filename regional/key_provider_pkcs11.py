"""Keys in a PKCS#11 token (OASIS PKCS#11 2.40): made there, used there, never read out.

A signing key is made for signing alone, a sealing or escrow key for ECDH alone. The token does ECDSA over a digest and
the bare ECDH (CKM_ECDSA, CKM_ECDH1_DERIVE without a KDF), which every token with P-256 has.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec
import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import KDF, Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from domain.errors import ConfigError, WireError
from regional.key_provider import Use
from sync import crypto

_LABEL = "vaxdesk/"  # a token may hold keys of others
_MADE_FOR = {"root": MechanismFlag.SIGN, "sign": MechanismFlag.SIGN}
_CURVE = "secp256r1"
T = TypeVar("T")


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`pkcs11.toml`: the vendor's library, the token's label, the file that holds its PIN (beside it, or anywhere)."""

    module: str
    token: str
    pin_file: str


def read(path: Path) -> tuple[Token, str]:
    """The token described by this file, and its PIN. Raises ConfigError("region.bad_token")."""
    try:
        token = msgspec.toml.decode(path.read_bytes(), type=Token)
        pin = path.parent / token.pin_file
        if pin.stat().st_mode & 0o077:
            raise ConfigError("region.open_pin", path=str(pin))
        return token, pin.read_text("utf-8").strip()
    except (OSError, ValueError, msgspec.DecodeError) as fault:
        raise ConfigError("region.bad_token", token=str(path), detail=str(fault)) from fault


class TokenProvider:
    """The keys of one token. One session a process, one operation at a time; a session that broke is opened anew."""

    def __init__(self, described: tuple[Token, str]) -> None:
        self._token, self._pin = described
        self._lock = threading.Lock()
        self._session: Any = None

    def new(self, use: Use) -> crypto.PrivateKey:
        def make(session: Any) -> str:
            curve = {Attribute.EC_PARAMS: encode_named_curve_parameters(_CURVE)}
            public, private = session.create_domain_parameters(KeyType.EC, curve, local=True).generate_keypair(
                store=True,
                label=_LABEL + "new",
                capabilities=_MADE_FOR.get(use, MechanismFlag.DERIVE),
                private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
            )
            name = crypto.key_id(_public(public))
            for half in (public, private):
                half[Attribute.LABEL] = _LABEL + name
                half[Attribute.ID] = bytes.fromhex(name)
            return name

        found = self.find(self.run(make, rw=True))
        assert found is not None
        return found

    def find(self, name: str) -> crypto.PrivateKey | None:
        wanted = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.LABEL: _LABEL + name}

        def look(session: Any) -> crypto.PublicKey | None:
            found = list(session.get_objects(wanted))  # to its end: a search left open blocks the session
            return _public(found[0]) if found else None

        public = self.run(look)
        return None if public is None else TokenKey(self, name, public)

    def sign(self, name: str, digest: bytes) -> bytes:
        """ECDSA of a SHA-256 digest, r || s."""
        return self.run(lambda session: bytes(_private(session, name).sign(digest, mechanism=Mechanism.ECDSA)))

    def exchange(self, name: str, peer: bytes) -> bytes:
        """The x coordinate of the shared point; `peer` is an uncompressed point."""

        def derive(session: Any) -> bytes:
            secret = _private(session, name).derive_key(
                KeyType.GENERIC_SECRET,
                256,
                mechanism=Mechanism.ECDH1_DERIVE,
                mechanism_param=(KDF.NULL, None, peer),
                template={Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True},
            )
            value = bytes(secret[Attribute.VALUE])
            secret.destroy()
            return value

        return self.run(derive)

    def run(self, work: Callable[[Any], T], *, rw: bool = False) -> T:
        """`work` in a session of the logged-in token; again in a new one when the first was broken, and a little later
        when the token is busy with another process.

        Raises ConfigError("region.bad_token")."""
        with self._lock:
            for wait_s in (0.0, 0.1, 0.4, None):
                try:
                    if self._session is None or (rw and not self._session.rw):
                        self._open(rw)
                    return work(self._session)
                except (pkcs11.PKCS11Error, OSError, RuntimeError) as fault:
                    self._drop()
                    # a third wrong PIN locks a token
                    if wait_s is None or isinstance(fault, pkcs11.PinIncorrect | pkcs11.PinLocked):
                        detail = type(fault).__name__
                        raise ConfigError("region.bad_token", token=self._token.token, detail=detail) from fault
                    time.sleep(wait_s)
        raise AssertionError

    def _open(self, rw: bool) -> None:
        self._drop()
        token = pkcs11.lib(self._token.module).get_token(token_label=self._token.token)
        try:
            self._session = token.open(rw=rw, user_pin=self._pin)
        except pkcs11.UserAlreadyLoggedIn:  # all sessions of a process are logged in together
            self._session = token.open(rw=rw)

    def _drop(self) -> None:
        session, self._session = self._session, None
        try:
            if session is not None:
                session.close()
        except pkcs11.PKCS11Error:  # it is gone already
            return


class TokenKey(ec.EllipticCurvePrivateKey):
    """A P-256 key that stays in its token."""

    def __init__(self, provider: TokenProvider, name: str, public: crypto.PublicKey) -> None:
        self._provider, self._name, self._public = provider, name, public

    def public_key(self) -> crypto.PublicKey:
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def sign(self, data: Any, _: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """ECDSA with SHA-256, the one algorithm of docs/formats.md; the token chooses the nonce."""
        pair = self._provider.sign(self._name, sha256(data).digest())
        return encode_dss_signature(int.from_bytes(pair[:32], "big"), int.from_bytes(pair[32:], "big"))

    def exchange(self, _: ec.ECDH, peer: crypto.PublicKey) -> bytes:
        return self._provider.exchange(self._name, crypto.point(peer))

    def private_numbers(self) -> NoReturn:
        raise TypeError("the key does not leave its token")

    def private_bytes(self, *_: object) -> NoReturn:
        raise TypeError("the key does not leave its token")

    def __copy__(self) -> TokenKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TokenKey:
        return self


def _private(session: Any, name: str) -> Any:
    return session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=_LABEL + name)


def _public(key: Any) -> crypto.PublicKey:
    """CKA_EC_POINT is the point in a DER OCTET STRING; some tokens leave the string out."""
    point = bytes(key[Attribute.EC_POINT])
    try:
        return crypto.public_from_point(point[-65:])
    except WireError as fault:
        raise pkcs11.PKCS11Error from fault
