"""The window: sign-in or the counter, the scanners' reports, the lock, and the time from scan to screen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QMainWindow

from config.texts import Language
from domain.codes import classify
from domain.errors import VaxdeskError
from drivers.scan import Report, ScanEvent, StateChange
from terminal.ui import parts, qt_words
from terminal.ui.pump import Pump
from terminal.ui.services import Services
from terminal.ui.sign_in import SignIn
from terminal.ui.sounds import KEY, Sounds
from terminal.ui.tasks import Tasks
from terminal.ui.touch_pad import TouchPad
from terminal.ui.verdict_strip import Said
from terminal.ui.wedge import Wedge
from terminal.ui.words import Words
from terminal.usecases.clock_check import check_clock
from terminal.usecases.desk import Actor, Desk
from terminal.usecases.scan_routing import scan_rules

if TYPE_CHECKING:
    from terminal.ui.counter import Counter
    from terminal.ui.shell import Shell

SMALLEST, USUAL = (1024, 768), (1366, 768)
_ACTIVITY = (QEvent.Type.KeyPress, QEvent.Type.MouseButtonPress, QEvent.Type.TouchBegin)


class MainWindow(QMainWindow):
    """`pump.post(report)` takes scans from any thread.

    `scan_to_screen_s` collects, for each scan that was answered, the seconds from its last byte (ScanEvent.mono) to the
    end of the paint that shows the answer; `on_painted(seconds)` hears of each.
    """

    def __init__(self, desk: Desk, services: Services, language: Language) -> None:
        super().__init__()
        self.desk = desk
        self.sounds = Sounds(desk.settings.sound, self)
        self.services = replace(
            services, sound=self.sounds.play, sounding=self.sounds.state, toggle_sound=self.toggle_sound
        )
        self.words = Words(language)
        qt_words.speak(language)
        self.pump = Pump(self)
        self.tasks = Tasks(services.submit, self)
        self.scan_to_screen_s: list[float] = []
        self.on_painted: Callable[[float], None] = lambda _: None
        self.sign_in: SignIn | None = None
        self.shell: Shell | None = None
        self._unpainted: list[float] = []
        self._devices: dict[str, StateChange] = {}
        self.pump.received.connect(self._report)
        self.tasks.failed.connect(self._fault)
        self.setWindowTitle(self.words("ui.brand"))
        self._edition = parts.text("", "edition")  # above every screen until a physician answers for the programme
        self._edition.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMenuWidget(self._edition)
        self.pad = TouchPad(self, self.words)
        room = self.screen().availableSize()  # in our own pixels: 1920x1080 at 200 % is half as much
        self.setMinimumSize(min(SMALLEST[0], room.width()), min(SMALLEST[1], room.height()))
        self.resize(*USUAL)
        self._idle = QTimer(self, singleShot=True, interval=desk.settings.idle_lock_s * 1000)
        self._idle.timeout.connect(self._idle_over)
        QShortcut(QKeySequence(KEY), self, self.toggle_sound)
        self.lock()
        self.winId()  # from here on there is a window of the system, where keys and touches arrive first
        self.windowHandle().installEventFilter(self)
        self.wedge = Wedge.of(desk.settings, self.words, self.pump.post, self.windowHandle())

    @property
    def counter(self) -> Counter | None:
        """The counter's page, while somebody is signed in."""
        return self.shell.counter if self.shell else None

    def lock(self, why: str = "") -> None:
        """Back to the sign-in; nothing of a person stays on the screen or in the widgets."""
        self._idle.stop()
        self.tasks.forget()
        if self.shell:
            self.shell.stop()
        self.shell = None
        self.show_edition()
        self.pad.hide()
        self.sign_in = SignIn(self.desk, self.words, self.tasks, self._entered, self._speak, self.sounds, why)
        self.setCentralWidget(self.sign_in)

    def show_edition(self) -> None:
        """Say that this is a demonstration edition, or nothing once a physician approved it."""
        self._edition.setText(self.words("ui.demonstration"))
        self._edition.setVisible(not self.desk.approved)

    def _idle_over(self) -> None:
        if self.shell:
            self.lock(self.words("ui.locked"))

    def _speak(self, language: Language) -> None:
        self.words = Words(language)
        qt_words.speak(language)
        self.setWindowTitle(self.words("ui.brand"))
        self.pad.setParent(None)
        self.pad.deleteLater()
        self.pad = TouchPad(self, self.words)
        self.lock()

    def toggle_sound(self) -> None:
        """F3: mute, or hear again; said where the person looks."""
        muted = self.sounds.toggle()
        said = self.words("ui.sound.off" if muted else "ui.sound.on")
        if self.shell:
            self.shell.counter.strip.show_said(Said("plain", said, self.words("ui.sound.how")))
        elif self.sign_in:
            self.sign_in.show_sound(said)

    def _entered(self, actor: Actor) -> None:
        self.tasks.run(check_clock, self.desk, then=lambda _: self._open_counter(actor))

    def _open_counter(self, actor: Actor) -> None:
        from terminal.ui.shell import Shell  # noqa: PLC0415 (every page and form: not needed to sign in)

        self.show_edition()
        self.shell = Shell(self.desk, self.services, self.words, actor, self.tasks, self._answered, self.lock)
        self.shell.ticked = self.show_edition
        self.sign_in = None
        self.setCentralWidget(self.shell)
        for change in self._devices.values():
            self.shell.report(change)
        self._idle.start()
        self.shell.start()

    def _report(self, report: Report) -> None:
        """One report of a scanner, on the main thread."""
        if isinstance(report, StateChange):
            self._devices[report.device] = report
        if self.shell:
            if isinstance(report, ScanEvent):
                self._idle.start()
            self.shell.report(report)
        elif self.sign_in and isinstance(report, ScanEvent):
            self.sign_in.take(classify(report.payload, scan_rules(self.desk, report.device), report.symbology))

    def _answered(self, mono: float) -> None:
        """The screen holds the answer to the scan of that moment; the paint that follows shows it."""
        self._unpainted.append(mono)
        if self.shell:
            QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)  # else all is painted again after
            self.shell.update(0, 0, 1, 1)  # a paint comes also when the same answer stands there already

    def _fault(self, fault: BaseException) -> None:
        """A verb failed: nothing was saved, and the words say so."""
        code, params = (fault.code, fault.params) if isinstance(fault, VaxdeskError) else ("ui.mistake", {})
        text = self.words(code, **params)
        if self.shell:
            self.shell.fault(*self.words.sentences(text))
        elif self.sign_in:
            self.sign_in.refuse(text)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Nothing is asked of the store any more, which is closed next; answers that come later are dropped."""
        self._idle.stop()
        self.tasks.forget()
        if self.shell:
            self.shell.stop()
        self.sounds.stop()
        super().closeEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A key while nothing has the focus is meant for the shell."""
        if self.shell and self.focusWidget() is None:
            self.shell.keyPressEvent(event)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.UpdateRequest and self._unpainted:
            now = time.monotonic()
            for mono in self._unpainted:
                if mono:
                    self.scan_to_screen_s.append(now - mono)
                    self.on_painted(now - mono)
            self._unpainted.clear()
        return done

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _ACTIVITY:
            if event.type() == QEvent.Type.KeyPress:
                self.services.key_pressed()
            if self.shell:
                self._idle.start()
        return super().eventFilter(watched, event)
