"""The top bar: clinic and desk, search, the state of scanner, printer and upload, who works here, the time."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from domain.world import from_utc_text
from drivers.scan import DeviceState
from terminal.store.outbox import UnsentCount
from terminal.ui import parts
from terminal.ui.first_load import first_load_words, loaded_percent
from terminal.ui.search_box import SearchBox
from terminal.ui.services import Condition, FeedState
from terminal.ui.tokens import COLOURS, TARGET_PX
from terminal.ui.words import Words
from terminal.usecases.desk import Desk

Level = Literal["ok", "look", "stop"]
_DOTS = {"ok": "ok", "look": "warn", "stop": "bad"}


class Lamp(QFrame):
    """A dot and a word; the tooltip says what is wrong and what to do."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._dot = _Dot()
        self._label = parts.text(words, "muted")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._dot)
        layout.addWidget(self._label)
        self.level: Level = "ok"

    def show_state(self, level: Level, words: str, hint: str) -> None:
        self.level = level
        self._label.setText(words)
        self._dot.colour = COLOURS[_DOTS[level]]
        self._dot.update()
        self.setToolTip(hint)
        self.setAccessibleName(f"{words}. {hint}")


class _Dot(QWidget):
    colour = COLOURS["ok"]

    def sizeHint(self) -> QSize:
        return QSize(10, 10)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 (Qt's signature)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(0, 0, 0, 0))
        painter.setBrush(QColor(self.colour))
        side = 9
        painter.drawEllipse((self.width() - side) // 2, (self.height() - side) // 2, side, side)


class TopBar(QFrame):
    """Always there; holds no personal datum but the search box, which `clear` empties."""

    def __init__(self, desk: Desk, words: Words, search: SearchBox) -> None:
        super().__init__()
        self.setProperty("kind", "topbar")
        self._desk, self._words, self.search = desk, words, search
        self._states: dict[str, tuple[DeviceState, str]] = {}
        clinic = desk.settings.clinic.name + " · " + words("ui.desk", desk=desk.settings.desk)
        self.scanner, self.printer = Lamp(words("ui.lamp.scanner")), Lamp(words("ui.lamp.printer"))
        self.unsent = Lamp(words("ui.lamp.unsent", count=0))
        self._nurse, self._time = parts.Elided("", "body"), parts.text("", "body")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(18, 0, 18, 0)
        layout.setSpacing(20)
        layout.addWidget(parts.text(words("ui.brand"), "brand"))
        layout.addWidget(parts.Elided(clinic, "muted"), 1)
        layout.addWidget(search, 1)
        for lamp in (self.scanner, self.printer, self.unsent):
            layout.addWidget(lamp)
        layout.addLayout(parts.row(self._nurse, self._time, spacing=8))
        self.setFixedHeight(TARGET_PX + 8)
        self.show_scanners()
        self.show_printer(Condition())
        self.tick()

    def show_nurse(self, name: str) -> None:
        self._nurse.setText(self._words("ui.nurse", name=name))

    def tick(self) -> None:
        """The clinic's clock; marked when a person gave the date."""
        time = self._desk.local_now().strftime("%H:%M")
        self._time.setText(time if self._desk.clock == "sure" else f"{self._desk.today().isoformat()} {time}")

    def device_changed(self, name: str, state: DeviceState, detail: str) -> None:
        self._states[name] = (state, detail)
        self.show_scanners()

    def show_scanners(self) -> None:
        """Green when all are ready; the hint says which is not, and what to do."""
        wrong = {n: s for n, s in self._states.items() if s[0] is not DeviceState.READY}
        missing = not self._desk.settings.scanners
        level: Level = "look" if missing or len(self._states) < len(self._desk.settings.scanners) else "ok"
        hints = [self._words(state.code, device=n, detail=detail) for n, (state, detail) in wrong.items()]
        if missing:
            hints = [self._words("ui.lamp.no_scanner")]
        if wrong:
            level = "stop"
        name = self._words("ui.lamp.scanner") if level == "ok" else self._words("ui.lamp.scanner_off")
        self.scanner.show_state(level, name, " ".join(hints) or self._words("ui.lamp.all_ready"))

    def show_printer(self, condition: Condition) -> None:
        words = self._words
        level, hint = condition.level, words("ui.lamp.all_ready")
        if not any(p.role == "slip" for p in self._desk.settings.printers):
            level, hint = "look", words("print.no_printer")
        elif condition.code:
            hint = words(condition.code, **condition.params)
        self.printer.show_state(level, words("ui.lamp.printer" if level == "ok" else "ui.lamp.printer_off"), hint)

    def show_unsent(
        self, unsent: UnsentCount, condition: Condition, backed_up_at: datetime | None, feed: FeedState
    ) -> None:
        """What waits for the region, or how far the first load is; the hint: why it waits, when it answered last, the
        age of the backup."""
        words = self._words
        level: Level = condition.level if condition.level != "ok" else "look" if unsent.events else "ok"
        acked_at = from_utc_text(unsent.last_ack_at) if unsent.last_ack_at else None
        told = [
            words("ui.lamp.last_ack", when=self._when(acked_at)),
            words("ui.lamp.backup", when=self._when(backed_up_at)),
        ]
        if condition.code:
            told.insert(0, words(condition.code, **condition.params))
        if feed.first_load:
            told.insert(0, first_load_words(words, feed))
            self.unsent.show_state("look", words("ui.lamp.first_load", percent=loaded_percent(feed)), " ".join(told))
            return
        name = words("ui.lamp.unsent_off" if condition.code else "ui.lamp.unsent", count=unsent.events)
        self.unsent.show_state(level, name, " ".join(told))

    def _when(self, at: datetime | None) -> str:
        if at is None:
            return self._words("ui.never")
        return self._words.moment(at.astimezone(self._desk.world.zone), self._desk.today())
