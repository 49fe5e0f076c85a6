"""The scanner wizard's first form: find the scanner by scanning, learn how it ends a scan, prove that GS arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QLineEdit

from config.settings import Scanner
from drivers.devices import Port
from drivers.reader import ScannerReader
from drivers.scan import Report, ScanEvent
from terminal.ui import parts
from terminal.ui.sheet import Choices, Pick, Sheet
from terminal.ui.words import Words
from terminal.usecases.scanner_setup import TERMINATORS, judge_gs

_NAMES = {"\r": "enter", "\t": "tab", "\n": "newline", "": "silence"}


class Finder(QObject):
    """Listens to serial ports nobody uses yet; `heard(port, event)` on the main thread for each scan."""

    heard = Signal(str, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._reader: ScannerReader | None = None

    def listen(self, ports: Sequence[str], terminator: str) -> None:
        """To these ports, a scan ended by `terminator`; whatever was listened to before is let go."""
        self.stop()
        candidates = tuple(Scanner(port, port=port, terminator=terminator) for port in ports)
        self._reader = ScannerReader(candidates, self._deliver)
        self._reader.start()

    def _deliver(self, report: Report) -> None:
        if isinstance(report, ScanEvent):
            self.heard.emit(report.device, report)

    def stop(self) -> None:
        if self._reader:
            self._reader.stop(0.0)  # its process ends by itself; the window does not wait
            self._reader = None


class ScannerSheet(Sheet):
    """`known` are the scanners that are set up; `save(scanner)` writes one, `print_sheet()` prints the GS sheet.

    Scans come by `scanned` from scanners in use and by the finder from ports that are free.
    """

    wide = True

    def __init__(
        self,
        words: Words,
        known: Sequence[Scanner],
        save: Callable[[Scanner], None],
        print_sheet: Callable[[], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, words("ui.scanner"), close, words("ui.scanner.save"))
        self._known = {scanner.name: scanner for scanner in known}
        self._save, self._proven = save, False
        self._free: tuple[Port, ...] = ()
        self._tried = 0
        self.step = parts.text(words("ui.scanner.looking"), "lead", wrap=True)
        self.body.addWidget(self.step)
        form = self.form()
        self.name = QLineEdit()
        self.line(form, "ui.scanner.name", self.name)
        self.port = Pick([("", words("ui.scanner.any_port"))])
        self.line(form, "ui.scanner.port", self.port)
        self.terminator = Choices([(t, words(f"ui.scanner.ends_{_NAMES[t]}")) for t in TERMINATORS], "\r")
        self.line(form, "ui.scanner.ends", self.terminator)
        self.gs = parts.text(words("ui.scanner.gs_not"), "body", wrap=True)
        self.line(form, "ui.scanner.gs", self.gs)
        self.substitute = ""
        self.body.addLayout(parts.row(parts.Button(words("ui.scanner.gs_print"), print_sheet, kind="quiet"), 1))
        self.body.addWidget(parts.text(words("ui.scanner.gs_how"), "muted", wrap=True))
        self.body.addStretch(1)
        self.finder = Finder(self)
        self.finder.heard.connect(self._found)
        self._enable()
        self.name.textChanged.connect(self._enable)
        self.port.currentIndexChanged.connect(self._enable)

    def show_ports(self, ports: Sequence[Port]) -> None:
        """What could be a scanner: free serial ports are listened to, keyboards can be chosen."""
        self._free = tuple(p for p in ports if not p.name)
        for port in self._free:
            kind = self.words("ui.scanner.keyboard" if port.usb else "ui.scanner.serial")
            self.port.addItem(f"{kind} · {port.description or port.path}", port.stable_path or port.path)
        for scanner in self._known.values():
            self.port.addItem(self.words("ui.scanner.in_use", name=scanner.name), scanner.name)
        self._listen()

    def _listen(self) -> None:
        serial = [p.path for p in self._free if not p.usb]
        if serial:
            self.finder.listen(serial, TERMINATORS[self._tried])

    def scanned(self, event: ScanEvent) -> None:
        """A scan of a scanner that is set up already."""
        scanner = self._known.get(event.device)
        if scanner:
            self.name.setText(scanner.name)
            self.port.choose(scanner.name)
            self.terminator.choose(scanner.terminator)
            self._judge(event)

    def _found(self, path: str, event: ScanEvent) -> None:
        """A free port spoke. Ended by silence: it ends its scans otherwise, and the next way is tried."""
        port = next(p for p in self._free if p.path == path)
        self.port.choose(port.stable_path or port.path)
        if event.unterminated and self._tried + 1 < len(TERMINATORS):
            self._tried += 1
            self._listen()
            self.step.setText(self.words("ui.scanner.again", at=self._tried + 1, of=len(TERMINATORS)))
            return
        self.terminator.choose(TERMINATORS[self._tried])
        self._judge(event)

    def _judge(self, event: ScanEvent) -> None:
        """What the scan says of GS, when it was the test sheet's."""
        heard = judge_gs(event.payload)
        ends = self.words(f"ui.scanner.ends_{_NAMES.get(self.terminator.value, 'enter')}")
        self.step.setText(self.words("ui.scanner.found", port=self.port.currentText(), ends=ends))
        if heard.how != "other":
            self._proven, self.substitute = heard.how in ("whole", "replaced"), heard.substitute
            self.gs.setText(self.words(f"ui.scanner.gs_{heard.how}", what=heard.substitute))
            self.gs.setProperty("kind", "good" if self._proven else "wrong")
            parts.restyle(self.gs, tone=heard.how)
        self._enable()

    def _enable(self) -> None:
        self.done_button.setEnabled(bool(self.name.text().strip() and self.port.value))

    def made(self) -> Scanner:
        """The scanner as the form says."""
        before = self._known.get(self.port.value)
        port = next((p for p in self._free if self.port.value in (p.stable_path, p.path)), None)
        where = {"kind": "hid", "usb": port.usb} if port and port.usb else {"port": self.port.value}
        scanner = before or Scanner(self.name.text().strip(), **where)  # type: ignore[arg-type]  # of two texts each
        return msgspec.structs.replace(
            scanner,
            terminator=self.terminator.value,
            gs_substitute=self.substitute or scanner.gs_substitute,
            gs_proven=self._proven or scanner.gs_proven,
        )

    def finish(self) -> None:
        self._save(self.made())
