"""A child's record on paper, as the booklet has it: for a family that lost it, or for another clinic."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from config import tables
from config.settings import Printer
from config.texts import say
from domain.documents import Document
from domain.doses import Dose
from domain.permissions import Permission
from domain.problems import block, warn
from domain.schedule.page import Mark, Page, comes_on, next_visit
from domain.slips import GivenLine, RecordFacts, Say, record_paper
from domain.world import from_utc_text, utc_text
from terminal.store import children, doses, ledger, papers
from terminal.usecases.desk import Actor, Desk, Outcome, stop, verb
from terminal.usecases.schedule import page_of

Rows = tuple[tuple[str, tuple[GivenLine, ...]], ...]


@verb(Permission.PRINT)
def print_booklet(desk: Desk, actor: Actor, child_id: str) -> Outcome[str]:
    """Queue the record for the page printer, or the slip printer when there is no other; gives the printer's name."""
    card, page, printer = children.card(desk.store, child_id), page_of(desk, child_id), _printer(desk)
    if card is None or page is None:
        return stop(block("child.not_found"))
    if printer is None:
        return stop(warn("print.no_printer"))
    document = _paper(desk, card, page, doses.of_child(desk.store, child_id))
    with ledger.tell(desk.store, desk.world, actor.code) as entry:
        expires = utc_text(entry.now + timedelta(seconds=printer.receipt_ttl_s))
        papers.queue_document(entry, document, printer.name, "", expires)
        entry.audit("record.print", child_id, printer=printer.name)
    return Outcome(printer.name)


def _printer(desk: Desk) -> Printer | None:
    printers = {printer.role: printer for printer in desk.settings.printers}
    return printers.get("page") or printers.get("slip")


def _paper(desk: Desk, card: children.Card, page: Page, given: list[Dose]) -> Document:
    speak, zh, today = partial(say, desk.settings.language), desk.settings.language == "zh_CN", desk.today()
    facts, day = card.facts, next_visit(page, today)
    coming = [n for n in page.nexts if day and comes_on(n, today) == day]
    at = from_utc_text(card.known_at).astimezone(desk.world.zone).strftime("%Y-%m-%d %H:%M")
    source = speak(f"ui.known.{card.known_from}")
    told = RecordFacts(
        clinic=desk.settings.clinic.name,
        child_name=facts.name,
        sex=facts.sex,
        birth_on=facts.birth_on,
        child_code=card.identifier("child_code"),
        booklet=card.identifier("booklet"),
        guardian=facts.guardians[0].name if facts.guardians else "",
        rows=tuple(_rows(desk, page, {d.id: d for d in given if d.counts}, speak)),
        printed_at=desk.local_now().strftime("%Y-%m-%d %H:%M"),
        known=f"{at} {source}",
        next_on=day.isoformat() if day else "",
        next_doses=tuple(speak("slip.dose", vaccine=n.name_zh if zh else n.name_en, dose_no=n.number) for n in coming),
        notice="" if desk.approved else speak("slip.demonstration"),
    )
    return record_paper(told, speak)


def _rows(desk: Desk, page: Page, given: dict[str, Dose], speak: Say) -> Iterator[tuple[str, tuple[GivenLine, ...]]]:
    """The booklet's lines in their order, a begun one each; then doses no rule is about, by vaccine."""
    zh = desk.settings.language == "zh_CN"
    for row in page.rows:
        marks = [mark for cell in row.cells for mark in cell.marks if mark.dose_id in given]
        if marks:
            name = row.next.name_zh if zh else row.next.name_en
            yield name, tuple(_line(desk, given[m.dose_id], m, m.number, speak) for m in marks)
    loose: dict[str, list[GivenLine]] = {}
    for mark in page.loose:
        if dose := given.get(mark.dose_id):
            loose.setdefault(dose.vaccine, []).append(_line(desk, dose, mark, dose.dose_no, speak))
    for code, lines in loose.items():
        known = tables.vaccines().get(code)
        yield (known.name_zh if zh else known.name_en) if known else code, tuple(lines)


def _line(desk: Desk, dose: Dose, mark: Mark, number: int, speak: Say) -> GivenLine:
    own = desk.settings.clinic
    elsewhere = str(dose.facts.get("elsewhere") or "").strip("?")
    where = elsewhere or (own.name if dose.clinic == own.code else dose.clinic)
    lot = speak("ui.package.lot", lot=dose.facts["lot_no"]) if dose.facts.get("lot_no") else ""
    judged = speak(f"ui.mark.{mark.kind}") if mark.kind in ("invalid", "repeated") else ""
    return GivenLine(number, mark.given_on.isoformat(), tuple(filter(None, (lot, where, judged))))
