"""A counter at work until it is killed: `counter_worker.py <vaxdesk.toml>`, the number of a run on standard input.

It says on standard output, a line each, what a nurse would have been shown, after it was shown: saved, dropped, voided
<dose>, closed <receipt>. First it answers what the run before left checked and unconfirmed.
"""

from __future__ import annotations

import os
import random
import sys
import traceback
from pathlib import Path

from domain.codes import TracePackage
from domain.events import ChildRegistered, Guardian, Identifier
from domain.world import from_utc_text
from terminal import bootstrap
from terminal.store import doses, visits
from terminal.usecases.amend_dose import void_dose
from terminal.usecases.desk import Desk
from terminal.usecases.receive_stock import receive_stock
from terminal.usecases.record_dose import dismiss_checked, record_dose
from terminal.usecases.register_child import register_child
from terminal.usecases.scan_routing import route_scan
from terminal.usecases.visit import close_visit, open_visit
from tests.fakes.homes import NURSE, QUICK

PRODUCTS = ("8900002", "8900007", "8900008", "8900011")
MOST = 60  # children of one run, were it never killed
REASONS = {"child.possible_double": "已核对"}
WHY = "已核对"


def tell(word: str, what: str = "") -> None:
    os.write(1, f"{word} {what}\n".encode())


def answer_what_waits(desk: Desk) -> None:
    """The question after a power cut: every other one was given."""
    for checked in desk.store.run(doses.held, desk.store):
        if int(checked.id[-1], 16) % 2:
            at = from_utc_text(checked.at).astimezone(desk.world.zone).strftime("%Y-%m-%dT%H:%M")
            outcome = record_dose(desk, NURSE, checked.id, {p.code: WHY for p in checked.problems}, given_at=at)
            assert outcome.value, outcome.problems
            tell("saved", outcome.value.dose.id)
        else:
            assert dismiss_checked(desk, NURSE, checked.id).ok
            tell("dropped", checked.id)
    for visit in desk.store.run(visits.open_ones, desk.store):
        close(desk, visit.id)


def close(desk: Desk, visit_id: str) -> None:
    closed = close_visit(desk, NURSE, visit_id)
    assert closed.value, closed.problems
    tell("closed", closed.value.receipt)


def receive(desk: Desk, run: int) -> list[list[str]]:
    boxes = [[f"{product}{run:06d}{n:07d}" for n in range(MOST)] for product in PRODUCTS]
    for codes in boxes:
        scanned = [TracePackage(c, c[:7]) for c in codes]
        assert receive_stock(desk, NURSE, scanned, "K2026", f"{desk.today().year + 10}-01-01").ok
    return boxes


def one_child(desk: Desk, run: int, n: int, boxes: list[list[str]], chance: random.Random) -> None:
    born = f"20{chance.randrange(20, 26)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}"
    form = ChildRegistered(
        chance.choice("赵钱孙李周吴郑王") + chance.choice("㛃䶮安宁静怡") + chance.choice("涵萱浩宇欣然"),
        chance.choice("12"),
        born,
        guardians=(Guardian("mother", "李芳", f"139{run:04d}{n:04d}"),),
        identifiers=(Identifier("booklet", f"{run:05d}{n:05d}"),),
    )
    child = register_child(desk, NURSE, form, REASONS)
    assert child.value, child.problems
    visit = open_visit(desk, NURSE, child.value.id, {"unwell": False}, informed=True, booklet="seen")
    assert visit.value, visit.problems
    assert route_scan(desk, NURSE, f"{run:05d}{n:05d}").child_id == child.value.id
    for product in chance.sample(range(len(PRODUCTS)), chance.randrange(1, 3)):
        answer = route_scan(desk, NURSE, boxes[product][n], child.value.id)
        assert answer.verdict, answer.problems
        if not answer.verdict.checked_id:  # nothing that may be given: a site is taken, an age is passed
            continue
        reasons = {p.code: WHY for p in answer.verdict.problems}
        outcome = record_dose(desk, NURSE, answer.verdict.checked_id, reasons)
        assert outcome.value, outcome.problems
        tell("saved", outcome.value.dose.id)
        if chance.random() < 0.1:
            assert void_dose(desk, NURSE, outcome.value.dose.id, "误录").ok
            tell("voided", outcome.value.dose.id)
    close(desk, visit.value.id)


def work(home: bootstrap.Home, run: int) -> None:
    tell("start", str(os.getpid()))
    with bootstrap.only_one(home):
        desk = bootstrap.open_desk(home)
        answer_what_waits(desk)
        terminal = bootstrap.Terminal(home, desk, QUICK)
        terminal.start()
        boxes, chance = receive(desk, run), random.Random(run)
        tell("ready")
        for n in range(MOST):
            one_child(desk, run, n, boxes, chance)
            terminal.wake_printers()
            terminal.wake_sync()
        terminal.stop()


def main() -> None:
    """One life for each run number read, each in a fork of this process, which has only read the program's code."""
    home = bootstrap.find_home(Path(sys.argv[1]))
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                work(home, int(line))
            except BaseException:  # noqa: BLE001 (a fork must end here, whatever happened)
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        tell("ended", str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))


if __name__ == "__main__":
    main()
