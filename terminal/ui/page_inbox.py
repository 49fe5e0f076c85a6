"""What waits for a person: corrections asked for, matters to look into, hours that never arrived, notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from domain.doses import Dose
from domain.permissions import Permission, allowed
from domain.world import from_utc_text
from terminal.ui import parts
from terminal.ui.correction_sheets import AnswerSheet, wanted_words
from terminal.ui.dose_sheets import ReasonSheet
from terminal.ui.exchange_words import field_words, matter_title, matter_words, missing_words
from terminal.ui.page_parts import Within, WorkPage, in_card
from terminal.ui.pages import House
from terminal.ui.slip_sheet import SlipSheet
from terminal.ui.table_view import Column, Table
from terminal.ui.words import Words
from terminal.usecases.amend_dose import correct_dose
from terminal.usecases.corrections import answer_request
from terminal.usecases.enter_from_slip import SlipDose, enter_from_slip
from terminal.usecases.exchange_view import (
    InboxView,
    MatterLine,
    MissingHours,
    RequestLine,
    read_inbox,
    settle_matter,
)

Kind = Literal["answer", "missing", "matter", "notice", "asked"]
KINDS: tuple[Kind, ...] = ("answer", "missing", "matter", "notice", "asked")  # in this order
USUAL_SETTLED = ("ui.inbox.compared", "ui.inbox.family_called", "ui.inbox.recorded_anew")
DETAIL_PX = 142


@dataclass(frozen=True)
class Line:
    """One thing that waits. `title` what it is, `told` all of it with what to do, `when` since or until when; `of` is
    what the use case gave, None for a notice."""

    key: str
    kind: Kind
    title: str
    child_id: str
    name: str
    about: str
    when: str
    told: str
    late: bool
    of: RequestLine | MatterLine | MissingHours | None = None


class InboxPage(WorkPage):
    """Enter opens the child, F7 answers, F8 settles, F6 enters a dose from its slip. What is due first is on top."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.inbox")
        words = house.words
        self.table: Table[Line] = Table(
            words("ui.inbox"),
            self._columns(),
            words("ui.inbox.empty"),
            self._open,
            lambda line: f"{line.title} {line.name} {line.about}".casefold(),
            lambda line: line.key,
        )
        self.within = Within(words("ui.list.within"), self.table)
        self.head.addWidget(self.within)
        self.inside.addWidget(in_card(self.table), 1)
        self.inside.addWidget(self._detail_card())
        self._open_button = self.action("ui.queue.open", self.table.open_chosen, "Enter", "primary")
        self._answer_button = self.action("ui.inbox.answer", self._answer, "F7")
        self._settle_button = self.action("ui.inbox.settle", self._settle, "F8")
        self._slip_button = self.action("ui.slip", self._enter_slip, "F6")
        self.row.addStretch(1)
        self.action("ui.list.again", self.look, "F5")
        self.table.selectionModel().currentRowChanged.connect(self._enable)
        self._enable()

    def _detail_card(self) -> QWidget:
        """All that is to be said of the chosen line."""
        frame, layout = parts.card()
        inside = QWidget()
        lines = QVBoxLayout(inside)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(4)
        self.heading, self.told = parts.text("", "strong", wrap=True), parts.text("", wrap=True)
        for label in (self.heading, self.told):
            label.setMinimumHeight(1)  # as high as its words at the card's width: the bar comes only when they need it
            lines.addWidget(label)
        lines.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inside)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout.addWidget(area)
        frame.setFixedHeight(DETAIL_PX)
        return frame

    def _columns(self) -> list[Column[Line]]:
        words = self.words
        return [
            Column(words("ui.inbox.what"), lambda one: one.title, 4, _tone, lambda one: KINDS.index(one.kind), True),
            Column(words("ui.list.name"), lambda one: words.child(one.name) if one.child_id else "", 3),
            Column(words("ui.inbox.about"), lambda one: one.about, 5),
            Column(words("ui.inbox.when"), lambda one: one.when, 5, _tone),
        ]

    def start(self) -> None:
        self.table.setFocus()
        self.look()

    def look(self) -> None:
        """Read it anew; each look is audited, so it does not happen by itself."""
        self.do(read_inbox, self._show)

    def _show(self, view: InboxView) -> None:
        lines = [line for kind in KINDS for line in self._lines(view) if line.kind == kind]
        self.table.show_lines(lines)
        told = [(kind, sum(line.kind == kind for line in lines)) for kind in KINDS]
        count = self.words
        self.facts.setText(
            " · ".join(count("ui.queue.count", state=count(f"ui.inbox.kind.{kind}"), count=n) for kind, n in told if n)
        )
        if self.table.line is None and lines:
            self.table.selectRow(0)
        self._enable()
        self.house.ask_standing()

    def _lines(self, view: InboxView) -> Iterator[Line]:
        yield from map(self._request, view.requests)
        yield from map(self._missing, view.missing)
        yield from map(self._matter, view.matters)
        for at, text in enumerate(view.notices):
            first = next(iter(text.strip().splitlines()), "")
            title = self.words("ui.inbox.notice_one")
            yield Line(f"notice/{at}", "notice", title, "", "", first, "", text.strip(), False)

    def _request(self, line: RequestLine) -> Line:
        words, asked = self.words, line.request
        kind: Kind = "asked" if line.mine else "answer"
        days = words(_days_code(line.days_left), count=abs(line.days_left))
        dose = dose_words(words, line.dose) if line.dose else words("ui.inbox.dose_not_here")
        fields = wanted_words(words, asked.fields, line.dose)
        wanted = words("ui.inbox.wants", fields=fields) if fields else ""
        by = words.clinic(asked.asked_by)
        whom = words("ui.inbox.asked_us" if line.mine else "ui.inbox.asks_us", clinic=by, due=asked.due)
        how = words("ui.inbox.wait_how" if line.mine else "ui.inbox.answer_how")
        why = words("ui.inbox.why", reason=asked.reason)
        told = "\n".join([whom, " · ".join(filter(None, [why, wanted])), how])
        when = words("ui.inbox.due", day=asked.due, days=days)
        title = words(f"ui.inbox.{kind}_one")
        return Line(asked.id, kind, title, line.child_id, line.name, dose, when, told, line.days_left < 0, line)

    def _matter(self, line: MatterLine) -> Line:
        words = self.words
        about = " / ".join(dose_words(words, dose) for dose in line.doses)
        if not about and "field" in line.params:
            about = field_words(words, str(line.params["field"]))
        told = "\n".join(filter(None, [about, matter_words(words, line)]))
        title = matter_title(words, line.code)
        return Line(
            line.key, "matter", title, line.child_id, line.name, about or told, self._when(line.at), told, False, line
        )

    def _missing(self, line: MissingHours) -> Line:
        words = self.words
        since = line.since.replace("T", " ")
        about = words("ui.inbox.desk_since", desk=line.desk_name, since=since)
        told = missing_words(words, line)
        return Line(line.key, "missing", words("ui.inbox.missing_one"), "", "", about, since, told, False, line)

    def _when(self, at: str) -> str:
        desk = self.house.desk
        return self.words.moment(from_utc_text(at).astimezone(desk.world.zone), desk.today())

    def _enable(self) -> None:
        line, grades = self.table.line, self.house.actor.grades
        self._open_button.setEnabled(line is not None and bool(line.child_id))
        may_answer = line is not None and line.kind == "answer"
        self._answer_button.setEnabled(may_answer and allowed(grades, Permission.CORRECTION_ANSWER))
        may_settle = line is not None and line.kind in ("matter", "missing")
        self._settle_button.setEnabled(may_settle and allowed(grades, Permission.MATTER_SETTLE))
        self._slip_button.setVisible(line is not None and line.kind == "missing")
        about = line.about if line and line.kind != "notice" else ""  # all of a notice stands below
        self.heading.setText(" · ".join(filter(None, [line.title, self._name(line), about])) if line else "")
        self.told.setText(line.told if line else "")

    def _name(self, line: Line) -> str:
        return self.words.child(line.name) if line.child_id else ""

    def _open(self, line: Line) -> None:
        if line.child_id:
            self.house.open_child(line.child_id)

    def _answer(self) -> None:
        line = self.table.line.of if self.table.line else None
        if isinstance(line, RequestLine) and not line.mine:
            self.open_sheet(AnswerSheet(self.words, line, partial(self._send, line), self.close_sheet))

    def _send(self, line: RequestLine, outcome: str, reason: str) -> None:
        asked = line.request
        if outcome == "as_asked":
            done = partial(self._tell_done, asked.id, reason)
            self.do(correct_dose, lambda _: done(), asked.dose_id, asked.fields, reason or asked.reason)
        else:
            self.do(answer_request, self._gone("ui.inbox.answered"), asked.id, outcome, reason)

    def _tell_done(self, request_id: str, reason: str) -> None:
        self.do(answer_request, self._gone("ui.inbox.answered"), request_id, "done", reason)

    def _settle(self) -> None:
        line = self.table.line
        if line is None:
            return

        def go_on(reason: str) -> None:
            self.do(settle_matter, self._gone("ui.inbox.settled"), line.key, reason)

        title = self.words("ui.inbox.settle_title", what=line.title)
        self.open_sheet(ReasonSheet(self.words, title, [line.told], USUAL_SETTLED, go_on, self.close_sheet))

    def _enter_slip(self) -> None:
        """A dose of the hours that never arrived, from the family's slip."""
        line = self.table.line.of if self.table.line else None
        if not isinstance(line, MissingHours):
            return

        def record(child_id: str, slip: SlipDose) -> None:
            self.do(enter_from_slip, saved, child_id, slip)

        def saved(dose: Dose) -> None:
            sheet.saved()
            self.say(self.words("ui.slip.saved", dose=dose_words(self.words, dose)))

        children = self.house.work.children
        day = line.since[:10]
        sheet = SlipSheet(self.words, day, children.look_up, children.by_number, record, self.close_sheet)
        self.open_sheet(sheet)

    def _gone(self, code: str) -> Callable[[str], None]:
        def then(_: str) -> None:
            self.close_sheet()
            self.say(self.words(code))
            self.table.setFocus()
            self.look()

        return then


def dose_words(words: Words, dose: Dose) -> str:
    """Vaccine, number and day in short."""
    name = words("ui.dose", vaccine=words.short(dose.vaccine), number=dose.dose_no)
    return f"{name} · {dose.given_on}"


def _days_code(days: int) -> str:
    return "ui.inbox.days_left" if days > 0 else "ui.inbox.today" if days == 0 else "ui.inbox.days_over"


def _tone(line: Line) -> str:
    return "warn" if line.late else ""
