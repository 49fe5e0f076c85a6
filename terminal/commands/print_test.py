"""`vaxdesk print test`: a test page through the real queue, and what became of it."""

from __future__ import annotations

import argparse
import threading
from datetime import datetime, timedelta
from pathlib import Path

from config.settings import Printer
from domain.errors import ConfigError
from domain.slips import test_page
from domain.world import utc_text
from printing.jobs import AWAITING_ANSWER, JobState
from printing.spool import Health, PrinterState, Spool
from terminal import bootstrap
from terminal.commands.line import DONE, TO_MEND, Say
from terminal.commands.opening import opened
from terminal.store import ledger, papers
from terminal.usecases.desk import Desk

_SETTLED_S = 60.0
_GOOD = ("confirmed", "sent")


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Exit code 3 when the page was not printed, or nobody can say. Slips that wait are printed first."""
    home = bootstrap.find_home(settings)
    printer = _chosen(home.settings.printers, args.printer)
    with bootstrap.only_one(home), opened(home, say) as desk:
        queue = _Watched(desk, desk.store.run(_queued, desk, printer, say))
        spool = Spool(printer, queue, desk.world, on_health=queue.hear)
        spool.start()
        queue.settled.wait(_SETTLED_S)
        spool.stop(_SETTLED_S)
        desk.store.run(_not_later, desk, queue.job_id)
    print(say(queue.code or f"cli.print_test.{queue.state}", printer=printer.name))
    return DONE if queue.state in _GOOD else TO_MEND


def _chosen(printers: tuple[Printer, ...], name: str) -> Printer:
    for printer in printers:
        if name in ("", printer.name):
            return printer
    raise ConfigError("cli.print_test.none", printer=name or "-", known=", ".join(p.name for p in printers) or "-")


def _queued(desk: Desk, printer: Printer, say: Say) -> str:
    expires_at = utc_text(desk.world.now() + timedelta(seconds=printer.receipt_ttl_s))
    with ledger.tell(desk.store, desk.world, "") as entry:
        entry.audit("print.test", printer=printer.name)
        return papers.queue_document(entry, test_page(say, printer.name), printer.name, "", expires_at)


def _not_later(desk: Desk, job_id: str) -> None:
    """A test page that waits must not come out tomorrow morning."""
    with ledger.tell(desk.store, desk.world, "") as entry:
        papers.cancel(entry, job_id)


class _Watched(papers.StorePrintQueue):
    """The queue, and what became of one job in it. `code` names the text of what stopped it."""

    def __init__(self, desk: Desk, job_id: str) -> None:
        super().__init__(desk.store)
        self.job_id = job_id
        self.state, self.code = "failed", ""
        self.settled = threading.Event()

    def settle(self, job_id: str, state: JobState, bytes_out: int, code: str, now: datetime) -> None:
        super().settle(job_id, state, bytes_out, code, now)
        if job_id == self.job_id and code != AWAITING_ANSWER:
            self._end("failed" if state is JobState.QUEUED else state.value, "" if state.value in _GOOD else code)

    def hear(self, health: Health) -> None:
        """A printer that cannot print now ends the test: the page is not left waiting."""
        if health.state in (PrinterState.BLOCKED, PrinterState.UNREACHABLE, PrinterState.FAULTED):
            self._end("failed", health.code)

    def _end(self, state: str, code: str) -> None:
        self.state, self.code = state, code
        self.settled.set()
