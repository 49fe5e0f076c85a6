"""Our slips on a printer written by others: the real queue, the real spool, and emupos on a real socket."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
import zxingcpp
from PIL import Image

from config.settings import Printer
from config.texts import say
from domain.documents import Document, Qr, Text
from domain.slips import SlipDose, VisitFacts, visit_slip
from domain.world import World
from printing import layout
from printing.spool import Health, PrinterState, Spool, Timing
from terminal.store.database import Store
from tests.device import emupos
from tests.fakes.ledgers import new_store
from tests.fakes.print_queue import LABEL, WatchedQueue

RARE = "㛃䶮㺹𬭊𬍛𬬭𫖯𫍯𬸪𫠆䲠㑇"
QR = "VXR:1:R0001:X"
QUICK = Timing(retry=0.05, retry_most=0.2, ask=0.1, fence=1.5)
DOTS = 576
SLIP = visit_slip(
    VisitFacts(
        clinic="示范接种门诊",
        desk="1",
        child_name=RARE,
        sex="1",
        birth_on="2026-05-01",
        child_code="110099010120260001",
        doses=(SlipDose("乙肝疫苗", 2, "LOT-1", "2027-05-31", "示范生物", "左上臂", "肌内注射", 0.5),),
        given_at="2026-11-22 09:42",
        giver="赵一",
        observe_until="10:12",
        receipt="R0001",
        qr=QR,
    ),
    partial(say, "zh_CN"),
)


@pytest.fixture(scope="module")
def device() -> Iterator[emupos.Emupos]:
    try:
        emupos.prepare()
    except emupos.Missing as lack:
        pytest.skip(f"emupos: {lack}")
    with emupos.running() as running:
        yield running


@pytest.fixture
def printer(device: emupos.Emupos) -> Iterator[emupos.Emupos]:
    yield device
    for fault in ("paper-out", "cover-open", "offline"):
        device.fault(fault, False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "records.db")
    yield store
    store.close()


@pytest.fixture
def jobs(store: Store) -> WatchedQueue:
    return WatchedQueue(store, World())


@pytest.fixture
def board() -> queue.SimpleQueue[Health]:
    return queue.SimpleQueue()


@pytest.fixture
def spool(
    printer: emupos.Emupos, jobs: WatchedQueue, board: queue.SimpleQueue[Health]
) -> Iterator[Callable[[], Spool]]:
    begun: list[Spool] = []

    def begin() -> Spool:
        begun.append(Spool(Printer("slip", "tcp", printer.address), jobs, World(), on_health=board.put, timing=QUICK))
        begun[-1].start()
        return begun[-1]

    yield begin
    assert all([one.stop(10) for one in begun])


def shown(board: queue.SimpleQueue[Health], state: PrinterState, code: str) -> None:
    """Wait until the health board shows it."""
    while (health := board.get(timeout=20)).state is not state or health.code != code:
        pass


def same(slip: Image.Image, document: Document) -> bool:
    """Whether the paper is as laid out, dot by dot; emupos leaves out the feed before the cut."""
    wanted = layout.draw(document, DOTS)
    return slip.size == wanted.size and slip.convert("1").tobytes() == wanted.tobytes()


def test_a_chinese_slip_comes_out_dot_by_dot(
    printer: emupos.Emupos, jobs: WatchedQueue, spool: Callable[[], Spool]
) -> None:
    before = len(printer.slips())
    job = jobs.add(SLIP)
    spool()
    jobs.wait(job, "confirmed")
    slip = printer.wait_slips(before + 1)[-1]
    assert same(slip, SLIP)
    assert [code.text for code in zxingcpp.read_barcodes(slip.convert("L"))] == [QR]


@pytest.mark.parametrize(
    ("fault", "code"),
    [("paper-out", "print.paper_out"), ("cover-open", "print.cover_open"), ("offline", "print.offline")],
)
def test_not_ready_before_the_slip_waits_untouched_and_is_shown(
    fault: str,
    code: str,
    printer: emupos.Emupos,
    jobs: WatchedQueue,
    board: queue.SimpleQueue[Health],
    spool: Callable[[], Spool],
) -> None:
    before = len(printer.slips())
    printer.fault(fault)
    job = jobs.add(SLIP)
    worker = spool()
    shown(board, PrinterState.BLOCKED, code)
    assert jobs.state(job) == "queued"
    printer.fault(fault, False)
    worker.wake()
    jobs.wait(job, "confirmed")
    assert len(printer.wait_slips(before + 1)) == before + 1


def test_paper_out_during_the_slip_holds_the_answer_until_paper_is_in(
    printer: emupos.Emupos, jobs: WatchedQueue, board: queue.SimpleQueue[Health], spool: Callable[[], Spool]
) -> None:
    before = len(printer.slips())
    jobs.on_claim = lambda: printer.fault("paper-out")
    job = jobs.add(SLIP)
    spool()
    shown(board, PrinterState.BLOCKED, "print.paper_out")
    assert jobs.state(job) == "sent" and len(printer.slips()) == before
    printer.fault("paper-out", False)
    jobs.wait(job, "confirmed")
    assert same(printer.wait_slips(before + 1)[-1], SLIP)
    assert len(printer.slips()) == before + 1


def test_a_reprint_is_marked_in_the_middle(
    printer: emupos.Emupos, jobs: WatchedQueue, spool: Callable[[], Spool]
) -> None:
    """The program ended between claim and first byte; asked, the person says it was not printed."""
    before = len(printer.slips())
    job = jobs.add(SLIP)
    assert jobs.claim("slip", World().now())
    worker = spool()
    jobs.wait(job, "uncertain")
    again = jobs.answer(job, printed=False)
    assert again is not None
    worker.wake()
    jobs.wait(again, "confirmed")
    marked = msgspec.structs.replace(SLIP, copy_no=1, reprint_label=LABEL.format(copy=1))
    slips = printer.wait_slips(before + 1)
    assert same(slips[-1], marked) and len(slips) == before + 1


def test_a_burst_comes_out_each_slip_once(
    printer: emupos.Emupos, jobs: WatchedQueue, spool: Callable[[], Spool]
) -> None:
    before = len(printer.slips())
    codes = [f"VXR:1:R{number:04d}:X" for number in range(8)]
    ids = [jobs.add(Document("slip", (Text(f"第 {n} 张"), Qr(code)))) for n, code in enumerate(codes)]
    spool()
    for job in ids:
        jobs.wait(job, "confirmed")
    slips = printer.wait_slips(before + len(codes))[before:]
    assert sorted(zxingcpp.read_barcodes(slip.convert("L"))[0].text for slip in slips) == codes
