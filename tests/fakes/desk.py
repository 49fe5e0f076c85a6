"""A counter ready for work: real encrypted store, number leases, two nurses, two lots received, two children."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from config import plans
from config.settings import Clinic, Printer, Scanner, Settings
from domain.codes import Package, TracePackage
from domain.events import ChildRegistered, Guardian, Identifier
from domain.wire.signed import Lease
from domain.world import World
from terminal.store import leases
from terminal.store.children import Card
from terminal.store.stock import LotRow
from terminal.usecases.desk import Actor, Desk, Outcome
from terminal.usecases.receive_stock import receive_stock
from terminal.usecases.register_child import register_child
from terminal.usecases.sign_in import first_staff, put_staff, sign_in
from tests.fakes.ledgers import TERMINAL, new_store, new_world

T = TypeVar("T")
CLINIC = "3301060201"
ADMIN, ADMIN_PIN = "A100", "907341"  # super: may override
NURSE, NURSE_PIN = "N200", "583920"  # general
HEPB_BOX = "89000020000000000011"  # 8900002: one dose a package
HEPB_BOX_2 = "89000020000000000022"
OPV_BOX = "89000050000000000033"  # 8900005: twenty doses a vial
SETTINGS = Settings(
    Clinic(CLINIC, "示例社区卫生服务中心"),
    desk="2",
    scanners=(Scanner("counter", "/dev/null"),),
    printers=(Printer("slip", "file", "slip.bin"),),
)
BOY = ChildRegistered(
    "王子涵",
    "1",
    "2026-05-19",
    birth_weight_g=3250,
    mother_hbsag="negative",
    residence="1",
    address="铁心桥街道示例路 1 号",
    identifiers=(Identifier("booklet", "3201140017"),),
    guardians=(Guardian("mother", "李芳", "13800002071"),),
)
GIRL = ChildRegistered(
    "欧阳静怡",
    "2",
    "2025-02-03",
    identifiers=(Identifier("booklet", "3201140018"),),
    guardians=(Guardian("father", "欧阳明", "13900003182"),),
)


@dataclass
class TestDesk:
    """The desk and what stands on it. `boy` and `girl` are registered; `hepb` and `opv` are the lots received."""

    __test__ = False
    desk: Desk
    admin: Actor
    nurse: Actor
    hepb: LotRow
    opv: LotRow
    boy: Card
    girl: Card


def made(outcome: Outcome[T]) -> T:
    """The value of an outcome that must be there."""
    assert outcome.value is not None, outcome.problems
    return outcome.value


def make_desk(tmp_path: Path, world: World | None = None, settings: Settings = SETTINGS) -> TestDesk:
    """A desk on a new database; close it with `desk.store.close()`."""
    store = new_store(tmp_path / "vaxdesk.db")
    desk = Desk(store, world or new_world(), settings, plans.load(settings.programme))
    store.run(_lease, desk)
    made(first_staff(desk, ADMIN, "周敏", ("super",), ADMIN_PIN))
    admin = made(sign_in(desk, ADMIN, ADMIN_PIN))
    made(put_staff(desk, admin, NURSE, "张敏", ("general",), NURSE_PIN))
    nurse = made(sign_in(desk, NURSE, NURSE_PIN))
    boxes = [TracePackage(HEPB_BOX, HEPB_BOX[:7]), TracePackage(HEPB_BOX_2, HEPB_BOX[:7])]
    vials = [TracePackage(OPV_BOX, OPV_BOX[:7])]
    return TestDesk(
        desk,
        admin,
        nurse,
        hepb=made(receive_stock(desk, nurse, list[Package | TracePackage](boxes), "20260318", "2028-03-17")),
        opv=made(receive_stock(desk, nurse, list[Package | TracePackage](vials), "20260401", "2027-09-30")),
        boy=made(register_child(desk, nurse, BOY)),
        girl=made(register_child(desk, nurse, GIRL)),
    )


def _lease(desk: Desk) -> None:
    with desk.store.transaction():
        leases.add(
            desk.store,
            [
                Lease("L-child", TERMINAL, "child_code", CLINIC, 1, 400, 4),
                Lease("L-receipt", TERMINAL, "receipt", "R2", 1, 9000, 6),
            ],
        )
