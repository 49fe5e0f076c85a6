"""Reports of the scanners, from any thread to the main thread: one queue, one queued signal."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QObject, Qt, Signal, Slot

from drivers.scan import Report


class Pump(QObject):
    """`post` on any thread; `received` comes on the thread the pump lives on, each report once, in order."""

    received = Signal(object)
    _filled = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: deque[Report] = deque()
        self._filled.connect(self._drain, Qt.ConnectionType.QueuedConnection)

    def post(self, report: Report) -> None:
        """Hand over one report. Never blocks."""
        self._queue.append(report)
        self._filled.emit()

    @property
    def waiting(self) -> bool:
        """Whether a report was posted and not yet handed on."""
        return bool(self._queue)

    @Slot()
    def _drain(self) -> None:
        while self._queue:
            self.received.emit(self._queue[0])
            self._queue.popleft()
