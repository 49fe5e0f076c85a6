"""Register a child, or change what is known of one: fields checked while typing, likely duplicates offered beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from config import tables
from domain.codes import Code, PersonCode
from domain.events import Alert, ChildRegistered, Guardian, Identifier
from domain.people import ALERT_KINDS, RELATIONS, Candidate, Likeness, check_child, tidy_name
from domain.problems import Problem, Severity, stops
from terminal.ui import parts
from terminal.ui.allergies import KIND as ALLERGY
from terminal.ui.allergies import AllergyPick, as_text, read
from terminal.ui.conditions import Conditions
from terminal.ui.sheet import Choices, Day, Pick, Sheet
from terminal.ui.touch_pad import wants_digits
from terminal.ui.words import Words
from terminal.usecases.desk import Desk

DELAY_MS = 200  # from the last key to the search for duplicates
CONDITION = "condition"
NAME_PX = 100  # of a field in the last column; in a narrow window its name stands above it
NUMBERS = ("booklet", "resident_id", "birth_certificate")
Doubles = Sequence[tuple[Candidate, Likeness]]


class RegisterSheet(Sheet):
    """`look(form, then)` finds duplicates, `save(form, reasons)` registers or changes, `open_child(id)` leaves."""

    wide = True

    def __init__(
        self,
        words: Words,
        desk: Desk,
        look: Callable[[ChildRegistered, Callable[[Doubles], None]], None],
        save: Callable[[ChildRegistered, dict[str, str]], None],
        open_child: Callable[[str], None],
        close: Callable[[], None],
        known: ChildRegistered | None = None,
    ) -> None:
        title = words("ui.register" if known is None else "ui.register.change")
        super().__init__(words, title, close, words("ui.save"))
        self._desk, self._look, self._save, self._open, self._known = desk, look, save, open_child, known
        self._hints: dict[str, QLabel] = {}
        self._fields: dict[str, QWidget] = {}
        self._touched: set[str] = set()
        self._build()
        self._fill(known or ChildRegistered("", "", ""))
        self._delay = QTimer(self, singleShot=True, interval=DELAY_MS)
        self._delay.timeout.connect(self._look_for_doubles)
        for name, field in self._fields.items():
            if isinstance(field, QLineEdit):
                field.textEdited.connect(lambda _, n=name: self._edited(n))
            elif isinstance(field, Choices):
                field.changed.connect(lambda *_, n=name: self._edited(n))
            elif isinstance(field, Pick):
                field.activated.connect(lambda _, n=name: self._edited(n))
        self._check()

    def _build(self) -> None:
        words = self.words
        columns = QHBoxLayout()
        columns.setSpacing(16)
        left, middle, right = QFormLayout(), QFormLayout(), QVBoxLayout()
        for form in (left, middle):
            form.setVerticalSpacing(6)
            form.setHorizontalSpacing(10)
            columns.addLayout(form, 3)
        columns.addLayout(right, 2)
        self._add(left, "name", QLineEdit())
        self._add(left, "sex", Choices([("1", words("sex.1")), ("2", words("sex.2"))]))
        self._add(left, "birth_on", Day())
        self._add_pair(left, ("birth_weight_g", wants_digits(QLineEdit())), ("preterm_weeks", _short("37")))
        self._add(
            left, "birth_order", Choices([("0", words("ui.single_birth")), ("1", "1"), ("2", "2"), ("3", "3")], "0")
        )
        for name in NUMBERS:
            self._add(left, name, QLineEdit())
        relation = Pick([(r, words(f"ui.relation.{r}")) for r in RELATIONS], "mother")
        relation.setMinimumWidth(NAME_PX + 12)
        guardian = QLineEdit()
        guardian.setPlaceholderText(words("ui.field.guardian"))
        middle.addRow(self._hold("relation", relation), self._hold("guardian", guardian))
        self._add(middle, "phone", wants_digits(QLineEdit()))
        residences = [(t.code, words.name(t)) for t in tables.residences().values()]
        self._add(middle, "residence", Pick([("", words("ui.choose")), *residences]))
        statuses = [(t.code, words.name(t)) for t in tables.register_statuses().values() if ":" not in t.code]
        self._add(middle, "register_status", Pick([("", words("ui.choose")), *statuses]))
        self._add(middle, "address", QLineEdit())
        hbsag = ("negative", "positive", "unknown")
        self._add(
            middle, "mother_hbsag", Pick([("", words("ui.choose")), *[(v, words(f"ui.hbsag.{v}")) for v in hbsag]])
        )
        allergy = AllergyPick(words)
        self._add(middle, "allergy", allergy)
        self._fields["allergy"] = allergy.line
        self._add(middle, "contraindication", QLineEdit())
        groups = [(t.code, words.name(t)) for t in tables.ethnic_groups().values()]
        people = QFormLayout()
        people.setVerticalSpacing(6)
        people.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        ethnic, hospital = Pick([("", words("ui.choose")), *groups]), QLineEdit()
        for field in (ethnic, hospital):
            field.setMinimumWidth(NAME_PX)
        self._add(people, "ethnic", ethnic)
        self._add(people, "birth_hospital", hospital)
        self._add(people, "birth_time", _short("14:30"))
        right.addLayout(people)
        right.addWidget(parts.text(words("ui.register.conditions"), "strong", wrap=True))
        self.conditions = Conditions(words, self._edited)
        right.addWidget(self.conditions)
        right.addWidget(parts.text(words("ui.register.doubles"), "strong", wrap=True))
        self._none = parts.text(words("ui.register.no_doubles"), "muted", wrap=True)
        right.addWidget(self._none)
        self._doubles = QVBoxLayout()
        right.addLayout(self._doubles)
        self.reason = QLineEdit()
        self.reason.setAccessibleName(words("ui.register.reason"))
        self.reason.setPlaceholderText(words("ui.register.reason"))
        self.reason.hide()
        right.addWidget(self.reason)
        right.addStretch(1)
        self.body.addLayout(columns)
        self.body.addStretch(1)

    def _add(self, form: QFormLayout, name: str, field: QWidget) -> None:
        form.addRow(parts.asked(self.words(f"ui.field.{name}")), self._hold(name, field))

    def _add_pair(self, form: QFormLayout, first: tuple[str, QWidget], second: tuple[str, QWidget]) -> None:
        """Two short fields in a row; the second with its name beside it."""
        aside = parts.text(self.words(f"ui.field.{second[0]}"), "muted")
        line = parts.row(self._hold(*first), aside, self._hold(*second))
        line.setStretch(0, 1)
        form.addRow(parts.asked(self.words(f"ui.field.{first[0]}")), line)

    def _hold(self, name: str, field: QWidget) -> QWidget:
        """The field over the place of its hint."""
        if isinstance(field, Pick):
            field.setMinimumContentsLength(3)
        holder = QWidget()
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        hint = parts.text("", "hint", wrap=True)
        hint.hide()
        layout.addWidget(field)
        layout.addWidget(hint)
        field.setAccessibleName(self.words(f"ui.field.{name}"))
        self._fields[name], self._hints[name] = field, hint
        return holder

    def _value(self, name: str) -> str:
        field = self._fields[name]
        return field.text().strip() if isinstance(field, QLineEdit) else field.value  # type: ignore[attr-defined]  # what is no text is a choice

    def put(self, name: str, value: str) -> None:
        """Fill one field."""
        field = self._fields[name]
        if isinstance(field, QLineEdit):
            field.setText(value)
        else:
            field.choose(value)  # type: ignore[attr-defined]  # as above

    def _fill(self, facts: ChildRegistered) -> None:
        values = {
            "name": facts.name,
            "sex": facts.sex,
            "birth_on": facts.birth_on,
            "birth_time": facts.birth_time,
            "birth_weight_g": str(facts.birth_weight_g or ""),
            "preterm_weeks": str(facts.preterm_weeks or ""),
            "birth_hospital": facts.birth_hospital,
            "ethnic": facts.ethnic,
            "birth_order": str(facts.birth_order),
            "residence": facts.residence,
            "register_status": facts.register_status,
            "address": facts.address,
            "mother_hbsag": facts.mother_hbsag,
        }
        values |= {i.kind: i.value for i in facts.identifiers if i.kind in NUMBERS}
        values |= {a.kind: a.text for a in facts.alerts if a.kind in self._fields}
        values["allergy"] = as_text([a for a in facts.alerts if a.kind == ALLERGY])
        if facts.guardians:
            first = facts.guardians[0]
            values |= {"relation": first.relation, "guardian": first.name, "phone": first.phone}
        for name, value in values.items():
            if value:
                self.put(name, value)
        self.conditions.put([a for a in facts.alerts if a.kind == CONDITION and a.component])

    def facts(self) -> ChildRegistered:
        """The form as a fact. What it has no field for stays as it was known."""
        base = self._known or ChildRegistered("", "", "")
        get = self._value
        return msgspec.structs.replace(
            base,
            name=tidy_name(get("name")),
            sex=get("sex"),
            birth_on=get("birth_on"),
            birth_time=get("birth_time"),
            birth_weight_g=_count(get("birth_weight_g")),
            preterm_weeks=_count(get("preterm_weeks")),
            birth_hospital=get("birth_hospital"),
            ethnic=get("ethnic"),
            birth_order=int(get("birth_order") or 0),
            residence=get("residence"),
            register_status=get("register_status"),
            address=get("address"),
            mother_hbsag=get("mother_hbsag"),
            identifiers=self._identifiers(base),
            guardians=self._guardians(base),
            alerts=self._alerts(base),
        )

    def _identifiers(self, base: ChildRegistered) -> tuple[Identifier, ...]:
        """The numbers of the form in place of those of their kinds; each keeps its issuer while it stays the same."""
        typed = [(kind, self._value(kind).upper()) for kind in NUMBERS if self._value(kind)]
        kept = [i for i in base.identifiers if i.kind not in NUMBERS or (i.kind, i.value) in typed]
        known = {(i.kind, i.value) for i in kept}
        return (*kept, *[Identifier(*pair) for pair in typed if pair not in known])

    def _guardians(self, base: ChildRegistered) -> tuple[Guardian, ...]:
        name, phone = tidy_name(self._value("guardian")), self._value("phone").replace(" ", "")
        first = (Guardian(self._value("relation"), name, phone),) if name or phone else ()
        return first + base.guardians[1:]

    def _alerts(self, base: ChildRegistered) -> tuple[Alert, ...]:
        """Allergies and conditions as the form lists them; of another kind the first follows the form, and what it
        forbids stays while its text does."""
        found: list[Alert] = []
        for kind in ALERT_KINDS:
            old = [a for a in base.alerts if a.kind == kind]
            if kind == CONDITION:
                found += [*self.conditions.alerts, *(a for a in old if not a.component)]
                continue
            if kind == ALLERGY:
                found += read(self._value(kind), old)
                continue
            if kind not in self._fields:
                found += old
                continue
            typed = self._value(kind)
            first = [a for a in old[:1] if a.text == typed] or ([Alert(kind, typed)] if typed else [])
            found += first + old[1:]
        return tuple(found)

    def _edited(self, name: str) -> None:
        self._touched.add(name)
        self._check()
        if self._known is None:
            self._delay.start()

    def _check(self) -> list[Problem]:
        """Show under each field that was touched what is wrong with it."""
        facts = self.facts()
        problems = check_child(facts, self._desk.today(), tables.known_area)
        by_field: dict[str, Problem] = {}
        for problem in problems:
            by_field.setdefault(self._field_of(problem, facts), problem)
        for name, hint in self._hints.items():
            found = by_field.get(name) if name in self._touched else None
            hint.setText(self.words.problem(found) if found else "")
            hint.setVisible(found is not None)
            blocked = found is not None and found.severity in (Severity.BLOCK, Severity.OVERRIDE)
            hint.setProperty("kind", "problem" if blocked else "hint")
            parts.restyle(self._fields[name], tone="stop" if blocked else "")
            hint.style().polish(hint)
        return problems

    def _field_of(self, problem: Problem, facts: ChildRegistered) -> str:
        """The form's field for a problem's field such as "identifiers.0" or "guardians.0.phone"."""
        head, _, rest = problem.field.partition(".")
        if head == "identifiers" and rest:
            return facts.identifiers[int(rest)].kind
        if head == "guardians":
            return {"phone": "phone", "relation": "relation"}.get(rest.partition(".")[2], "guardian")
        if head == "alerts" and rest:
            return facts.alerts[int(rest.partition(".")[0])].kind
        return head

    def _look_for_doubles(self) -> None:
        facts = self.facts()
        if facts.birth_on or facts.name or facts.identifiers or facts.guardians:
            self._look(facts, self.show_doubles)

    def show_doubles(self, doubles: Doubles) -> None:
        """Children who may be this one; each can be opened instead."""
        parts.clear(self._doubles)
        self._none.setVisible(not doubles)
        for candidate, like in list(doubles)[:4]:
            frame, layout = parts.card("note")
            frame.setProperty("tone", "" if like.twin_or_sibling else "look")
            why = " · ".join(self.words(reason) for reason in like.reasons)
            layout.addWidget(parts.text(f"{self.words.child(candidate.name)}  {candidate.birth_on}", "strong", True))
            layout.addWidget(parts.text(why, wrap=True))
            button = parts.Button(self.words("ui.register.open"), partial(self._open, candidate.id), kind="quiet")
            layout.addLayout(parts.row(button, 1))
            self._doubles.addWidget(frame)

    def take(self, code: Code) -> bool:
        """A scanned number fills its field; an identity card brings birth date and sex with it."""
        if not isinstance(code, PersonCode) or code.kind not in NUMBERS:
            return False
        filled = {code.kind: code.value, "sex": code.sex}
        filled["birth_on"] = code.birth_on.isoformat() if code.birth_on else ""
        for name, value in filled.items():
            if value:
                self.put(name, value)
                self._edited(name)
        return True

    def refuse(self, problems: Sequence[Problem]) -> None:
        """What the verb answered: doubles ask for a reason."""
        self.say(stops(problems))
        self.reason.setVisible(any(p.severity is Severity.OVERRIDE for p in problems))

    def finish(self) -> None:
        self._touched = set(self._fields)
        problems = self._check()
        reason = self.reason.text().strip()
        codes = [p.code for p in problems if p.severity is Severity.OVERRIDE] + ["child.possible_double"]
        reasons: dict[str, str] = {code: reason for code in codes} if reason else {}
        left = stops(problems, reasons)
        self.say(left)
        self.reason.setVisible(self.reason.isVisible() or any(p.severity is Severity.OVERRIDE for p in left))
        if not left:
            self._save(self.facts(), reasons)

    def changes(self) -> dict[str, Any]:
        """field -> new value, for the fields that differ from what is known."""
        new = self.facts()
        old = self._known or ChildRegistered("", "", "")
        fields = new.__struct_fields__
        return {name: getattr(new, name) for name in fields if getattr(new, name) != getattr(old, name)}


def _short(hint: str) -> QLineEdit:
    field = QLineEdit()
    field.setPlaceholderText(hint)
    field.setFixedWidth(68)
    wants_digits(field)
    return field


def _count(typed: str) -> int:
    """A whole number; 1, which no field allows, for what is none."""
    return int(typed) if typed.isdecimal() else 1 if typed else 0
