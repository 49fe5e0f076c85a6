"""The paper booklet beside the record: a grid of dates, filled with what is recorded, to be held against the paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QGridLayout, QLineEdit

from domain.doses import Dose, is_day
from domain.problems import block
from domain.schedule.page import Mark, Page
from terminal.ui import parts
from terminal.ui.schedule_words import group_name
from terminal.ui.sheet import Day, Pick, Sheet, vaccine_options
from terminal.ui.words import Words
from terminal.usecases.copy_booklet import Copied, PaperDose

COLUMNS, OTHERS, DAY_PX, PICK_PX = 5, 2, 100, 128


@dataclass
class _Place:
    """One field of the grid. `usual` is the vaccine of this dose by the programme, `vaccine` what a typed date is of:
    the line's choice at that moment, else the usual one."""

    field: Day
    pick: Pick
    number: int
    dose: Dose | None
    usual: str = ""
    vaccine: str = ""

    @property
    def was(self) -> str:
        return self.dose.given_on if self.dose else ""

    @property
    def changed(self) -> bool:
        return self.field.text().strip() != self.was


class BookletSheet(Sheet):
    """F6. `options(group)` gives the four-digit codes a line may be, `usual(group, number)` that of a dose;
    `done(lines, clinic, reason)` saves.

    New dates become doses given elsewhere; a changed date corrects the dose, or doubts another clinic's. It takes the
    whole width, for five doses in the smallest window; the heading names whose booklet it is.
    """

    wide = True

    def __init__(
        self,
        words: Words,
        whose: str,
        page: Page,
        doses: Sequence[Dose],
        options: Callable[[str], Sequence[str]],
        usual: Callable[[str, int], str],
        done: Callable[[list[PaperDose], str, str], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, f"{whose} · {words('ui.booklet')}", close, words("ui.save"))
        self._done = done
        self.places: list[_Place] = []
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(4)
        self.body.addLayout(self._grid)
        for column in range(1, COLUMNS + 1):
            self._grid.addWidget(parts.text(words("ui.history.dose", number=column), "muted"), 0, column + 1)
        by_id = {d.id: d for d in doses}
        before: dict[str, int] = {}  # doses of a group in its lines above
        for row in (r for r in page.rows if r.concerns):
            group, first = row.next.group, before.get(row.next.group, 0)
            marks = {cell.number: cell.marks[-1] for cell in row.cells if cell.marks}
            codes = [("", words("ui.booklet.by_schedule")), *((c, words.short(c)) for c in options(group))]
            expected = [usual(group, first + number) for number in range(1, COLUMNS + 1)]
            self._add(group_name(words, row.next), codes, marks, by_id, expected)
            before[group] = first + len(row.cells)
        for _ in range(OTHERS):
            self._add(words("ui.booklet.other"), vaccine_options(words), {}, by_id, [""] * COLUMNS)
        for column in range(1, COLUMNS + 2):
            self._grid.setColumnStretch(column, 1)
        form = self.form()
        self.clinic, self.reason = QLineEdit(), QLineEdit(words("ui.booklet.differs"))
        self.line(form, "ui.elsewhere.clinic", self.clinic)
        self.line(form, "ui.booklet.reason", self.reason)
        self.body.addWidget(parts.text(words("ui.elsewhere.hint"), "small", wrap=True))
        self.body.addStretch(1)

    def _add(
        self,
        name: str,
        codes: Sequence[tuple[str, str]],
        marks: Mapping[int, Mark],
        doses: Mapping[str, Dose],
        expected: Sequence[str],
    ) -> None:
        """One line: its name, which vaccine a new date is of, and the dates."""
        at = self._grid.rowCount()
        title = parts.Elided(name, "body")
        title.setMinimumWidth(120)
        pick = Pick(codes)
        pick.setMinimumContentsLength(6)
        pick.setMinimumWidth(PICK_PX)
        pick.setAccessibleName(self.words("ui.booklet.vaccine", name=name))
        self._grid.addWidget(title, at, 0)
        self._grid.addWidget(pick, at, 1)
        for number in range(1, COLUMNS + 1):
            mark = marks.get(number)
            dose = doses.get(mark.dose_id) if mark else None
            place = _Place(Day(dose.given_on if dose else ""), pick, number, dose, expected[number - 1])
            place.field.setProperty("kind", "grid")
            place.field.setPlaceholderText("")
            place.field.setMinimumWidth(DAY_PX)
            place.field.setAccessibleName(f"{name} {self.words('ui.history.dose', number=number)}")
            place.field.textEdited.connect(lambda _, p=place: self._typed(p))
            self.places.append(place)
            self._grid.addWidget(place.field, at, number + 1)

    def _typed(self, place: _Place) -> None:
        place.vaccine = place.pick.value or place.usual
        place.field.setToolTip(self.words.vaccine(place.vaccine) if place.vaccine else "")
        text = place.field.text().strip()
        wrong = place.changed and not is_day(text) and len(text) >= 10
        parts.restyle(place.field, tone="stop" if wrong else "look" if place.changed else "")

    def lines(self) -> list[PaperDose]:
        """The dates that are new or differ."""
        return [
            PaperDose(
                p.dose.vaccine if p.dose else p.vaccine,
                p.number,
                p.field.text().strip(),
                p.dose.id if p.dose else "",
            )
            for p in self.places
            if p.changed
        ]

    def finish(self) -> None:
        lines = self.lines()
        if not lines:
            self.say([block("booklet.nothing_changed")])
        elif any(not line.given_on for line in lines):
            self.say([block("booklet.void_instead")])
        elif any(not line.vaccine for line in lines):
            self.say([block("booklet.choose_vaccine")])
        elif any(not is_day(line.given_on) for line in lines):
            self.say([block("dose.bad_value", "given_on", what="given_on")])
        elif any(line.dose_id for line in lines) and not self.reason.text().strip():
            self.say([block("reason.missing")])
        else:
            self._done(lines, self.clinic.text().strip(), self.reason.text().strip())

    def tell(self, copied: Copied) -> None:
        """What was refused stays to be put right."""
        told = [
            f"{self.words.dose(line.vaccine, line.number)} {line.given_on}: {self.words.problem(problem)}"
            for line, problems in copied.refused
            for problem in problems
        ]
        self.said.setText("\n".join(told))
        self.said.setVisible(bool(told))
