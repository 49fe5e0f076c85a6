"""The look: colours and sizes by name, the style sheet made from them, the bundled font."""

from __future__ import annotations

from pathlib import Path
from string import Template

from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from printing.font import FONTS

SHEET = Path(__file__).with_name("look.qss")
COLOURS = {
    "bg": "#F4F6F8",
    "surface": "#FFFFFF",
    "line": "#DDE3E8",
    "edge": "#7F8D9A",  # around what can be filled in or chosen: 3 to 1 on white and on the page
    "ink": "#14202B",
    "muted": "#5B6B79",
    "accent": "#0B6E69",
    "accent_tint": "#E4F3F1",
    "accent_dark": "#08524E",
    "ok": "#176B3B",
    "ok_tint": "#E6F5EC",
    "warn": "#9A5B00",
    "warn_tint": "#FFF4DF",
    "bad": "#B42318",
    "bad_tint": "#FDECEA",
    "grey_tint": "#EDF1F4",
}
BODY_PX = 15
TARGET_PX = 48  # the smallest thing a finger must hit
GAP = 14  # between panels


def dress(app: QApplication) -> None:
    """Fusion, the bundled font (so that Chinese shows on a bare machine), palette and style sheet."""
    app.setStyle("Fusion")
    families = [
        family
        for path in sorted(FONTS.glob("*.otf"))
        for family in QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(path)))
    ]
    font = QFont(app.font())
    font.setFamilies([*families, font.family()])
    font.setPixelSize(BODY_PX)
    app.setFont(font)
    app.setPalette(_palette())
    app.setStyleSheet(Template(SHEET.read_text(encoding="utf-8")).substitute(COLOURS))


def _palette() -> QPalette:
    palette = QPalette()
    for role, name in (
        (QPalette.ColorRole.Window, "bg"),
        (QPalette.ColorRole.Base, "surface"),
        (QPalette.ColorRole.Text, "ink"),
        (QPalette.ColorRole.WindowText, "ink"),
        (QPalette.ColorRole.ButtonText, "ink"),
        (QPalette.ColorRole.Highlight, "accent"),
        (QPalette.ColorRole.HighlightedText, "surface"),
        (QPalette.ColorRole.PlaceholderText, "muted"),
    ):
        palette.setColor(role, QColor(COLOURS[name]))
    return palette
