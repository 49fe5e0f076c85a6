"""Proof that Qt draws here: for the self-check, without the counter's window."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QLibraryInfo, QPluginLoader
from PySide6.QtWidgets import QApplication, QLabel

from terminal.ui import qt_words
from terminal.ui.tokens import dress


@dataclass(frozen=True)
class Drawing:
    """What came of it: pixels, what a button of Qt's own says in Chinese, and in Qt's words why the plugin for a real
    screen does not load ("" it does)."""

    width: int
    height: int
    colours: int
    cancel: str
    screen_fault: str


def draw(text: str) -> Drawing:
    """Draw `text` in our look into a picture, on Qt's platform without a screen. The main thread only."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    dress(app)
    image = QLabel(text).grab().toImage()
    colours = {image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}
    plugins = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath))
    screen = QPluginLoader(str(plugins / "platforms" / "libqxcb.so"))
    qt_words.speak("zh_CN")
    cancel = app.translate("QPlatformTheme", "Cancel")
    qt_words.speak("en")
    return Drawing(image.width(), image.height(), len(colours), cancel, "" if screen.load() else screen.errorString())
