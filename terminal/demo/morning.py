"""The scripted morning: a nurse at the real window, the simulated scanner's bytes, keys, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from domain.codes import badge_text
from domain.doses import vaccine_class
from domain.events import Alert, ChildRegistered
from domain.schedule.page import Next, Page, read_page
from printing.spool import PrinterState
from terminal.bootstrap import Terminal
from terminal.demo.clinic import DemoClinic
from terminal.demo.synthetic import Lot, Member
from terminal.store import stock
from terminal.store.children import Card
from terminal.store.database import Store
from terminal.ui.booklet_sheet import BookletSheet
from terminal.ui.dose_sheets import DeferSheet, ReasonSheet
from terminal.ui.hand import Hand
from terminal.ui.page_children import ChildrenPage
from terminal.ui.page_settings import SettingsPage
from terminal.ui.pages import COUNTER, ENTRIES
from terminal.ui.pictures import grab
from terminal.ui.register_sheet import RegisterSheet
from terminal.ui.start_sheets import PinSheet
from terminal.usecases.receive_stock import recall_lot
from terminal.usecases.register_child import update_child
from terminal.usecases.schedule import case_on

ORDINARY = 22  # children who simply come and get their doses


@dataclass
class Morning:
    """The story, told step by step on a thread of its own; pictures go to `out`."""

    clinic: DemoClinic
    terminal: Terminal
    hand: Hand
    out: Path
    pictures: int = 0
    _waiting: list[Card] = field(default_factory=list)

    def play(self) -> None:
        """From sign-in to the last upload."""
        nurse = self.clinic.staff["general"]
        self._sign_in(nurse)
        self._waiting = list(self.clinic.children)
        self._ordinary(ORDINARY // 2, picture=True)
        self._stopped(self._next(3))
        self._too_early(self._next(1))
        self._newborn(self.clinic.newcomers[0])
        self._contraindicated(self._next(1))
        self._fever(self._next(2))
        self._booklet(self._next(1))
        self._void_and_repeat(self._next(1))
        self._paper_out(self._next(1))
        self._offline()
        self._ordinary(ORDINARY - ORDINARY // 2 - 4)
        self._pages()
        self._finish()

    # The story

    def _ordinary(self, count: int, picture: bool = False) -> None:
        for number in range(count):
            first = picture and number == 0
            wanted = 1 + number % 3
            child = self._next(3 if first else min(wanted, 2))
            self._visit(child, self._due(child)[:wanted], first)

    def _stopped(self, child: Card) -> None:
        """A recalled lot, a product nobody knows, a damaged code, then the same vaccine twice."""
        due = self._due(child)
        self._open(child)
        recalled = due[2]
        row = stock.lot_of_package(self._store, recalled.packages[-1])
        assert row is not None
        recall_lot(self.clinic.desk, self.clinic.boss, row.id, self._say("demo.recall"))
        self._scan(recalled.packages[-1])
        self._picture("stop-recalled")
        self._scan("89999990000000000001")
        self._scan("(01)09529900000022(17)250230(10)X1")
        self._give(due[0])
        self._scan(self._package(due[0]))
        self._picture("stop-same-day")
        self._give(due[1])
        self._finish_visit()

    def _too_early(self, child: Card) -> None:
        """A vaccine whose day has not come: the counter says from when, by which rule; the due one is given."""
        self._open(child)
        self._scan(self._package(self._early(child)))
        self._picture("stop-too-early")
        self.hand.call(self._work.not_given)
        self.hand.settle()
        self._give(self._due(child)[0])
        self._finish_visit()

    def _fever(self, child: Card) -> None:
        """Nothing today: all that is due is deferred with its reason and a new day."""
        self._open(child)
        self.hand.press("F8")
        sheet = self._sheet(DeferSheet)

        def fill() -> None:
            sheet.outcome.choose("deferred")
            sheet.due.choose_all()

        self.hand.call(fill)
        self.hand.click(self.hand.window.words("ui.reason.fever"))
        self.hand.click(self.hand.window.words("ui.defer.week"))
        self._picture("deferred")
        self.hand.call(sheet.finish)
        self.hand.settle()
        self._picture("not-given")
        self._finish_visit()

    def _booklet(self, child: Card) -> None:
        """The paper booklet is held against the record."""
        self._open(child)
        self.hand.press("F6")
        self._sheet(BookletSheet)
        self._picture("booklet")
        self.hand.call(lambda: self._counter.close_sheet())
        self._give(self._due(child)[0])
        self._finish_visit()

    def _pages(self) -> None:
        """What else the rail has, once all is uploaded."""
        self.terminal.sync_now(20)
        self.hand.call(self._shell.ask_standing)
        self.hand.settle()
        for entry in [e for e in ENTRIES if e.page and e.name not in (COUNTER, "settings")]:
            self.hand.call(partial(self._shell.turn_to, entry.name))
            self.hand.settle()
            self._picture(f"page-{entry.name}")
            if entry.name == "children":
                self._record()
        self.hand.call(lambda: self._shell.turn_to(COUNTER))

    def _settings(self) -> None:
        """What only the one who runs the clinic's PC sees: she takes the seat over for it."""
        self._hand_over(self.clinic.staff["super"])
        self.hand.call(lambda: self._shell.turn_to("settings"))
        self.hand.settle()
        page = self.hand.window.findChild(SettingsPage)
        assert page is not None
        for name in page.sections:
            self.hand.call(partial(page.turn_to, name))
            self.hand.settle()
            self._picture(f"page-settings-{name}")
        self.hand.call(lambda: self._shell.turn_to(COUNTER))

    def _record(self) -> None:
        """A record to read, from the list of children."""
        page = self.hand.window.findChild(ChildrenPage)
        assert page is not None
        self.hand.call(lambda: page.show_record(page.table.lines.shown[0].id))
        self.hand.until(lambda: page.sheet)
        self.hand.settle()
        self._picture("record")
        self.hand.call(page.close_sheet)

    def _newborn(self, form: ChildRegistered) -> None:
        """A child nobody has seen: registered with checks while typing, then the first doses."""
        self.hand.call(lambda: self._work.children.register())
        sheet = self._sheet(RegisterSheet)
        guardian = form.guardians[0]
        booklet = next(i.value for i in form.identifiers if i.kind == "booklet")
        entries = {"name": form.name, "sex": form.sex, "birth_on": form.birth_on, "booklet": booklet}
        entries |= {"guardian": guardian.name, "phone": guardian.phone}

        def fill() -> None:
            for name, value in entries.items():
                sheet.put(name, value)

        self.hand.call(fill)
        self.hand.settle()
        self._picture("register")
        self.hand.call(sheet.finish)
        self.hand.until(lambda: self._work.look.child_id and self._counter.sheet is None)
        self.hand.settle()
        self._open_visit()
        for lot in self._due()[:2]:
            self._give(lot)
        self._finish_visit()

    def _contraindicated(self, child: Card) -> None:
        """A noted contraindication stops; the physician takes the seat, gives a reason, hands back."""
        lot = self._due(child)[0]
        alert = Alert("contraindication", self._say("demo.convulsion"), (vaccine_class(lot.product.vaccine),))
        update_child(self.clinic.desk, self.clinic.boss, child.id, {"alerts": (alert,)})
        self._hand_over(self.clinic.staff["advanced"])
        self._open(child)
        self._scan(self._package(lot))
        self._picture("stop-contraindicated")
        self.hand.press("Enter")
        sheet = self._sheet(ReasonSheet)
        self.hand.call(lambda: sheet.reason.setText(self._say("ui.reason.physician")))
        self._picture("override")
        self.hand.call(sheet.finish)
        self.hand.settle()
        self._finish_visit()
        self._hand_over(self.clinic.staff["general"])

    def _void_and_repeat(self, child: Card) -> None:
        """Recorded, but the child pulled away: voided with a reason, then given from the same package."""
        lot = self._due(child)[0]
        code = self._open_and_give(child, lot)
        dose = self.hand.call(lambda: self._work.look.given[-1])
        self.hand.call(lambda: self._work.doses.dose_chosen(dose))
        self.hand.click(self.hand.window.words("ui.dose.void"))
        sheet = self._sheet(ReasonSheet)
        self.hand.call(lambda: sheet.reason.setText(self._say("ui.reason.not_given")))
        self.hand.call(sheet.finish)
        self.hand.settle()
        self._picture("voided")
        self._scan(code)
        self._confirm()
        self._finish_visit()

    def _paper_out(self, child: Card) -> None:
        """The roll is empty when the slip should print; a new one goes in."""
        self._printed()
        self.clinic.printer.set(paper_out=True)
        self._visit(child, self._due(child)[:1])
        self.hand.until(lambda: self.terminal.spools[0].health.state is PrinterState.BLOCKED)
        self.hand.call(self._shell.ask_standing)
        self.hand.settle()
        self._picture("paper-out")
        self.clinic.printer.set(paper_out=False)
        self.terminal.wake_printers()

    def _offline(self) -> None:
        """The line is dead for an hour; the counter does not care."""
        self.clinic.cable.pull()
        for minutes in (0, 15, 20, 25):
            self.clinic.clock.shift += timedelta(minutes=minutes)
            child = self._next(1)
            self._visit(child, self._due(child)[:2])
        self.terminal.sync_now(20)
        self.hand.call(self._shell.ask_standing)
        self.hand.settle()
        self._picture("offline")
        self.clinic.cable.plug()

    def _finish(self) -> None:
        """The last slips, the last upload, and nobody's data on the screen."""
        self._printed()
        for _ in range(5):
            self.terminal.sync_now(30)
            if not self._store.sql("SELECT 1 FROM batch WHERE acked_at IS NULL LIMIT 1"):
                break
        self.hand.call(self._shell.ask_standing)
        self.hand.settle()
        self._picture("evening")
        self._settings()
        self.hand.call(lambda: self.hand.window.lock())
        self._picture("locked")

    # What a nurse does

    def _sign_in(self, member: Member) -> None:
        self._picture("sign-in")
        window = self.hand.window
        self.clinic.scanner.scan(badge_text(member.code))
        self.hand.until(lambda: window.sign_in and window.sign_in.code.text() == member.code)

        def enter() -> None:
            assert window.sign_in
            window.sign_in.pin.setText(member.pin)
            window.sign_in.button.click()

        self.hand.call(enter)
        self.hand.until(lambda: window.counter)
        self.hand.settle()

    def _hand_over(self, member: Member) -> None:
        self._scan(badge_text(member.code))
        sheet = self._sheet(PinSheet)

        def enter() -> None:
            sheet.pin.setText(member.pin)
            sheet.finish()

        self.hand.call(enter)
        self.hand.until(lambda: self._work.actor.code == member.code)
        self.hand.settle()

    def _visit(self, child: Card, lots: list[Lot], picture: bool = False) -> None:
        self._open(child)
        for lot in lots:
            self._scan(self._package(lot))
            if picture and lot is lots[-1]:
                self._picture("checked")
            self._confirm()
        if picture:
            self._picture("saved")
        self._finish_visit()

    def _open(self, child: Card) -> None:
        self._scan(child.identifier("booklet"))
        self.hand.until(lambda: self._work.look.child_id == child.id)
        self._open_visit()

    def _open_visit(self) -> None:
        """The questions before the dose: the family is informed, the paper booklet was seen."""
        words = self.hand.window.words
        self.hand.click(words("ui.visit.informed"))
        self.hand.click(words("ui.visit.booklet_seen"))
        self.hand.press("F2")

    def _open_and_give(self, child: Card, lot: Lot) -> str:
        self._open(child)
        return self._give(lot)

    def _give(self, lot: Lot) -> str:
        code = self._package(lot)
        self._scan(code)
        self._confirm()
        return code

    def _confirm(self) -> None:
        """Enter, with a reason where the answer asks for one (an untouched package is no cause here)."""
        self.hand.press("Enter")
        self.hand.until(lambda: self._work.verdict is None)

    def _finish_visit(self) -> None:
        self.hand.press("F12")
        self.hand.until(lambda: self._work.look.visit is None)

    def _scan(self, text: str) -> None:
        """One pull of the trigger; back when the screen shows the answer."""
        window = self.hand.window
        before = self.hand.call(lambda: len(window.scan_to_screen_s))
        self.hand.call(self.terminal.reader.forget)
        self.clinic.scanner.scan(text)
        self.hand.until(lambda: len(window.scan_to_screen_s) > before)
        self.hand.settle()

    # What the script knows

    def _next(self, least: int) -> Card:
        """The next child in the waiting room for whom so many packages are here."""
        child = next(c for c in self._waiting if len(self._due(c)) >= least)
        self._waiting.remove(child)
        return child

    def _page(self, child: Card | None) -> Page:
        """The booklet's page of a child; None: of the one on the screen."""
        desk = self.clinic.desk
        case = case_on(desk, child.id if child else self._work.look.child_id, desk.today())
        assert case is not None
        return read_page(desk.plan, case)

    def _due(self, child: Card | None = None) -> list[Lot]:
        """Lots of what is due, in the order to give; those of several doses a vial and recalled ones are left out."""
        found = [self._lot(n) for n in self._page(child).due]
        return [lot for lot in found if lot]

    def _early(self, child: Card) -> Lot:
        """A lot of something whose day has not come."""
        found = [self._lot(n) for n in self._page(child).nexts if n.standing == "later"]
        return next(lot for lot in found if lot)

    def _lot(self, line: Next) -> Lot | None:
        desk = self.clinic.desk
        recalled = {row.lot_no for row, _ in stock.on_hand(self._store) if row.recalled}
        for lot in self.clinic.lots:
            fits = desk.plan.vaccine(lot.product.vaccine, desk.today()) in line.vaccines
            if fits and lot.product.doses_per_vial == 1 and lot.lot_no not in recalled:
                return lot
        return None

    def _package(self, lot: Lot) -> str:
        """The next package of the lot that still holds a dose."""
        size = lot.product.vials_per_package * lot.product.doses_per_vial
        for code in lot.packages:
            if sum(u.doses for u in stock.uses(self._store, code)) < size:
                return code
        raise RuntimeError("the synthetic delivery is used up")

    def _printed(self) -> None:
        """Wait until the queue has nothing under way."""
        waiting = "SELECT 1 FROM print_job WHERE state IN ('queued', 'sending', 'sent') LIMIT 1"
        self.terminal.wake_printers()
        self.hand.until(lambda: not self._store.sql(waiting))

    def _picture(self, name: str) -> None:
        self.pictures += 1
        path = self.out / f"{self.pictures:02d}-{name}.png"
        shell = self.hand.window.shell
        if shell:
            self.hand.call(shell.tick)
        self.hand.call(lambda: grab(self.hand.window, path))

    def _say(self, code: str) -> str:
        """What somebody writes, in the language of the window."""
        return self.hand.window.words(code)

    @property
    def _store(self) -> Store:
        return self.clinic.desk.store

    @property
    def _counter(self) -> Any:
        counter = self.hand.window.counter
        assert counter is not None
        return counter

    @property
    def _shell(self) -> Any:
        shell = self.hand.window.shell
        assert shell is not None
        return shell

    @property
    def _work(self) -> Any:
        return self._counter.work

    def _sheet(self, kind: Callable[..., Any]) -> Any:
        """The form that must be open now."""
        self.hand.until(lambda: isinstance(self._counter.sheet, kind))  # type: ignore[arg-type]  # a form is a class
        return self.hand.call(lambda: self._counter.sheet)
