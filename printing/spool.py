"""One printer, one owner, one thread: claims jobs of the durable queue and tells the truth about the paper.

    queued -> sending -> sent -> confirmed | uncertain;  queued again only when not one byte went out

After the last byte the printer is asked by a fence (`GS r 1`): it answers when everything before is on paper.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Protocol

from config.settings import Printer
from domain.documents import Document
from domain.errors import StoreError
from domain.world import World, utc_text
from printing import escpos, layout, status, transport
from printing.transport import Port, PrinterFault

RETRY = timedelta(seconds=5)
FENCE_S = 8.0  # a slip takes 1-2 s; a printer that answers status but not the fence for so long is asked about
_IDLE_S = 60.0
_log = logging.getLogger(__name__)


Settled = Literal["confirmed", "sent", "uncertain", "failed"]  # sent: the printer cannot say more, and nobody is asked


class Job(Protocol):
    """What is printed: the store's row."""

    @property
    def id(self) -> str: ...
    @property
    def document(self) -> Document: ...


class PrintQueue(Protocol):
    """The durable queue; each call is one transaction, any raises StoreError. Instants are UTC texts."""

    def recover(self, printer: str, now: str) -> int: ...
    def expire(self, now: str) -> int: ...
    def claim(self, printer: str, now: str) -> Job | None: ...
    def sent(self, job_id: str, bytes_out: int) -> None: ...
    def settle(self, job_id: str, state: Settled, code: str, now: str) -> None: ...
    def put_back(self, job_id: str, code: str, not_before: str) -> None: ...


@dataclass(frozen=True)
class Condition:
    """How the printer is: ok, look (waits or unknown) or stop; `code` names the text."""

    level: Literal["ok", "look", "stop"] = "ok"
    code: str = ""
    params: dict[str, Any] = field(default_factory=dict)


class Spool:
    """The worker of one printer. `condition` may be read on any thread."""

    def __init__(self, printer: Printer, queue: PrintQueue, world: World) -> None:
        self.printer = printer
        self.condition = Condition()
        self._queue, self._world = queue, world
        self._speaks = False  # it has answered before: silence then means something
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"printer-{printer.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """A job was queued."""
        self._wake.set()

    def stop(self, deadline_s: float) -> bool:
        """End after the job under way; False when it did not within the deadline: it will be asked about."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        """A queue that cannot be written (full disk) is shown and tried again; nothing is printed meanwhile."""
        recovered = False
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                if not recovered:
                    self._queue.recover(self.printer.name, self._now())
                    recovered = True
                waits = self._work()
            except StoreError as fault:
                _log.error("print queue: %s", fault.code)
                self.condition = Condition("stop", fault.code, fault.params)
                waits = RETRY.total_seconds()
            self._wake.wait(waits)

    def _work(self) -> float:
        """Print what is due; gives how long to wait for more."""
        while not self._stopping.is_set():
            self._queue.expire(self._now())
            job = self._queue.claim(self.printer.name, self._now())
            if job is None:
                return RETRY.total_seconds() if self.condition.level != "ok" else _IDLE_S
            if not self._print(job):
                return RETRY.total_seconds()
        return 0.0

    def _print(self, job: Job) -> bool:
        """One job; False when the printer is not ready and the job waits."""
        data = escpos.render(layout.picture(job.document, self.printer.dots))
        out = 0
        try:
            with transport.connected(self.printer) as port:
                found, _ = transport.ask(self.printer, port)
                if found.level == "problem":
                    return self._put_back(job, found.code)
                self._speaks = self._speaks or found.level == "ok"
                out = transport.write(self.printer, port, data)
                self._queue.sent(job.id, out)
                if not self._speaks:
                    self.condition = Condition(
                        "look" if port.answers else "ok", "print.unknown" if port.answers else ""
                    )
                    self._queue.settle(job.id, "sent", found.code, self._now())
                    return True
                self._await_fence(job, port, out)
                return True
        except PrinterFault as fault:
            if not max(out, fault.bytes_out):
                return self._put_back(job, fault.code)
            self._uncertain(job, fault.code)
            return True

    def _await_fence(self, job: Job, port: Port, out: int) -> None:
        """Wait for the answer behind the paper; while the paper is out the printer holds it, and so do we."""
        silent_since = time.monotonic()
        while not self._stopping.is_set():
            heard = transport.listen(self.printer, port, 0.5, out)
            if not heard:
                found, heard = transport.ask(self.printer, port, out)
                if found.level == "problem":
                    silent_since = time.monotonic()
                    self.condition = Condition("stop", found.code, {"printer": self.printer.name})
            if any(not status.is_status(byte) for byte in heard):
                self._queue.settle(job.id, "confirmed", "", self._now())
                self.condition = Condition()
                return
            if time.monotonic() - silent_since > FENCE_S:
                break
        self._uncertain(job, "print.no_answer")

    def _put_back(self, job: Job, code: str) -> bool:
        self.condition = Condition("stop", code, {"printer": self.printer.name})
        self._queue.put_back(job.id, code, utc_text(self._world.now() + RETRY))
        return False

    def _uncertain(self, job: Job, code: str) -> None:
        _log.warning("job %s uncertain: %s", job.id, code)
        self.condition = Condition("look", code, {"printer": self.printer.name})
        self._queue.settle(job.id, "uncertain", code, self._now())

    def _now(self) -> str:
        return utc_text(self._world.now())
