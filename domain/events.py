"""What a fact says: the body of each kind of event (docs/formats.md, section 1). A correction is a new fact.

A record's id is the id of the event that told it first: the dose is its `dose.given`, the visit its
`visit.opened`, the child its `child.registered`. `subject` is the child for everything about a child, else
the lot, the staff member or the terminal. Unset fields are left out; codes are those of config/tables.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Identifier(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person's number. kind: resident_id, child_code, booklet, birth_certificate, other; `issuer` who gave it."""

    kind: str
    value: str
    issuer: str = ""


class Guardian(msgspec.Struct, frozen=True, omit_defaults=True):
    """relation: mother, father, grandparent, other."""

    relation: str
    name: str
    phone: str = ""


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """kind: allergy, contraindication, condition. `vaccines` are two-digit classes forbidden, `component` the cause;
    of a condition, `component` is its code (config/tables/conditions.csv) and `on` the day it was seen."""

    kind: str
    text: str
    vaccines: tuple[str, ...] = ()
    component: str = ""
    on: str = ""


class ChildRegistered(msgspec.Struct, frozen=True, omit_defaults=True):
    """A child enters the register; a newborn may have no name and no identifier yet."""

    name: str
    sex: str
    birth_on: str
    birth_time: str = ""
    birth_weight_g: int = 0
    birth_hospital: str = ""
    birth_order: int = 0  # 1, 2, ... of a multiple birth
    preterm_weeks: int = 0
    mother_hbsag: str = ""  # negative, positive, unknown
    ethnic: str = ""
    address: str = ""
    area: str = ""
    residence: str = ""  # config/tables/residence.csv, effective on the day registered
    register_status: str = ""  # config/tables/register_status.csv
    identifiers: tuple[Identifier, ...] = ()
    guardians: tuple[Guardian, ...] = ()
    alerts: tuple[Alert, ...] = ()
    clinic: str = ""


class ChildUpdated(msgspec.Struct, frozen=True):
    """field -> [old, new]. Lists (identifiers, guardians, alerts) are given whole.

    `residence` and `register_status` take effect on the event's `stated` date.
    """

    fields: dict[str, tuple[Any, Any]]


class VisitOpened(msgspec.Struct, frozen=True, omit_defaults=True):
    """`health` is question code -> answer; `booklet` seen, not_seen or lost."""

    clinic: str
    desk: str
    health: dict[str, Any] = {}
    informed: bool = False
    booklet: str = ""


class VisitClosed(msgspec.Struct, frozen=True, omit_defaults=True):
    """`row` how the paper booklet's row was written: hand, printed or none."""

    visit: str
    row: str = ""
    observe_until: str = ""


class DoseGiven(msgspec.Struct, frozen=True, omit_defaults=True):
    """One vaccination, complete in itself. `stated` of its event is when it was given (clinic time).

    funding: nip (programme) or self. kind: routine, catch_up, campaign, emergency.
    `verdict` are the codes the rules found at that moment; `overrides` code -> the person's reason.
    `elsewhere` names the clinic of a dose copied from paper; then visit, package and giver may be empty.
    `clock` is "confirmed" when a person confirmed the date against a doubtful clock.
    """

    visit: str
    vaccine: str
    dose_no: int
    clinic: str
    giver: str = ""
    lot: str = ""
    lot_no: str = ""
    expiry_on: str = ""
    maker: str = ""
    package: str = ""
    vial_no: int = 0
    volume_ml: float = 0
    site: str = ""
    route: str = ""
    funding: str = "nip"
    kind: str = "routine"
    verdict: tuple[str, ...] = ()
    overrides: dict[str, str] = {}
    elsewhere: str = ""
    clock: str = ""


class DoseVoided(msgspec.Struct, frozen=True):
    """The dose `of` was not given as recorded; its use of the vial is given back."""

    of: str
    reason: str


class DoseCorrected(msgspec.Struct, frozen=True):
    """Fields of the dose `of`: field -> [old, new]."""

    of: str
    fields: dict[str, tuple[Any, Any]]
    reason: str


class DoseMoved(msgspec.Struct, frozen=True):
    """The dose `of` was given to another child: it ends for the event's subject and begins, under this
    event's id, for `to_child`. Stock is untouched."""

    of: str
    to_child: str
    reason: str


class DoseDisputed(msgspec.Struct, frozen=True):
    """A dose of another clinic is doubted here; only its clinic can change it."""

    of: str
    reason: str


class DoseDeferred(msgspec.Struct, frozen=True, omit_defaults=True):
    """Not given. outcome: deferred, contraindicated, refused."""

    visit: str
    vaccine: str
    outcome: str
    reason: str
    until: str = ""


class ReceiptIssued(msgspec.Struct, frozen=True, omit_defaults=True):
    """A slip went to the print queue."""

    visit: str
    number: str
    doses: int = 0


class ReceiptVoided(msgspec.Struct, frozen=True):
    of: str
    reason: str


class StockReceived(msgspec.Struct, frozen=True, omit_defaults=True):
    """A delivery of one lot; the lot's id is the event's subject. `packages` are the scanned package codes."""

    vaccine: str
    lot_no: str
    expiry_on: str
    maker: str
    packages: tuple[str, ...]
    doses_per_package: int
    product: str = ""


class StockUsed(msgspec.Struct, frozen=True, omit_defaults=True):
    """`doses` left the vial for `dose`; -1 when a void gave the use back. The lot is the event's subject."""

    dose: str
    doses: int = 1


class StockWasted(msgspec.Struct, frozen=True):
    doses: int
    reason: str


class StockCounted(msgspec.Struct, frozen=True):
    doses: int


class LotRecalled(msgspec.Struct, frozen=True):
    """`stock.recalled`: the lot must not be given."""

    reason: str


class StaffAdded(msgspec.Struct, frozen=True):
    """`staff.added` and `staff.changed`; the subject is the staff code. No PIN ever leaves the terminal."""

    name: str
    grades: tuple[str, ...]
    active: bool = True


class AuditHead(msgspec.Struct, frozen=True):
    """The head of the terminal's audit chain, so that a cut tail shows from outside."""

    seq: int
    hash: str


class ChildMoved(msgspec.Struct, frozen=True, omit_defaults=True):
    """The child's home is now the clinic `to`; `left` is the one it comes from, when known. Nothing is rewritten."""

    to: str
    left: str = ""
    reason: str = ""


class ChildMerged(msgspec.Struct, frozen=True):
    """The record `of` is of the same child as the subject, whose record goes on. A link: both keep their own doses."""

    of: str
    reason: str


class ChildUnmerged(msgspec.Struct, frozen=True):
    """The link told by the `child.merged` event `of` (same subject) was wrong: these are two children."""

    of: str
    reason: str


class CorrectionRequested(msgspec.Struct, frozen=True, omit_defaults=True):
    """The clinic of the dose `of` is to correct or void it, or to say why not, by the day `due`.

    `fields`: field -> value proposed.
    """

    of: str
    reason: str
    due: str
    fields: dict[str, Any] = {}


class CorrectionAnswered(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to the request `of`. outcome: done, declined."""

    of: str
    outcome: str
    reason: str = ""


class AefiReported(msgspec.Struct, frozen=True, omit_defaults=True):
    """A suspected adverse event following immunization. `doses` are suspected, `onset` is a day or local time, `signs`
    are what was seen; outcome: recovered, recovering, sequelae, died, unknown."""

    doses: tuple[str, ...]
    onset: str
    signs: tuple[str, ...]
    serious: bool = False
    outcome: str = ""
    note: str = ""


BODIES: dict[str, type[msgspec.Struct]] = {
    "child.registered": ChildRegistered,
    "child.updated": ChildUpdated,
    "visit.opened": VisitOpened,
    "visit.closed": VisitClosed,
    "dose.given": DoseGiven,
    "dose.voided": DoseVoided,
    "dose.corrected": DoseCorrected,
    "dose.moved": DoseMoved,
    "dose.disputed": DoseDisputed,
    "dose.deferred": DoseDeferred,
    "receipt.issued": ReceiptIssued,
    "receipt.voided": ReceiptVoided,
    "stock.received": StockReceived,
    "stock.used": StockUsed,
    "stock.wasted": StockWasted,
    "stock.counted": StockCounted,
    "stock.recalled": LotRecalled,
    "staff.added": StaffAdded,
    "staff.changed": StaffAdded,
    "audit.head": AuditHead,
    "child.moved": ChildMoved,
    "child.merged": ChildMerged,
    "child.unmerged": ChildUnmerged,
    "correction.requested": CorrectionRequested,
    "correction.answered": CorrectionAnswered,
    "aefi.reported": AefiReported,
}
