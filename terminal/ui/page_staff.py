"""Who works here: rights, badges, PINs. What must be told once - a PIN, an emergency code - stands large until it is
read, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QLineEdit, QPushButton

from domain.permissions import GRADES
from domain.world import from_utc_text
from terminal.ui import parts
from terminal.ui.page_parts import Within, WorkPage, in_card
from terminal.ui.pages import House
from terminal.ui.sheet import Sheet
from terminal.ui.table_view import Column, Table
from terminal.ui.words import Words
from terminal.usecases.print_badge import print_badge
from terminal.usecases.staff_badge import block_badge, issue_badge
from terminal.usecases.staff_change import (
    StaffLine,
    activate_staff,
    add_staff,
    change_staff,
    deactivate_staff,
    list_staff,
)
from terminal.usecases.staff_emergency import new_emergency_code
from terminal.usecases.staff_pin import reset_pin, unlock_staff


class StaffSection(WorkPage):
    """Enter changes the chosen person."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.staff")
        words = house.words
        self.table: Table[StaffLine] = Table(
            words("ui.staff"), self._columns(), words("ui.staff.empty"), self._change, self._search, lambda s: s.code
        )
        self.within = Within(words("ui.list.within"), self.table)
        self.action("ui.staff.add", self._add, "F2", "primary", self.head)
        self.action("ui.staff.emergency", self._emergency, row=self.head)
        self.head.addWidget(self.within)
        self.inside.addWidget(in_card(self.table), 1)
        self._of_person = (
            self.action("ui.staff.change", self.table.open_chosen, "Enter"),
            self.action("ui.staff.reset_pin", self._reset_pin, "F6"),
            self.action("ui.staff.badge", self._badge, "F7"),
            self.action("ui.staff.lost", self._lost, "F8"),
            self.action("ui.staff.unlock", self._unlock, "F9"),
            self.action("ui.staff.left", self._turn, "F11"),
        )
        self.row.addStretch(1)
        self.table.selectionModel().currentRowChanged.connect(self._enable)
        self._enable()

    def _columns(self) -> list[Column[StaffLine]]:
        words = self.words
        return [
            Column(words("ui.list.name"), lambda s: s.name, 3, strong=True),
            Column(words("ui.staff.code"), lambda s: s.code, 3),
            Column(words("ui.staff.grades"), lambda s: self._grades(s.grades), 5),
            Column(words("ui.staff.badge_no"), lambda s: s.badge or words("ui.staff.no_badge"), 3),
            Column(words("ui.staff.state"), self._state, 4, _tone),
        ]

    def _grades(self, grades: Sequence[str]) -> str:
        return self.words("ui.and").join(self.words(f"ui.grade.{g}") if g in GRADES else g for g in grades)

    def _state(self, line: StaffLine) -> str:
        words = self.words
        if not line.active:
            return words("ui.staff.is_left")
        if line.locked:
            until = from_utc_text(line.locked).astimezone(self.house.desk.world.zone)
            return words("ui.staff.is_locked", time=until.strftime("%H:%M"))
        if line.last_day:
            return words("ui.staff.is_emergency", day=line.last_day)
        return words("ui.staff.is_new_pin" if line.must_change else "ui.staff.is_active")

    def _search(self, line: StaffLine) -> str:
        return f"{line.name} {line.code} {line.badge} {self._grades(line.grades)}".casefold()

    def start(self) -> None:
        self.table.setFocus()
        self.ask_list()

    def ask_list(self) -> None:
        self.do(list_staff, self._show)

    def _show(self, lines: list[StaffLine]) -> None:
        self.table.show_lines(lines)
        active = sum(line.active for line in lines)
        self.facts.setText(self.words("ui.staff.count", active=active, left=len(lines) - active))
        self._enable()

    def _enable(self) -> None:
        line = self.table.line
        on = (True, True, True, bool(line and line.badge), bool(line and line.locked), True)
        for button, may in zip(self._of_person, on, strict=True):
            button.setEnabled(line is not None and may)

    def _done(self, code: str, name: str) -> None:
        self.close_sheet()
        self.say(self.words(code, name=name))
        self.ask_list()

    def _add(self) -> None:
        def save(code: str, name: str, grades: tuple[str, ...]) -> None:
            def added(pin: str) -> None:
                self._tell("ui.staff.tell_pin", pin, name)

            self.do(add_staff, added, code, name, grades)

        self.open_sheet(PersonSheet(self.words, None, save, self.close_sheet))

    def _change(self, line: StaffLine) -> None:
        def save(code: str, name: str, grades: tuple[str, ...]) -> None:
            self.do(change_staff, lambda _: self._done("ui.staff.changed", name), code, name, grades)

        self.open_sheet(PersonSheet(self.words, line, save, self.close_sheet))

    def _tell(self, code: str, secret: str, name: str) -> None:
        """Something to be told once; the list is asked for when it was read."""

        def read() -> None:
            self.close_sheet()
            self.ask_list()

        self.open_sheet(TellSheet(self.words, self.words(code, name=name), secret, read))

    def _reset_pin(self) -> None:
        line = self.table.line
        if line:
            self.do(reset_pin, lambda pin: self._tell("ui.staff.tell_pin", pin, line.name), line.code)

    def _badge(self) -> None:
        """A new number for her; the old one is blocked. It is printed at once."""
        line = self.table.line
        if line is None:
            return

        def issued(text: str) -> None:
            self.do(print_badge, printed, line.name, text)
            self.ask_list()

        def printed(_: str) -> None:
            self.house.services.wake_printer()
            self.say(self.words("ui.staff.badge_made", name=line.name))

        self.do(issue_badge, issued, line.code)

    def _lost(self) -> None:
        line = self.table.line
        if line and line.badge:
            self.do(block_badge, lambda _: self._done("ui.staff.badge_blocked", line.name), line.badge)

    def _unlock(self) -> None:
        line = self.table.line
        if line:
            self.do(unlock_staff, lambda _: self._done("ui.staff.unlocked", line.name), line.code)

    def _turn(self) -> None:
        """She left, or is back; asked in a form, for her badge ends with it."""
        line = self.table.line
        if line is None:
            return
        verb, done = (deactivate_staff, "ui.staff.has_left") if line.active else (activate_staff, "ui.staff.is_back")

        def go_on() -> None:
            self.do(verb, lambda _: self._done(done, line.name), line.code)

        how = self.words("ui.staff.left_how" if line.active else "ui.staff.back_how", name=line.name)
        self.open_sheet(SureSheet(self.words, how, go_on, self.close_sheet))

    def _emergency(self) -> None:
        def go_on() -> None:
            self.do(new_emergency_code, lambda code: self._tell("ui.staff.tell_emergency", code, ""))

        self.open_sheet(SureSheet(self.words, self.words("ui.staff.emergency_how"), go_on, self.close_sheet))


def _tone(line: StaffLine) -> str:
    if not line.active:
        return "muted"
    return "bad" if line.locked else "warn" if line.must_change or line.last_day else "ok"


class PersonSheet(Sheet):
    """A member of staff; a code once given stays."""

    wide = True

    def __init__(
        self,
        words: Words,
        line: StaffLine | None,
        save: Callable[[str, str, tuple[str, ...]], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, words("ui.staff.change" if line else "ui.staff.add"), close, words("ui.save"))
        self._save = save
        form = self.form()
        self.name, self.code = QLineEdit(line.name if line else ""), QLineEdit(line.code if line else "")
        self.line(form, "ui.list.name", self.name)
        self.line(form, "ui.staff.code", self.code)
        self.code.setReadOnly(line is not None)
        self.grades: dict[str, QPushButton] = {}
        for grade in GRADES:
            button = QPushButton(words(f"ui.grade.{grade}"))
            button.setProperty("kind", "choice")
            button.setCheckable(True)
            button.setChecked(line is not None and grade in line.grades)
            button.setAccessibleName(button.text())
            button.setToolTip(words(f"ui.grade.{grade}_how"))
            self.grades[grade] = button
        self.body.addWidget(parts.text(words("ui.staff.grades"), "muted"))
        self.body.addLayout(parts.row(*self.grades.values(), 1))
        for grade in GRADES:
            told = f"{words(f'ui.grade.{grade}')}: {words(f'ui.grade.{grade}_how')}"
            self.body.addWidget(parts.text(told, "muted", wrap=True))
        self.body.addStretch(1)

    def finish(self) -> None:
        chosen = tuple(grade for grade, button in self.grades.items() if button.isChecked())
        self._save(self.code.text().strip(), self.name.text().strip(), chosen)


class TellSheet(Sheet):
    """A secret to be told or written down now: it is shown once."""

    wide = True

    def __init__(self, words: Words, how: str, secret: str, read: Callable[[], None]) -> None:
        super().__init__(words, words("ui.staff.tell"), read, words("ui.start.close"))
        self._read = read
        self.cancel_button.hide()
        self.body.addWidget(parts.text(how, "lead", wrap=True))
        self.secret = parts.text(secret, "name")
        self.secret.setAccessibleName(words("ui.staff.tell"))
        self.body.addWidget(self.secret)
        self.body.addStretch(1)

    def finish(self) -> None:
        self._read()


class SureSheet(Sheet):
    """One thing asked before it is done."""

    wide = True

    def __init__(self, words: Words, how: str, go_on: Callable[[], None], close: Callable[[], None]) -> None:
        super().__init__(words, words("ui.sure"), close, words("ui.sure.yes"))
        self._go_on = go_on
        self.body.addWidget(parts.text(how, "lead", wrap=True))
        self.body.addStretch(1)

    def finish(self) -> None:
        self._go_on()
