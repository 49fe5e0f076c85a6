"""The window as a program: `run` until it is closed, or `build` for a script that drives it.

Before there is one, `tell` and `ask_secret` are dialogs for a start from an icon, where nobody sees a terminal.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QDialog, QLayout, QLineEdit, QVBoxLayout

from config.texts import Language
from terminal.ui import parts
from terminal.ui.services import Services
from terminal.ui.tokens import dress
from terminal.ui.window import MainWindow
from terminal.ui.words import Words
from terminal.usecases.desk import Desk

QUIET_MS = 300  # after which the sign-in is surely painted
SWITCH_S = 0.00002  # a thread that seals or prints gives way to the window at once; Python's own 5 ms add up to stalls
_log = logging.getLogger(__name__)


def build(desk: Desk, services: Services, language: Language) -> tuple[QApplication, MainWindow]:
    """The application and its window, not yet shown."""
    app = _application()
    return app, MainWindow(desk, services, language)


def _application() -> QApplication:
    """The one of this process, dressed."""
    sys.setswitchinterval(SWITCH_S)
    qInstallMessageHandler(_note)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    dress(app)
    return app


def run(
    desk: Desk, services: Services, language: Language, ready: Callable[[MainWindow], None] = lambda _: None
) -> int:
    """Show the window until it is closed; gives the exit code. `ready(window)` is called once it is shown:
    from there on `window.pump.post` takes the scanners' reports."""
    app, window = build(desk, services, language)
    sys.excepthook = _report
    window.show()
    ready(window)
    QTimer.singleShot(QUIET_MS, load_rest)
    return app.exec()


def load_rest() -> None:
    """While nobody has signed in yet: what comes after it is imported, and what stays for good is no more looked
    through for garbage, which would stop the window for 40 ms now and then."""
    from terminal.ui import shell  # noqa: F401, PLC0415 (see above)

    gc.freeze()


def tell(text: str, language: Language) -> None:
    """Words and one button; gives back when they were read."""
    _application()
    words = Words(language)
    dialog, layout = _dialog(words, text)
    layout.addLayout(parts.row(1, parts.Button(words("ui.start.close"), dialog.accept, "Enter", "primary")))
    dialog.exec()


def ask_secret(prompt: str, language: Language) -> str:
    """What is typed, hidden while typing. Raises EOFError when the person goes back."""
    _application()
    words = Words(language)
    dialog, layout = _dialog(words, prompt)
    field = QLineEdit()
    field.setEchoMode(QLineEdit.EchoMode.Password)
    field.setAccessibleName(prompt)
    layout.addWidget(field)
    back = parts.Button(words("ui.cancel"), dialog.reject, "Esc")
    go_on = parts.Button(words("ui.start.go_on"), dialog.accept, "Enter", "primary")
    go_on.setDefault(True)
    layout.addLayout(parts.row(back, 1, go_on))
    field.setFocus()
    if dialog.exec() != QDialog.DialogCode.Accepted:
        raise EOFError
    return field.text()


def _dialog(words: Words, text: str) -> tuple[QDialog, QVBoxLayout]:
    dialog = QDialog()
    dialog.setProperty("kind", "page")
    dialog.setWindowTitle(words("ui.brand"))
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(28, 24, 28, 24)
    layout.setSpacing(16)
    layout.setSizeConstraint(QLayout.SizeConstraint.SetFixedSize)
    told = parts.text(text, "lead", wrap=True)
    told.setFixedWidth(464)
    told.ensurePolished()
    told.setMinimumHeight(told.heightForWidth(464))
    layout.addWidget(told)
    return dialog, layout


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
