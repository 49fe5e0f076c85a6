"""Who looked at what and who did what, by day, person and action; whoever reads here is in it too."""

from __future__ import annotations

import json
from datetime import date

from config.texts import table as texts
from domain.world import from_utc_text
from terminal.store.audit_view import AuditRow
from terminal.ui import parts
from terminal.ui.page_parts import Within, WorkPage, in_card
from terminal.ui.pages import House
from terminal.ui.sheet import Day, Pick
from terminal.ui.table_view import Column, Table
from terminal.usecases.audit_view import AuditFilter, AuditPage, read_audit


class AuditSection(WorkPage):
    """Asked for when it is opened and when a choice changes, not by itself: each look is audited."""

    def __init__(self, house: House) -> None:
        super().__init__(house, "ui.audit")
        words = house.words
        self.table: Table[AuditRow] = Table(
            words("ui.audit"), self._columns(), words("ui.audit.empty"), search=self._search
        )
        self.within = Within(words("ui.list.within"), self.table)
        self.head.addWidget(self.within)
        today = house.desk.today().isoformat()
        self.begin, self.end = Day(today), Day(today)
        self.who = Pick([("", words("ui.audit.anyone"))])
        self.what = Pick([("", words("ui.audit.anything"))])
        named = ((self.begin, "begin"), (self.end, "end"), (self.who, "person"), (self.what, "action"))
        for widget, name in named:
            widget.setAccessibleName(words(f"ui.audit.{name}"))
            widget.setToolTip(words(f"ui.audit.{name}"))
        for day in (self.begin, self.end):
            day.setFixedWidth(140)
            day.editingFinished.connect(self.ask_rows)
        for pick in (self.who, self.what):
            pick.currentIndexChanged.connect(lambda _: self.ask_rows())
        to = parts.text(words("ui.audit.to"), "muted")
        self.inside.addLayout(parts.row(self.begin, to, self.end, self.who, self.what, 1, spacing=8))
        self.inside.addWidget(in_card(self.table), 1)
        self.action("ui.list.again", self.ask_rows, "F5")
        self.row.addStretch(1)

    def _columns(self) -> list[Column[AuditRow]]:
        words = self.words
        return [
            Column(words("ui.audit.at"), self._when, 3, key=lambda r: r.seq),
            Column(words("ui.audit.person"), lambda r: r.name or words("ui.audit.terminal"), 2, strong=True),
            Column(words("ui.audit.action"), lambda r: self._action(r.action), 4),
            Column(words("ui.audit.about"), lambda r: r.child or _short(r.subject), 4),
            Column(words("ui.audit.detail"), _detail, 5, lambda _: "muted"),
        ]

    def _when(self, row: AuditRow) -> str:
        return from_utc_text(row.at).astimezone(self.house.desk.world.zone).strftime("%m-%d %H:%M:%S")

    def _action(self, action: str) -> str:
        """In words; an action of a newer version by its code."""
        code = f"ui.audit.did.{action}"
        return self.words(code) if code in texts() else action

    def _search(self, row: AuditRow) -> str:
        return f"{row.name} {row.actor} {self._action(row.action)} {row.child} {row.subject} {row.detail}".casefold()

    def start(self) -> None:
        self.table.setFocus()
        self.ask_rows()

    def chosen(self) -> AuditFilter:
        """What is asked for; a day that is none is today."""
        today = self.house.desk.today()
        return AuditFilter(_day(self.begin, today), _day(self.end, today), self.who.value, self.what.value)

    def ask_rows(self) -> None:
        """Ask with the choices as they stand."""
        self.do(read_audit, self._show, self.chosen())

    def _show(self, page: AuditPage) -> None:
        terminal = self.words("ui.audit.terminal")
        _offer(self.who, [(code, name or terminal) for code, name in page.people if code])
        _offer(self.what, [(action, self._action(action)) for action in page.actions])
        self.table.show_lines(page.rows)
        self.facts.setText(self.words("ui.audit.more" if page.more else "ui.audit.count", count=len(page.rows)))


def _offer(pick: Pick, options: list[tuple[str, str]]) -> None:
    """Add what is not offered yet; what is chosen stays."""
    known = {pick.itemData(at) for at in range(pick.count())}
    for value, words in options:
        if value not in known:
            pick.addItem(words, value)


def _day(field: Day, otherwise: date) -> date:
    try:
        return date.fromisoformat(field.text())
    except ValueError:
        return otherwise


def _short(subject: str) -> str:
    """An id by its end, which differs."""
    return subject if len(subject) <= 24 else f"…{subject[-12:]}"


def _detail(row: AuditRow) -> str:
    """Codes and counts as they were noted."""
    noted = json.loads(row.detail)
    return " · ".join(f"{key} {_value(value)}" for key, value in noted.items() if value not in ("", [], None))


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
