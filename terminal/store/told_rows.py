"""From facts of others to rows, by the same writers as our own: any order gives the same rows."""

from __future__ import annotations

from typing import Any

import msgspec

from domain import events
from domain.demographics import fold
from domain.heard import Heard
from terminal.store import children, doses, links, requests, stock, told, visits
from terminal.store.database import Store
from terminal.store.told import Hearing

_MOST_MOVES = 16
_DOSE_CHANGES = events.DoseVoided | events.DoseCorrected | events.DoseDisputed


class Rows:
    """The rows of one clinic's terminal. `at` (UTC) and `source` are what a child new here is known by."""

    def __init__(self, store: Store, clinic: str, at: str, source: str) -> None:
        self._store, self._clinic, self._at, self._source = store, clinic, at, source
        ((self._me,),) = store.sql("SELECT terminal_id FROM head")

    def write(self, fact: Heard) -> bool:
        """Write what a fact says; False when a row it speaks of is not here yet. Again changes nothing. A kind not
        known here, or a body of no use, has no rows."""
        entry, subject, event_id = told.hearing(self._store, fact), fact.said.subject, fact.said.event_id
        match fact.body:
            case events.ChildRegistered() | events.ChildUpdated() | events.ChildMoved():
                self.fold(subject)
            case events.ChildMerged() as body:
                links.add(entry, event_id, subject, body.of, body.reason)
            case events.ChildUnmerged() as body:
                links.end(entry, event_id, body.of)
            case events.CorrectionRequested() as body:
                requests.add(entry, event_id, subject, body, fact.clinic)
            case events.CorrectionAnswered() as body:
                return self._answer(entry, fact, body)
            case events.VisitOpened() | events.VisitClosed() if fact.clinic == self._clinic:
                return self._visit(entry, fact)
            case events.DoseGiven() | events.DoseDeferred():
                return self._child_here(subject) and self._given(entry, fact)
            case events.DoseVoided() | events.DoseCorrected() | events.DoseDisputed():
                return self._changed(entry, fact)
            case events.DoseMoved():
                return self._moved(entry, fact)
            case _ if fact.clinic == self._clinic:
                return self._stock(entry, fact)
        return True

    def _has(self, table: str, id_: str, key: str = "id") -> bool:
        return bool(self._store.sql(f"SELECT 1 FROM {table} WHERE {key} = ?", id_))

    def _child_here(self, child_id: str) -> bool:
        return self._has("child", child_id)

    def fold(self, child_id: str) -> None:
        """The rows of a person from all facts about it; the next fact folds in those that came before."""
        person = fold(told.of_a_person(self._store, child_id))
        if person and children.fold_in(self._store, child_id, person, self._at, self._source):
            links.renew(self._store, child_id)

    def _answer(self, entry: Hearing, fact: Heard, body: events.CorrectionAnswered) -> bool:
        """It counts from the clinic of the dose only."""
        request = requests.one(self._store, body.of)
        if request is None:
            return False
        dose = doses.original(self._store, request.dose_id)
        if dose is None or dose["told_by"] == self._teller(fact):
            requests.answer(entry, body)
        return True

    def _teller(self, fact: Heard) -> str:
        return "" if fact.clinic == self._clinic else fact.clinic

    def _visit(self, entry: Hearing, fact: Heard) -> bool:
        if isinstance(fact.body, events.VisitClosed):
            if visit := visits.one(self._store, fact.body.visit):
                visits.close(entry, fact.body)
            return visit is not None
        if not self._child_here(fact.said.subject):
            return False
        if not self._has("visit", fact.said.event_id):
            terminal = "" if fact.terminal_id == self._me else fact.terminal_id
            visits.add(entry, fact.said.event_id, fact.said.subject, fact.body, terminal)
        return True

    def _given(self, entry: Hearing, fact: Heard) -> bool:
        subject, event_id, body = fact.said.subject, fact.said.event_id, fact.body
        if isinstance(body, events.DoseDeferred):
            if not self._has("deferral", event_id, "event_id"):
                row = msgspec.structs.asdict(body)
                doses.add_deferral(entry, event_id, subject, row | {"visit_id": row.pop("visit")})
        elif not self._has("dose", event_id):
            doses.add(entry, event_id, subject, body, fact.said.stated, self._teller(fact))
            if body.package and not body.lot and fact.clinic == self._clinic:  # of a lot never received
                stock.move(entry, event_id, "", "used", -1, body.package, body.vial_no, event_id)
        return True

    def _changed(self, entry: Hearing, fact: Heard) -> bool:
        """A void, correction or dispute; nobody but the clinic of a dose changes it, anybody may doubt it."""
        body: _DOSE_CHANGES = fact.body
        dose = doses.original(self._store, body.of)
        if dose is None:
            return False
        if not isinstance(body, events.DoseDisputed) and dose["told_by"] != self._teller(fact):
            return True
        self._change(entry, fact, body.of)
        if isinstance(body, events.DoseVoided) and not dose["lot_id"] and dose["package"] and not dose["told_by"]:
            drawn = self._drawn_for(dose)
            self._move_once(entry, fact, "", "returned", 1, (dose["package"], dose["vial_no"]), drawn)
        return True

    def _change(self, entry: Hearing, fact: Heard, dose_id: str) -> None:
        if not self._has("dose_change", fact.said.event_id, "event_id"):
            kind = fact.said.kind.removeprefix("dose.")
            doses.add_change(entry, fact.said.event_id, dose_id, kind, fact.body)

    def _moved(self, entry: Hearing, fact: Heard) -> bool:
        """Two halves: it ends for one child and begins for the other; either child may be unknown here."""
        body: events.DoseMoved = fact.body
        ends = doses.original(self._store, body.of)
        if ends is not None and ends["told_by"] != self._teller(fact):
            return True
        if ends is not None:
            self._change(entry, fact, body.of)
        begun = self._has("dose", fact.said.event_id)
        if not begun and self._child_here(body.to_child) and (row := self._as_told(body.of, fact.clinic)):
            doses.add_begun(self._store, fact.said.event_id, body.to_child, row)
            begun = True
        return begun and ends is not None

    def _as_told(self, dose_id: str, clinic: str, depth: int = _MOST_MOVES) -> dict[str, Any] | None:
        """The row of a dose as its clinic told it, though its child may be unknown here."""
        if row := doses.original(self._store, dose_id):
            return row
        fact = told.one(self._store, dose_id)
        if fact is None or fact.clinic != clinic or not depth:
            return None
        match fact.body:
            case events.DoseGiven() as body:
                said, entry = fact.said, told.hearing(self._store, fact)
                return doses.row_of(entry, dose_id, said.subject, body, said.stated, self._teller(fact))
            case events.DoseMoved() as body:
                origin = self._as_told(body.of, clinic, depth - 1)
                return origin and {**origin, "id": dose_id, "child_id": body.to_child, "moved_from": body.of}
        return None

    def _drawn_for(self, dose: dict[str, Any]) -> str:
        """The dose the vial was opened for: the first of a chain of moves."""
        before = dose
        for _ in range(_MOST_MOVES):
            if not before["moved_from"]:
                break
            before = doses.original(self._store, before["moved_from"]) or {"id": before["moved_from"], "moved_from": ""}
        return str(before["id"])

    def _stock(self, entry: Hearing, fact: Heard) -> bool:
        lot_id, event_id = fact.said.subject, fact.said.event_id
        if isinstance(fact.body, events.StockReceived):
            if not self._has("movement", event_id, "event_id"):
                stock.hear_received(entry, lot_id, event_id, fact.body)
            return True
        if not isinstance(fact.body, events.StockUsed | events.StockWasted | events.StockCounted | events.LotRecalled):
            return True
        if stock.lot(self._store, lot_id) is None:
            return False
        match fact.body:
            case events.StockUsed() as body:
                return self._used(entry, fact, body)
            case events.StockWasted(doses=n):
                self._move_once(entry, fact, lot_id, "wasted", -n)
            case events.StockCounted(doses=n):
                self._move_once(entry, fact, lot_id, "counted", n)
            case events.LotRecalled(reason=reason):
                stock.recall(entry, lot_id, reason)
        return True

    def _used(self, entry: Hearing, fact: Heard, body: events.StockUsed) -> bool:
        """From which package and vial the dose itself says. A use given back waits for the use."""
        dose = self._as_told(body.dose, fact.clinic)
        if dose is None:
            return False
        kind = "used" if body.doses > 0 else "returned"
        uses = "SELECT 1 FROM movement WHERE dose_id = ? AND kind = 'used' AND package = ?"
        if kind == "returned" and not self._store.sql(uses, body.dose, dose["package"]):
            return False
        self._move_once(
            entry, fact, fact.said.subject, kind, -body.doses, (dose["package"], dose["vial_no"]), body.dose
        )
        return True

    def _move_once(
        self,
        entry: Hearing,
        fact: Heard,
        lot_id: str,
        kind: str,
        n: int,
        vial: tuple[str, int] = ("", 0),
        dose_id: str = "",
    ) -> None:
        if not self._has("movement", fact.said.event_id, "event_id"):
            stock.move(entry, fact.said.event_id, lot_id, kind, n, *vial, dose_id)
