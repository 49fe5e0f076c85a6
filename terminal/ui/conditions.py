"""What is noted of a child's health by code: a list to add to, each with the day it was seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import QVBoxLayout, QWidget

from config import tables
from domain.doses import is_day
from domain.events import Alert
from terminal.ui import parts
from terminal.ui.sheet import Day, Pick
from terminal.ui.words import Words

KIND = "condition"


class Conditions(QWidget):
    """`alerts` are those chosen; `changed("conditions")` is told when there is another one or one less."""

    def __init__(self, words: Words, changed: Callable[[str], None]) -> None:
        super().__init__()
        self._words, self._changed = words, changed
        self.alerts: list[Alert] = []
        self.pick = Pick([("", words("ui.choose")), *((t.code, words.name(t)) for t in tables.conditions().values())])
        self.pick.setMinimumContentsLength(4)
        self.pick.setAccessibleName(words("ui.register.conditions"))
        self.day = Day()
        self.day.setAccessibleName(words("ui.register.condition_on"))
        self.day.setFixedWidth(112)
        self._list = QVBoxLayout()
        layout = parts.column(self, spacing=6)
        layout.addWidget(self.pick)
        layout.addLayout(parts.row(self.day, parts.Button(words("ui.register.add"), self.add, kind="quiet"), 1))
        layout.addLayout(self._list)

    def put(self, alerts: Sequence[Alert]) -> None:
        """What is known already."""
        self.alerts = list(alerts)
        self._show()

    def add(self) -> None:
        """Take the choice into the list; with a day that is none it is not taken."""
        term, day = tables.conditions().get(self.pick.value), self.day.text().strip()
        if term is None or (day and not is_day(day)):
            parts.restyle(self.day, tone="stop" if term else "")
            return
        parts.restyle(self.day, tone="")
        self.alerts = [a for a in self.alerts if a.component != term.code]
        self.alerts.append(Alert(KIND, self._words.name(term), component=term.code, on=day))
        self.pick.choose("")
        self.day.clear()
        self._show()
        self._changed("conditions")

    def _drop(self, alert: Alert) -> None:
        self.alerts.remove(alert)
        self._show()
        self._changed("conditions")

    def _show(self) -> None:
        parts.clear(self._list)
        for alert in self.alerts:
            name = self._words.name(tables.conditions().get(alert.component), alert.text)
            frame, layout = parts.card("note")
            layout.setContentsMargins(10, 4, 4, 4)
            button = parts.Button("×", partial(self._drop, alert), kind="quiet")
            button.setAccessibleName(self._words("ui.register.drop", name=name))
            line = parts.row(parts.text(" ".join(filter(None, [name, alert.on])), wrap=True), button)
            line.setStretch(0, 1)
            layout.addLayout(line)
            self._list.addWidget(frame)
