"""A clinic's stories through the real window, on real records; where they need it, a real region and a real printer.

Told elsewhere: a wrong vial and the common path (test_window_counter), the power cut with a child in the chair and a
nurse who hands over (test_window_seat), a scanner that is a keyboard (test_window_wedge).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from domain.codes import TracePackage, badge_text
from domain.events import ChildRegistered, Guardian, Identifier
from domain.world import World
from printing.simulator import SimulatedPrinter
from printing.spool import PrinterState
from regional import queries
from regional.serve import EmbeddedRegion
from terminal import bootstrap
from terminal.demo.cable import Cable
from terminal.store import doses, papers, stock
from terminal.store.children import Card
from terminal.store.outbox import unsent
from terminal.ui.booklet_sheet import BookletSheet
from terminal.ui.dose_sheets import DeferSheet, ReasonSheet
from terminal.ui.page_children import ChildrenPage
from terminal.ui.record_sheet import RecordSheet
from terminal.ui.register_sheet import RegisterSheet
from terminal.usecases.receive_stock import receive_stock
from terminal.usecases.register_child import register_child
from terminal.usecases.sign_in import sign_in
from tests.fakes.desk import BOY, GIRL, HEPB_BOX, HEPB_BOX_2, NURSE, OPV_BOX, TestDesk, made
from tests.fakes.homes import NURSE as DOCTOR
from tests.fakes.homes import PIN as DOCTOR_PIN
from tests.fakes.homes import QUICK, found_home
from tests.fakes.screen import Screen, booklet, click, shown_texts, type_in, with_visit
from tests.fakes.stories import DTAP, HEPB, OPV, Story
from tests.fakes.typing_keys import Keys, compose

KEY = Qt.Key
_numbers = count(3300100001)  # of booklets and packages
DEADLINE_MS = 30_000
MOTHER = (Guardian("mother", "李芳", "13800002071"),)
TWIN = ChildRegistered("王子轩", "1", "2026-05-19", birth_order=2, guardians=MOTHER)


@dataclass
class Line:
    """A counter with its printer and its line to the region, which can be pulled out."""

    screen: Screen
    terminal: bootstrap.Terminal
    printer: SimulatedPrinter
    cable: Cable
    boxes: tuple[str, ...]

    def until(self, met: Callable[[], object]) -> None:
        self.screen.qtbot.waitUntil(lambda: bool(met()), timeout=DEADLINE_MS)


@contextmanager
def line(qtbot: QtBot, region: EmbeddedRegion, folder: Path) -> Iterator[Line]:
    with SimulatedPrinter() as printer, Cable(region.url) as cable:
        found_home(folder, region, printer.address, World())
        settings = folder / "vaxdesk.toml"
        settings.write_text(settings.read_text().replace(region.url, cable.url))
        home = bootstrap.find_home(settings)
        desk = bootstrap.open_desk(home)
        terminal = bootstrap.Terminal(home, desk, QUICK)
        doctor = made(sign_in(desk, DOCTOR.code, DOCTOR_PIN))
        boxes = tuple(f"8900002{next(_numbers):013d}" for _ in range(3))
        opened = [TracePackage(box, box[:7]) for box in boxes]
        expiry = f"{desk.today().year + 2}-03-17"
        hepb = made(receive_stock(desk, doctor, list(opened), "20260318", expiry))
        young = [_young(desk, BOY, 200), _young(desk, GIRL, 240)]
        boy, girl = (made(register_child(desk, doctor, form)) for form in young)
        on = TestDesk(desk, doctor, doctor, hepb, hepb, boy, girl)
        terminal.start()
        screen = Screen(qtbot, on, services=terminal.services())
        screen.sign_in(DOCTOR.code, DOCTOR_PIN)
        try:
            yield Line(screen, terminal, printer, cable, boxes)
        finally:
            screen.window.close()
            terminal.stop()


def _young(desk: bootstrap.Desk, form: ChildRegistered, days: int) -> ChildRegistered:
    """The child, so many days old today, with a booklet of its own: the region tells each desk of all others."""
    born = (desk.today() - timedelta(days=days)).isoformat()
    return msgspec.structs.replace(form, birth_on=born, identifiers=(Identifier("booklet", str(next(_numbers))),))


def give(screen: Screen, box: str) -> None:
    """Scan, Enter, and a reason where one is asked for."""
    screen.scan(box)
    screen.press(KEY.Key_Return)
    sheet = screen.counter.sheet
    if isinstance(sheet, ReasonSheet):
        sheet.reason.setText("医生已评估")
        screen.press(KEY.Key_F10)
    assert screen.tone == "ok", screen.said


def given(on: TestDesk, card: Card) -> list[str]:
    return [dose.vaccine for dose in doses.of_child(on.desk.store, card.id) if dose.counts]


def test_a_morning_without_the_network_then_everything_is_uploaded_once(
    qtbot: QtBot, region: EmbeddedRegion, apply: Callable[[], int], tmp_path: Path
) -> None:
    with line(qtbot, region, tmp_path / "home") as at:
        screen, on = at.screen, at.screen.on
        at.terminal.sync_now(30)
        at.cable.pull()
        for child, box in ((on.boy, at.boxes[0]), (on.girl, at.boxes[1])):
            with_visit(screen, child)
            give(screen, box)
            screen.press(KEY.Key_F12)
            assert "留观" in screen.said
        at.terminal.sync_now(30)
        screen.shell.ask_standing()
        screen.settle()
        assert screen.shell.top.unsent.level == "look", "the lamp says it waits, and nothing stops"
        assert unsent(on.desk.store).events
        assert at.printer.wait(2, 30), "slips print without the region"
        at.cable.plug()
        at.until(lambda: at.terminal.sync_now(5) or not unsent(on.desk.store).events)
        screen.shell.ask_standing()
        screen.settle()
        assert screen.shell.top.unsent.level == "ok"
        apply()
        there = [(row.child_id, row.body["package"]) for row in queries.doses(region.dsn)]
        assert sorted(there) == sorted([(on.boy.id, at.boxes[0]), (on.girl.id, at.boxes[1])])
        assert queries.doubled(region.dsn) == 0


def test_the_printer_runs_out_of_paper_and_the_slip_comes_once_when_there_is_some(
    qtbot: QtBot, region: EmbeddedRegion, tmp_path: Path
) -> None:
    with line(qtbot, region, tmp_path / "home") as at:
        screen, on = at.screen, at.screen.on
        at.printer.set(paper_out=True)
        with_visit(screen, on.boy)
        give(screen, at.boxes[0])
        screen.press(KEY.Key_F12)
        at.until(lambda: at.terminal.spools[0].health.state is PrinterState.BLOCKED)
        screen.shell.tick()
        screen.shell.ask_standing()
        screen.settle()
        assert screen.shell.top.printer.level == "stop"
        assert any("缺纸" in text or "没有纸" in text for text in shown_texts(screen.window))
        with_visit(screen, on.girl)
        assert screen.counter.work.look.child_id == on.girl.id, "the next child is not kept waiting"
        at.printer.set(paper_out=False)
        at.terminal.wake_printers()
        assert at.printer.wait(1, 30)
        at.until(lambda: not papers.jobs_in(on.desk.store, "queued"))
        assert len(at.printer.slips) == 1
        screen.shell.tick()
        assert screen.shell.top.printer.level == "ok"


def test_an_expired_lot_stops_and_is_put_aside(qtbot: QtBot, tmp_path: Path) -> None:
    story = Story(tmp_path)
    _, (box,) = story.receive(HEPB, lot="OLD1", expiry="2026-11-30")
    story.later(days=10)
    screen = Screen(qtbot, story.made)
    screen.sign_in()
    with_visit(screen, story.made.boy)
    screen.scan(box)
    assert screen.tone == "stop"
    assert "过期" in screen.said and "OLD1" in screen.said and "另取一支" in screen.said
    screen.press(KEY.Key_Return)
    assert given(story.made, story.made.boy) == [], "Enter gives nothing that was stopped"
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    assert given(story.made, story.made.boy) == ["0202"]
    story.desk.store.close()


def test_twins_come_together_and_each_gets_her_own(screen: Screen, on: TestDesk) -> None:
    twin = made(register_child(on.desk, on.nurse, TWIN, {"child.possible_double": "双胞胎"}))
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    assert "王子涵" in screen.said and "王子轩" in screen.said, "the verdict says whom it is not for"
    screen.scan(twin.identifier("child_code"))
    assert screen.tone == "stop" and screen.counter.work.look.child_id == on.boy.id, "an unconfirmed dose keeps him"
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    with_visit_by_code(screen, twin)
    screen.scan(HEPB_BOX_2)
    assert "王子轩" in screen.said
    screen.press(KEY.Key_Return)
    screen.press(KEY.Key_F12)
    assert given(on, on.boy) == given(on, twin) == ["0202"]
    receipts = on.desk.store.sql("SELECT count(*) FROM receipt")
    assert receipts == [(2,)], "his slip came when she was opened, hers with F12"


def with_visit_by_code(screen: Screen, card: Card) -> None:
    screen.scan(card.identifier("child_code"))
    screen.press(KEY.Key_F2)


def test_two_children_of_one_mother_share_a_vial(qtbot: QtBot, tmp_path: Path) -> None:
    story = Story(tmp_path)
    children = [story.child(born, guardians=MOTHER) for born in ("2025-06-01", "2026-07-03")]
    for child in children:
        for day in ("2026-09-03", "2026-10-03"):
            story.given_elsewhere(child, "0303", day)
    _, (vial,) = story.receive(OPV)
    screen = Screen(qtbot, story.made)
    screen.sign_in()
    for child in children:
        screen.counter.work.children.open_child(child)
        screen.settle()
        screen.press(KEY.Key_F2)
        give(screen, vial)
    used = sum(use.doses for use in story.read(stock.uses, vial))
    assert used == 2, "the second scan of one vial is the other child's dose, not a repeat"
    story.desk.store.close()


def test_a_brother_is_opened_from_his_sisters_page(screen: Screen, on: TestDesk) -> None:
    form = ChildRegistered("王小雨", "2", "2024-01-02", guardians=MOTHER)
    sister = made(register_child(on.desk, on.nurse, form))
    with_visit_by_code(screen, sister)
    click(screen.counter.person, "换到这个孩子")
    screen.settle()
    assert screen.counter.work.look.child_id == on.boy.id


def test_a_child_from_elsewhere_is_registered_and_its_booklet_copied(screen: Screen, on: TestDesk) -> None:
    screen.scan("9990001234")
    assert screen.tone == "stop" and "登记" in screen.said
    screen.press(KEY.Key_F2)
    sheet = screen.counter.sheet
    assert isinstance(sheet, RegisterSheet)
    screen.scan("9990001234")
    assert sheet._value("booklet") == "9990001234", "the scan fills its field"
    for name, value in (("name", "赵远航"), ("sex", "1"), ("birth_on", "2026-01-15"), ("guardian", "赵刚")):
        sheet.put(name, value)
    sheet.put("relation", "father")
    sheet.put("phone", "13600007777")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is None, shown_texts(sheet)
    screen.press(KEY.Key_F6)
    grid = screen.counter.sheet
    assert isinstance(grid, BookletSheet) and "赵远航" in grid.heading.text()
    hepb = [p for p in grid.places if p.field.accessibleName().startswith("乙肝")]
    for place, day in zip(hepb, ("2026-01-15", "2026-02-16"), strict=False):
        type_in(place.field, day)
    grid.clinic.setText("外省某卫生院")
    screen.press(KEY.Key_F10)
    assert screen.counter.sheet is None and "2" in screen.said
    look = screen.counter.work.look
    assert look.child and [d.facts["elsewhere"] for d in look.child.doses] == ["外省某卫生院"] * 2
    assert [t for t in screen.counter.history.texts() if t.startswith("○")], "marked as given elsewhere"
    screen.press(KEY.Key_F2)
    screen.scan(HEPB_BOX)
    assert "第3剂" in screen.said


def test_the_input_method_is_on_and_takes_no_scan(qtbot: QtBot, on: TestDesk) -> None:
    """At the door it is off; in a field for text, what it composes from a scan's letters is not left there."""
    screen = Screen(qtbot, on)
    page = screen.window.sign_in
    assert page is not None
    enabled = Qt.WidgetAttribute.WA_InputMethodEnabled
    for field in (*page.door.fields, page.emergency.fields[0]):
        assert not field.testAttribute(enabled), field.accessibleName()
    assert page.emergency.fields[1].testAttribute(enabled), "a name is Chinese"
    keys = Keys(screen.window.windowHandle())
    keys.type(badge_text(NURSE) + "\r", 4)
    qtbot.waitUntil(lambda: page.code.text() == NURSE)
    screen.sign_in()
    screen.counter.work.children.register()
    sheet = screen.counter.sheet
    assert isinstance(sheet, RegisterSheet)
    name: Any = sheet._fields["name"]
    name.setFocus()
    compose(name, "wang")
    compose(name, commit="王")
    qtbot.waitUntil(lambda: name.text() == "王")
    keys.type("9990001234\r", 4)
    qtbot.waitUntil(lambda: not screen.window.pump.waiting)
    screen.settle()
    assert name.text() == "王" and sheet._value("booklet") == "9990001234"


def test_what_stops_one_of_several_vaccines_stops_all_and_says_so(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.press(KEY.Key_F8)
    sheet = screen.counter.sheet
    assert isinstance(sheet, DeferSheet)
    sheet.outcome.choose("deferred")
    sheet.due.choose_all()
    count = len(sheet.due.values)
    screen.press(KEY.Key_F10)
    assert count > 1 and f"这 {count} 种疫苗都没有记下" in sheet.said.text(), sheet.said.text()
    assert on.desk.store.sql("SELECT count(*) FROM deferral") == [(0,)]
    sheet.reason.setText("发热")
    screen.press(KEY.Key_F10)
    assert on.desk.store.sql("SELECT count(*) FROM deferral") == [(count,)]


def test_an_allergy_chosen_from_the_list_stops_the_vaccine_that_holds_it(screen: Screen, on: TestDesk) -> None:
    screen.scan(booklet(on.boy))
    screen.counter.work.children.edit()
    sheet = screen.counter.sheet
    assert isinstance(sheet, RegisterSheet)
    type_in(sheet._fields["allergy"], "青霉素")
    pick: Any = sheet._fields["allergy"].parentWidget()
    pick.showPopup()
    pick.hidePopup()
    pick.textActivated.emit("酵母")
    assert sheet._value("allergy") == "青霉素、酵母"
    screen.press(KEY.Key_F10)
    look = screen.counter.work.look
    assert look.child
    alerts = look.child.card.facts.alerts
    assert [(a.text, a.component) for a in alerts] == [("青霉素", ""), ("酵母", "yeast")]
    screen.press(KEY.Key_F2)
    screen.scan(HEPB_BOX)
    assert screen.tone == "stop" and "酵母" in screen.said


def test_a_record_is_read_printed_and_changed_from_the_list(screen: Screen, on: TestDesk) -> None:
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.press(KEY.Key_Return)
    screen.press(KEY.Key_F12)
    screen.shell.turn_to("children")
    screen.settle()
    page = screen.shell._pages["children"]
    assert isinstance(page, ChildrenPage)
    page.within.setText("wzh")
    screen.settle()
    page.table.selectRow(0)
    screen.press(KEY.Key_F7)
    sheet = page.sheet
    assert isinstance(sheet, RecordSheet)
    shown = " ".join(shown_texts(sheet.person))
    assert "王子涵" in shown and "3201140017" in shown and "李芳" in shown and "资料截至" in shown
    assert any("今日" in text for text in sheet.history.texts())
    screen.press(KEY.Key_F9)
    assert "slip" in page.note.said
    ((document,),) = on.desk.store.sql("SELECT document FROM print_job ORDER BY created_at DESC, rowid DESC LIMIT 1")
    paper = bytes(document).decode()
    assert "预防接种记录" in paper and "20260318" in paper and "王子涵" in paper
    assert on.desk.store.sql("SELECT count(*) FROM audit WHERE action = 'record.print'") == [(1,)]
    click(sheet.person, "修改资料")
    screen.settle()
    form = page.sheet
    assert isinstance(form, RegisterSheet)
    form.put("address", "新街 5 号")
    screen.press(KEY.Key_F10)
    screen.settle()
    assert isinstance(page.sheet, RecordSheet)
    assert any("新街 5 号" in text for text in shown_texts(page.sheet))
    screen.press(KEY.Key_F10)
    assert screen.shell.current == "counter" and screen.counter.work.look.child_id == on.boy.id


def test_a_package_of_another_vaccine_than_the_one_in_hand_replaces_it(screen: Screen, on: TestDesk) -> None:
    """The wrong box was taken first: what is in hand is what was scanned last, and only that can be recorded."""
    with_visit(screen, on.boy)
    screen.scan(HEPB_BOX)
    screen.scan(OPV_BOX)
    assert "脊灰" in screen.said
    screen.counter.work.not_given()
    screen.settle()
    screen.scan(DTAP + "0000000009999")
    assert screen.tone == "stop"
    screen.press(KEY.Key_Return)
    assert given(on, on.boy) == []
