"""What is done at the seat without a child: handing over, the date, doses left without an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from domain.permissions import Permission, allowed
from domain.world import from_utc_text
from terminal.store import visits
from terminal.store.children import Card
from terminal.store.doses import CheckedDose
from terminal.ui import trips
from terminal.ui.dose_sheets import ReasonSheet
from terminal.ui.start_sheets import ClockSheet, EmergencyCodeSheet, PinSheet, UnansweredSheet
from terminal.ui.trips import Look
from terminal.ui.verdict_strip import Said
from terminal.usecases import record_dose
from terminal.usecases.clock_check import confirm_date
from terminal.usecases.desk import Actor, Desk, Outcome
from terminal.usecases.sign_in import sign_in
from terminal.usecases.staff_emergency import new_emergency_code, review_emergency

if TYPE_CHECKING:
    from terminal.ui.work import Work


@dataclass(frozen=True)
class Left:
    """What was left behind at a lock or a power cut: doses without an answer, and the child of the visit opened last
    today and not closed, "" for none."""

    unanswered: tuple[tuple[CheckedDose, Card], ...]
    open_child: str


def what_is_left(desk: Desk, actor: Actor) -> Left:
    """On the store thread. Nothing for one who may see no child."""
    if not allowed(actor.grades, Permission.CHILD_VIEW):
        return Left((), "")
    today = desk.today()
    opened = [
        v.child_id
        for v in visits.open_ones(desk.store)
        if (from_utc_text(v.opened_at) + desk.shift).astimezone(desk.world.zone).date() == today
    ]
    return Left(trips.unanswered(desk, actor), opened[-1] if opened else "")


class SeatWork:
    """Part of `Work`."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def ask_pin(self, code: str) -> None:
        """Somebody's badge was scanned: her PIN takes the seat. Going back leaves it to who sits there."""
        self.work.screen.open_sheet(PinSheet(self.work.words, code, self.hand_over, self.work.screen.close_sheet))

    def hand_over(self, code: str, pin: str) -> None:
        """The visit, the child and an open form stay; the next dose bears the other name. Who may see no child gets an
        empty screen."""

        def then(outcome: Outcome[Actor]) -> None:
            if outcome.value is None:
                self.work.screen.sheet_says(outcome.problems)
                return
            self.work.shell.search.clear()  # what it showed is in the audit under the name of who searched
            self.work.actor = outcome.value
            self.work.screen.close_sheet()
            if not allowed(self.work.actor.grades, Permission.CHILD_VIEW):
                self.work.show_new_child(Look(), None)
                self.work.screen.refresh()
            self.work.shell.show_actor(self.work.actor)
            self.work.say(Said("ok", self.work.words("ui.handed_over", name=self.work.actor.name)))
            self.ask_unanswered(again=True)

        self.work.turns.take(lambda: (sign_in, (self.work.desk, code, pin), then))

    def ask_date(self) -> None:
        """The PC's date is doubted: a person confirms it."""

        def done(day: date) -> None:
            self.work.do(confirm_date, self.work.saved("ui.clock.confirmed"), day)

        today = self.work.desk.today().isoformat()
        self.work.screen.open_sheet(ClockSheet(self.work.words, today, done, self.work.screen.close_sheet))

    def ask_unanswered(self, child_id: str = "", waiting: str = "", again: bool = False) -> None:
        """After start and unlock: was it given? When all is answered, `child_id`, asked about last, is opened; without
        one the child whose visit was left open. `waiting` is a dose that will be given now and is not asked about.
        `again`: somebody sits here already, so only what the child on the screen is not waiting for is asked."""
        work = self.work
        if again:
            waiting = waiting or (work.look.held.id if work.look.held else "")

        def then(left: Left) -> None:
            unanswered = [found for found in left.unanswered if found[0].id != waiting]
            if unanswered:
                self._ask_first(unanswered, waiting)
            elif not again or isinstance(work.screen.sheet, UnansweredSheet):
                work.say_child()
                work.screen.close_sheet(answered=True)
                work.screen.refresh()
                comes_back = child_id or (left.open_child if not work.look.child else "")
                if comes_back:
                    work.children.open_child(comes_back)

        work.turns.take(lambda: (what_is_left, (work.desk, work.actor), then))

    def _ask_first(self, found: list[tuple[CheckedDose, Card]], waiting: str) -> None:
        work, (checked, card) = self.work, found[0]
        fresh = work.desk.world.now() - from_utc_text(checked.at) < record_dose.HOLDS
        not_yet = self._not_yet if fresh and not waiting else None
        work.say(Said("look", work.words("ui.unanswered.title"), work.words("ui.unanswered.why")))
        answers = (self._was_given, self._was_not_given, not_yet)
        work.screen.open_sheet(UnansweredSheet(work.words, work.desk, checked, card, *answers))

    def _was_given(self, checked: CheckedDose, reasons: dict[str, str], stated: str) -> None:
        fields = (checked.id, reasons, stated)
        self.work.do(record_dose.record_dose, lambda _: self.ask_unanswered(checked.child_id), *fields)

    def _was_not_given(self, checked: CheckedDose) -> None:
        self.work.do(record_dose.dismiss_checked, lambda _: self.ask_unanswered(checked.child_id), checked.id)

    def _not_yet(self, checked: CheckedDose) -> None:
        self.ask_unanswered(checked.child_id, waiting=checked.id)

    def review_emergency(self, use: tuple[int, str, str, str]) -> None:
        """One who manages staff says what a use of the sealed code was about; then a new code is made."""
        if self.work.answer_first():
            return
        words, (no, account, name, _) = self.work.words, use
        about = [words("ui.emergency.used", account=account, name=name)]

        def go_on(reason: str) -> None:
            self.work.do(review_emergency, lambda _: self.renew_emergency(), no, reason)

        close = self.work.screen.close_sheet
        self.work.screen.open_sheet(ReasonSheet(words, words("ui.emergency.review"), about, (), go_on, close))

    def renew_emergency(self) -> None:
        """A new code for the envelope, shown once."""
        if self.work.answer_first():
            return

        def show(outcome: Outcome[str]) -> None:
            assert outcome.value is not None
            sheet = EmergencyCodeSheet(self.work.words, outcome.value, self.work.screen.close_sheet)
            self.work.screen.open_sheet(sheet)

        self.work.do(new_emergency_code, show)
