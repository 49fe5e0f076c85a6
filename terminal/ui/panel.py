"""The demonstration's panel: a simulated scanner to pull, a simulated printer to break, and the slips it printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QPixmap
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from terminal.ui import parts
from terminal.ui.sheet import Pick
from terminal.ui.words import Words

LOOK_MS = 1000  # how often the printer's tray is looked at
SLIP_PX = 300
WIDE_PX, HIGH_PX = 820, 960


@dataclass(frozen=True)
class Props:
    """What stands on the demonstration's table. `slips` is quick; the other callables may block:
    they are called on a thread of the panel.

    `children`, `strangers` (of another clinic, may be none) and `packages` are (words, code) to scan with
    `scan(code)`. `scanner` and `printer` are what can be done to the devices: code of the words -> the deed. `slips()`
    gives all that came out of the printer, PNG, oldest first.
    """

    children: Sequence[tuple[str, str]]
    strangers: Sequence[tuple[str, str]]
    packages: Sequence[tuple[str, str]]
    scan: Callable[[str], object]
    scanner: Mapping[str, Callable[[], object]]
    printer: Mapping[str, Callable[[], object]]
    slips: Callable[[], Sequence[bytes]]


class Panel(QFrame):
    """A small window beside the counter's. Closing it ends its thread."""

    def __init__(self, words: Words, props: Props) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self.setProperty("kind", "page")
        self.setWindowTitle(words("ui.panel"))
        self._words, self._props = words, props
        self._thread = ThreadPoolExecutor(1, "demo-panel")
        self._shown = 0
        things_to_do = QWidget()
        self._layout = QVBoxLayout(things_to_do)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(12)
        for code, things, key in (
            ("ui.panel.child", props.children, "ui.panel.scan_child"),
            ("ui.panel.stranger", props.strangers, "ui.panel.scan_stranger"),
            ("ui.panel.package", props.packages, "ui.panel.scan_package"),
        ):
            if things:
                self._add_scans(words(code), things, words(key))
        self._add_deeds(words("ui.panel.scanner"), props.scanner)
        self._add_deeds(words("ui.panel.printer"), props.printer)
        self._layout.addStretch(1)
        inside = QWidget()
        self._slips = QVBoxLayout(inside)
        self._slips.addStretch(1)
        tray = QScrollArea()
        tray.setWidgetResizable(True)
        tray.setWidget(inside)
        paper = QVBoxLayout()
        paper.addWidget(parts.text(words("ui.panel.slips"), "strong"))
        paper.addWidget(tray, 1)
        sides = QHBoxLayout(self)
        sides.setContentsMargins(14, 14, 14, 14)
        sides.setSpacing(14)
        sides.addWidget(_high(things_to_do))
        sides.addLayout(paper, 1)
        self.resize(WIDE_PX, HIGH_PX)
        self._look = QTimer(self, interval=LOOK_MS)
        self._look.timeout.connect(self.show_slips)
        self._look.start()

    def _add_scans(self, heading: str, things: Sequence[tuple[str, str]], scan_words: str) -> None:
        """A list of codes; the button scans the chosen one and goes on to the next."""
        pick = Pick([(code, words) for words, code in things])
        pick.setAccessibleName(heading)

        def scan() -> None:
            self._thread.submit(self._props.scan, pick.value)
            pick.setCurrentIndex((pick.currentIndex() + 1) % max(1, pick.count()))

        frame, layout = parts.card()
        layout.addWidget(parts.text(heading, "strong"))
        line = parts.row(pick, parts.Button(scan_words, scan, kind="primary"), spacing=8)
        line.setStretch(0, 1)
        layout.addLayout(line)
        self._layout.addWidget(frame)

    def _add_deeds(self, heading: str, deeds: Mapping[str, Callable[[], object]]) -> None:
        frame, layout = parts.card()
        layout.addWidget(parts.text(heading, "strong"))
        grid = QGridLayout()
        grid.setSpacing(6)
        for at, (code, deed) in enumerate(deeds.items()):
            button = parts.Button(self._words(code), partial(self._thread.submit, deed), kind="quiet")
            grid.addWidget(button, at // 2, at % 2)
        layout.addLayout(grid)
        self._layout.addWidget(frame)

    def show_slips(self) -> None:
        """Show the slips that came out since the last look, newest on top."""
        for png in self._props.slips()[self._shown :]:
            picture = QPixmap()
            picture.loadFromData(png)
            label = parts.text()
            label.setPixmap(picture.scaledToWidth(SLIP_PX, Qt.TransformationMode.SmoothTransformation))
            label.setAccessibleName(self._words("ui.panel.slip", number=self._shown + 1))
            self._slips.insertWidget(0, label)
            self._shown += 1

    def show_beside(self, window: QWidget) -> None:
        """At the right of the counter's window, or over its right side where the screen ends."""
        free = window.screen().availableGeometry()
        self.resize(WIDE_PX, min(HIGH_PX, free.height() - 40))  # its title bar needs some too
        self.show()
        frame = window.frameGeometry()
        left = min(frame.right() + 8, free.right() - self.frameGeometry().width())
        self.move(max(free.left(), left), frame.top())

    def closeEvent(self, event: QCloseEvent) -> None:
        self._look.stop()
        self._thread.shutdown(wait=False, cancel_futures=True)
        super().closeEvent(event)


def _high(inside: QWidget) -> QScrollArea:
    """As wide as it needs to be, and no higher than the screen."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(inside)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumWidth(inside.sizeHint().width() + area.verticalScrollBar().sizeHint().width())
    return area
