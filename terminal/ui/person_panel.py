"""The person in the chair: big, named, and with everything that speaks against a mix-up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QFrame, QScrollArea, QVBoxLayout, QWidget

from config import tables
from domain.doses import vaccine_class
from domain.events import Alert
from domain.world import from_utc_text
from terminal.store.children import Card, Found
from terminal.store.visits import VisitRow
from terminal.ui import parts
from terminal.ui.allergies import alert_words
from terminal.ui.services import FeedState
from terminal.ui.words import Words, masked
from terminal.usecases.desk import Desk
from terminal.usecases.find_child import OpenChild

NBSP = "\u00a0"  # keeps a date on one line


class PersonPanel(QFrame):
    """Shows one child, or how to open one."""

    def __init__(self, desk: Desk, words: Words, edit: Callable[[], None], open_child: Callable[[str], None]) -> None:
        super().__init__()
        self.setProperty("kind", "card")
        self.setAccessibleName(words("ui.person"))
        self._desk, self._words, self._edit, self._open = desk, words, edit, open_child
        self._alerts: list[tuple[Alert, QFrame, str]] = []
        inside = QWidget()
        self._lines = QVBoxLayout(inside)
        self._lines.setContentsMargins(16, 14, 16, 14)
        self._lines.setSpacing(8)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inside)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._known = parts.text("", "small", wrap=True)  # below what scrolls: always in sight
        self._known.setContentsMargins(16, 4, 16, 10)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(area, 1)
        layout.addWidget(self._known)
        self.setMinimumWidth(312)
        self.show_child(None)

    def show_child(self, opened: OpenChild | None, elsewhere: VisitRow | None = None) -> None:
        """None clears every personal datum from the panel. `elsewhere`: another desk has the child's visit open."""
        parts.clear(self._lines)
        self._alerts = []
        self._known.hide()
        if opened is None:
            self._lines.addStretch(1)
            for code, kind in (("ui.nobody", "heading"), ("ui.nobody_how", "muted")):
                label = parts.text(self._words(code), kind, wrap=True)
                label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
                self._lines.addWidget(label)
            self._lines.addStretch(2)
            return
        self._add_head(opened.card)
        self._add_facts(opened.card)
        if elsewhere:
            self._add_note(visit_elsewhere(self._words, self._desk, elsewhere), "look")
        for alert in opened.card.facts.alerts:
            text = alert_words(self._words, alert)
            tone = "plain" if alert.kind == "allergy" else "look"
            frame = self._add_note(self._words(f"ui.alert.{alert.kind}", text=text), tone)
            self._alerts.append((alert, frame, tone))
        for other in opened.siblings:
            self._add_note(self._like(opened.card, other), "look", other.id)
        for other in opened.alike:
            named = {"name": self._words.child(other.name), "sex": self._words.sex(other.sex), "day": other.birth_on}
            self._add_note(self._words("ui.person.alike", **named), "look")
        button = parts.Button(self._words("ui.person.edit"), self._edit, kind="quiet")
        self._lines.addLayout(parts.row(button, 1))
        self._lines.addStretch(1)

    def show_known(self, card: Card | None, feed: FeedState, asking: bool = False) -> None:
        """How fresh it is and where it is from, so that "not given" is never read where it is "not known here";
        `asking`: the region is being asked. What `feed` told last holds for every child of the clinic; of another
        clinic's it says whose it is."""
        self._known.setVisible(card is not None)
        if card is None:
            return
        at, source = card.known_at, card.known_from
        home = card.facts.clinic
        if feed.at > at and not feed.first_load and home == self._desk.clinic:
            at, source = feed.at, "region"
        told = self._words("ui.known", when=self._when(at), source=self._words(f"ui.known.{source}"))
        told = f"{told} · {self._words('ui.known.asking')}" if asking else told
        whose = "" if home in ("", self._desk.clinic) else self._words.clinic(home)
        self._known.setText(f"{told}\n{whose}".strip())

    def show_hand(self, vaccine: str) -> None:
        """Red for what speaks against the vaccine in hand ("" none), the others as they were."""
        contents = {c for p in tables.products() if p.vaccine == vaccine for c in p.components}
        for alert, frame, tone in self._alerts:
            touched = vaccine and (vaccine_class(vaccine) in alert.vaccines or alert.component in contents)
            parts.restyle(frame, tone="stop" if touched else tone)

    def _add_head(self, card: Card) -> None:
        facts = card.facts
        name = parts.text(self._words.child(facts.name), "name", wrap=len(facts.name) > 6)
        name.setAccessibleName(self._words.child(facts.name))
        sex = parts.text(self._words.sex(facts.sex), "sex")
        head = parts.row(name, sex, spacing=10)
        head.setAlignment(sex, Qt.AlignmentFlag.AlignBottom)
        sex.setContentsMargins(0, 0, 0, 6)
        head.addStretch(0 if name.wordWrap() else 1)
        self._lines.addLayout(head)
        age = self._words.age(facts.birth_on, self._desk.today())
        born = self._words("ui.person.born", day=facts.birth_on)
        self._lines.addWidget(parts.text(" · ".join(p.replace(" ", NBSP) for p in (age, born) if p), "lead", wrap=True))

    def _add_facts(self, card: Card) -> None:
        words, facts = self._words, card.facts
        form = QFormLayout()
        form.setContentsMargins(0, 4, 0, 4)
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(6)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        shown = sorted((i for i in facts.identifiers if i.kind != "resident_id"), key=lambda i: i.kind != "child_code")
        numbers = [(words(f"ui.id.{i.kind}"), i.value) for i in shown]
        # A resident id is shown as little as a phone: its first six and last two characters.
        hidden = [i.value[:6] + "**********" + i.value[-2:] for i in facts.identifiers if i.kind == "resident_id"]
        numbers += [(words("ui.id.resident_id"), value) for value in hidden]
        if not card.identifier("child_code"):
            numbers.insert(0, (words("ui.id.child_code"), words("ui.no_code_yet")))
        people = [
            (words("ui.guardian"), f"{g.name} {words(f'ui.relation.{g.relation}')} {masked(g.phone)}".strip())
            for g in facts.guardians
        ]
        rest = [
            (words("ui.birth_weight"), f"{facts.birth_weight_g} g" if facts.birth_weight_g else ""),
            (words("ui.field.preterm_weeks"), str(facts.preterm_weeks or "")),
            (words("ui.residence"), words.name(tables.residences().get(facts.residence))),
            (words("ui.address"), facts.address),
            (words("ui.mother_hbsag"), words(f"ui.hbsag.{facts.mother_hbsag}") if facts.mother_hbsag else ""),
        ]
        for name, value in [*numbers, *people, *rest]:
            if value:
                form.addRow(parts.text(name, "muted"), parts.text(value, wrap=len(value) > 18))
        self._lines.addLayout(form)

    def _add_note(self, words: str, tone: str, child_id: str = "") -> QFrame:
        """A note; of a brother or sister with the way there."""
        frame, layout = parts.card("note")
        frame.setProperty("tone", tone)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.addWidget(parts.text(words, wrap=True))
        if child_id:
            button = parts.Button(self._words("ui.person.open"), partial(self._open, child_id), kind="quiet")
            layout.addLayout(parts.row(button, 1))
        self._lines.addWidget(frame)
        return frame

    def _like(self, card: Card, other: Found) -> str:
        """A brother, sister or twin with the same phone; a twin is marked as one."""
        code = "ui.person.twin" if is_twin(card, other) else "ui.person.sibling"
        return self._words(code, name=self._words.child(other.name), sex=self._words.sex(other.sex), day=other.birth_on)

    def _when(self, at: str) -> str:
        return self._words.moment(from_utc_text(at).astimezone(self._desk.world.zone), self._desk.today())


def visit_elsewhere(words: Words, desk: Desk, visit: VisitRow) -> str:
    """At which desk the child is, and since when."""
    since = from_utc_text(visit.opened_at).astimezone(desk.world.zone)
    return words("ui.visit.elsewhere", desk=visit.desk, since=words.moment(since, desk.today()))


def is_twin(card: Card, other: Found) -> bool:
    """Of one family, and born on the same day or the next."""
    return abs((date.fromisoformat(card.facts.birth_on) - date.fromisoformat(other.birth_on)).days) <= 1
