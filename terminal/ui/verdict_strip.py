"""The strip that answers every scan in words: green checked, amber look, red stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from config import tables
from domain.codes import Code, Package, TracePackage
from domain.events import DoseGiven
from domain.problems import Problem, Severity
from terminal.ui import parts
from terminal.ui.words import Words

Tone = Literal["plain", "ok", "look", "stop"]
MARKS: dict[str, str] = {"plain": "›", "ok": "✓", "look": "!", "stop": "×"}


@dataclass(frozen=True)
class Said:
    """What the strip says: a title in large letters, the rest below."""

    tone: Tone
    title: str
    detail: str = ""


class VerdictStrip(QFrame):
    """One answer at a time, with the buttons that belong to it."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "strip")
        self.said = Said("plain", "")
        self._mark, self._title = parts.text("", "mark"), parts.text("", "verdict", wrap=True)
        self._detail = parts.text("", "detail", wrap=True)
        lines = QVBoxLayout()
        lines.setSpacing(2)
        lines.addStretch(1)
        lines.addWidget(self._title)
        lines.addWidget(self._detail)
        lines.addStretch(1)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(22, 9, 12, 9)
        layout.setSpacing(16)
        layout.addWidget(self._mark)
        layout.addLayout(lines, 1)
        layout.addLayout(self._buttons)
        self.setMinimumHeight(76)

    def show_said(self, said: Said, buttons: Sequence[QWidget] = ()) -> None:
        """Show an answer; `buttons` are taken over."""
        self.said = said
        self._mark.setText(MARKS[said.tone])
        self._title.setText(said.title)
        self._detail.setText(said.detail)
        self._detail.setVisible(bool(said.detail))
        parts.clear(self._buttons)
        for button in buttons:
            self._buttons.addWidget(button)
            button.show()  # now, not when the layout comes to it: Tab and a finger may be quicker
        self.setAccessibleName(f"{said.title} {said.detail}".strip())
        parts.restyle(self, tone=said.tone)


def say_check(words: Words, person: str, dose: DoseGiven | None, level: Tone, problems: Sequence[Problem]) -> Said:
    """The answer to a package: who and what was matched, what is wrong, what could not be checked."""
    name = words.dose(dose.vaccine, dose.dose_no) if dose else ""
    facts = " · ".join(filter(None, [person, say_package(words, dose)])) if dose else ""
    loud = [p for p in problems if p.severity is not Severity.NOTE]
    quiet = [words.problem(p) for p in problems if p.severity is Severity.NOTE]
    if level == "ok":
        return Said("ok", words("ui.verdict.ok", dose=name), " · ".join([facts, *quiet]))
    if level == "look":
        lead = words("ui.verdict.look_lead")
        said = [words.problem(p).removeprefix(lead).strip() for p in loud]
        return Said("look", words("ui.verdict.look", dose=name), " ".join(said) + "\n" + " · ".join([facts, *quiet]))
    return say_problems(words, loud or problems, name)


def say_code(words: Words, code: Code) -> str:
    """What a package says of itself, when it is no answer for a child: vaccine, lot, expiry; "" for any other code."""
    if not isinstance(code, Package | TracePackage):
        return ""
    product = tables.product(code.gtin if isinstance(code, Package) else code.product)
    told = [words.vaccine(product.vaccine)] if product else []
    if isinstance(code, Package):
        told += [words("ui.package.lot", lot=code.lot)] if code.lot else []
        told += [words("ui.package.expiry", day=code.expiry.isoformat())] if code.expiry else []
    return " · ".join(told)


def say_package(words: Words, dose: DoseGiven) -> str:
    """Lot, expiry, volume, maker, site and route, as far as they are known."""
    parts_ = [
        words("ui.package.lot", lot=dose.lot_no) if dose.lot_no else "",
        words("ui.package.expiry", day=dose.expiry_on) if dose.expiry_on else "",
        words("ui.package.volume", volume=f"{dose.volume_ml:g}") if dose.volume_ml else "",
        words.maker(dose.maker),
        words.site(dose.site) if dose.site else "",
        words.route(dose.route) if dose.route and dose.route != "PO" else "",
    ]
    return " · ".join(filter(None, parts_))


def say_problems(words: Words, problems: Sequence[Problem], about: str = "") -> Said:
    """The worst problem's first sentence large; what to do, and the other problems, below."""
    order = list(Severity)
    worst = sorted(problems, key=lambda p: order.index(p.severity))
    title, rest = words.sentences(words.problem(worst[0]))
    others = [words.problem(p) for p in worst[1:]]
    tone: Tone = "stop" if worst[0].severity in (Severity.BLOCK, Severity.OVERRIDE) else "look"
    if worst[0].severity is Severity.NOTE:
        tone = "plain"
    return Said(tone, title, " ".join(filter(None, [f"{about} ·" if about else "", rest, *others])).rstrip("· "))
