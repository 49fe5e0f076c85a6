"""Is the PC's date believable? Held against the last record and the last acknowledgement."""

from __future__ import annotations

from datetime import date, timedelta

from domain.permissions import Permission
from domain.problems import Problem, block
from terminal.store import ledger
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb

BACK = timedelta(minutes=10)  # a clock may be set back a little
AHEAD = timedelta(days=45)  # a clinic closed for longer confirms the date once
FAR = timedelta(days=3 * 366)  # from the PC's day and from the last record: a year mistyped


def check_clock(desk: Desk) -> list[Problem]:
    """At start and at unlock: a date before the last record, or long after it, must be confirmed by a person.

    The doubt is kept on disk: what is recorded under a wrong clock must not make it look right at the next start.
    """
    return desk.store.run(_check, desk)


def _check(desk: Desk) -> list[Problem]:
    last, doubted = ledger.last_known(desk.store), ledger.clock_doubted(desk.store)
    now = desk.world.now() + desk.shift
    fits = last is None or last - BACK <= now <= last + AHEAD
    if fits and (desk.clock == "confirmed" or not doubted):
        return []
    desk.clock = "doubtful"
    with ledger.tell(desk.store, desk.world, "") as entry:
        ledger.doubt_clock(entry)
        entry.audit("clock.doubt")
    return [block("clock.doubtful", day=desk.today().isoformat())]


@verb(Permission.DOSE_RECORD)
def confirm_date(desk: Desk, actor: Actor, day: date) -> Outcome[date]:
    """A person says what day it is; doses then carry that day and the mark "confirmed".

    The PC's own day ends the doubt; another one holds until the program ends, and is asked for again at the next start.
    """
    last = ledger.last_known(desk.store)
    known = [desk.world.today(), *([last.astimezone(desk.world.zone).date()] if last else [])]
    if not 2020 <= day.year <= 2100 or all(abs(day - one) > FAR for one in known):
        return stop(block("clock.impossible_day", "day", day=day.isoformat()))
    shift = timedelta(days=(day - desk.world.today()).days)
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        ledger.believe(entry, entry.now + shift, right=not shift)
        entry.audit("clock.confirm", day=day.isoformat(), shift_days=shift.days)
    desk.shift, desk.clock = shift, "confirmed"
    return Outcome(day)
