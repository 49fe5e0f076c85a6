"""A clinic for stories told in its own words: a desk with staff of each grade and a clock the story moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from config import tables
from domain.codes import Package, TracePackage
from domain.doses import Dose
from domain.events import ChildRegistered, DoseGiven, Guardian, Identifier
from domain.problems import Problem
from domain.schedule.page import Page
from domain.world import World
from terminal.store import doses, ledger, stock
from terminal.store.database import Store
from terminal.usecases.check_dose import NO_CHOICE, Choice, Verdict
from terminal.usecases.desk import Actor, Desk
from terminal.usecases.receive_stock import receive_stock
from terminal.usecases.record_dose import record_dose
from terminal.usecases.register_child import register_child
from terminal.usecases.scan_routing import Answer, route_scan
from terminal.usecases.schedule import page_of
from terminal.usecases.sign_in import put_staff, sign_in
from terminal.usecases.visit import open_visit
from tests.fakes.desk import CLINIC, TestDesk, made, make_desk
from tests.fakes.ledgers import KEY

BCG, HEPB, HEPB3, OPV, DTAP, MMR, JE, MPSV_A = (f"890000{n}" for n in (1, 2, 3, 5, 6, 7, 8, 9))
EIGHT_MONTHS, NEWBORN = "2026-03-19", "2026-11-01"
ELSEWHERE = "3301990101"
PIN = "739164"
_names = "安宁静怡子涵梓萱浩宇欣然博文雨桐思远佳怡明轩若曦俊杰诗琪"


class Story:
    """One day of a clinic, from 2026-11-23 09:00 on its wall. Every act takes a second."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
        draws = count()
        self.world = World(now=self._tick, random=lambda n: sha256(f"story {next(draws)}".encode()).digest()[:n])
        self.path = folder / "vaxdesk.db"
        self.made: TestDesk = make_desk(folder, self.world)
        self.desk: Desk = self.made.desk
        self.nurse, self.admin = self.made.nurse, self.made.admin
        self.doctor = self.hire("D300", "advanced")
        self.auditor = self.hire("E400", "auditor")
        self._serials, self._booklets, self._people = count(1), count(3300000001), count()

    def _tick(self) -> datetime:
        self.now += timedelta(milliseconds=200)
        return self.now

    def hire(self, code: str, *grades: str) -> Actor:
        made(put_staff(self.desk, self.admin, code, "王敏", grades, PIN))
        return made(sign_in(self.desk, code, PIN))

    def later(self, **how: float) -> None:
        self.now += timedelta(**how)

    def reopen(self) -> None:
        """The PC was off and is on again."""
        self.desk.store.close()
        self.desk = Desk(Store(self.path, KEY), self.world, self.desk.settings, self.desk.plans)

    def form(self, born: str = EIGHT_MONTHS, **more: Any) -> ChildRegistered:
        """A child like no other: its own name, booklet and phone."""
        n = next(self._people)
        name = "赵钱孙周吴郑冯陈"[n % 8] + _names[(n * 2) % 24] + _names[(n * 3 + 1) % 24]
        given = {
            "identifiers": (Identifier("booklet", str(next(self._booklets))),),
            "guardians": (Guardian("mother", "李芳", f"1390000{n:04d}"),),
        }
        return ChildRegistered(**{"name": name, "sex": "12"[n % 2], "birth_on": born, **given, **more})

    def child(self, born: str = EIGHT_MONTHS, **more: Any) -> str:
        """A registered child's id; of eight months, so that hepatitis B, MMR and JE may be given."""
        reasons = {"child.possible_double": "已核对，不是同一人"}
        return made(register_child(self.desk, self.nurse, self.form(born, **more), reasons)).id

    def child_for_drops(self) -> str:
        """A child whose third polio dose is due: two injected ones were given elsewhere."""
        child = self.child("2026-07-01")
        for day in ("2026-09-01", "2026-10-01"):
            self.given_elsewhere(child, "0303", day)
        return child

    def box(self, prefix: str) -> str:
        """A trace code no package had before; not received."""
        return f"{prefix}{next(self._serials):013d}"

    def receive(
        self, prefix: str, packages: int = 1, lot: str = "L2026", expiry: str = "2028-03-17"
    ) -> tuple[stock.LotRow, list[str]]:
        codes = [self.box(prefix) for _ in range(packages)]
        scanned: list[Package | TracePackage] = [TracePackage(c, c[:7]) for c in codes]
        return made(receive_stock(self.desk, self.nurse, scanned, lot, expiry)), codes

    def visit(self, child: str, **how: Any) -> str:
        return made(open_visit(self.desk, self.nurse, child, **{"booklet": "seen", **how})).id

    def scan(self, payload: str, child: str = "", choice: Choice = NO_CHOICE, by: Actor | None = None) -> Answer:
        return route_scan(self.desk, by or self.nurse, payload, child, choice=choice)

    def check(self, child: str, payload: str, choice: Choice = NO_CHOICE) -> Verdict:
        """The verdict on a package for a child whose visit is open."""
        answer = self.scan(payload, child, choice)
        assert answer.verdict is not None, answer.problems
        return answer.verdict

    def enter(self, checked_id: str, reasons: dict[str, str] | None = None, by: Actor | None = None) -> Dose:
        return made(record_dose(self.desk, by or self.nurse, checked_id, reasons)).dose

    def give(self, child: str, payload: str, choice: Choice = NO_CHOICE) -> Dose:
        """Visit, scan, Enter."""
        self.visit(child)
        return self.enter(self.check(child, payload, choice).checked_id)

    def given_elsewhere(self, child: str, vaccine: str, day: str) -> str:
        """A dose of another clinic, as an exchange would bring it."""

        def tell() -> str:
            with ledger.tell(self.desk.store, self.world, "exchange") as entry:
                body = DoseGiven("", vaccine, 1, ELSEWHERE)
                dose_id = entry.fact("dose.given", child, body, day)
                doses.add(entry, dose_id, child, body, day)
                return dose_id

        return self.desk.store.run(tell)

    def doses(self, child: str) -> list[Dose]:
        return self.desk.store.run(doses.of_child, self.desk.store, child)

    def read(self, work: Callable[..., Any], *args: Any) -> Any:
        """Ask the store."""
        return self.desk.store.run(work, self.desk.store, *args)

    def page(self, child: str) -> Page:
        """The booklet's page as it stands today."""
        page = page_of(self.desk, child)
        assert page is not None
        return page

    def audit(self, action: str) -> list[dict[str, Any]]:
        """The audit rows of one action, oldest first."""
        rows = self.read(Store.sql, "SELECT actor, subject, detail FROM audit WHERE action = ? ORDER BY seq", action)
        return [{"actor": a, "subject": s, **json.loads(d)} for a, s, d in rows]

    def whole(self) -> None:
        """Both chains hold."""
        from terminal.store.outbox import check_chain

        assert self.read(ledger.check_audit) is None
        assert self.read(check_chain) is None


def gs1(prefix: str, lot: str = "", expiry: str = "", serial: str = "") -> str:
    """The bracketed GS1 text of a product's package; `expiry` YYMMDD."""
    product = tables.product(prefix)
    assert product
    parts = [f"(01){product.gtin14}", f"(17){expiry}" if expiry else "", f"(10){lot}" if lot else ""]
    return "".join([*parts, f"(21){serial}" if serial else ""])


def codes(problems: tuple[Problem, ...] | list[Problem]) -> list[str]:
    return [p.code for p in problems]


__all__ = ["CLINIC", "Story", "codes", "gs1", "made"]
