"""The demonstration's network cable: a loopback relay to the region that can be pulled out."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from urllib.parse import urlsplit


class Cable:
    """Relays one loopback port to `url`; `pull` refuses and cuts, `plug` lets through again. A context manager."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._there = (parts.hostname or "127.0.0.1", parts.port or 443)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.2)
        self._open: set[socket.socket] = set()
        self._in = threading.Event()
        self._in.set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="cable", daemon=True)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Cable:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.pull()
        self._thread.join(5)
        self._listener.close()

    def pull(self) -> None:
        """The line is dead: open connections break, new ones are dropped at once."""
        self._in.clear()
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def plug(self) -> None:
        self._in.set()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            if not self._in.is_set():
                near.close()
                continue
            threading.Thread(target=self._carry, args=(near,), name="cable-line", daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near, socket.create_connection(self._there, 5) as far:
            self._open |= {near, far}
            try:
                self._relay(near, far)
            finally:
                self._open -= {near, far}

    def _relay(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as both:
            both.register(near, selectors.EVENT_READ, far)
            both.register(far, selectors.EVENT_READ, near)
            while self._in.is_set():
                for key, _ in both.select(0.5):
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]  # a socket
                    if not data:
                        return
                    key.data.sendall(data)
