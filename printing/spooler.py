"""A printer behind the system's own spooler, which takes whole jobs: seen as a line, so that one state machine does."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from enum import Enum, auto
from threading import Event

from printing.line import Line, PrinterFault
from printing.status import Status

POLL_S = 0.5  # how often the spooler is asked about our job
PATIENCE_S = 90.0  # a laser printer that was asleep wakes up, loads and prints


class News(Enum):
    """What became of a job given to the spooler."""

    WAITING = auto()  # or printing
    PRINTED = auto()  # the printer said so
    HANDED_OVER = auto()  # it left the spooler, and nobody knows more
    FAILED = auto()  # the spooler gave up, or somebody cancelled it


class Queue(ABC):
    """One queue of the spooler. Each method raises PrinterFault."""

    @abstractmethod
    def accepts(self) -> Status:
        """Whether the queue takes jobs now."""

    @abstractmethod
    def look(self) -> Status:
        """How the printer is while it has a job of ours; between jobs the spooler's word may be an old one."""

    @abstractmethod
    def submit(self, data: bytes) -> str:
        """Hand over a job; its number. PrinterFault.bytes_out is 0 only when surely nothing was taken."""

    @abstractmethod
    def news(self, job: str) -> News:
        """What became of it so far."""

    @abstractmethod
    def cancel(self, job: str) -> None:
        """Take it back if it still waits; never raises for one that is done."""


class SpoolerLine(Line):
    """A job that nobody knows the end of is taken out of the spooler before it is asked about: it must not come out
    later, when a person has said that it did not."""

    two_way = True
    patience_s = PATIENCE_S

    def __init__(self, printer: str, queue: Queue) -> None:
        self.printer = printer
        self._queue = queue
        self._job, self._size = "", 0
        self._done = 0
        self._asked = float("-inf")
        self._pause = Event()

    @property
    def fences(self) -> int:
        return self._done

    def status(self) -> Status:
        return self._queue.accepts()

    def write(self, data: bytes) -> None:
        self._job, self._size = self._queue.submit(data), len(data)

    def ask(self) -> None:
        """The spooler is asked by `listen`."""

    def listen(self, timeout_s: float) -> Status | None:
        left = self._asked + POLL_S - time.monotonic()
        if left > 0:
            self._pause.wait(min(left, timeout_s))
            if left > timeout_s:
                return None
        self._asked = time.monotonic()
        news = self._queue.news(self._job)
        if news is News.WAITING:
            status = self._queue.look()
            return status if status.kind == "problem" else None
        self._job = ""
        if news is News.FAILED:
            raise PrinterFault("print.job_failed", self._size, self.printer)
        self.proves_paper = news is News.PRINTED
        self._done += 1
        return None

    def close(self) -> None:
        if self._job:
            self._queue.cancel(self._job)
