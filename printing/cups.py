"""A queue of CUPS: jobs go in by the commands every CUPS has, their states are read by IPP. Nothing waits for ever."""

from __future__ import annotations

import os
import re
import subprocess

from config.settings import Printer
from printing import ipp
from printing.line import PrinterFault
from printing.spooler import News, Queue
from printing.status import Status

COMMAND_S = 15.0
TITLE = "Vaxdesk"  # all that the spooler's list shows: no name, no number

# printer-state-reasons (RFC 8011, 5.4.12, without -error, -warning, -report), the first that holds.
_REASONS = (
    ("media-empty", "print.paper_out"),
    ("media-needed", "print.paper_out"),
    ("media-jam", "print.printer_fault"),
    ("cover-open", "print.cover_open"),
    ("door-open", "print.cover_open"),
    ("toner-empty", "print.printer_fault"),
    ("marker-supply-empty", "print.printer_fault"),
    ("offline", "print.offline"),
    ("shutdown", "print.offline"),
    ("timed-out", "print.offline"),
)
_UNREACHED = "may not exist or is unavailable"  # CUPS says so in words alone, and tries for ever
_STOPPED = 5  # printer-state
_COMPLETED, _CANCELED = 9, 7  # job-state; 7 and 8 (aborted) are given up, below is under way


class CupsQueue(Queue):
    """The queue `printer.address` of the local scheduler, or of CUPS_SERVER."""

    def __init__(self, printer: Printer) -> None:
        self._name, self._queue, self._media = printer.name, printer.address, printer.media

    def accepts(self) -> Status:
        asked = self._ask_printer("printer-state", "printer-is-accepting-jobs")
        if asked.get("printer-state") == [_STOPPED] or asked.get("printer-is-accepting-jobs") == [False]:
            return Status("problem", "print.queue_stopped")
        return Status("ok")

    def look(self) -> Status:
        asked = self._ask_printer("printer-state-reasons", "printer-state-message")
        reasons = " ".join(map(str, asked.get("printer-state-reasons", [])))
        for reason, code in _REASONS:
            if reason in reasons:
                return Status("problem", code)
        if any(_UNREACHED in str(words) for words in asked.get("printer-state-message", [])):
            return Status("problem", "print.offline")
        return self.accepts()

    def submit(self, data: bytes) -> str:
        words = ("lp", "-d", self._queue, "-t", TITLE, "-o", f"media={self._media}", "-")
        try:
            done = _run(words, data)
        except subprocess.TimeoutExpired as fault:
            raise PrinterFault("print.timeout", len(data), self._name) from fault  # it may have been taken
        except OSError as fault:
            raise PrinterFault("print.no_cups", 0, self._name) from fault
        number = re.search(rb"request id is \S+-(\d+) ", done.stdout)
        if done.returncode or not number:
            raise PrinterFault("print.queue_refused", 0, self._name)
        return number[1].decode()

    def news(self, job: str) -> News:
        """A job CUPS has forgotten is done: it keeps a list of the last 500."""
        asked = self._ask(ipp.GET_JOB_ATTRIBUTES, "job-uri", f"/jobs/{job}", "job-state")
        (state,) = asked.get("job-state", [_COMPLETED]) if asked is not None else [_COMPLETED]
        if state == _COMPLETED:
            return News.HANDED_OVER
        return News.FAILED if int(state) >= _CANCELED else News.WAITING

    def cancel(self, job: str) -> None:
        try:
            _run(("cancel", f"{self._queue}-{job}"))
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise PrinterFault("print.no_cups", 0, self._name) from fault

    def _ask_printer(self, *wanted: str) -> dict[str, list[ipp.Value]]:
        asked = self._ask(ipp.GET_PRINTER_ATTRIBUTES, "printer-uri", f"/printers/{self._queue}", *wanted)
        if asked is None:
            raise PrinterFault("print.no_queue", 0, self._name)
        return asked

    def _ask(self, operation: int, target: str, path: str, *wanted: str) -> dict[str, list[ipp.Value]] | None:
        try:
            return ipp.ask(operation, target, path, wanted)
        except OSError as fault:
            raise PrinterFault("print.no_cups", 0, self._name) from fault


def _run(words: tuple[str, ...], data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run in English, whatever the desktop speaks: the words are read."""
    environment = os.environ | {"LC_ALL": "C", "LANGUAGE": "C"}
    return subprocess.run(words, input=data, capture_output=True, timeout=COMMAND_S, env=environment, check=False)
