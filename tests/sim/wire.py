"""A wire in place of HTTPS: what a terminal's client sends is answered by the region's own functions, or it is lost,
late, twice, cut off or garbled on the way."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import IncompleteRead, ProtocolError

from regional.auth import Asked
from sync import tls

Fault = Literal["lost", "deaf", "late", "twice", "short", "torn", "garbled", "busy", ""]
FAULTS: tuple[Fault, ...] = ("lost", "deaf", "late", "twice", "short", "torn", "garbled", "busy")
Answer = tuple[int, bytes]
_BUSY = 503, b'{"code":"BUSY","retry_after_s":30}'


class Wire(BaseAdapter):
    """`answer` is the region. `choose` names the fault of each request:

    lost: the region never hears it; deaf: it does, its answer is lost; late: the terminal gives up, the region hears it
    after other requests; twice: heard now and once more later; short: the answer ends early and that is seen; torn: it
    ends early and passes for whole; garbled: some of its bytes are others; busy: something on the way says 503.
    """

    def __init__(self, answer: Callable[[Asked], Answer], choose: Callable[[], Fault], rng: Random) -> None:
        super().__init__()
        self.answer, self.choose, self._rng = answer, choose, rng
        self.count: Counter[str] = Counter()
        self.late: list[Asked] = []  # on its way

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        asked, fault = _asked(request), self.choose()
        self.count[fault] += 1
        if fault == "lost":
            raise requests.ConnectionError("refused", request=request)
        if fault == "late":
            self.late.append(asked)
            raise requests.ReadTimeout("no answer", request=request)
        if fault == "busy":
            return _response(request, *_BUSY)
        status, body = self.answer(asked)
        if fault == "twice":
            self.late.append(asked)
        if fault == "deaf":
            raise requests.ReadTimeout("no answer", request=request)
        if fault == "short":
            cut = IncompleteRead(len(body) // 2, len(body))
            raise requests.exceptions.ChunkedEncodingError(ProtocolError("cut", cut), request=request)
        return _response(request, status, self._spoilt(body, fault))

    def close(self) -> None:
        """The session that carries it closes it; it stays good for the next."""

    def deliver_late(self, most: int) -> None:
        """Some of what is on its way arrives at last, in any order; nobody waits for the answers."""
        self._rng.shuffle(self.late)
        for _ in range(min(most, len(self.late))):
            self.answer(self.late.pop())

    @contextmanager
    def in_place_of_https(self) -> Iterator[None]:
        """Every client made inside goes over this wire, whatever authority it pins."""

        def session(*_: object, **__: object) -> requests.Session:
            made = requests.Session()
            made.trust_env = False
            made.mount("https://", self)
            return made

        usual, tls.session = tls.session, session
        try:
            yield
        finally:
            tls.session = usual

    def _spoilt(self, body: bytes, fault: Fault) -> bytes:
        at = self._rng.randrange(len(body)) if body else 0
        if fault == "torn":
            return body[:at]
        if fault == "garbled":
            return body[:at] + b"\xff\xfe" + body[at + 2 :]
        return body


def _asked(request: requests.PreparedRequest) -> Asked:
    """The request as the region's application hands it on (regional/app.py)."""
    to = urlsplit(request.url or "")
    body = request.body or b""
    assert isinstance(body, bytes)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Asked(request.method or "", to.path, to.query, body, headers, to.hostname or "")


def _response(request: requests.PreparedRequest, status: int, body: bytes) -> requests.Response:
    made = requests.Response()
    made.raw = HTTPResponse(io.BytesIO(body), status=status, preload_content=False)
    made.status_code, made.request, made.url = status, request, request.url or ""
    return made
