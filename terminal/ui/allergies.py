"""What a child is allergic to: typed, or chosen among what vaccines contain; only what has a code can turn red."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from PySide6.QtWidgets import QComboBox, QLineEdit

from config import tables
from domain.events import Alert
from terminal.ui.sheet import Pick
from terminal.ui.words import Words

KIND = "allergy"
BETWEEN = "、"
_SEPARATORS = re.compile(r"[、，,;；]+")


def component_of(text: str) -> str:
    """The code of a component by its name in either language, "" for anything else."""
    named = text.strip().casefold()
    found = (c for c, term in tables.components().items() if named in (term.name_zh, term.name_en.casefold()))
    return next(found, "")


def as_text(known: Sequence[Alert]) -> str:
    """Several as one line."""
    return BETWEEN.join(alert.text for alert in known)


def read(text: str, known: Sequence[Alert]) -> list[Alert]:
    """The alerts of a line. One that was known stays as it was, and gets its code where its name is a component's."""
    typed = [part.strip() for part in _SEPARATORS.split(text) if part.strip()]
    old = {alert.text: alert for alert in known}
    alerts = list(known) if text == as_text(known) else [old.get(t, Alert(KIND, t)) for t in dict.fromkeys(typed)]
    return [
        msgspec.structs.replace(alert, component=component_of(alert.text)) if not alert.component else alert
        for alert in alerts
    ]


def alert_words(words: Words, alert: Alert) -> str:
    """The name of its code in this language, else what was written; then the day it was seen."""
    condition, component = tables.conditions().get(alert.component), tables.components().get(alert.component)
    if component and alert.text not in (component.name_zh, component.name_en):
        component = None  # somebody wrote more than the name
    return " ".join(filter(None, [words.name(condition or component, alert.text), alert.on]))


class AllergyPick(Pick):
    """A list with a line to type in: a choice is added to what stands there."""

    def __init__(self, words: Words) -> None:
        self._before = ""
        super().__init__([(code, words.name(term)) for code, term in tables.components().items()])
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setCompleter(None)  # type: ignore[arg-type]  # Qt takes none
        self.setCurrentIndex(-1)
        self.line.textEdited.connect(self._keep)
        self.textActivated.connect(self._add)

    @property
    def line(self) -> QLineEdit:
        """Where it is typed."""
        line = self.lineEdit()
        assert line is not None
        return line

    def showPopup(self) -> None:
        self._before = self.line.text()
        super().showPopup()

    def _keep(self, typed: str) -> None:
        self._before = typed

    def _add(self, chosen: str) -> None:
        """To what stood there before the list was opened."""
        before = [part.strip() for part in _SEPARATORS.split(self._before) if part.strip()]
        self._before = BETWEEN.join(dict.fromkeys([*before, chosen]))
        self.setCurrentIndex(-1)
        self.line.setText(self._before)
        self.line.textEdited.emit(self._before)
