"""The terminal's side of the region's endpoints: signed requests over pinned HTTPS, every answer bounded."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec
import requests

from domain.errors import SyncError
from domain.wire import request
from domain.world import World, from_utc_text
from sync import crypto, faults, messages, tls
from sync.messages import Desks, EnrolmentAnswer, EnrolmentRequest, LeaseAnswer, LeaseRequest, LookupRequest, Status

CONNECT_S = 5.0
READ_S = 60.0
MAX_ANSWER = 1_000_000
MAX_CONTENT = 2_000_000  # of an answer with a body: a page of the feed, a record, a reference document
CARRY_S = 20.0
_CARRIED = ("signature", "signature-input", "content-digest", "content-type", "user-agent")
_MOST_OFF = timedelta(days=36525)  # two clocks may differ by it


class RegionClient:
    """One region as a terminal sees it; used by one thread. `client` is this program, such as "vaxdesk/0.1.0".

    `offset_ms` is the region's clock minus ours, learnt from its answers. Every method raises SyncError.
    """

    def __init__(
        self,
        url: str,
        ca_pem: str,
        signer: crypto.PrivateKey,
        world: World,
        *,
        client: str,
        offset_ms: int | None = None,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
        whole_s: float = tls.WHOLE_S,
    ) -> None:
        self.url = url.rstrip("/")
        self.client = client
        self.offset_ms = offset_ms
        self._signer = signer
        self._key_id = crypto.key_id(signer.public_key())
        self._world = world
        self._timeout = (connect_s, read_s)
        self._session = tls.session(ca_pem, whole_s=whole_s)

    def close(self) -> None:
        self._session.close()

    def region_now(self) -> datetime:
        """The region's time as far as it is known; our own before the first contact."""
        return self._world.now() + timedelta(milliseconds=self.offset_ms or 0)

    def enrol(self, said: EnrolmentRequest) -> EnrolmentAnswer:
        return messages.decode(self._signed("POST", "/v1/enrolments", msgspec.json.encode(said)), EnrolmentAnswer)

    def status(self, terminal_id: str, epoch: str = "") -> Status:
        """`epoch` is the one we are in. Also learns the region's clock, to half the time of the round trip."""
        asked, query = self._world.now(), urlencode({"epoch": epoch}) if epoch else ""
        status = messages.decode(self._signed("GET", f"/v1/terminals/{terminal_id}/status", query=query), Status)
        self._learn(status.server_time, asked + (self._world.now() - asked) / 2)
        return status

    def keyset(self) -> bytes:
        """The region's signed key set, unverified."""
        return self._signed("GET", "/v1/keyset")

    def renew(self) -> bytes:
        """This terminal's registration, a new one when the old has lived long enough; unverified."""
        return self._signed("POST", "/v1/registrations")

    def leases(self, wanted: dict[str, int]) -> LeaseAnswer:
        return messages.decode(
            self._signed("POST", "/v1/leases", msgspec.json.encode(LeaseRequest(wanted))), LeaseAnswer
        )

    def put_batch(self, terminal_id: str, epoch: str, first_seq: int, last_seq: int, blob: bytes) -> bytes:
        """Send a batch; the region's signed acknowledgement, unverified."""
        return self._signed("PUT", f"/v1/batches/{terminal_id}/{epoch}/{first_seq}-{last_seq}", blob)

    def desks(self) -> Desks:
        """The desks of the clinic whose hub asks."""
        return messages.decode(self._signed("GET", "/v1/desks"), Desks)

    def feed(self, cursor: str, limit: int) -> bytes:
        """The page after `cursor`, unverified. SyncError("sync.start_over") when the cursor is of no use."""
        return self._signed("GET", "/v1/feed", query=urlencode({"cursor": cursor, "limit": limit}), most=MAX_CONTENT)

    def scope_hash(self, cursor: str) -> bytes:
        """What the clinic must hold at `cursor`, unverified. SyncError("sync.behind") when more follows."""
        return self._signed("GET", "/v1/scope-hash", query=urlencode({"cursor": cursor}))

    def lookup(self, said: LookupRequest) -> bytes:
        """One child's record, unverified."""
        return self._signed("POST", "/v1/children/lookup", msgspec.json.encode(said), most=MAX_CONTENT)

    def catalogue(self) -> bytes:
        """The list of reference documents, unverified."""
        return self._signed("GET", "/v1/reference")

    def reference(self, name: str, version: str) -> bytes:
        """A reference document with its content, unverified."""
        return self._signed("GET", f"/v1/reference/{name}/{version}", most=MAX_CONTENT)

    def _signed(self, method: str, path: str, body: bytes = b"", query: str = "", most: int = MAX_ANSWER) -> bytes:
        """One request; a second one when the first taught us the region's clock."""
        try:
            return self._once(method, path, body, query, most)
        except SyncError as fault:
            if fault.code != "sync.clock":
                raise
            self._learn(str(fault.params["server_time"]), self._world.now())
        return self._once(method, path, body, query, most)

    def _once(self, method: str, path: str, body: bytes, query: str, most: int) -> bytes:
        digest = request.content_digest(body)
        nonce = urlsafe_b64encode(self._world.random(16)).rstrip(b"=").decode()
        given = request.SignatureInput(int(self.region_now().timestamp()), self._key_id, nonce)
        signature = crypto.sign(self._signer, request.signature_base(method, path, query, digest, given))
        headers = request.headers(digest, given, signature)
        headers |= {
            "User-Agent": self.client,
            "Content-Type": "application/octet-stream",
            "Accept-Encoding": "identity",
        }
        with (
            faults.converting(self.url),
            self._session.request(
                method,
                self.url + path + ("?" + query if query else ""),
                data=body,
                headers=headers,
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,
            ) as answer,
        ):
            data = _read(answer, most)
        if answer.status_code == 200:
            return data
        raise faults.refusal(answer.status_code, data, answer.headers.get("Retry-After"))

    def _learn(self, server_time: str, ours: datetime) -> None:
        try:
            offset = from_utc_text(server_time) - ours
        except (ValueError, TypeError) as fault:
            raise SyncError("sync.garbage", "later") from fault
        if abs(offset) > _MOST_OFF:  # kept, it would lead our calendar past its last year, and no request out of it
            raise SyncError("sync.clock", "operator", server_time=server_time)
        self.offset_ms = round(offset.total_seconds() * 1000)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


def carry_on(url: str, ca_pem: str, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Ask a region what somebody else has signed; `headers` by their small names. Raises SyncError."""
    kept = {name: headers[name] for name in _CARRIED if name in headers}
    with closing(tls.session(ca_pem, whole_s=CARRY_S)) as session, faults.converting(url):
        told = session.request(
            method,
            url.rstrip("/") + path,
            data=body,
            headers=kept | {"Accept-Encoding": "identity"},
            timeout=(CONNECT_S, CARRY_S),
            stream=True,
            allow_redirects=False,
        )
        return Answer(told.status_code, _read(told, MAX_ANSWER))


def _read(answer: requests.Response, most: int) -> bytes:
    """The body as it came, at most `most` bytes: nobody was allowed to pack it."""
    data = bytearray()
    for piece in answer.raw.stream(16 * 1024, decode_content=False):
        data += piece
        if len(data) > most:
            raise SyncError("sync.answer_too_large", "later", limit=most)
    return bytes(data)
