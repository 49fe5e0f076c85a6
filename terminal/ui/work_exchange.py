"""What is done with records from elsewhere: an opened child is asked about anew, an unknown number is looked up, a
dose of another clinic is doubted."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication

from domain.codes import PersonCode, classify
from domain.doses import Dose
from domain.errors import SyncError
from domain.permissions import Permission, allowed
from domain.world import from_utc_text
from terminal.ui import trips
from terminal.ui.correction_sheets import RequestSheet
from terminal.ui.lookup_sheet import LookupSheet
from terminal.ui.parts import Button
from terminal.ui.verdict_strip import Said
from terminal.usecases.check_dose import Verdict
from terminal.usecases.corrections import request_correction, usual_due
from terminal.usecases.desk import Outcome
from terminal.usecases.found_view import read_found
from terminal.usecases.lookup import begin_lookup, keep_found, note_lookup
from terminal.usecases.move_child import move_in
from terminal.usecases.scan_routing import scan_rules

if TYPE_CHECKING:
    from sync.feed import Found
    from sync.messages import Purpose
    from terminal.ui.trips import Look, Scanned
    from terminal.ui.work import Work

PRESET: Purpose = "vaccination"
GIVE_UP_MS = 2_500  # nobody waits for the region longer than that
PRESSED_MS = 150  # a finger or button is down: the screen changes when it is up
FRESH = timedelta(minutes=1)  # nothing is asked again so soon
READ_S = 0.8  # after an answer that changed by itself, so long Enter does nothing: nobody has read it yet


class ExchangeWork:
    """Part of `Work`."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.asking = ""  # the child the region is being asked about
        self._late = False  # facts came while a form was open: the dose in hand is judged again after it
        self._changed_at = float("-inf")

    @property
    def just_changed(self) -> bool:
        """The answer to the dose in hand changed a moment ago, by itself."""
        return time.monotonic() - self._changed_at < READ_S

    # An opened child

    def renew(self) -> None:
        """A child was opened by scan or choice: what else is known of it joins in when the region answers. Nobody waits
        for it, and a line that is down is not spoken of."""
        work, child_id = self.work, self.work.look.child_id
        self.asking, self._late = "", False
        if not child_id or not work.services.online():
            return
        if not allowed(work.actor.grades, Permission.CHILD_LOOKUP) or self._fresh():
            return
        self.asking, actor = child_id, work.actor

        def found(answer: Found) -> None:
            work.turns.take(lambda: (trips.renew, (work.desk, actor, answer, PRESET, child_id), self._renewed))

        def silent(fault: SyncError) -> None:
            self._asked(child_id)
            work.tasks.run(note_lookup, work.desk, actor, PRESET, fault.code, child_id, then=lambda _: None)

        work.tasks.hear(work.services.look_up("child", child_id, PRESET, actor.code), found, silent)
        QTimer.singleShot(GIVE_UP_MS, work.screen, lambda: self._asked(child_id))

    def _fresh(self) -> bool:
        """The region said so a moment ago: it was looked up, or opened at this desk before."""
        card = self.work.look.child.card if self.work.look.child else None
        if card is None or card.known_from != "region":
            return False
        return self.work.desk.world.now() - from_utc_text(card.known_at) < FRESH

    def _asked(self, child_id: str) -> None:
        if self.asking == child_id:
            self.asking = ""
            self.work.screen.show_known()

    def catch_sight(self, child_id: str, upto: int | None) -> None:
        """The forecast of this child knows of facts up to `upto`: when the screen shows it without them, others told
        of it meanwhile, and they are shown as an answer of the region is."""
        work = self.work

        def unseen() -> bool:
            return work.look.child_id == child_id and work.look.upto != upto

        if unseen():
            again = trips.look_at, (work.desk, child_id), self._heard
            work.turns.take(lambda: again if unseen() else None)

    def _renewed(self, look: Look) -> None:
        """The region answered."""
        self._asked(look.child_id)
        self._heard(look)

    def _heard(self, look: Look) -> None:
        """Show what came. Not while a finger is down: nothing moves that is about to be pressed."""
        work, before = self.work, self.work.look
        if before.child is None or look.child is None or look.child_id != before.child_id:
            return
        if look.head != look.child_id and not look.visit and not work.screen.sheet:
            work.children.open_child(look.head)  # it was merged into another record, which goes on
            return
        if QGuiApplication.mouseButtons():
            again = trips.look_at, (work.desk, look.child_id), self._heard
            QTimer.singleShot(PRESSED_MS, work.screen, lambda: work.turns.take(lambda: again))
            return
        was, now = before.child, look.child
        news = (look.page, now.doses, now.card.facts) != (before.page, was.doses, was.card.facts)
        came = look.elsewhere and not before.elsewhere and not look.visit and not work.screen.sheet
        work.look = look
        if came:
            work.say_child()
        work.screen.refresh(by_itself=True)
        if news and work.verdict:
            self._late = work.screen.sheet is not None
            if not self._late:
                self._judge_again()

    def catch_up(self) -> None:
        """A form was closed: what came meanwhile is held against the dose in hand."""
        if self._late and self.work.verdict:
            self._judge_again()
        self._late = False

    def _judge_again(self) -> None:
        work = self.work

        def turn() -> Any:
            if work.verdict is None or work.package is None:
                return None
            event = msgspec.structs.replace(work.package, mono=0.0)  # no scan to measure
            return trips.scan, (work.desk, work.actor, event, work.look.child_id, work.choice), self._judged

        work.turns.take(turn)

    def _judged(self, got: Scanned) -> None:
        work, new, old = self.work, got.answer.verdict, self.work.verdict
        if new is None:
            work.answered(got)
            return
        work.look = got.look
        if old and _same(new, old):
            work.verdict = new
        else:
            self._changed_at = time.monotonic()
            work.answer_package(got.event, new)
        work.screen.refresh(by_itself=True)

    # A number nobody knows here

    def look_elsewhere(self, typed: str = "") -> None:
        """F7: ask the region for a number: the one scanned last that nobody knows here, the one in the search box, or
        one to be typed. Without a line, why not, and that the child can be registered."""
        work = self.work
        if work.screen.sheet or work.answer_first():
            return
        if not work.services.online():
            self.say_offline()
            return

        asked = self._number(typed or work.shell.search.text()) or work.unknown
        work.shell.end_search()
        sheet = LookupSheet(
            work.words, work.desk, asked, self._ask, self._keep, work.children.register, work.screen.close_sheet
        )
        work.screen.open_sheet(sheet)
        work.explain(work.words("ui.elsewhere.look"), work.words("ui.elsewhere.look_how"))

    def offers(self) -> list[Button]:
        """The ways on from a number that nobody knows here."""
        work = self.work
        if work.unknown is None:
            return []
        key = "" if work.look.child else "F2"  # with a child there it is the key of its visit
        register = Button(work.words("ui.register"), work.children.register, key, "quiet")
        if not work.services.online():
            return [register]
        return [Button(work.words("ui.elsewhere.look"), self.look_elsewhere, "F7", "quiet"), register]

    def _number(self, typed: str) -> PersonCode | None:
        code = classify(typed.strip(), scan_rules(self.work.desk)) if typed.strip() else None
        return code if isinstance(code, PersonCode) else None

    def say_offline(self) -> None:
        """Why records from elsewhere cannot be asked for now, and how to go on."""
        words, condition = self.work.words, self.work.services.sync()
        why = words(condition.code, **condition.params) if condition.code else ""
        detail = " ".join(filter(None, [why, words("ui.elsewhere.offline_how")]))
        self.work.say(Said("look", words("ui.elsewhere.offline"), detail), unknown=self.work.unknown)

    def _ask(self, kind: str, value: str, purpose: Purpose) -> None:

        work, sheet = self.work, self.work.screen.sheet

        def allowed_to(outcome: Outcome[str]) -> None:
            assert outcome.value is not None
            asking = work.services.look_up(kind, value, purpose, outcome.value)
            work.tasks.hear(asking, found, failed)

        def noted(outcome: str, child_id: str = "") -> None:
            work.tasks.run(note_lookup, work.desk, work.actor, purpose, outcome, child_id, then=lambda _: None)

        def found(answer: Found) -> None:
            """Whoever sees the record has looked, kept or not: the region wrote it down, and so does this desk."""
            shown = work.screen.sheet is sheet and isinstance(sheet, LookupSheet)
            noted("shown" if shown else "not_shown", answer.children[0])
            if isinstance(sheet, LookupSheet) and shown:
                sheet.show_found(answer, read_found(answer))
                work.explain(work.words("ui.elsewhere.is_it"), work.words("ui.elsewhere.is_it_how"))

        def failed(fault: SyncError) -> None:
            noted(fault.code)
            if work.screen.sheet is sheet and isinstance(sheet, LookupSheet):
                sheet.ask_again()
                said = work.words.sentences(work.words(fault.code, **fault.params))
                work.screen.strip.show_said(Said("look", *said))

        work.do(begin_lookup, allowed_to, purpose)

    def _keep(self, found: Found, purpose: Purpose, left: str | None) -> None:
        """The child found is kept and opened; with `left`, the clinic it came from, it moves in."""

        work = self.work

        def kept(outcome: Outcome[str]) -> None:
            assert outcome.value is not None
            child_id = outcome.value
            if left is None:
                work.children.open_child(child_id)
                return
            moved = lambda _: work.children.open_child(child_id)  # noqa: E731 (the next step, in one line)
            work.do(move_in, moved, child_id, left, work.words("ui.move_in.reason"))

        work.do(keep_found, kept, found, purpose)

    # A dose of another clinic

    def request_correction(self, dose: Dose) -> None:
        """Ask its clinic to correct or void it, by a day."""
        work, close = self.work, self.work.screen.close_sheet

        def send(fields: dict[str, Any], reason: str, due: str) -> None:
            work.do(request_correction, work.saved("ui.dose.request_sent"), dose.id, reason, due, fields)

        work.screen.open_sheet(RequestSheet(work.words, dose, work.desk.today(), usual_due(work.desk), send, close))


def _same(new: Verdict, old: Verdict) -> bool:
    """Whether a second look says the same; the dose's own time and number of the check do not count."""
    return replace(new, checked_id="") == replace(old, checked_id="")
