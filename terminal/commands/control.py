"""The running kiosk's local socket: other commands ask it, because only one program opens the records.

Messages are one word there, one JSON object back. The socket lies in the data folder, mode 0700.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any

from domain.errors import VaxdeskError

Answer = Callable[[], dict[str, Any]]
_log = logging.getLogger(__name__)


def address(data: Path) -> str:
    return str(data / "control")


def ask(data: Path, word: str) -> dict[str, Any] | None:
    """The running kiosk's answer; None when no kiosk runs here."""
    try:
        with Client(address(data), "AF_UNIX") as line:
            line.send_bytes(word.encode())
            if not line.poll(60):
                return None
            import msgspec.json

            answer: dict[str, Any] = msgspec.json.decode(line.recv_bytes(65536))
            return answer
    except (OSError, EOFError):
        return None


class Control(threading.Thread):
    """Answers the words it was given until the program ends."""

    def __init__(self, data: Path, answers: dict[str, Answer]) -> None:
        super().__init__(name="control", daemon=True)
        Path(address(data)).unlink(missing_ok=True)
        self._answers = answers
        self._closed = False
        self._listener: Listener | None = None
        try:
            self._listener = Listener(address(data), "AF_UNIX")
        except OSError as fault:  # a path too long for a socket: the counter works, other commands must wait for it
            _log.warning("no control socket: %s", type(fault).__name__)

    def run(self) -> None:
        import msgspec.json

        while self._listener and not self._closed:
            try:
                with self._listener.accept() as line:
                    answer = self._answers.get(line.recv_bytes(256).decode("utf-8", "replace"))
                    line.send_bytes(msgspec.json.encode(answer() if answer else {"code": "cli.unknown_word"}))
            except (OSError, EOFError) as fault:  # who asked went away, or said too much; or `close`
                _log.info("nobody waits for the answer: %s", type(fault).__name__)
            except VaxdeskError as fault:
                _log.warning("no answer: %s", fault.code)

    def close(self) -> None:
        self._closed = True
        if self._listener:
            self._listener.close()
