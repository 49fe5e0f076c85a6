"""The scripted morning: a nurse at the real window, the simulated scanner's bytes, keys, and what went wrong."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from domain.doses import vaccine_class
from domain.events import Alert, ChildRegistered
from printing.spool import PrinterState
from terminal.demo.neighbour import Neighbour
from terminal.demo.nurse import Nurse
from terminal.store import references, stock
from terminal.store.children import Card
from terminal.ui.booklet_sheet import BookletSheet
from terminal.ui.correction_sheets import AnswerSheet
from terminal.ui.dose_sheets import DeferSheet, ReasonSheet
from terminal.ui.lookup_sheet import LookupSheet
from terminal.ui.page_children import ChildrenPage
from terminal.ui.page_inbox import InboxPage
from terminal.ui.page_settings import SettingsPage
from terminal.ui.pages import COUNTER, ENTRIES
from terminal.ui.register_sheet import RegisterSheet
from terminal.usecases.exchange_view import inbox_count
from terminal.usecases.receive_stock import recall_lot
from terminal.usecases.register_child import update_child

ORDINARY = 22  # children who simply come and get their doses


class Morning(Nurse):
    """The story, told step by step."""

    def play(self) -> None:
        """From sign-in to the last upload."""
        nurse = self.clinic.staff["general"]
        self.sign_in(nurse)
        self.waiting = list(self.clinic.children)
        self._ordinary(ORDINARY // 2, picture=True)
        self._stopped(self.next(3))
        self._too_early(self.next(1))
        self._newborn(self.clinic.newcomers[0])
        if self.clinic.neighbour:
            self._from_elsewhere(self.clinic.neighbour)
        self._physician(self.next(1))
        self._fever(self.next(2))
        self._booklet(self.next(1))
        self._void_and_repeat(self.next(1))
        self._paper_out(self.next(1))
        self._offline()
        self._ordinary(ORDINARY - ORDINARY // 2 - 4)
        self._pages()
        self._finish()

    def _ordinary(self, count: int, picture: bool = False) -> None:
        for number in range(count):
            first = picture and number == 0
            wanted = 1 + number % 3
            child = self.next(3 if first else min(wanted, 2))
            self.visit(child, self.due(child)[:wanted], first)

    def _stopped(self, child: Card) -> None:
        """A recalled lot, a product nobody knows, a damaged code, then the same vaccine twice."""
        due = self.due(child)
        self.open(child)
        recalled = due[2]
        row = stock.lot_of_package(self.store, recalled.packages[-1])
        assert row is not None
        recall_lot(self.clinic.desk, self.clinic.boss, row.id, self.say("demo.recall"))
        self.scan(recalled.packages[-1])
        self.picture("stop-recalled")
        self.scan("89999990000000000001")
        self.scan("(01)09529900000022(17)250230(10)X1")
        self.give(due[0])
        self.scan(self.package(due[0]))
        self.picture("stop-same-day")
        self.give(due[1])
        self.finish_visit()

    def _too_early(self, child: Card) -> None:
        """A vaccine whose day has not come: the counter says from when, by which rule; the due one is given."""
        self.open(child)
        self.scan(self.package(self.early(child)))
        self.picture("stop-too-early")
        self.hand.call(self.work.not_given)
        self.hand.settle()
        self.give(self.due(child)[0])
        self.finish_visit()

    def _fever(self, child: Card) -> None:
        """Nothing today: all that is due is deferred with its reason and a new day."""
        self.open(child)
        self.hand.press("F8")
        sheet = self.sheet(DeferSheet)

        def fill() -> None:
            sheet.outcome.choose("deferred")
            sheet.due.choose_all()

        self.hand.call(fill)
        self.hand.click(self.hand.window.words("ui.reason.fever"))
        self.hand.click(self.hand.window.words("ui.defer.week"))
        self.picture("deferred")
        self.hand.call(sheet.finish)
        self.hand.settle()
        self.picture("not-given")
        self.finish_visit()

    def _booklet(self, child: Card) -> None:
        """The paper booklet is held against the record."""
        self.open(child)
        self.hand.press("F6")
        self.sheet(BookletSheet)
        self.picture("booklet")
        self.hand.call(lambda: self.counter.close_sheet())
        self.give(self.due(child)[0])
        self.finish_visit()

    def _pages(self) -> None:
        """What else the rail has, once all is uploaded."""
        self.terminal.sync_now(20)
        self.hand.call(self.shell.ask_standing)
        self.hand.settle()
        for entry in [e for e in ENTRIES if e.page and e.name not in (COUNTER, "settings")]:
            self.hand.call(partial(self.shell.turn_to, entry.name))
            self.hand.settle()
            self.picture(f"page-{entry.name}")
            if entry.name == "children":
                self._record()
        self.hand.call(lambda: self.shell.turn_to(COUNTER))

    def _settings(self) -> None:
        """What only the one who runs the clinic's PC sees: she takes the seat over for it."""
        self.hand_over(self.clinic.staff["super"])
        self.hand.call(lambda: self.shell.turn_to("settings"))
        self.hand.settle()
        page = self.hand.window.findChild(SettingsPage)
        assert page is not None
        for name in page.sections:
            self.hand.call(partial(page.turn_to, name))
            self.hand.settle()
            self.picture(f"page-settings-{name}")
        self.hand.call(lambda: self.shell.turn_to(COUNTER))

    def _record(self) -> None:
        """A record to read, from the list of children."""
        page = self.hand.window.findChild(ChildrenPage)
        assert page is not None
        self.hand.call(lambda: page.show_record(page.table.lines.shown[0].id))
        self.hand.until(lambda: page.sheet)
        self.hand.settle()
        self.picture("record")
        self.hand.call(page.close_sheet)

    def _newborn(self, form: ChildRegistered) -> None:
        """A child nobody has seen: registered with checks while typing, then the first doses."""
        self.hand.call(lambda: self.work.children.register())
        sheet = self.sheet(RegisterSheet)
        guardian = form.guardians[0]
        booklet = next(i.value for i in form.identifiers if i.kind == "booklet")
        entries = {"name": form.name, "sex": form.sex, "birth_on": form.birth_on, "booklet": booklet}
        entries |= {"guardian": guardian.name, "phone": guardian.phone}

        def fill() -> None:
            for name, value in entries.items():
                sheet.put(name, value)

        self.hand.call(fill)
        self.hand.settle()
        self.picture("register")
        self.hand.call(sheet.finish)
        self.hand.until(lambda: self.work.look.child_id and self.counter.sheet is None)
        self.hand.settle()
        self.open_visit()
        for lot in self.due()[:2]:
            self.give(lot)
        self.finish_visit()

    def _from_elsewhere(self, neighbour: Neighbour) -> None:
        """A family of another clinic: nobody here knows the number, the region does; then as with any child."""
        self._hear()
        child = next(c for c in neighbour.children if self.due(c, neighbour.desk))
        self.scan(child.identifier("booklet"))
        self.picture("unknown")
        self.hand.press("F7")
        sheet = self.sheet(LookupSheet)
        self.hand.press("Enter")
        self.hand.until(lambda: sheet.answered)
        self.hand.settle()
        self.picture("elsewhere")
        self.hand.press("Enter")
        self.hand.until(lambda: self.work.look.child_id == child.id)
        self.hand.settle()
        self.open_visit()
        self.picture("kept")
        self.give(self.due()[0])
        self.finish_visit()

    def _hear(self) -> None:
        """What the region and the other clinic have to say has come."""
        desk = self.clinic.desk
        self.terminal.upload_now()
        self.hand.until(lambda: inbox_count(desk).open and references.in_force(desk.store, "notices", desk.today()))
        self.hand.call(self.shell.ask_standing)
        self.hand.settle()

    def _inbox(self) -> None:
        """What the other clinic asks of ours is answered: the dose is corrected as asked."""
        self.hand.call(lambda: self.shell.turn_to("inbox"))
        self.hand.settle()
        page = self.hand.window.findChild(InboxPage)
        assert page is not None
        self.picture("inbox")
        self.hand.press("F7")
        self.hand.until(lambda: isinstance(page.sheet, AnswerSheet))
        self.picture("answer")
        self.hand.call(lambda: page.sheet.finish())
        self.hand.until(lambda: page.sheet is None and not inbox_count(self.clinic.desk).open)
        self.hand.settle()
        self.hand.call(lambda: self.shell.turn_to(COUNTER))

    def _physician(self, child: Card) -> None:
        """The physician takes the seat for what only she may do, and hands it back."""
        self.hand_over(self.clinic.staff["advanced"])
        self._contraindicated(child)
        if self.clinic.neighbour:
            self._inbox()
        self.hand_over(self.clinic.staff["general"])

    def _contraindicated(self, child: Card) -> None:
        """A noted contraindication stops; the physician gives it all the same, with a reason."""
        lot = self.due(child)[0]
        alert = Alert("contraindication", self.say("demo.convulsion"), (vaccine_class(lot.product.vaccine),))
        update_child(self.clinic.desk, self.clinic.boss, child.id, {"alerts": (alert,)})
        self.open(child)
        self.scan(self.package(lot))
        self.picture("stop-contraindicated")
        self.hand.press("Enter")
        sheet = self.sheet(ReasonSheet)
        self.hand.call(lambda: sheet.reason.setText(self.say("ui.reason.physician")))
        self.picture("override")
        self.hand.call(sheet.finish)
        self.hand.settle()
        self.finish_visit()

    def _void_and_repeat(self, child: Card) -> None:
        """Recorded, but the child pulled away: voided with a reason, then given from the same package."""
        lot = self.due(child)[0]
        code = self.open_and_give(child, lot)
        dose = self.hand.call(lambda: self.work.look.given[-1])
        self.hand.call(lambda: self.work.doses.dose_chosen(dose))
        self.hand.click(self.hand.window.words("ui.dose.void"))
        sheet = self.sheet(ReasonSheet)
        self.hand.call(lambda: sheet.reason.setText(self.say("ui.reason.not_given")))
        self.hand.call(sheet.finish)
        self.hand.settle()
        self.picture("voided")
        self.scan(code)
        self.confirm()
        self.finish_visit()

    def _paper_out(self, child: Card) -> None:
        """The roll is empty when the slip should print; a new one goes in."""
        self.printed()
        self.clinic.printer.set(paper_out=True)
        self.visit(child, self.due(child)[:1])
        self.hand.until(lambda: self.terminal.spools[0].health.state is PrinterState.BLOCKED)
        self.hand.call(self.shell.ask_standing)
        self.hand.settle()
        self.picture("paper-out")
        self.clinic.printer.set(paper_out=False)
        self.terminal.wake_printers()

    def _offline(self) -> None:
        """The line is dead for an hour; the counter does not care."""
        self.clinic.cable.pull()
        for minutes in (0, 15, 20, 25):
            self.clinic.clock.shift += timedelta(minutes=minutes)
            child = self.next(1)
            self.visit(child, self.due(child)[:2])
        self.terminal.sync_now(20)
        self.hand.call(self.shell.ask_standing)
        self.hand.settle()
        self.picture("offline")
        self.clinic.cable.plug()

    def _finish(self) -> None:
        """The last slips, the last upload, and nobody's data on the screen."""
        self.printed()
        for _ in range(5):
            self.terminal.sync_now(30)
            if not self.store.sql("SELECT 1 FROM batch WHERE acked_at IS NULL LIMIT 1"):
                break
        self.hand.call(self.shell.ask_standing)
        self.hand.settle()
        self.picture("evening")
        self._settings()
        self.hand.call(lambda: self.hand.window.lock())
        self.picture("locked")
