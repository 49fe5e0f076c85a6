"""What stands between a terminal and its region: a machine that has the region's own certificate and answers in its
place, and a line that spoils single bytes."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from tests.fakes.lines import Between, close, read_request

Answer = Callable[[bytes], Iterator[bytes]]  # the region's true answer -> what arrives, piece by piece
STALL = b"..."  # in place of a piece that never comes: the line stays open and silent


class Machine:
    """Carries each request to the region at `port`, and changes the answer to those that begin with `begins`, such as
    "GET /v1/feed". `met` counts them. Certificate, key and CA are those of the region's folder `tls`."""

    def __init__(self, port: int, tls: Path, begins: str, answer: Answer) -> None:
        self._port, self._begins, self._answer = port, begins.encode(), answer
        self._near = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._near.load_cert_chain(tls / "server.pem", tls / "server.key")
        self._far = ssl.create_default_context(cafile=tls / "ca.pem")
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self.met = 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Machine:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        close(self._listener)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed when the test ends
            while True:
                near, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(near,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near:
            near.settimeout(10)
            with self._near.wrap_socket(near, server_side=True) as line:
                while (asked := read_request(line)) and not self._over.is_set():
                    true = self._ask(asked)
                    if not asked.startswith(self._begins):
                        line.sendall(true)
                        continue
                    self.met += 1
                    for piece in self._answer(true):
                        if piece is STALL:
                            self._over.wait(30)
                            return
                        line.sendall(piece)
                    return

    def _ask(self, asked: bytes) -> bytes:
        """The region's whole answer, the line to it closed after it."""
        asked = asked.replace(b"Connection: keep-alive", b"Connection: close")
        with (
            socket.create_connection(("127.0.0.1", self._port), 10) as plain,
            self._far.wrap_socket(plain, server_hostname="localhost") as line,
        ):
            line.sendall(asked)
            answer = bytearray()
            while piece := line.recv(65536):
                answer += piece
        return bytes(answer).replace(b"Connection: close\r\n", b"").replace(b"connection: close\r\n", b"")


def drip(data: bytes, every_s: float = 0.02) -> Iterator[bytes]:
    """A byte at a time: never silent long enough for a timeout between two reads."""
    for at in range(len(data)):
        time.sleep(every_s)
        yield data[at : at + 1]


class Line(Between):
    """A line that spoils the `at`-th byte that comes down (or goes up): changed, or cut off before it."""

    def __init__(self, port: int, at: int, *, cut: bool, up: bool = False) -> None:
        super().__init__(port)
        self._at, self._cut, self._up = at, cut, up
        self.spoilt = False

    def _carry(self, source: socket.socket, sink: socket.socket, down: bool, sent: list[int]) -> None:
        seen, ours = 0, down != self._up
        with contextlib.suppress(OSError):
            while data := bytearray(source.recv(65536)):
                place = self._at - seen
                seen += len(data)
                if ours and 0 <= place < len(data):
                    self.spoilt = True
                    if self._cut:
                        sink.sendall(data[:place])
                        break
                    data[place] ^= 0x55
                sink.sendall(data)
        close(source)
        close(sink)
