"""What lies on the demonstration's table: booklets and packages to scan, and what can go wrong with the devices."""

from __future__ import annotations

import io
from collections.abc import Callable

from config import tables
from drivers.simulator import Fault as ScannerFault
from printing.simulator import Fault as PrinterFault
from terminal.demo.clinic import DemoClinic
from terminal.ui.panel import Props


def props(clinic: DemoClinic) -> Props:
    """For the panel beside the window."""
    zh = clinic.language == "zh_CN"
    names = tables.vaccines()

    def words(code: str) -> str:
        return names[code].name_zh if zh else names[code].name_en

    def next_scan(fault: ScannerFault) -> Callable[[], object]:
        return lambda: clinic.scanner.fail_next(fault)

    def printer(fault: PrinterFault) -> Callable[[], object]:
        return lambda: clinic.printer.fail(fault)

    def slips() -> list[bytes]:
        pages = []
        for slip in clinic.printer.slips:
            page = io.BytesIO()
            slip.save(page, "PNG")
            pages.append(page.getvalue())
        return pages

    return Props(
        children=[(card.facts.name or "-", card.identifier("booklet")) for card in clinic.children],
        packages=[(words(lot.product.vaccine), code) for lot in clinic.lots for code in lot.packages[:2]],
        scan=clinic.scanner.scan,
        scanner={
            **{f"ui.panel.scanner.{fault}": next_scan(fault) for fault in ScannerFault},
            "ui.panel.scanner.unplug": clinic.scanner.unplug,
            "ui.panel.scanner.replug": clinic.scanner.replug,
        },
        printer={
            **{f"ui.panel.printer.{fault}": printer(fault) for fault in PrinterFault},
            "ui.panel.printer.mend": clinic.printer.mend,
        },
        slips=slips,
    )
