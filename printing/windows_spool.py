"""A slip through the spooler of Windows as raw bytes. Imported on Windows only: pywin32 is there alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pywintypes
import win32print

from config.settings import Printer
from printing.line import PrinterFault
from printing.spooler import News, Queue
from printing.status import Status

TITLE = "Vaxdesk"

# winspool.h: bits of PRINTER_INFO_2.Status and of JOB_INFO_1.Status, the first that holds.
_PRINTER = (
    (0x00000010, "print.paper_out"),
    (0x00000040, "print.paper_out"),  # PAPER_PROBLEM
    (0x00400000, "print.cover_open"),
    (0x00000008, "print.printer_fault"),  # PAPER_JAM
    (0x00000002, "print.printer_fault"),
    (0x00000080, "print.offline"),
    (0x00001000, "print.offline"),  # NOT_AVAILABLE
    (0x00000001, "print.queue_stopped"),
)
_JOB = (
    (0x00000040, "print.paper_out"),
    (0x00000020, "print.offline"),
    (0x00000402, "print.printer_fault"),  # ERROR, USER_INTERVENTION
    (0x00000201, "print.queue_stopped"),  # PAUSED, BLOCKED_DEVQ
)
_PRINTED, _DELETED = 0x00000080, 0x00000104
_CANCEL = 3  # JOB_CONTROL_CANCEL
_CODES = {5: "print.no_permission", 1801: "print.no_queue", 1722: "print.no_spooler", 1058: "print.no_spooler"}
_GONE = (87, 1804)  # of a job that is no longer in the list


class WindowsQueue(Queue):
    """The printer Windows calls `printer.address`."""

    def __init__(self, printer: Printer) -> None:
        self._name, self._queue = printer.name, printer.address
        self._status = 0  # of our job

    def accepts(self) -> Status:
        self._status = 0
        return self.look()

    def look(self) -> Status:
        with self._opened() as handle:
            status = win32print.GetPrinter(handle, 2)["Status"]
        problems = [code for bits, code in _PRINTER if status & bits]
        problems += [code for bits, code in _JOB if self._status & bits]
        return Status("problem", problems[0]) if problems else Status("ok")

    def submit(self, data: bytes) -> str:
        sent = 0
        with self._opened(lambda: sent) as handle:
            job = win32print.StartDocPrinter(handle, 1, (TITLE, None, "RAW"))
            try:
                win32print.StartPagePrinter(handle)
                while sent < len(data):
                    written = win32print.WritePrinter(handle, data[sent:])
                    if not written:
                        raise PrinterFault("print.lost", sent, self._name)
                    sent += written
                win32print.EndPagePrinter(handle)
            finally:
                win32print.EndDocPrinter(handle)
        return str(job)

    def news(self, job: str) -> News:
        with self._opened() as handle:
            try:
                self._status = win32print.GetJob(handle, int(job), 1)["Status"]
            except pywintypes.error as fault:
                if fault.winerror not in _GONE:
                    raise
                self._status = 0
                return News.HANDED_OVER
        if self._status & _DELETED:
            return News.FAILED
        return News.PRINTED if self._status & _PRINTED else News.WAITING

    def cancel(self, job: str) -> None:
        with self._opened() as handle, suppress(pywintypes.error):  # it is done already
            win32print.SetJob(handle, int(job), 0, None, _CANCEL)

    @contextmanager
    def _opened(self, bytes_out: Any = lambda: 0) -> Iterator[Any]:
        """The printer; the spooler's errors leave as PrinterFault."""
        try:
            handle = win32print.OpenPrinter(self._queue)
            try:
                yield handle
            finally:
                win32print.ClosePrinter(handle)
        except pywintypes.error as fault:
            code = _CODES.get(fault.winerror, "print.unreachable")
            raise PrinterFault(code, bytes_out(), self._name) from fault
