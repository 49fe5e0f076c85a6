"""A nurse at the real window, played: the scanner's bytes, the keys, and what the script knows of the clinic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.codes import badge_text
from domain.schedule.page import Next, Page, read_page
from terminal.bootstrap import Terminal
from terminal.demo.clinic import DemoClinic
from terminal.demo.synthetic import Lot, Member
from terminal.store import stock
from terminal.store.children import Card
from terminal.store.database import Store
from terminal.ui.hand import Hand
from terminal.ui.pictures import grab
from terminal.ui.start_sheets import PinSheet
from terminal.usecases.desk import Desk
from terminal.usecases.schedule import case_on

ORDINARY = 22  # children who simply come and get their doses


@dataclass
class Nurse:
    """A pair of hands at the window, on a thread of its own; pictures go to `out`."""

    clinic: DemoClinic
    terminal: Terminal
    hand: Hand
    out: Path
    pictures: int = 0
    waiting: list[Card] = field(default_factory=list)

    def sign_in(self, member: Member) -> None:
        self.picture("sign-in")
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

    def hand_over(self, member: Member) -> None:
        self.scan(badge_text(member.code))
        sheet = self.sheet(PinSheet)

        def enter() -> None:
            sheet.pin.setText(member.pin)
            sheet.finish()

        self.hand.call(enter)
        self.hand.until(lambda: self.work.actor.code == member.code)
        self.hand.settle()

    def visit(self, child: Card, lots: list[Lot], picture: bool = False) -> None:
        self.open(child)
        for lot in lots:
            self.scan(self.package(lot))
            if picture and lot is lots[-1]:
                self.picture("checked")
            self.confirm()
        if picture:
            self.picture("saved")
        self.finish_visit()

    def open(self, child: Card) -> None:
        self.scan(child.identifier("booklet"))
        self.hand.until(lambda: self.work.look.child_id == child.id)
        self.open_visit()

    def open_visit(self) -> None:
        """The questions before the dose: the family is informed, the paper booklet was seen."""
        words = self.hand.window.words
        self.hand.click(words("ui.visit.informed"))
        self.hand.click(words("ui.visit.booklet_seen"))
        self.hand.press("F2")

    def open_and_give(self, child: Card, lot: Lot) -> str:
        self.open(child)
        return self.give(lot)

    def give(self, lot: Lot) -> str:
        code = self.package(lot)
        self.scan(code)
        self.confirm()
        return code

    def confirm(self) -> None:
        """Enter, with a reason where the answer asks for one (an untouched package is no cause here)."""
        self.hand.press("Enter")
        self.hand.until(lambda: self.work.verdict is None)

    def finish_visit(self) -> None:
        self.hand.press("F12")
        self.hand.until(lambda: self.work.look.visit is None)

    def scan(self, text: str) -> None:
        """One pull of the trigger; back when the screen shows the answer."""
        window = self.hand.window
        before = self.hand.call(lambda: len(window.scan_to_screen_s))
        self.hand.call(self.terminal.reader.forget)
        self.clinic.scanner.scan(text)
        self.hand.until(lambda: len(window.scan_to_screen_s) > before)
        self.hand.settle()

    def next(self, least: int) -> Card:
        """The next child in the waiting room for whom so many packages are here."""
        child = next(c for c in self.waiting if len(self.due(c)) >= least)
        self.waiting.remove(child)
        return child

    def page(self, child: Card | None, desk: Desk | None = None) -> Page:
        """The booklet's page of a child; None: of the one on the screen. By the records of `desk`, ours if None."""
        desk = desk or self.clinic.desk
        case = case_on(desk, child.id if child else self.work.look.child_id, desk.today())
        assert case is not None
        return read_page(desk.plan, case)

    def due(self, child: Card | None = None, desk: Desk | None = None) -> list[Lot]:
        """Lots of what is due, in the order to give; those of several doses a vial and recalled ones are left out."""
        found = [self.lot(n) for n in self.page(child, desk).due]
        return [lot for lot in found if lot]

    def early(self, child: Card) -> Lot:
        """A lot of something whose day has not come."""
        found = [self.lot(n) for n in self.page(child).nexts if n.standing == "later"]
        return next(lot for lot in found if lot)

    def lot(self, line: Next) -> Lot | None:
        desk = self.clinic.desk
        recalled = {row.lot_no for row, _ in stock.on_hand(self.store) if row.recalled}
        for lot in self.clinic.lots:
            fits = desk.plan.vaccine(lot.product.vaccine, desk.today()) in line.vaccines
            if fits and lot.product.doses_per_vial == 1 and lot.lot_no not in recalled:
                return lot
        return None

    def package(self, lot: Lot) -> str:
        """The next package of the lot that still holds a dose."""
        size = lot.product.vials_per_package * lot.product.doses_per_vial
        for code in lot.packages:
            if sum(u.doses for u in stock.uses(self.store, code)) < size:
                return code
        raise RuntimeError("the synthetic delivery is used up")

    def printed(self) -> None:
        """Wait until the queue has nothing under way."""
        waiting = "SELECT 1 FROM print_job WHERE state IN ('queued', 'sending', 'sent') LIMIT 1"
        self.terminal.wake_printers()
        self.hand.until(lambda: not self.store.sql(waiting))

    def picture(self, name: str) -> None:
        self.pictures += 1
        path = self.out / f"{self.pictures:02d}-{name}.png"
        shell = self.hand.window.shell
        if shell:
            self.hand.call(shell.tick)
        self.hand.call(lambda: grab(self.hand.window, path))

    def say(self, code: str) -> str:
        """What somebody writes, in the language of the window."""
        return self.hand.window.words(code)

    @property
    def store(self) -> Store:
        return self.clinic.desk.store

    @property
    def counter(self) -> Any:
        counter = self.hand.window.counter
        assert counter is not None
        return counter

    @property
    def shell(self) -> Any:
        shell = self.hand.window.shell
        assert shell is not None
        return shell

    @property
    def work(self) -> Any:
        return self.counter.work

    def sheet(self, kind: Callable[..., Any]) -> Any:
        """The form that must be open now."""
        self.hand.until(lambda: isinstance(self.counter.sheet, kind))  # type: ignore[arg-type]  # a form is a class
        return self.hand.call(lambda: self.counter.sheet)
