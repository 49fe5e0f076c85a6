"""Qt's own words - the buttons of its dialogs, its menus, its calendar - in the language of the window."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from config.texts import Language

_spoken: list[QTranslator] = []  # Qt keeps no reference; one application, one language


def speak(language: Language) -> None:
    """From now on Qt speaks `language`; English is what it speaks by itself."""
    while _spoken:
        QCoreApplication.removeTranslator(_spoken.pop())
    locale = QLocale(language)
    QLocale.setDefault(locale)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    translator = QTranslator()
    if language != "en" and translator.load(locale, "qtbase", "_", folder):
        QCoreApplication.installTranslator(translator)
        _spoken.append(translator)
