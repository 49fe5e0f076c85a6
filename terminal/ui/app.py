"""The window as a program: `run` until it is closed, or `build` for a script that drives it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from config.texts import Language
from terminal.ui.services import Services
from terminal.ui.tokens import dress
from terminal.ui.window import MainWindow
from terminal.usecases.desk import Desk

_log = logging.getLogger(__name__)


def build(desk: Desk, services: Services, language: Language) -> tuple[QApplication, MainWindow]:
    """The application and its window, not yet shown."""
    qInstallMessageHandler(_note)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    dress(app)
    return app, MainWindow(desk, services, language)


def run(
    desk: Desk, services: Services, language: Language, ready: Callable[[MainWindow], None] = lambda _: None
) -> int:
    """Show the window until it is closed; gives the exit code. `ready(window)` is called once it is shown:
    from there on `window.pump.post` takes the scanners' reports."""
    app, window = build(desk, services, language)
    sys.excepthook = _report
    window.show()
    ready(window)
    return app.exec()


def _note(level: QtMsgType, context: QMessageLogContext, message: str) -> None:  # noqa: ARG001 (Qt calls it so)
    """What Qt has to say goes to the log, not to the terminal; it never holds what is on the screen."""
    if level in (QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg):
        _log.error("Qt: %s", message)
    else:
        _log.debug("Qt: %s", message)


def _report(kind: type[BaseException], _: BaseException, at: TracebackType | None) -> None:
    """Our mistake: into the log by its kind and place; what a message holds may be personal and stays out."""
    while at and at.tb_next:
        at = at.tb_next
    place = f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at else ""
    _log.critical("unexpected %s at %s", kind.__name__, place)
