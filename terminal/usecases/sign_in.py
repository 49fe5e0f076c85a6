"""Who sits here: staff code, name or badge, and always the PIN."""

from __future__ import annotations

from domain.problems import block
from terminal.store import ledger
from terminal.usecases.desk import Actor, Desk, Outcome, stop
from terminal.usecases.staff_change import first_staff, put_staff
from terminal.usecases.staff_pin import prove

__all__ = ["first_staff", "put_staff", "sign_in"]


def sign_in(desk: Desk, who: str, pin: str) -> Outcome[Actor]:
    """The person behind a staff code or a name, and a PIN. "pin.must_change": the PIN is right and good for
    `staff_pin.change_pin` only."""
    return desk.store.run(_sign_in, desk, who, pin)


def _sign_in(desk: Desk, who: str, pin: str) -> Outcome[Actor]:
    proved = prove(desk, who, pin)
    if proved.value is None:
        return stop(*proved.problems)
    row = proved.value
    if row.must_change:
        return stop(block("pin.must_change"))
    with ledger.tell(desk.store, desk.world, row.code) as entry:
        entry.audit("sign_in", row.code)
    return Outcome(Actor(row.code, row.name, row.grades))
