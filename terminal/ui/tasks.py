"""Work on the store thread, its result on the main thread: the window never waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from domain.errors import VaxdeskError

T = TypeVar("T")
_Job = tuple[Callable[..., Any], tuple[Any, ...], Callable[[Any], None]]


def _nothing() -> None:
    pass


class Tasks(QObject):
    """`run` sends one piece of work; `then` gets its result here, in the order of sending.

    Every fault goes to `failed`. One that is not of the world (VaxdeskError) is our mistake: it is raised as well, on
    the main thread, where the program's hook reports it.
    """

    failed = Signal(object)
    idle = Signal()  # nothing is under way any more
    _done = Signal(object, object, object, int)
    _heard = Signal(object, object, object, int)

    def __init__(self, submit: Callable[..., Future[Any]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._submit = submit
        self._open = 0
        self._generation = 0
        self._done.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._heard.connect(self._pass_on, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        return self._open > 0

    def run(
        self, work: Callable[..., T], *args: Any, then: Callable[[T], None], after: Callable[[], None] = _nothing
    ) -> None:
        """Run `work(*args)` on the store thread, then `then(result)` on the main one, and `after()` come what may."""
        self._open += 1
        born = self._generation
        self._submit(work, *args).add_done_callback(lambda future: self._done.emit(future, then, after, born))

    def hear(self, future: Future[T], then: Callable[[T], None], failed: Callable[[Any], None]) -> None:
        """What another house answers comes here some time, or its VaxdeskError to `failed`: nothing waits for it."""
        born = self._generation
        future.add_done_callback(lambda answer: self._heard.emit(answer, then, failed, born))

    def forget(self) -> None:
        """The screen that asked is gone: what is under way is still done, its results are dropped."""
        self._generation += 1

    @Slot(object, object, object, int)
    def _pass_on(
        self, future: Future[Any], then: Callable[[Any], None], failed: Callable[[Any], None], born: int
    ) -> None:
        if born != self._generation or future.cancelled():
            return
        fault = future.exception()
        if fault is None:
            then(future.result())
        elif isinstance(fault, VaxdeskError):
            failed(fault)
        else:
            raise fault

    @Slot(object, object, object, int)
    def _deliver(self, future: Future[Any], then: Callable[[Any], None], after: Callable[[], None], born: int) -> None:
        forgotten = born != self._generation
        try:
            fault = future.exception()
            if forgotten and (fault is None or isinstance(fault, VaxdeskError)):
                return
            if fault is None:
                then(future.result())
                return
            self.failed.emit(fault)
            if not isinstance(fault, VaxdeskError):
                raise fault
        finally:
            if not forgotten:
                after()
            self._open -= 1
            if not self._open:
                self.idle.emit()


class Turns(QObject):
    """Scans and verbs, one at a time: the next begins when the screen shows the answer to the one before."""

    idle = Signal()

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._waiting: deque[Callable[[], _Job | None]] = deque()
        self._running = False

    @property
    def busy(self) -> bool:
        return self._running or bool(self._waiting)

    def take(self, turn: Callable[[], _Job | None]) -> None:
        """`turn` is called when it comes up and gives (work, arguments, then), or None when there is nothing to do."""
        self._waiting.append(turn)
        self._next()

    def _next(self) -> None:
        while self._waiting and not self._running:
            job = self._waiting.popleft()()
            if job is not None:
                self._running = True
                work, args, then = job
                self._tasks.run(work, *args, then=then, after=self._over)
        if not self.busy:
            self.idle.emit()

    def _over(self) -> None:
        self._running = False
        self._next()
