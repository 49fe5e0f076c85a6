"""One worker for one printer: takes jobs from the durable queue and says honestly what became of each.

A job is printed again by itself only when not one byte of it was accepted. Everything else that goes wrong is
`uncertain`: a person looks at the paper. The queue says `sending` on disk before the first byte, so a power cut can
never turn into a second slip.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from config.settings import Printer
from domain.documents import Document
from domain.errors import StoreError
from domain.world import World
from printing import escpos, layout, sheet
from printing.jobs import AWAITING_ANSWER, Job, JobState, PrintQueue
from printing.line import Line, PrinterFault
from printing.status import Status
from printing.transport import connect

log = logging.getLogger(__name__)


class PrinterState(StrEnum):
    """What the health board shows of a printer."""

    READY = "ready"
    PRINTING = "printing"
    BLOCKED = "blocked"  # the printer asks for a hand: paper, cover, button
    UNREACHABLE = "unreachable"  # cable, power, permission
    FAULTED = "faulted"  # our own side: database, program
    STOPPED = "stopped"


@dataclass(frozen=True)
class Health:
    """`code` names the text that says why; also the warning of a ready printer (`print.paper_low`), "" for none."""

    state: PrinterState
    code: str = ""


@dataclass(frozen=True)
class Timing:
    """Seconds. `fence` is waited for the printer's last answer, anew while it says what holds it up."""

    retry: float = 2.0  # first wait after a printer could not be used, doubled up to retry_most
    retry_most: float = 15.0
    fence: float = 20.0
    mute: float = 2.0  # instead of `fence`, for a printer that has never answered anything
    ask: float = 1.0
    idle: float = 60.0  # a printer with nothing to do is looked at so often
    last_slip: float = 3.0  # a stop waits so long for the answer to a slip just sent


def render(document: bytes, copy_no: int, printer: Printer) -> bytes | None:
    """A stored document as this printer's bytes; None when the font lacks a character.
    Raises msgspec.MsgspecError for what is no document, ValueError for a QR code's text that is too long."""
    decoded = msgspec.structs.replace(msgspec.json.decode(document, type=Document), copy_no=copy_no)
    if layout.check(decoded):
        return None
    if printer.kind == "cups":
        return sheet.render(decoded, printer.media)
    return escpos.render(layout.draw(decoded, printer.dots))


class Spool:
    """`start`, `wake` after each commit of a job, `stop`. The callbacks come on the printer's thread."""

    def __init__(
        self,
        printer: Printer,
        queue: PrintQueue,
        world: World,
        on_health: Callable[[Health], None] = lambda _: None,
        on_job: Callable[[str, JobState, str], None] = lambda *_: None,
        timing: Timing = Timing(),
    ) -> None:
        self.health = Health(PrinterState.STOPPED)
        self._printer, self._queue, self._world, self._timing = printer, queue, world, timing
        self._on_health, self._on_job = on_health, on_job
        self._answers = False  # this printer has answered at least once
        self._failures = 0
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"printer-{printer.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def watch(
        self,
        on_health: Callable[[Health], None] = lambda _: None,
        on_job: Callable[[str, JobState, str], None] = lambda *_: None,
    ) -> None:
        """From here on these are called, and those before no more; nobody when none are given."""
        self._on_health, self._on_job = on_health, on_job

    def wake(self) -> None:
        """A job was committed, or a person wants the printer tried now."""
        self._wake.set()

    def stop(self, deadline_s: float) -> bool:
        """Ask the worker to end; True when it did in time. A slip still awaited becomes uncertain at the next start."""
        self._stop.set()
        self._wake.set()
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                escpos.warm_up()
                self._queue.recover(self._printer.name, self._world.now())
                self._serve()
            except StoreError as fault:
                self._fail(Health(PrinterState.FAULTED, fault.code))
            except Exception as mistake:  # noqa: BLE001 (a mistake of ours must not end the printer's thread)
                log.error("printer %s: worker failed: %s", self._printer.name, type(mistake).__name__)
                self._fail(Health(PrinterState.FAULTED, "print.worker_failed"))
            self._pause()
        self._show(Health(PrinterState.STOPPED))

    def _serve(self) -> None:
        called = True
        while not self._stop.is_set():
            now = self._world.now()
            self._queue.expire(self._printer.name, now)
            well = called and self.health.state is PrinterState.READY
            if self._queue.waiting(self._printer.name, now) or not well:
                called = True
                self._turn()
                if not self._failures:
                    continue
            called = self._pause()

    def _pause(self) -> bool:
        """Until woken (True), or the next try is due; not at all once stopped."""
        if self._stop.is_set():
            return True
        backoff = min(self._timing.retry * 2.0 ** min(self._failures - 1, 10), self._timing.retry_most)
        woken = self._wake.wait(backoff if self._failures else self._timing.idle)
        self._wake.clear()
        return woken

    def _turn(self) -> None:
        """Look at the printer, and print one job if it can. Nothing is claimed from the queue before it can."""
        try:
            with closing(connect(self._printer)) as line:
                health = self._use(line)
        except PrinterFault as fault:
            health = Health(PrinterState.UNREACHABLE, fault.code)
        if health.state is PrinterState.READY:
            self._failures = 0
            self._show(health)
        else:
            self._fail(health)

    def _use(self, line: Line) -> Health:
        status = line.status()
        self._answers |= status.kind != "unknown"
        if status.kind == "problem":
            return Health(PrinterState.BLOCKED, status.code)
        job = self._queue.claim(self._printer.name, self._world.now())
        fault = self._print(job, line) if job else None
        return fault or Health(PrinterState.READY, status.code)

    def _print(self, job: Job, line: Line) -> Health | None:
        """Send one claimed job and settle it. What is wrong with the printer now, or None."""
        self._show(Health(PrinterState.PRINTING))
        try:
            data = render(job.document, job.copy_no, self._printer)
        except (msgspec.MsgspecError, ValueError):
            self._settle(job, JobState.FAILED, 0, "print.document_unreadable")
            return None
        if data is None:
            self._settle(job, JobState.FAILED, 0, "print.cannot_draw")
            return None
        try:
            fences = line.fences
            line.write(data)
        except PrinterFault as fault:
            state = JobState.UNCERTAIN if fault.bytes_out else JobState.QUEUED
            self._settle(job, state, fault.bytes_out, fault.code)
            return Health(PrinterState.UNREACHABLE, fault.code)
        if not line.two_way:
            self._settle(job, JobState.SENT, len(data), "")
            return None
        self._settle(job, JobState.SENT, len(data), AWAITING_ANSWER)
        return self._await(job, line, fences, len(data))

    def _await(self, job: Job, line: Line, fences: int, bytes_out: int) -> Health | None:
        """Wait for the answer to the fence and settle the job; what is wrong with the printer now, or None."""
        asked = sent_at = time.monotonic()
        deadline = asked + self._wait_s(line)
        while not self._leaving(sent_at):
            try:
                if time.monotonic() - asked >= self._timing.ask:
                    asked = time.monotonic()
                    line.ask()
                status = line.listen(min(self._timing.ask, 0.25))
            except PrinterFault as fault:
                self._settle(job, JobState.UNCERTAIN, bytes_out, fault.code)
                return Health(PrinterState.UNREACHABLE, fault.code)
            if line.fences > fences:
                self._answers = True
                self._settle(job, JobState.CONFIRMED if line.proves_paper else JobState.SENT, bytes_out, "")
                return None
            if status is not None:
                deadline = self._explained(status, deadline, self._wait_s(line))
            if time.monotonic() > deadline:
                return self._silent(job, bytes_out)
        return None

    def _leaving(self, sent_at: float) -> bool:
        """Stopped, and the answer is not about to come: the slip is asked about at the next start."""
        late = time.monotonic() - sent_at > self._timing.last_slip
        return self._stop.is_set() and (late or self.health.state is PrinterState.BLOCKED)

    def _wait_s(self, line: Line) -> float:
        if line.patience_s:
            return line.patience_s
        return self._timing.fence if self._answers else self._timing.mute

    def _explained(self, status: Status, deadline: float, wait_s: float) -> float:
        """A printer that says what holds it up keeps the slip in its memory: the wait begins anew."""
        self._answers = True
        if status.kind != "problem":
            self._show(Health(PrinterState.PRINTING))
            return deadline
        self._show(Health(PrinterState.BLOCKED, status.code))
        return time.monotonic() + max(wait_s, self._timing.fence)

    def _silent(self, job: Job, bytes_out: int) -> Health | None:
        """No answer in time: uncertain from a printer that can answer, plainly sent for one that never did."""
        if not self._answers:
            self._settle(job, JobState.SENT, bytes_out, "")
            return None
        self._settle(job, JobState.UNCERTAIN, bytes_out, "print.no_answer")
        return Health(PrinterState.UNREACHABLE, "print.no_answer")

    def _settle(self, job: Job, state: JobState, bytes_out: int, code: str) -> None:
        """Write down what became of the job; a store that cannot is asked again, since only we know it."""
        while True:
            try:
                self._queue.settle(job.id, state, bytes_out, code, self._world.now())
                break
            except StoreError as fault:
                self._show(Health(PrinterState.FAULTED, fault.code))
                if self._stop.wait(self._timing.retry):
                    return
        log.info("print job %s %s %s bytes=%d attempt=%d", job.id, state, code, bytes_out, job.attempts)
        self._on_job(job.id, state, code)

    def _fail(self, health: Health) -> None:
        self._failures += 1
        self._show(health)

    def _show(self, health: Health) -> None:
        if health != self.health:
            self.health = health
            log.info("printer %s %s %s", self._printer.name, health.state, health.code)
            self._on_health(health)
