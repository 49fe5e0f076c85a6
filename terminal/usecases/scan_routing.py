"""What a scan means at this moment: the counter's small state machine.

screen holds     | person scanned                    | package scanned         | badge        | anything else
nobody           | opens the child                   | answered, holds nothing | asks the PIN | shown
child, no dose   | opens (closing the other's visit) | answers for the child   | asks the PIN | shown
child, checked   | same child: stays                 | the same: stays         | asks the PIN | shown
                 | another: stops, never switches    | another: answers anew   |              |
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.codes import (
    Code,
    OwnReceipt,
    Package,
    PersonCode,
    Refused,
    ScanRules,
    StaffBadge,
    TracePackage,
    Unknown,
    classify,
)
from domain.problems import Problem, block, note, warn
from terminal.store import doses, visits
from terminal.usecases.check_dose import NO_CHOICE, Choice, Verdict, check_dose, note_refusal
from terminal.usecases.desk import Actor, Desk
from terminal.usecases.find_child import find_child
from terminal.usecases.staff_badge import badge_holder


@dataclass(frozen=True)
class Answer:
    """What the screen shows for a scan. At most one of child_id, children, verdict, badge is set."""

    code: Code
    problems: tuple[Problem, ...] = ()
    child_id: str = ""
    children: tuple[str, ...] = ()  # the number is on several records: the person chooses
    verdict: Verdict | None = None
    badge: str = ""  # the staff code of whose it is


def scan_rules(desk: Desk, scanner: str = "") -> ScanRules:
    """The clinic's and the device's reading rules."""
    device = next((s for s in desk.settings.scanners if s.name == scanner), None)
    return ScanRules(
        today=desk.today(),
        booklet_pattern=desk.settings.clinic.booklet_pattern,
        gs_substitute=device.gs_substitute if device else "",
        gs_proven=device.gs_proven if device else False,
        aim_ids=device.aim_ids if device else False,
    )


def route_scan(
    desk: Desk,
    actor: Actor,
    payload: str,
    child_id: str = "",
    symbology: str = "",
    scanner: str = "",
    choice: Choice = NO_CHOICE,
) -> Answer:
    """Answer one scan for the child on the screen ("" nobody)."""
    code = classify(payload, scan_rules(desk, scanner), symbology)
    match code:
        case PersonCode():
            return _person(desk, actor, code, child_id)
        case Package() | TracePackage():
            return _package(desk, actor, code, child_id, choice)
        case StaffBadge():
            holder = badge_holder(desk, code.code)
            return Answer(code, holder.problems, badge=holder.value.code if holder.value else "")
        case Refused():
            if child_id and code.kind in ("package", "trace_code"):
                desk.store.run(note_refusal, desk, actor, child_id, code.problems)
            return Answer(code, code.problems)
        case OwnReceipt():
            return Answer(code, (note("scan.own_receipt", number=code.number),))
        case Unknown():
            return Answer(code, (warn("scan.unknown"),))


def _person(desk: Desk, actor: Actor, code: PersonCode, child_id: str) -> Answer:
    found = find_child(desk, actor, code.value)
    if found.value is None:
        return Answer(code, found.problems)
    visit = visits.open_of(desk.store, child_id) if child_id else None
    if visit and doses.held(desk.store, visit_id=visit.id):
        same = child_id in found.value
        return Answer(code, () if same else (block("scan.other_child_waits"),), child_id=child_id)
    if len(found.value) > 1:
        return Answer(code, (warn("child.number_on_several", count=len(found.value)),), children=tuple(found.value))
    return Answer(code, child_id=found.value[0])


def _package(desk: Desk, actor: Actor, code: Package | TracePackage, child_id: str, choice: Choice) -> Answer:
    if not child_id:
        return Answer(code, (block("scan.package_without_child"),))
    visit = visits.open_of(desk.store, child_id)
    if visit is None:
        return Answer(code, (block("visit.not_open"),))
    outcome = check_dose(desk, actor, visit.id, code, choice)
    return Answer(code, outcome.problems, verdict=outcome.value)
