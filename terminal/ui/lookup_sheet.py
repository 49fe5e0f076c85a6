"""Ask the region for a child nobody knows here: what for, who was found, and only then keep it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QLineEdit, QPushButton, QWidget

from domain.codes import Code, PersonCode
from domain.doses import Dose
from domain.problems import Problem, block
from domain.world import from_utc_text
from terminal.ui import parts
from terminal.ui.page_parts import in_card
from terminal.ui.sheet import Choices, Sheet
from terminal.ui.table_view import Column, Table
from terminal.ui.tokens import GAP
from terminal.ui.words import Words, masked
from terminal.usecases.desk import Desk
from terminal.usecases.found_view import FoundChild
from terminal.usecases.lookup import PURPOSES

if TYPE_CHECKING:
    from sync.feed import Found
    from sync.messages import Purpose

KINDS = ("booklet", "child_code", "resident_id", "birth_certificate")


class LookupSheet(Sheet):
    """First the number and the purpose, of which one key or Enter asks; then who was found. `ask(kind, value,
    purpose)`, `keep(found, purpose, left)`: `left` is the clinic it moves in from, None when it does not."""

    wide = True

    def __init__(
        self,
        words: Words,
        desk: Desk,
        asked: PersonCode | None,
        ask: Callable[[str, str, Purpose], None],
        keep: Callable[[Found, Purpose, str | None], None],
        register: Callable[[], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, words("ui.elsewhere.look"), close, words("ui.elsewhere.ask"))
        self._desk, self._asked, self._ask, self._keep = desk, asked, ask, keep
        self.heading.hide()  # the strip says it
        self._found: Found | None = None
        self._clinic = ""
        self.purpose: Purpose = "vaccination"
        self.register = parts.Button(words("ui.register"), register, "F2")
        self.bottom.insertWidget(1, self.register)
        self._number = QLineEdit(asked.value if asked else "")
        self._kind = Choices([(k, words(f"ui.id.{k}")) for k in KINDS], asked.kind if asked else "booklet")
        self._middle = QWidget()
        self._question()
        self.body.addWidget(self._middle, 1)

    def _question(self) -> None:
        words, form = self.words, parts.column(self._middle, spacing=12)
        if self._asked:
            told = f"{words(f'ui.id.{self._asked.kind}')}  {self._asked.value}"
            form.addWidget(parts.text(told, "heading", wrap=True))
        else:
            self._number.setAccessibleName(words("ui.elsewhere.number_asked"))
            self._number.setPlaceholderText(words("ui.elsewhere.number_asked"))
            self._number.returnPressed.connect(self.finish)
            form.addWidget(self._number)
            form.addWidget(self._kind)
        form.addWidget(parts.text(words("ui.elsewhere.purpose"), "strong"))
        grid = QGridLayout()
        grid.setSpacing(8)
        for at, purpose in enumerate(PURPOSES):
            name = words(f"purpose.{purpose}")
            button = parts.Button(name, partial(self._ask_for, purpose), str(at + 1))
            button.setMinimumHeight(56)
            grid.addWidget(button, at // 3, at % 3)
        form.addLayout(grid)
        form.addWidget(parts.text(words("ui.elsewhere.audited"), "muted", wrap=True))
        form.addStretch(1)

    def _ask_for(self, purpose: Purpose) -> None:
        value = self._asked.value if self._asked else self._number.text().strip()
        if not value:
            self.say([block("ui.elsewhere.no_number")])
            return
        self.purpose = purpose
        self.said.hide()
        self._enable(False)
        parts.restyle(self.said, kind="muted")
        self.said.setText(self.words("ui.elsewhere.asking"))
        self.said.show()
        self._ask(self._asked.kind if self._asked else self._kind.value, value, purpose)

    def _enable(self, on: bool) -> None:
        self._middle.setEnabled(on)
        self.done_button.setEnabled(on)

    def ask_again(self) -> None:
        """The region knows nobody, or no answer came: it can be asked again, or the child registered."""
        self._enable(True)
        self.said.hide()
        self.setFocus()

    def refuse(self, problems: Sequence[Problem]) -> None:
        """A right is missing."""
        self._enable(True)
        parts.restyle(self.said, kind="problem")
        self.say(problems)

    @property
    def answered(self) -> bool:
        """Whether somebody was found, and is shown."""
        return self._found is not None

    def show_found(self, found: Found, child: FoundChild) -> None:
        """Who it is, before anything is kept here."""
        self._found = found
        self.said.hide()
        self._middle.hide()
        self.body.removeWidget(self._middle)
        self._middle.deleteLater()
        self._middle = QWidget()
        line = parts.row(self._person(child), in_card(self._doses(child)), spacing=GAP)
        line.setStretch(0, 37)
        line.setStretch(1, 63)
        self._middle.setLayout(line)
        self.body.addWidget(self._middle, 1)
        self.register.hide()
        self.done_button.rename(self.words("ui.elsewhere.keep"))
        self.done_button.setEnabled(True)
        self.setFocus()

    def _person(self, child: FoundChild) -> QWidget:
        words, facts = self.words, child.facts
        frame, lines = parts.card()
        if facts:
            lines.addWidget(parts.text(words.child(facts.name), "name", wrap=True))
            age = words.age(facts.birth_on, self._desk.today())
            told = " · ".join(filter(None, [words.sex(facts.sex), words("ui.person.born", day=facts.birth_on), age]))
            lines.addWidget(parts.text(told, "lead", wrap=True))
            for guardian in facts.guardians:
                relation = words(f"ui.relation.{guardian.relation}")
                lines.addWidget(parts.text(f"{guardian.name} {relation} {masked(guardian.phone)}".strip(), wrap=True))
        else:
            lines.addWidget(parts.text(words("ui.elsewhere.no_person"), wrap=True))
        others = [words.clinic(c) for c in child.clinics if c != self._desk.clinic]
        home = facts.clinic if facts else ""
        self._clinic = home if home != self._desk.clinic else ""
        lines.addWidget(
            parts.text(words("ui.elsewhere.told_by", clinics=words("ui.and").join(others) or "—"), wrap=True)
        )
        at = from_utc_text(child.as_of).astimezone(self._desk.world.zone)
        known = words("ui.elsewhere.as_of", when=words.moment(at, self._desk.today()))
        lines.addWidget(parts.text(known, "small", wrap=True))
        lines.addStretch(1)
        self.moves = QPushButton(words("ui.elsewhere.moves_in"))
        self.moves.setProperty("kind", "choice")
        self.moves.setCheckable(True)
        self.moves.setAccessibleName(self.moves.text())
        self.moves.setChecked(self.purpose == "moved_in")
        lines.addWidget(self.moves)
        lines.addWidget(parts.text(words("ui.elsewhere.moves_in_how"), "muted", wrap=True))
        return frame

    def _doses(self, child: FoundChild) -> Table[Dose]:
        words = self.words

        def dose_words(dose: Dose) -> str:
            return words("ui.dose", vaccine=words.short(dose.vaccine), number=dose.dose_no)

        columns: list[Column[Dose]] = [
            Column(words("ui.elsewhere.day"), lambda d: d.given_on, 3),
            Column(words("ui.stock.column.vaccine"), dose_words, 6, strong=True),
            Column(words("ui.elsewhere.clinic"), lambda d: d.facts.get("elsewhere") or words.clinic(d.clinic), 4),
        ]
        table: Table[Dose] = Table(words("ui.elsewhere.doses"), columns, words("ui.elsewhere.no_doses"))
        table.show_lines(child.doses)
        return table

    def finish(self) -> None:
        """F10 and Enter: ask, and afterwards keep."""
        if self._found is None:
            self._ask_for(self.purpose)
        else:
            self._keep(self._found, self.purpose, self._clinic if self.moves.isChecked() else None)

    def take(self, code: Code) -> bool:
        """Another number scanned is the one that is asked for."""
        if self._found is None and self._asked is None and isinstance(code, PersonCode):
            self._number.setText(code.value)
            self._kind.choose(code.kind)
            return True
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        at = event.key() - Qt.Key.Key_1
        if event.isAutoRepeat():
            return
        if self._found is None and self._middle.isEnabled() and 0 <= at < len(PURPOSES):
            self._ask_for(PURPOSES[at])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.done_button.isEnabled():
            self.finish()
        elif event.key() == Qt.Key.Key_F2 and self.register.isVisible():
            self.register.click()
        else:
            super().keyPressEvent(event)
