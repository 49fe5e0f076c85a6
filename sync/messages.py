"""What terminal and region say to each other in JSON, beside batches and signed documents."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec

from domain.errors import SyncError
from domain.wire import UNREADABLE
from domain.wire.signed import SIGN_SUITE, SignedDocument


class EnrolmentRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A one-time code and the terminal's new public key (of `suite`: X9.62 point), signed with that key; `client` as in
    batches, `before` the id of the place this PC had until now, "" for none. `hub`: it is to be a clinic's hub."""

    code: str
    public_key: bytes
    client: str
    suite: str = SIGN_SUITE
    before: str = ""
    hub: bool = False


class EnrolmentAnswer(msgspec.Struct, frozen=True):
    """A terminal's place in the region. `root` is the X9.62 point that signs every key set from now on."""

    registration: SignedDocument
    keyset: SignedDocument
    root: bytes
    generation: str
    leases: tuple[SignedDocument, ...]


class LeaseRequest(msgspec.Struct, frozen=True):
    """kind -> how many numbers."""

    wanted: dict[str, int]


class LeaseAnswer(msgspec.Struct, frozen=True):
    leases: tuple[SignedDocument, ...]


class Status(msgspec.Struct, frozen=True):
    """Where the region stands with a terminal. `epoch` is the present one, "" before the first batch; hashes are hex.

    `server_time` is the region's UTC instant; `oldest_client` the oldest version it still serves. `cloned`: two PCs
    work with this key; nothing more of it is taken until each has enrolled anew. `expired`: its registration, as the
    region holds it, has run out.
    """

    generation: str
    epoch: str
    have_seq: int
    have_hash: str
    safe_seq: int
    server_time: str
    keyset_version: int
    oldest_client: str
    cloned: bool = False
    expired: bool = False


Purpose = Literal["vaccination", "moved_in", "history", "correction", "reaction", "emergency"]


class LookupRequest(msgspec.Struct, frozen=True):
    """One child's record is wanted; in a body, because an address stands in logs. `kind` is that of an identifier, or
    "child" for the id of the child itself; `actor` the staff code of who asks and why is the `purpose`."""

    kind: str
    value: str
    purpose: Purpose
    actor: str


class Desk(msgspec.Struct, frozen=True):
    """A desk as the region knows it, for the hub of its clinic; `public_key` as in EnrolmentRequest."""

    terminal_id: str
    public_key: bytes
    registration: SignedDocument
    revoked: bool


class Desks(msgspec.Struct, frozen=True):
    desks: tuple[Desk, ...]


class Introduction(msgspec.Struct, frozen=True):
    """A terminal comes to its clinic's hub: its place in the region, and the key that place is made out to, which signs
    the request. `client` as in batches."""

    registration: SignedDocument
    public_key: bytes
    client: str


class Introduced(msgspec.Struct, frozen=True):
    """What a hub answers: its own keys, `root` and generation as a region's; its place in the region, `public_key` that
    place is made out to, and `proof`, the signature of that key over its root; the region's key set as the hub has it.
    """

    keyset: SignedDocument
    root: bytes
    generation: str
    registration: SignedDocument
    public_key: bytes
    proof: bytes
    region_keyset: SignedDocument


class Relayed(msgspec.Struct, frozen=True):
    """How a hub stands with a terminal's batches for the region: of `epoch` it holds them up to `upto`, or passed them
    on. `ack` is the region's last signed acknowledgement, empty before it; `refused` the code of the region's refusal
    of one of them with its parameters, "" when it refused none."""

    epoch: str = ""
    upto: int = 0
    ack: bytes = b""
    refused: str = ""
    params: dict[str, Any] = {}


T = TypeVar("T", EnrolmentAnswer, LeaseAnswer, Status, Desks, Introduced, Relayed)


def decode(data: bytes, type_: type[T]) -> T:
    """Read an answer of the region. Raises SyncError("sync.garbage")."""
    try:
        return msgspec.json.decode(data, type=type_)
    except UNREADABLE as fault:
        raise SyncError("sync.garbage", "later") from fault


def version(client: str) -> tuple[int, ...]:
    """The numbers of a client name such as "vaxdesk/0.12.1", to compare; empty when there are none."""
    return tuple(int(part) for part in client.rpartition("/")[2].split(".") if part.isdecimal() and len(part) < 9)
