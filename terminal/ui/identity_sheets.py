"""Whose record it is: a child that comes or goes, two records of one child side by side, two children taken apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QComboBox, QCompleter, QFrame, QPushButton

from domain.codes import Code
from domain.problems import block, warn
from terminal.store.children import Card
from terminal.store.links import Link
from terminal.ui import parts
from terminal.ui.child_pick import ChildPick, FindChildren
from terminal.ui.sheet import Pick, Reason, Sheet
from terminal.ui.tokens import GAP
from terminal.ui.trips import Pair
from terminal.ui.words import Words, masked


class ClinicPick(Pick):
    """A clinic of the region, found by a part of its name or code; ten digits of any other can be typed. `options` are
    (code, name)."""

    def __init__(self, options: Sequence[tuple[str, str]], chosen: str) -> None:
        super().__init__((code, f"{name}  {code}") for code, name in options)
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        known = QCompleter(self.model(), self)
        known.setFilterMode(Qt.MatchFlag.MatchContains)
        known.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setCompleter(known)
        self.setText(chosen)

    def text(self) -> str:
        """The code behind the words; what was typed, where no clinic of the list is meant."""
        typed = self.currentText().strip()
        at = self.findText(typed)
        return str(self.itemData(at)) if at >= 0 else typed

    def setText(self, code: str) -> None:
        at = self.findData(code)
        self.setCurrentIndex(at)
        if at < 0:
            self.setEditText(code)

    def setPlaceholderText(self, words: str) -> None:
        line = self.lineEdit()
        if line:
            line.setPlaceholderText(words)


class MoveHomeSheet(Sheet):
    """The child comes to this clinic, or leaves it for another: `done(clinic, reason)`, where the other clinic is the
    one it comes from or goes to."""

    def __init__(
        self, words: Words, card: Card, clinic: str, done: Callable[[str, str], None], close: Callable[[], None]
    ) -> None:
        way = "out" if card.facts.clinic == clinic else "in"
        title = f"{words(f'ui.move_{way}')} · {words.child(card.facts.name)}"
        super().__init__(words, title, close, words(f"ui.move_{way}"))
        self._done = done
        self.body.addWidget(parts.text(words(f"ui.move_{way}.how"), wrap=True))
        others = sorted((code, name) for code, name in words.clinics.items() if code != clinic)
        self.clinic = ClinicPick(others, "" if way == "out" else card.facts.clinic)
        self.clinic.setPlaceholderText(words("ui.move.clinic_how"))
        self.reason = Reason(words)
        form = self.form()
        self.line(form, f"ui.move_{way}.clinic", self.clinic)
        self.line(form, "ui.reason", self.reason)
        self.body.addStretch(1)

    def finish(self) -> None:
        self._done(self.clinic.text().strip(), self.reason.text().strip())


class MergeSheet(Sheet):
    """Find the other record, compare, say which one goes on and why. `compare(child_id, then)` reads the other one,
    `done(goes_on, other, reason)` merges."""

    wide = True

    def __init__(
        self,
        words: Words,
        card: Card,
        search: FindChildren,
        find: FindChildren,
        compare: Callable[[str, Callable[[Pair], None]], None],
        done: Callable[[str, str, str], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, words("ui.merge"), close, words("ui.merge.done"))
        self._done = done
        self._pair: Pair | None = None
        look = lambda child_id: compare(child_id, self.show_pair)  # noqa: E731 (said in one line)
        self.other = ChildPick(words, "ui.merge.other", search, find, look, without=card.id)
        self._goes_on = QButtonGroup(self)
        self.sides = parts.row(spacing=GAP)
        self.reason = Reason(words)
        self._how = parts.text(words("ui.merge.how"), "muted", wrap=True)
        self.body.addWidget(self._how)
        self.body.addWidget(self.other)
        self.body.addLayout(self.sides)
        self.body.addWidget(self.reason)
        self.body.addStretch(1)
        self.reason.hide()
        self.done_button.setEnabled(False)

    def take(self, code: Code) -> bool:
        return self.other.take(code)

    def show_pair(self, pair: Pair) -> None:
        """Both, side by side; the one that was here first goes on unless a person says otherwise."""
        self._pair = pair
        for part in (self._how, self.other):  # the place is the records'
            part.hide()
        parts.clear(self.sides)
        for at in (0, 1):
            self.sides.addWidget(self._side(pair, at), 1)
        older = min((0, 1), key=lambda at: pair.cards[at].id)
        self._goes_on.button(older).setChecked(True)
        self.reason.show()
        self.reason.setFocus()
        self.done_button.setEnabled(True)
        self.say([warn("merge.differ", fields=self._fields(pair.differ))] if pair.differ else [])

    def _fields(self, differ: Sequence[str]) -> str:
        return self.words("ui.and").join(self.words(f"ui.field.{field}") for field in differ)

    def _side(self, pair: Pair, at: int) -> QFrame:
        words, card, doses = self.words, pair.cards[at], pair.doses[at]
        facts = card.facts
        frame, lines = parts.card()
        lines.setSpacing(4)
        guardian = next(iter(facts.guardians), None)
        told = [
            ("name", words.child(facts.name), "heading"),
            ("sex", words.sex(facts.sex), "body"),
            ("birth_on", words("ui.person.born", day=facts.birth_on), "body"),
            ("resident_id", _some(card.identifier("resident_id"), words("ui.id.resident_id")), "body"),
            ("", f"{words('ui.id.booklet')} {card.identifier('booklet') or '—'}", "body"),
            ("", f"{guardian.name} {masked(guardian.phone)}".strip() if guardian else "", "body"),
            (
                "",
                words("ui.merge.doses", count=len(doses), last=max((d.given_on for d in doses), default="—")),
                "muted",
            ),
        ]
        for field, text, kind in told:
            if text:
                differs = field in pair.differ
                lines.addWidget(
                    parts.text(f"≠ {text}" if differs else text, "attention" if differs else kind, wrap=True)
                )
        button = QPushButton(words("ui.merge.goes_on"))
        button.setProperty("kind", "choice")
        button.setCheckable(True)
        button.setAccessibleName(f"{button.text()} {words.child(facts.name)} {facts.birth_on}")
        self._goes_on.addButton(button, at)
        lines.addWidget(button)
        return frame

    def finish(self) -> None:
        if self._pair is None:
            return
        if not self.reason.text().strip():
            self.say([block("reason.missing")])
            return
        keep = max(self._goes_on.checkedId(), 0)
        one, two = self._pair.cards[keep].id, self._pair.cards[1 - keep].id
        self._done(one, two, self.reason.text().strip())


class LinksSheet(Sheet):
    """The records merged into this child: each may be taken out again, with a reason."""

    def __init__(
        self,
        words: Words,
        links: Sequence[tuple[Link, str]],
        done: Callable[[str, str], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, words("ui.unmerge"), close)
        self._done = done
        self.reason = Reason(words)
        self.body.addWidget(parts.text(words("ui.unmerge.how"), wrap=True))
        self.line(self.form(), "ui.reason", self.reason)
        for link, name in links:
            told = words("ui.unmerge.link", name=name, day=link.at[:10], reason=link.reason)
            button = parts.Button(words("ui.unmerge"), partial(self._unmerge, link.id), kind="quiet")
            line = parts.row(button, parts.text(told, wrap=True))
            line.setStretch(1, 1)
            self.body.addLayout(line)
        self.body.addStretch(1)

    def _unmerge(self, link_id: str) -> None:
        if self.reason.text().strip():
            self._done(link_id, self.reason.text().strip())
        else:
            self.say([block("reason.missing")])


def _some(number: str, name: str) -> str:
    """As little of a resident's number as tells two apart."""
    return f"{name} {number[:6]}**********{number[-2:]}" if number else ""
