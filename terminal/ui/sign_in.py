"""Who works here: code or name, and PIN. A scanned badge fills in whose it is, never the PIN.

Beside the door stand two other forms: a new PIN, and the sealed code for a day on which nobody can sign in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QPushButton, QScrollArea, QVBoxLayout, QWidget

from config.texts import LANGUAGES, Language
from domain.codes import Code, StaffBadge
from domain.codes.own import read_own
from domain.problems import Problem, block
from terminal.store.staff import StaffRow
from terminal.ui import parts
from terminal.ui.pads import NumberPad
from terminal.ui.sounds import KEY, Sounds
from terminal.ui.tasks import Tasks
from terminal.ui.words import Words
from terminal.usecases.desk import Actor, Desk, Outcome
from terminal.usecases.sign_in import sign_in
from terminal.usecases.staff_badge import badge_holder
from terminal.usecases.staff_emergency import break_glass
from terminal.usecases.staff_pin import change_pin

CARD_PX, SIDE_PX = 420, 32
LONGEST = 64  # of what is typed: a name, a code, a PIN
CODES = ("ui.sign_in.who", "ui.emergency.code")


class _Form(QWidget):
    """Named fields one below the other, what stops them, and the button of Enter. `done` is called when all are
    filled in; `badge(code)` when a scanner that types like a keyboard wrote a badge into a field."""

    def __init__(
        self, words: Words, done: Callable[[], None], button: str, fields: Sequence[tuple[str, bool]], how: str
    ) -> None:
        super().__init__()
        self.badge: Callable[[str], None] = lambda _: None
        self._done = done
        self.fields: list[QLineEdit] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for name, secret in fields:
            field = QLineEdit()
            field.setAccessibleName(words(name))
            if secret:
                field.setEchoMode(QLineEdit.EchoMode.Password)
            if secret or name in CODES:  # an input method would take a scanned badge apart
                field.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled, False)
            field.setMaxLength(LONGEST)
            field.returnPressed.connect(self._enter)
            layout.addWidget(parts.text(words(name), "muted"))
            layout.addWidget(field)
            self.fields.append(field)
        self.said = parts.text("", "problem", wrap=True)
        self.said.setMinimumHeight(36)
        layout.addWidget(self.said)
        self.button = parts.Button(words(button), self.submit, "Enter", "primary")
        layout.addWidget(self.button)
        told = parts.text(words(how), "small", wrap=True)
        told.setMinimumHeight(told.heightForWidth(CARD_PX - 2 * SIDE_PX))
        layout.addWidget(told)

    def _enter(self) -> None:
        """Enter goes to the next empty field; in the last one it is the button."""
        for field in self.fields:
            code = read_own(field.text())
            if isinstance(code, StaffBadge):
                field.clear()
                self.badge(code.code)
                return
        empty = next((f for f in self.fields if not f.text()), None)
        if empty:
            empty.setFocus()
        else:
            self.submit()

    def submit(self) -> None:
        """Enter in the last field, or its button; a field left blank is asked for instead."""
        blank = next((f for f in self.fields if not f.text().strip()), None)
        if blank:
            blank.clear()
            blank.setFocus()
        elif self.button.isEnabled():
            self.button.setEnabled(False)
            self.said.clear()
            self._done()

    def refuse(self, why: str) -> None:
        """Not yet: what was secret is typed again."""
        self.button.setEnabled(True)
        secrets = [f for f in self.fields if f.echoMode() == QLineEdit.EchoMode.Password]
        for field in secrets:
            field.clear()
        self.said.setText(why)
        self.focus()

    def focus(self) -> None:
        """To the first field that is empty."""
        next((f for f in self.fields if not f.text()), self.fields[-1]).setFocus()


class SignIn(QFrame):
    """`entered(actor)` is told who proved who she is; `language(chosen)` changes the language of the window."""

    def __init__(
        self,
        desk: Desk,
        words: Words,
        tasks: Tasks,
        entered: Callable[[Actor], None],
        language: Callable[[Language], None],
        sounds: Sounds,
        why: str = "",
    ) -> None:
        super().__init__()
        self.setProperty("kind", "page")
        self.setAccessibleName(words("ui.sign_in"))
        self._desk, self._words, self._tasks, self._entered, self._sounds = desk, words, tasks, entered, sounds
        door = (("ui.sign_in.who", False), ("ui.sign_in.pin", True))
        pins = (("ui.sign_in.new_pin", True), ("ui.sign_in.new_pin_again", True))
        glass = (("ui.emergency.code", False), ("ui.emergency.name", False))
        self.door = _Form(words, self._go, "ui.sign_in", door, "ui.sign_in.badge")
        self.new_pin = _Form(words, self._change, "ui.new_pin.done", (*door, *pins), "ui.new_pin.how")
        self.emergency = _Form(words, self._break_glass, "ui.emergency.done", (*glass, *pins), "ui.emergency.how")
        self.code, self.pin = self.door.fields
        self.button = self.door.button
        self.form = self.door  # the one that is shown
        for form in (self.door, self.new_pin, self.emergency):
            form.badge = self.badge
        self._title = parts.text(words("ui.brand"), "name")
        self._build(language)
        self.turn_to(self.door, why)

    def _build(self, language: Callable[[Language], None]) -> None:
        words, settings = self._words, self._desk.settings
        frame, layout = parts.card()
        frame.setFixedWidth(CARD_PX)
        layout.setContentsMargins(SIDE_PX, 18, SIDE_PX, 16)
        layout.setSpacing(8)
        layout.addWidget(self._title)
        layout.addWidget(parts.text(f"{settings.clinic.name} · {words('ui.desk', desk=settings.desk)}", "muted", True))
        layout.addSpacing(4)
        for form in (self.door, self.new_pin, self.emergency):
            layout.addWidget(form)
        self._back = parts.Button(words("ui.cancel"), lambda: self.turn_to(self.door), "Esc", "quiet")
        self._others = [
            parts.Button(words("ui.new_pin"), lambda: self.turn_to(self.new_pin), "F7", "quiet"),
            parts.Button(words("ui.emergency"), lambda: self.turn_to(self.emergency), "F11", "quiet"),
        ]
        layout.addLayout(parts.row(*self._others, self._back, 1))
        pad, around = parts.card()
        around.addWidget(NumberPad(words))
        self._mute = _choice(f"{words('ui.sound')}  {KEY}", not self._sounds.muted, self._toggle_sound)
        spoken = [
            _choice(words(f"ui.language.{one}"), one == words.language, partial(language, one)) for one in LANGUAGES
        ]
        inside, area = QWidget(), QScrollArea()  # it scrolls at 200 %, where a form may be higher than the screen
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inside)
        parts.column(self).addWidget(area)
        outer = QVBoxLayout(inside)
        outer.addStretch(2)
        cards = parts.row(1, frame, pad, 1, spacing=16)
        cards.setAlignment(pad, Qt.AlignmentFlag.AlignBottom)
        outer.addLayout(cards)
        outer.addSpacing(16)
        outer.addLayout(parts.row(1, *spoken, self._mute, 1))
        outer.addStretch(3)

    def turn_to(self, form: _Form, why: str = "") -> None:
        """Show one of the forms, empty but for who was named before."""
        who = self.code.text()
        for other in (self.door, self.new_pin, self.emergency):
            for field in other.fields:
                field.clear()
            other.button.setEnabled(True)
            other.said.clear()
        if form is not self.emergency:
            form.fields[0].setText(who)
        self.form = form
        for other in (self.door, self.new_pin, self.emergency):
            other.setVisible(other is form)
        titles = {self.new_pin: "ui.new_pin", self.emergency: "ui.emergency"}
        self._title.setText(self._words(titles.get(form, "ui.brand")))
        self._back.setVisible(form is not self.door)
        for button in self._others:
            button.setVisible(form is self.door)
        form.said.setText(why)
        form.focus()

    def _go(self) -> None:
        self._ask(sign_in, self.code.text().strip(), self.pin.text())

    def _change(self) -> None:
        who, old, new, again = (f.text() for f in self.new_pin.fields)
        if new == again:
            self._ask(change_pin, who.strip(), old, new)
        else:
            self._say_new_pins([block("pin.not_twice")])

    def _break_glass(self) -> None:
        code, name, pin, again = (f.text() for f in self.emergency.fields)
        if pin == again:
            self._ask(break_glass, code, name, pin)
        else:
            self.refuse(self._words("pin.not_twice"))

    def _ask(self, verb: Callable[..., Outcome[Actor]], *args: str) -> None:
        self._tasks.run(verb, self._desk, *args, then=self._answered)

    def _answered(self, outcome: Outcome[Actor]) -> None:
        codes = {p.code for p in outcome.problems}
        if outcome.value:
            self._entered(outcome.value)
        elif "pin.must_change" in codes:
            who, given = self.code.text(), self.pin.text()
            self.turn_to(self.new_pin, self._words("pin.must_change"))
            self.new_pin.fields[0].setText(who)
            self.new_pin.fields[1].setText(given)
            self.new_pin.focus()
        elif self.form is self.new_pin and not any(c.startswith("sign_in.") for c in codes):
            self._say_new_pins(outcome.problems)
        else:
            self.refuse(" ".join(self._words.problem(p) for p in outcome.problems))

    def _say_new_pins(self, problems: Sequence[Problem]) -> None:
        """The old PIN was right: only the new one is typed again."""
        old = self.new_pin.fields[1].text()
        self.refuse(" ".join(self._words.problem(p) for p in problems))
        self.new_pin.fields[1].setText(old)
        self.new_pin.focus()

    def take(self, code: Code) -> None:
        """What a scanner read: a badge says who; anything else waits for the sign-in."""
        if isinstance(code, StaffBadge):
            self.badge(code.code)
        else:
            self.say(self._words("ui.sign_in.first"))

    def badge(self, number: str) -> None:
        """A badge was scanned: whose it is is filled in and the PIN asked; a blocked one is told loudly."""

        def then(outcome: Outcome[StaffRow]) -> None:
            if outcome.value:
                self.code.setText(outcome.value.code)
                self.turn_to(self.door)
            else:
                self.code.clear()
                self.turn_to(self.door, " ".join(self._words.problem(p) for p in outcome.problems))
                self._sounds.play("stop")

        self._tasks.run(badge_holder, self._desk, number, then=then)

    def refuse(self, why: str) -> None:
        self._sounds.play("look")
        self.form.refuse(why)

    def say(self, why: str) -> None:
        self.form.said.setText(why)

    def _toggle_sound(self) -> None:
        self._sounds.toggle()
        self.show_sound("")

    def show_sound(self, said: str) -> None:
        """Whether tones are heard now."""
        self._mute.setChecked(not self._sounds.muted)
        self.say(said)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """F7, F11 and Esc, from wherever the focus is."""
        forms = {Qt.Key.Key_Escape: self.door, Qt.Key.Key_F7: self.new_pin, Qt.Key.Key_F11: self.emergency}
        form = forms.get(Qt.Key(event.key()))
        if form and form is not self.form:
            self.turn_to(form)
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """What was copied from the window before goes with it."""
        super().showEvent(event)
        clipboard = QGuiApplication.clipboard()
        if clipboard.ownsClipboard():
            clipboard.clear()
        self.form.focus()


def _choice(name: str, on: bool, pressed: Callable[[], object]) -> QPushButton:
    button = QPushButton(name)
    button.setProperty("kind", "choice")
    button.setCheckable(True)
    button.setChecked(on)
    button.setAccessibleName(name)
    button.clicked.connect(lambda: pressed())
    return button
