"""Scanners and printers: how each is in words, the last scan, test pages, a scan as it came, prints that ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout

from config.settings import Printer, Scanner, Settings
from domain.codes import classify
from domain.permissions import Permission, allowed
from drivers.devices import Port, scanner_ports
from drivers.scan import DeviceState, ScanEvent
from terminal.store.papers import Job
from terminal.ui import parts
from terminal.ui.page_parts import WorkPage, in_card
from terminal.ui.pages import Heard, House
from terminal.ui.parts import Button
from terminal.ui.scanner_sheet import ScannerSheet
from terminal.ui.services import Condition
from terminal.ui.sounds import KEY
from terminal.ui.table_view import Column, Table
from terminal.ui.tasks import Tasks
from terminal.usecases.devices import print_test, uncertain
from terminal.usecases.scan_routing import scan_rules
from terminal.usecases.scanner_setup import print_gs_sheet, save_scanner

Tone = Literal["ok", "look", "stop"]
_COLOURS: dict[Tone, str] = {"ok": "ok", "look": "warn", "stop": "bad"}
SEEN = {"\x1d": "‹GS›", "\x1e": "‹RS›", "\x04": "‹EOT›"}  # the bundled font has no control pictures


@dataclass(frozen=True)
class Device:
    """A line of the table; `printer` None for a scanner."""

    name: str
    kind: str
    where: str
    tone: Tone
    state: str
    last: str
    printer: Printer | None = None


def visible(payload: str) -> str:
    """A payload with its control characters in words: ‹GS›."""
    return "".join(SEEN.get(c, c if c.isprintable() else f"‹{ord(c):02X}›") for c in payload)


class DevicesPage(WorkPage):
    """Looked at every second. A test scan is shown, not acted on, and goes with the page."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.devices")
        words = house.words
        self._thread = ThreadPoolExecutor(
            1, "devices-page"
        )  # ports are slow to ask; the store's thread has better to do
        self._tasks = Tasks(self._thread.submit, self)
        self._tasks.failed.connect(house.tasks.failed)
        self._jobs: tuple[Job, ...] = ()
        self.testing = False
        self.asking = QVBoxLayout()
        self.asking.setSpacing(8)
        self.inside.addLayout(self.asking)
        self.table: Table[Device] = Table(
            words("ui.devices"), self._columns(), words("ui.devices.none"), same=lambda d: d.name
        )
        self.inside.addWidget(in_card(self.table), 2)
        self.told = parts.text("", "muted", wrap=True)  # what the table may have no room for
        self.inside.addWidget(self.told)
        self._test_card, self.test_what, self.test_raw, self.test_kind = self._test_panel()
        self.inside.addWidget(self._test_card, 1)
        self.action("ui.devices.test_scan", self._test, "F5", "primary")
        self._print_button = self.action("ui.devices.test_page", self._print_test, "F6")
        self._setup_button = self.action("ui.devices.set_up", self._set_up, "F2")
        self.row.addStretch(1)
        self.action("ui.sound", self._toggle_sound, KEY)
        may = allowed(house.actor.grades, Permission.SYSTEM) and house.services.settings_path is not None
        self._setup_button.setEnabled(may)
        self._clock = QTimer(self, interval=1000)
        self._clock.timeout.connect(self._show)
        self.table.selectionModel().currentRowChanged.connect(self._enable)
        self.destroyed.connect(partial(self._thread.shutdown, False))

    def _test_panel(self) -> tuple[QFrame, QLabel, QLabel, QLabel]:
        frame, layout = parts.card()
        what, raw, kind = (
            parts.text("", "strong", wrap=True),
            parts.text("", "raw", wrap=True),
            parts.text("", "muted", wrap=True),
        )
        for label in (what, raw, kind):
            layout.addWidget(label)
        layout.addStretch(1)
        frame.hide()
        return frame, what, raw, kind

    def _columns(self) -> list[Column[Device]]:
        words = self.words
        return [
            Column(words("ui.devices.name"), lambda d: d.name, 2, strong=True),
            Column(words("ui.devices.kind"), lambda d: d.kind, 3),
            Column(words("ui.devices.where"), lambda d: d.where, 3, spare=True),
            Column(words("ui.devices.state"), lambda d: d.state, 7, lambda d: _COLOURS[d.tone]),
            Column(words("ui.devices.last"), lambda d: d.last, 3),
        ]

    def _scanner(self, scanner: Scanner, heard: Heard) -> Device:
        words, state = self.words, heard.state
        tone: Tone = "look" if state is None else "ok" if state is DeviceState.READY else "stop"
        told = (
            words("ui.devices.not_heard")
            if state is None
            else words(state.code, device=scanner.name, detail=heard.detail)
        )
        last = words("ui.devices.no_scan")
        if heard.scan_at:
            at = heard.scan_at.astimezone(self.house.desk.world.zone)
            last = words("ui.devices.last_scan", time=at.strftime("%H:%M:%S"), length=heard.length)
        kind = words(f"ui.devices.scanner_{scanner.kind}")
        return Device(scanner.name, kind, scanner.port or scanner.usb or "—", tone, told, last)

    def _printer(self, printer: Printer, condition: Condition | None) -> Device:
        words = self.words
        kind = words(f"ui.devices.printer_{printer.role}")
        if condition is None:
            return Device(printer.name, kind, printer.address, "look", words("ui.devices.not_heard"), "", printer)
        told = words(condition.code, **condition.params) if condition.code else words("ui.lamp.all_ready")
        return Device(printer.name, kind, printer.address, condition.level, told, "", printer)

    def _sound(self) -> Device:
        """Whether the counter is heard."""
        words, (muted, player) = self.words, self.house.services.sounding()
        state = "muted" if muted else "heard" if player else "no_player"
        told = words(f"ui.devices.sound_{state}", key=KEY)
        kind = words("ui.devices.tones")
        return Device(words("ui.sound"), kind, player or "—", "ok" if state == "heard" else "look", told, "")

    def devices(self) -> list[Device]:
        """As they are now: scanners, printers, the sound."""
        settings, heard, printers = self.house.desk.settings, self.house.scanners(), self.house.services.printers()
        scanners = [self._scanner(s, heard.get(s.name, Heard())) for s in settings.scanners]
        return [*scanners, *(self._printer(p, printers.get(p.name)) for p in settings.printers), self._sound()]

    def start(self) -> None:
        self._clock.start()
        self.table.setFocus()
        self._show()
        self.refresh()

    def stop(self) -> None:
        super().stop()
        self._clock.stop()
        self._end_test()
        self.close_sheet()

    def refresh(self) -> None:
        self.ask(uncertain, self._show_jobs, self.house.desk)

    def _show(self) -> None:
        self.table.show_lines(self.devices())
        self._enable()

    def _enable(self) -> None:
        shown = self.table.lines.shown
        self._print_button.setEnabled(any(d.printer for d in shown))
        line = self.table.line or next((d for d in shown if d.tone != "ok"), None)
        self.told.setText(f"{line.name}: {line.state}" if line else "")

    def _show_jobs(self, jobs: tuple[Job, ...]) -> None:
        """Each print that may be on paper asks for its answer."""
        if jobs == self._jobs:
            return
        self._jobs = jobs
        parts.clear(self.asking)
        answer = self.house.work.children.answer_print
        for job in jobs:
            yes = Button(self.words("ui.print.is_there"), partial(answer, job.id, True), kind="quiet")
            no = Button(self.words("ui.print.not_there"), partial(answer, job.id, False), kind="quiet")
            bar = QFrame()
            bar.setProperty("kind", "bar")
            text = self.words("ui.print.uncertain", number=job.receipt or self.words("ui.devices.test_page"))
            layout = parts.row(parts.text(text, wrap=True), yes, no)
            layout.setStretch(0, 1)
            layout.setContentsMargins(16, 6, 8, 6)
            bar.setLayout(layout)
            bar.setAccessibleName(text)
            self.asking.addWidget(bar)

    def _toggle_sound(self) -> None:
        self.house.services.toggle_sound()
        self._show()

    def _test(self) -> None:
        """The next scans are shown as they come; pressed again, they act as ever."""
        if self.testing:
            self._end_test()
            return
        self.testing = True
        self.test_what.setText(self.words("ui.devices.scan_now"))
        self.test_raw.setText("")
        self.test_kind.setText(self.words("ui.devices.test_how"))
        self._test_card.show()

    def _end_test(self) -> None:
        self.testing = False
        self.test_raw.setText("")
        self._test_card.hide()

    def hear(self, event: ScanEvent) -> bool:
        if isinstance(self.sheet, ScannerSheet):
            self.sheet.scanned(event)
        elif self.testing:
            self._show_test(event)
        else:
            return False
        return True

    def _show_test(self, event: ScanEvent) -> None:
        words = self.words
        self.test_what.setText(
            words(
                "ui.devices.scanned", device=event.device, length=len(event.payload), symbology=event.symbology or "—"
            )
        )
        self.test_raw.setText(visible(event.payload))
        self.test_raw.setAccessibleName(words("ui.devices.raw"))
        if event.code:
            self.test_kind.setText(words(event.code, device=event.device))
            return
        code = classify(event.payload, scan_rules(self.house.desk, event.device), event.symbology)
        self.test_kind.setText(words(f"ui.devices.is_{type(code).__name__.lower()}"))

    def _print_test(self) -> None:
        """On the chosen printer, or the first."""
        chosen = self.table.line
        printers = [d.printer for d in self.table.lines.shown if d.printer]
        printer = chosen.printer if chosen and chosen.printer else printers[0] if printers else None
        if printer:
            self.do(print_test, self._printing, printer.name)

    def _printing(self, printer: str) -> None:
        self.house.services.wake_printer()
        self.say(self.words("ui.devices.printing", printer=printer))

    def _set_up(self) -> None:
        sheet = ScannerSheet(
            self.words, self.house.desk.settings.scanners, self._save, self._print_gs, self.close_sheet
        )

        def show(ports: list[Port]) -> None:
            if self.sheet is sheet:
                sheet.show_ports(ports)

        self.open_sheet(sheet)
        self._tasks.run(scanner_ports, self.house.desk.settings.scanners, then=show)

    def _print_gs(self) -> None:
        self.do(print_gs_sheet, lambda _: self.house.services.wake_printer())

    def _save(self, scanner: Scanner) -> None:
        def saved(_: Settings) -> None:
            self.close_sheet()
            self.say(self.words("ui.devices.saved", name=scanner.name))

        self.do(save_scanner, saved, self.house.services.settings_path, scanner)

    def close_sheet(self) -> None:
        if isinstance(self.sheet, ScannerSheet):
            self.sheet.finder.stop()
        super().close_sheet()
