"""What the clinic's papers say. `say` gives the text of a code in the operator's language; where it stands on
the sheet is printing's business."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from domain.documents import Block, Document, Pair, Qr, Rule, Text

Say = Callable[..., str]  # say(code, **params)


class SlipDose(msgspec.Struct, frozen=True):
    """One vaccination in words: names, not codes. Empty entries are left out of the slip."""

    vaccine: str
    dose_no: int
    lot_no: str = ""
    expiry_on: str = ""
    maker: str = ""
    site: str = ""
    route: str = ""
    volume_ml: float = 0


class VisitFacts(msgspec.Struct, frozen=True):
    """What a visit's slip tells. Times are the clinic's wall clock; `sex` a code of GB/T 2261.1.

    `qr` is the receipt's code as scanned, `next_doses` in words what is to be given from `next_on` on, `notice` the
    last line, such as that of a demonstration edition.
    """

    clinic: str
    desk: str
    child_name: str
    sex: str
    birth_on: str
    child_code: str
    doses: tuple[SlipDose, ...]
    given_at: str
    giver: str
    observe_until: str
    receipt: str
    qr: str
    next_on: str = ""
    next_doses: tuple[str, ...] = ()
    notice: str = ""


class DueLine(msgspec.Struct, frozen=True):
    """A child of the due list in words; `called`: the guardian and the phone, `doses` with standing and day."""

    name: str
    sex: str
    birth_on: str
    child_code: str
    called: str
    doses: tuple[str, ...]


class GivenLine(msgspec.Struct, frozen=True):
    """A dose of the record in words: number and day, then its lot, where it was given, how it was judged."""

    dose_no: int
    given_on: str
    facts: tuple[str, ...] = ()


class RecordFacts(msgspec.Struct, frozen=True):
    """What the record's paper tells of a child. `rows`: the booklet's lines with their doses, `next_doses` in words
    what is to come on `next_on`, `known` since when and from where this is known."""

    clinic: str
    child_name: str
    sex: str
    birth_on: str
    child_code: str
    booklet: str
    guardian: str
    rows: tuple[tuple[str, tuple[GivenLine, ...]], ...]
    printed_at: str
    known: str
    next_on: str = ""
    next_doses: tuple[str, ...] = ()
    notice: str = ""


def record_paper(facts: RecordFacts, say: Say) -> Document:
    """A child's vaccinations as they are known here, for the family or another clinic."""
    return Document("list", tuple(_record_blocks(facts, say)))


def due_paper(
    clinic: str, on: str, counts: tuple[int, int], lines: Sequence[DueLine], notice: str, say: Say
) -> Document:
    """The due and overdue list of a day. `counts`: children due, and overdue."""
    return Document("list", tuple(_due_blocks(clinic, on, counts, lines, notice, say)))


def visit_slip(facts: VisitFacts, say: Say) -> Document:
    """One slip for all doses of a visit."""
    return Document("slip", tuple(_visit_blocks(facts, say)))


def reprint(document: Document, copy_no: int, say: Say) -> Document:
    """The same paper once more, marked as its `copy_no`-th reprint (1, 2, ...)."""
    return msgspec.structs.replace(document, copy_no=copy_no, reprint_label=say("slip.reprint", copy_no=copy_no))


def test_page(say: Say, printer_name: str) -> Document:
    """A page to judge a printer by: every size, rare name characters, long values, a QR code."""
    return Document(
        "test",
        (
            Text(say("slip.test_title"), size=2, bold=True, align="center"),
            Pair(say("slip.test_printer"), printer_name),
            Rule(),
            Text(say("slip.test_size", size=1)),
            Text(say("slip.test_size", size=2), size=2),
            Text(say("slip.test_size", size=3), size=3),
            Text(say("slip.test_bold"), bold=True),
            Pair(say("slip.test_rare"), "㛃䶮㺹𬭊𬍛𬬭𫖯 买买提·艾力"),
            Pair(say("slip.test_digits"), "0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789"),
            Text(say("slip.test_edges"), align="right"),
            Rule(),
            Qr("VAXDESK TEST 0123456789", say("slip.test_qr")),
        ),
    )


def _heading(facts: VisitFacts | RecordFacts, title: str, say: Say) -> Iterator[Block]:
    """The clinic, what paper this is, and whose."""
    yield Text(facts.clinic, bold=True, align="center")
    yield Text(title, size=2, bold=True, align="center")
    yield Text(facts.child_name or say("slip.newborn"), size=3, bold=True, align="center")
    yield from _pairs(
        say,
        ("slip.sex", say(f"sex.{facts.sex}")),
        ("slip.birth_on", facts.birth_on),
        ("slip.child_code", facts.child_code),
    )


def _visit_blocks(facts: VisitFacts, say: Say) -> Iterator[Block]:
    yield from _heading(facts, say("slip.title"), say)
    for dose in facts.doses:
        yield Rule()
        yield from _dose_blocks(dose, say)
    yield Rule()
    yield from _pairs(
        say,
        ("slip.given_at", facts.given_at),
        ("slip.giver", facts.giver),
        ("slip.desk", facts.desk),
        ("slip.next_on", facts.next_on),
    )
    for due in facts.next_doses:
        yield Text(due, align="right")
    yield Text(say("slip.observe"), align="center")
    yield Text(facts.observe_until, size=3, bold=True, align="center")
    yield Text(say("slip.advice"))
    yield Qr(facts.qr, say("slip.receipt", number=facts.receipt))
    if facts.notice:
        yield Text(facts.notice, align="center")


def _record_blocks(facts: RecordFacts, say: Say) -> Iterator[Block]:
    yield from _heading(facts, say("record.title"), say)
    yield from _pairs(
        say,
        ("record.booklet", facts.booklet),
        ("record.guardian", facts.guardian),
    )
    if facts.notice:
        yield Text(facts.notice, align="center")
    for name, doses in facts.rows:
        yield Rule()
        yield Text(name, bold=True)
        for dose in doses:
            yield Pair(say("record.dose", dose_no=dose.dose_no, day=dose.given_on), " ".join(dose.facts))
    yield Rule()
    if not facts.rows:
        yield Text(say("record.none"))
    yield from _pairs(say, ("slip.next_on", facts.next_on))
    for due in facts.next_doses:
        yield Text(due, align="right")
    yield from _pairs(say, ("record.known", facts.known), ("record.printed_at", facts.printed_at))
    yield Text(say("record.booklet_counts"))


def _due_blocks(
    clinic: str, on: str, counts: tuple[int, int], lines: Sequence[DueLine], notice: str, say: Say
) -> Iterator[Block]:
    yield Text(clinic, bold=True, align="center")
    yield Text(say("due.title"), size=2, bold=True, align="center")
    yield Pair(say("due.on"), on)
    yield Pair(say("due.children"), say("due.counts", due=counts[0], overdue=counts[1]))
    if notice:
        yield Text(notice, align="center")
    for line in lines:
        yield Rule()
        sex = say(f"sex.{line.sex}") if line.sex in ("1", "2") else ""
        yield Pair(" ".join(filter(None, (line.name or say("slip.newborn"), sex, line.birth_on))), line.called)
        if line.child_code:
            yield Text(line.child_code)
        for dose in line.doses:
            yield Text(dose)


def _dose_blocks(dose: SlipDose, say: Say) -> Iterator[Block]:
    yield Text(say("slip.dose", vaccine=dose.vaccine, dose_no=dose.dose_no), bold=True)
    yield from _pairs(
        say,
        ("slip.lot", dose.lot_no),
        ("slip.expiry", dose.expiry_on),
        ("slip.maker", dose.maker),
        ("slip.site", " ".join(dict.fromkeys(filter(None, (dose.site, dose.route))))),
        ("slip.volume", say("slip.ml", volume=f"{dose.volume_ml:g}") if dose.volume_ml else ""),
    )


def _pairs(say: Say, *lines: tuple[str, str]) -> Iterator[Pair]:
    return (Pair(say(code), value) for code, value in lines if value)
