"""`vaxdesk print test`: a test page through the real queue, and what became of it; an open window prints it."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from config.settings import Printer
from domain.errors import ConfigError
from domain.slips import test_page
from domain.world import utc_text
from printing.jobs import AWAITING_ANSWER, JobState
from printing.spool import Health, PrinterState, Spool
from terminal import bootstrap
from terminal.commands.control import ask
from terminal.commands.line import DONE, TO_MEND, Say
from terminal.commands.opening import opened
from terminal.store import ledger, papers
from terminal.usecases.desk import Desk

_SETTLED_S = 50.0
_LOOKED_S = 5.0  # after so long a printer that cannot print has been tried again
_GOOD = ("confirmed", "sent")
_ILL = (PrinterState.BLOCKED, PrinterState.UNREACHABLE, PrinterState.FAULTED)


def run(settings: Path, args: argparse.Namespace, say: Say) -> int:
    """Exit code 3 when the page was not printed, or nobody can say. Slips that wait are printed first."""
    home = bootstrap.find_home(settings)
    printer = _chosen(home.settings.printers, args.printer)
    became = ask(home.data, word(printer)) or _alone(home, printer, say)
    state = became.get("state", "failed")  # a window that was started with other settings knows no such printer
    print(say(became["code"] or f"cli.print_test.{state}", printer=printer.name))
    return DONE if state in _GOOD else TO_MEND


def word(printer: Printer) -> str:
    """What asks the running window for a test page."""
    return f"print test {printer.name}"


def through(spool: Spool, desk: Desk, printer: Printer, say: Say) -> dict[str, Any]:
    """A test page through a running spool: what became of it as `state`, and as `code` what stopped it, "" nothing."""
    with _watching(spool) as watch:
        job = desk.store.run(_queued, desk, printer, say)
        spool.wake()
        watch.wait(job, _LOOKED_S)
        if job not in watch.became and spool.health.state not in _ILL:
            watch.wait(job, _SETTLED_S - _LOOKED_S)
        state, code = watch.became.get(job, (JobState.FAILED, watch.why or spool.health.code))
    desk.store.run(_not_later, desk, job)
    if state is JobState.QUEUED:  # nothing went out, and the page is no longer wanted
        state = JobState.FAILED
    return {"state": state.value, "code": "" if state.value in _GOOD else code}


def _alone(home: bootstrap.Home, printer: Printer, say: Say) -> dict[str, Any]:
    with bootstrap.only_one(home), opened(home, say) as desk:
        spool = Spool(printer, papers.StorePrintQueue(desk.store), desk.world)
        spool.start()
        try:
            return through(spool, desk, printer, say)
        finally:
            spool.stop(_SETTLED_S)


def _chosen(printers: tuple[Printer, ...], name: str) -> Printer:
    """By its name or its role; the first when nothing is said."""
    for printer in printers:
        if name in ("", printer.name, printer.role):
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


class _Watch:
    """What a printer's thread tells: how jobs ended, and `why` the printer cannot print now."""

    def __init__(self) -> None:
        self.became: dict[str, tuple[JobState, str]] = {}
        self.why = ""
        self._news = threading.Condition()

    def job(self, job_id: str, state: JobState, code: str) -> None:
        if code != AWAITING_ANSWER:
            with self._news:
                self.became[job_id] = state, code
                self._news.notify_all()

    def health(self, health: Health) -> None:
        if health.state in _ILL:
            with self._news:
                self.why = health.code
                self._news.notify_all()

    def wait(self, job_id: str, seconds: float) -> None:
        with self._news:
            self._news.wait_for(lambda: job_id in self.became or self.why, seconds)


@contextmanager
def _watching(spool: Spool) -> Iterator[_Watch]:
    watch = _Watch()
    spool.watch(watch.health, watch.job)
    try:
        yield watch
    finally:
        spool.watch()
