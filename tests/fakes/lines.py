"""Bad lines between a terminal and its region: a TCP relay that spoils answers, a TLS server that answers anything."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

Spoil = Literal["drop", "cut", "hold"]


class Between:
    """Carries bytes to `port` and back, by way of `_carry`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        close(self._listener)
        for one in self._sockets:
            close(one)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed when the test ends
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [near, far]
                sent = [0]
                for source, sink, down in ((near, far, False), (far, near, True)):
                    thread = threading.Thread(target=self._carry, args=(source, sink, down, sent), daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def _carry(self, source: socket.socket, sink: socket.socket, down: bool, sent: list[int]) -> None:
        """One direction of one connection, whose two directions share `sent`."""
        raise NotImplementedError


class Relay(Between):
    """Carries bytes until a client has sent `after` bytes; then it spoils the next answer of the server.

    drop: not a byte of the answer arrives; cut: its first 40 bytes do; hold: the line stays open, silent.
    `answered` is set when the server's answer has reached the relay: the region has committed.
    """

    def __init__(self, port: int, spoil: Spoil, after: int = 5000) -> None:
        super().__init__(port)
        self._spoil, self._after = spoil, after
        self.answered = threading.Event()

    def _carry(self, source: socket.socket, sink: socket.socket, down: bool, sent: list[int]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if down and sent[0] > self._after:
                    self.answered.set()
                    if self._spoil == "hold":
                        continue
                    if self._spoil == "cut":
                        sink.sendall(data[:40])
                    break
                sent[0] += 0 if down else len(data)
                sink.sendall(data)
        if self._spoil != "hold":
            close(source)
            close(sink)


class Script:
    """A TLS server with the given certificate: answers the n-th request with the n-th of `answers`, raw HTTP bytes.

    None leaves the request unanswered until the end of the test.
    """

    def __init__(self, certificate: Path, key: Path, answers: list[bytes | None]) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._answers = answers
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Script:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        close(self._listener)
        self._thread.join(10)

    def _serve(self) -> None:
        for answer in self._answers:
            with contextlib.suppress(OSError):  # a client that does not trust us hangs up
                near, _ = self._listener.accept()
                with near, self._context.wrap_socket(near, server_side=True) as line:
                    line.settimeout(10)
                    self.requests.append(read_request(line))
                    if answer is None:
                        self._over.wait(30)
                    else:
                        line.sendall(answer)


def answer(status: int, body: bytes, *headers: str, length: int | None = None) -> bytes:
    """Raw HTTP, the connection closed after it."""
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
    return "\r\n".join([*head, *headers, "", ""]).encode() + body


def read_request(line: ssl.SSLSocket) -> bytes:
    """One request with its body; what came of it when the line ended."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = line.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(x[15:]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
    while len(body) < length and (piece := line.recv(65536)):
        body += piece
    return head + b"\r\n\r\n" + body


def close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
