"""What lies on the demonstration's table: booklets and packages to scan, and what can go wrong with the devices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from config import tables
from drivers.simulator import Fault
from terminal.demo.clinic import DemoClinic
from terminal.store.children import Card
from terminal.ui.panel import Props

_PRINTER: dict[str, dict[str, Any]] = {
    "paper_out": {"paper_out": True},
    "cover_open": {"cover_open": True},
    "offline": {"offline": True},
    "dies": {"die_after": 20_000},
    "swallows": {"swallow": True},
    "mute": {"mute": True},
}
_WELL = {"paper_out": False, "cover_open": False, "offline": False, "swallow": False, "mute": False, "die_after": None}


def props(clinic: DemoClinic) -> Props:
    """For the panel beside the window."""
    zh = clinic.language == "zh_CN"
    names = tables.vaccines()

    def words(code: str) -> str:
        return names[code].name_zh if zh else names[code].name_en

    def scans(cards: Iterable[Card]) -> list[tuple[str, str]]:
        return [(card.facts.name or "-", card.identifier("booklet")) for card in cards]

    def next_scan(fault: Fault) -> Callable[[], object]:
        return lambda: clinic.scanner.fail_next(fault)

    def printer(faults: dict[str, Any]) -> Callable[[], object]:
        return lambda: clinic.printer.set(**faults)

    def mend() -> None:
        clinic.printer.set(**_WELL)
        clinic.printer.power_on()

    return Props(
        children=scans(clinic.children),
        strangers=scans(clinic.neighbour.children if clinic.neighbour else ()),
        packages=[(words(lot.product.vaccine), code) for lot in clinic.lots for code in lot.packages[:2]],
        scan=clinic.scanner.scan,
        scanner={
            **{f"ui.panel.scanner.{fault}": next_scan(fault) for fault in Fault},
            "ui.panel.scanner.unplug": clinic.scanner.unplug,
            "ui.panel.scanner.replug": clinic.scanner.replug,
        },
        printer={
            **{f"ui.panel.printer.{name}": printer(faults) for name, faults in _PRINTER.items()},
            "ui.panel.printer.mend": mend,
        },
        slips=lambda: [slip.png() for slip in clinic.printer.slips],
    )
