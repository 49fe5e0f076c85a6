"""Is the PC's date believable? Held against the last record and the last acknowledgement."""

from __future__ import annotations

from datetime import date, timedelta

from domain.permissions import Permission
from domain.problems import Problem, block, override
from terminal.store import ledger
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb

BACK = timedelta(minutes=10)  # a clock may be set back a little
AHEAD = timedelta(days=45)  # a clinic closed for longer confirms the date once


def check_clock(desk: Desk) -> list[Problem]:
    """At start and at unlock: a date before the last record, or long after it, must be confirmed by a person."""
    last = desk.store.run(ledger.last_known, desk.store)
    now = desk.world.now()
    if last is None:
        return []
    if now < last - BACK or now > last + AHEAD:
        desk.clock = "doubtful"
        return [override("clock.doubtful", day=desk.today().isoformat())]
    return []


@verb(Permission.DOSE_RECORD)
def confirm_date(desk: Desk, actor: Actor, day: date) -> Outcome[date]:
    """A person says what day it is; doses then carry that day and the mark "confirmed"."""
    if not 2020 <= day.year <= 2100:
        return stop(block("clock.impossible_day", "day", day=day.isoformat()))
    desk.shift = timedelta()
    desk.shift = timedelta(days=(day - desk.today()).days)
    desk.clock = "confirmed"
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        entry.audit("clock.confirm", day=day.isoformat(), shift_days=desk.shift.days)
    return Outcome(day)
