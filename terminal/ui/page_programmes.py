"""The editions of the immunization programme: in force since when, how well known, approved by whom."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QLineEdit

from domain.permissions import Permission, allowed
from domain.world import from_utc_text
from terminal.ui import parts
from terminal.ui.page_parts import WorkPage, in_card
from terminal.ui.pages import House
from terminal.ui.sheet import Sheet
from terminal.ui.table_view import Column, Table
from terminal.ui.words import Words
from terminal.usecases.approve_programme import approve_programme
from terminal.usecases.programme_view import EditionLine, list_editions


class ProgrammeSection(WorkPage):
    """Until an edition is approved every screen and slip says demonstration edition."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.programmes")
        words = house.words
        self.table: Table[EditionLine] = Table(
            words("ui.programmes"), self._columns(), words("ui.programmes.empty"), same=lambda e: e.name
        )
        self.inside.addWidget(parts.text(words("ui.programmes.how"), "muted", wrap=True))
        self.inside.addWidget(in_card(self.table), 1)
        self._approve_button = self.action("ui.programmes.approve", self._ask, "F2", "primary")
        self.row.addStretch(1)
        self.action("ui.list.again", self.refresh, "F5")
        self.table.selectionModel().currentRowChanged.connect(self._enable)
        self._enable()

    def _columns(self) -> list[Column[EditionLine]]:
        words = self.words
        return [
            Column(words("ui.programmes.edition"), lambda e: e.edition, 4, strong=True),
            Column(words("ui.programmes.begins"), self._begins, 4, lambda e: "accent" if e.in_force else "muted"),
            Column(words("ui.programmes.marks"), _marks, 5),
            Column(words("ui.programmes.approval"), self._approval, 6, lambda e: "ok" if e.at else "warn"),
            Column(words("ui.programmes.source"), lambda e: e.source, 6, lambda _: "muted", spare=True),
        ]

    def _begins(self, line: EditionLine) -> str:
        if line.supplement:
            return self.words("ui.programmes.supplement")
        return self.words("ui.programmes.in_force" if line.in_force else "ui.programmes.other", day=line.effective_on)

    def _approval(self, line: EditionLine) -> str:
        if not line.at:
            return self.words("ui.programmes.demonstration")
        at = from_utc_text(line.at).astimezone(self.house.desk.world.zone)
        return self.words("ui.programmes.approved", physician=line.physician, day=at.strftime("%Y-%m-%d"))

    def start(self) -> None:
        self.table.setFocus()
        self.refresh()

    def refresh(self) -> None:
        if self.sheet is None:
            self.ask(list_editions, self._show, self.house.desk)

    def _show(self, lines: tuple[EditionLine, ...]) -> None:
        self.table.show_lines(lines)
        if self.table.line is None and lines:
            self.table.selectRow(0)
        self._enable()

    def _enable(self) -> None:
        may = allowed(self.house.actor.grades, Permission.PROGRAMME_APPROVE)
        self._approve_button.setEnabled(may and self.table.line is not None)

    def _ask(self) -> None:
        line = self.table.line
        if line is None:
            return

        def approved(_: str) -> None:
            self.close_sheet()
            self.say(self.words("ui.programmes.done", edition=line.edition))
            self.refresh()

        def approve(physician: str) -> None:
            self.do(approve_programme, approved, line.name, physician)

        self.open_sheet(ApproveSheet(self.words, line, self.house.actor.name, approve, self.close_sheet))


class ApproveSheet(Sheet):
    """A physician answers for the data under her full name."""

    wide = True

    def __init__(
        self, words: Words, line: EditionLine, name: str, approve: Callable[[str], None], close: Callable[[], None]
    ) -> None:
        title = words("ui.programmes.approve_title", edition=line.edition)
        super().__init__(words, title, close, words("ui.programmes.approve"))
        self._approve = approve
        self.body.addWidget(parts.text(words("ui.programmes.approve_how", marks=_marks(line)), "body", wrap=True))
        self.body.addWidget(parts.text(line.source, "muted", wrap=True))
        form = self.form()
        self.physician = QLineEdit(name)
        self.line(form, "ui.programmes.physician", self.physician)
        self.body.addStretch(1)

    def finish(self) -> None:
        self._approve(self.physician.text())


def _marks(line: EditionLine) -> str:
    return " · ".join(f"{mark} {count}" for mark, count in line.marks)
