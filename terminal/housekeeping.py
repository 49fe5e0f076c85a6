"""What nobody should have to think of: backups, unsent batches on the second medium, forecasts of a new month."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from domain.errors import VaxdeskError

_log = logging.getLogger(__name__)
_LOOK_AGAIN_S = 900.0


class Housekeeping(threading.Thread):
    """Runs its tasks after each visit and every quarter of an hour; what one of them says goes to `report`.

    `tasks` is name -> work; a task's fault is reported under its name and stops no other.
    """

    def __init__(
        self, tasks: dict[str, Callable[[], None]], report: Callable[[str, str, dict[str, Any]], None]
    ) -> None:
        super().__init__(name="housekeeping", daemon=True)
        self._tasks, self._report = tasks, report
        self._wake, self._stopping = threading.Event(), False

    @property
    def stopping(self) -> bool:
        """A long task leaves what is left for the next time."""
        return self._stopping

    def wake(self) -> None:
        self._wake.set()

    def stop(self, deadline_s: float) -> bool:
        """Let the task under way end; False when it did not within the deadline."""
        self._stopping = True
        self._wake.set()
        if self.ident:
            self.join(deadline_s)
        return not self.is_alive()

    def run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            for name, work in self._tasks.items():
                try:
                    work()
                    self._report(name, "", {})
                except VaxdeskError as fault:
                    _log.warning("%s: %s", name, fault.code)
                    self._report(name, fault.code, fault.params)
                except Exception as mistake:  # noqa: BLE001 (a mistake of ours must not end the backups in silence)
                    _log.error("%s: %s", name, type(mistake).__name__)
                    self._report(name, "house.mistake", {"task": name, "kind": type(mistake).__name__})
            self._wake.wait(_LOOK_AGAIN_S)
