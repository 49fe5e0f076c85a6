"""Settings, in parts by right: the clinic and this desk, the programme, the staff, the audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from config.settings import Settings
from config.settings_edit import Value
from config.texts import LANGUAGES
from domain.codes import Code
from domain.permissions import Permission, permissions
from drivers.scan import ScanEvent
from terminal.ui import parts
from terminal.ui.page_audit import AuditSection
from terminal.ui.page_parts import Facts, WorkPage
from terminal.ui.page_programmes import ProgrammeSection
from terminal.ui.page_staff import StaffSection
from terminal.ui.pages import House, Page
from terminal.ui.sheet import Choices, Sheet
from terminal.ui.tokens import GAP
from terminal.ui.words import Words
from terminal.usecases.change_settings import change_settings

IDLE_S = (60, 120, 300, 600, 1800)
INJECTIONS = (1, 2, 3, 4)
_BACKUP_LATE = 2  # times the interval of the settings


class SettingsPage(Page):
    """Alt and a digit turn to a part."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.settings")
        mine = permissions(house.actor.grades)
        self.sections = {name: make for name, (right, make) in SECTIONS.items() if right in mine}
        self._made: dict[str, WorkPage] = {}
        self.tabs: dict[str, QPushButton] = {}
        holder = QWidget()
        self._stack = QStackedLayout(holder)
        for at, name in enumerate(self.sections, 1):
            button = QPushButton(house.words(f"ui.settings.{name}"))
            button.setProperty("kind", "choice")
            button.setCheckable(True)
            button.setAccessibleName(button.text())
            button.setToolTip(f"{button.text()}  Alt+{at}")
            button.clicked.connect(lambda _=False, to=name: self.turn_to(to))
            self.tabs[name] = button
        row = parts.row(*self.tabs.values(), 1)
        row.setContentsMargins(18, 14, 18, 0)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(row)
        whole.addWidget(holder, 1)
        self.current = next(iter(self.sections))

    @property
    def section(self) -> WorkPage | None:
        """The part that is open."""
        return self._made.get(self.current)

    def turn_to(self, name: str) -> None:
        """Open a part."""
        if self.section and name != self.current:
            self.section.stop()
        self.current = name
        if name not in self._made:
            self._made[name] = self.sections[name](self.house)
            self._made[name].title.hide()  # the button above says it
            self._stack.addWidget(self._made[name])
        self._stack.setCurrentWidget(self._made[name])
        for other, button in self.tabs.items():
            button.setChecked(other == name)
        self._made[name].start()

    def start(self) -> None:
        self.turn_to(self.current)

    def stop(self) -> None:
        if self.section:
            self.section.stop()

    def refresh(self) -> None:
        if self.section:
            self.section.refresh()

    def hear(self, event: ScanEvent) -> bool:
        return bool(self.section and self.section.hear(event))

    def take(self, code: Code) -> bool:
        return bool(self.section and self.section.take(code))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        place = event.key() - Qt.Key.Key_1
        names = list(self.sections)
        if event.modifiers() & Qt.KeyboardModifier.AltModifier and 0 <= place < len(names):
            self.turn_to(names[place])
        else:
            super().keyPressEvent(event)


class ClinicSection(WorkPage):
    """The clinic and this desk as the settings file has them; what is changed holds from the next start."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.settings.clinic")
        words = house.words
        self.settings = house.desk.settings  # as written last, which may be newer than those in force
        self.clinic, self.desk = Facts(words("ui.settings.of_clinic")), Facts(words("ui.settings.of_desk"))
        self.safety = Facts(words("ui.sync.safety"))
        line = parts.row(self.clinic, self.desk, spacing=GAP)
        line.setStretch(0, 1)
        line.setStretch(1, 1)
        self.inside.addLayout(line)
        self.inside.addWidget(self.safety)
        self.inside.addStretch(1)
        self._change_button = self.action("ui.settings.change", self._change, "F2", "primary")
        self._change_button.setEnabled(house.services.settings_path is not None)
        self.action("ui.sync.back_up", self._back_up, "F6")
        self.row.addStretch(1)

    def start(self) -> None:
        self.setFocus()
        self.refresh()

    def refresh(self) -> None:
        words, s = self.words, self.settings
        self.clinic.show_facts(
            (words("ui.settings.name"), s.clinic.name, ""),
            (words("ui.settings.code"), s.clinic.code, ""),
            (words("ui.settings.zone"), s.clinic.zone, ""),
            (words("ui.settings.booklet"), s.clinic.booklet_pattern, ""),
            (words("ui.settings.region"), s.region.url if s.region else words("ui.settings.no_region"), ""),
        )
        printers = [f"{p.name} ({words(f'ui.devices.printer_{p.role}')})" for p in s.printers]
        self.desk.show_facts(
            (words("ui.settings.desk"), s.desk, ""),
            (words("ui.settings.language"), words(f"ui.language.{s.language}"), ""),
            (words("ui.settings.idle"), words("ui.settings.minutes", minutes=_minutes(s.idle_lock_s)), ""),
            (words("ui.settings.injections"), self._injections(s.programme.max_injections), ""),
            (words("ui.settings.printers"), words("ui.and").join(printers) or "—", "" if printers else "look"),
        )
        self._show_safety()

    def _show_safety(self) -> None:
        words, desk, backup = self.words, self.house.desk, self.settings.backup
        made_at = self.house.services.backed_up_at()
        told = words("ui.never")
        if made_at:
            told = words.moment(made_at.astimezone(desk.world.zone), desk.today())
        late = made_at is None or desk.world.now() - made_at > timedelta(hours=_BACKUP_LATE * backup.every_h)
        medium = backup.second_medium
        self.safety.show_facts(
            (words("ui.sync.last_backup"), told, "look" if late else "ok"),
            (words("ui.settings.backups"), words("ui.settings.kept", hours=backup.every_h, keep=backup.keep), ""),
            (words("ui.settings.directory"), backup.directory, ""),
            (words("ui.settings.medium"), medium or words("ui.settings.no_medium"), "" if medium else "look"),
        )

    def _injections(self, most: int | None) -> str:
        return self.words("ui.settings.no_limit") if most is None else str(most)

    def _back_up(self) -> None:
        self.house.services.back_up_now()
        self.say(self.words("ui.sync.backing_up"))

    def _change(self) -> None:
        self.open_sheet(ClinicSheet(self.words, self.settings, self._save, self.close_sheet))

    def _save(self, changes: Mapping[str, Mapping[str, Value]]) -> None:
        def saved(settings: Settings) -> None:
            self.settings = settings
            self.close_sheet()
            self.say(self.words("ui.settings.saved"))
            self.refresh()

        self.do(change_settings, saved, self.house.services.settings_path, changes)


class ClinicSheet(Sheet):
    """What may be changed here; the rest stands in the file."""

    wide = True

    def __init__(
        self,
        words: Words,
        settings: Settings,
        save: Callable[[Mapping[str, Mapping[str, Value]]], None],
        close: Callable[[], None],
    ) -> None:
        super().__init__(words, words("ui.settings.change"), close, words("ui.save"))
        self._before, self._save = settings, save
        form = self.form()
        self.name, self.desk = QLineEdit(settings.clinic.name), QLineEdit(settings.desk)
        self.language = Choices([(code, words(f"ui.language.{code}")) for code in LANGUAGES], settings.language)
        idle = sorted({*IDLE_S, settings.idle_lock_s})
        minutes = [(str(s), words("ui.settings.minutes", minutes=_minutes(s))) for s in idle]
        self.idle = Choices(minutes, str(settings.idle_lock_s))
        most = settings.programme.max_injections
        limits = [("", words("ui.settings.no_limit")), *((str(n), str(n)) for n in sorted({*INJECTIONS, most or 1}))]
        self.injections = Choices(limits, str(most or ""))
        for code, field in (
            ("ui.settings.name", self.name),
            ("ui.settings.desk", self.desk),
            ("ui.settings.language", self.language),
            ("ui.settings.idle", self.idle),
            ("ui.settings.injections", self.injections),
        ):
            self.line(form, code, field)
        self.body.addWidget(parts.text(words("ui.settings.next_start"), "muted", wrap=True))
        self.body.addStretch(1)

    def finish(self) -> None:
        s, most = self._before, self.injections.value
        fields: tuple[tuple[str, str, Value, Value], ...] = (
            ("clinic", "name", s.clinic.name, self.name.text().strip()),
            ("", "desk", s.desk, self.desk.text().strip()),
            ("", "language", s.language, self.language.value),
            ("", "idle_lock_s", s.idle_lock_s, int(self.idle.value)),
            ("programme", "max_injections", s.programme.max_injections, int(most) if most else None),
        )
        changes: dict[str, dict[str, Value]] = {}
        for table, key, before, now in fields:
            if now != before:
                changes.setdefault(table, {})[key] = now
        self._save(changes)


def _minutes(seconds: int) -> str:
    return f"{seconds / 60:g}"


SECTIONS: dict[str, tuple[Permission, Callable[[House], WorkPage]]] = {
    "clinic": (Permission.SYSTEM, ClinicSection),
    "programme": (Permission.PROGRAMME_APPROVE, ProgrammeSection),
    "staff": (Permission.STAFF_MANAGE, StaffSection),
    "audit": (Permission.AUDIT_READ, AuditSection),
}
