"""Doses, their changes, and doses checked but not confirmed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from domain.doses import Change, Dose, standing
from domain.events import DoseGiven
from domain.problems import Problem
from terminal.store import links
from terminal.store.database import Store
from terminal.store.ledger import Entry, Telling
from terminal.store.tables import Checked, Deferral, DoseChange
from terminal.store.tables import Dose as DoseRow

_FACTS = [
    "visit_id",
    "stated",
    "recorded_at",
    "recorded_by",
    "giver",
    "lot_id",
    "lot_no",
    "expiry_on",
    "maker",
    "package",
    "vial_no",
    "volume_ml",
    "site",
    "route",
    "funding",
    "kind",
    "verdict",
    "overrides",
    "elsewhere",
    "clock",
    "moved_from",
    "told_by",
]
_ROW = tuple(DoseRow._meta.columns)
# Changes of doses `d` in their turn; a moved dose keeps what was corrected before it moved.
_CHANGES = """WITH RECURSIVE line (id, origin) AS (
    SELECT d.id, d.moved_from FROM dose d WHERE {0} AND d.moved_from IS NOT NULL
    UNION ALL SELECT l.id, d.moved_from FROM line l JOIN dose d ON d.id = l.origin WHERE d.moved_from IS NOT NULL
)
SELECT d.id, c.kind, c.body, c.hlc, c.event_id FROM dose d JOIN dose_change c ON c.dose_id = d.id WHERE {0}
UNION ALL SELECT l.id, c.kind, c.body, c.hlc, c.event_id FROM line l JOIN dose_change c ON c.dose_id = l.origin
WHERE c.kind = 'corrected' ORDER BY 4, 5"""
_COLUMNS = ", ".join(["id", "child_id", "vaccine", "dose_no", "given_on", "clinic", *_FACTS])


class CheckedDose(msgspec.Struct, frozen=True):
    """A dose the counter answered for and nobody confirmed yet."""

    id: str
    visit_id: str
    child_id: str
    at: str
    actor: str
    body: DoseGiven
    problems: tuple[Problem, ...]


def add(entry: Telling, dose_id: str, child_id: str, body: DoseGiven, stated: str, told_by: str = "") -> None:
    """The row of a `dose.given`; `told_by` the clinic that told it, "" ours."""
    entry.store.insert(DoseRow, row_of(entry, dose_id, child_id, body, stated, told_by))


def row_of(
    entry: Telling, dose_id: str, child_id: str, body: DoseGiven, stated: str, told_by: str = ""
) -> dict[str, Any]:
    """What `add` writes."""
    row: dict[str, Any] = msgspec.structs.asdict(body)
    row |= {"visit_id": row.pop("visit"), "lot_id": row.pop("lot"), "moved_from": None}
    row |= {"verdict": json.dumps(body.verdict), "overrides": json.dumps(body.overrides, ensure_ascii=False)}
    row |= {"id": dose_id, "child_id": child_id, "given_on": stated[:10], "stated": stated, "told_by": told_by}
    return row | {"recorded_at": entry.at, "recorded_by": entry.actor}


def add_moved(entry: Entry, new_id: str, dose: Dose, to_child: str) -> None:
    """The dose as it begins for the right child; only child, id and `moved_from` differ."""
    row = original(entry.store, dose.id)
    assert row is not None
    add_begun(entry.store, new_id, to_child, row)


def add_begun(store: Store, new_id: str, to_child: str, row: dict[str, Any]) -> None:
    """The row of a moved dose for the child it went into, from what the dose was told as."""
    store.insert(DoseRow, {**row, "id": new_id, "child_id": to_child, "moved_from": row["id"]})


def original(store: Store, dose_id: str) -> dict[str, Any] | None:
    """A dose as it was told, its whole row."""
    found = store.sql(f"SELECT {', '.join(_ROW)} FROM dose WHERE id = ?", dose_id)
    return dict(zip(_ROW, found[0], strict=True)) if found else None


def add_change(entry: Telling, fact_id: str, dose_id: str, kind: str, body: msgspec.Struct) -> None:
    """The row of a void, correction, move or dispute."""
    text = msgspec.json.encode(body).decode()
    row = {"event_id": fact_id, "dose_id": dose_id, "kind": kind, "at": entry.at, "actor": entry.actor, "body": text}
    entry.store.insert(DoseChange, row | {"hlc": entry.hlc})


def of_child(store: Store, child_id: str) -> list[Dose]:
    """All doses of a child, of all its records, as they stand now, oldest first."""
    ids = links.group(store, child_id)
    marks = ", ".join("?" * len(ids))
    rows = store.sql(f"SELECT {_COLUMNS} FROM dose WHERE child_id IN ({marks})", *ids)
    return standing([_dose(*row) for row in rows], _changes(store, f"d.child_id IN ({marks})", *ids))


def histories(store: Store, child_ids: Sequence[str]) -> dict[str, list[Dose]]:
    """The doses of these children as the schedule looks at them: of the further facts only the expiry; any thread."""
    records = links.records(store, child_ids)
    ids = list(dict.fromkeys(record for group in records.values() for record in group))
    marks = ", ".join("?" * len(ids))
    rows = store.sql(
        f"SELECT id, child_id, vaccine, dose_no, given_on, clinic, expiry_on FROM dose WHERE child_id IN ({marks})",
        *ids,
    )
    of_record: dict[str, list[Dose]] = {record: [] for record in ids}
    given = [
        Dose(id_, child_id, vaccine, number, day, clinic, {"expiry_on": expiry})
        for id_, child_id, vaccine, number, day, clinic, expiry in rows
    ]
    for dose in standing(given, _changes(store, f"d.child_id IN ({marks})", *ids)):
        of_record[dose.child_id].append(dose)
    return {
        child_id: of_record[child_id] if len(group) == 1 else _together(of_record, group)
        for child_id, group in records.items()
    }


def _together(of_record: Mapping[str, Sequence[Dose]], group: Sequence[str]) -> list[Dose]:
    return sorted((dose for record in group for dose in of_record[record]), key=lambda d: (d.given_on, d.id))


def one(store: Store, dose_id: str) -> Dose | None:
    rows = store.sql(f"SELECT {_COLUMNS} FROM dose WHERE id = ?", dose_id)
    return next(iter(standing([_dose(*row) for row in rows], _changes(store, "d.id = ?", dose_id))), None)


def _changes(store: Store, which: str, *params: str) -> list[Change]:
    """`which` says of what doses `d`."""
    rows = store.sql(_CHANGES.format(which), *params, *params)
    return [Change(dose_id, kind, json.loads(body)) for dose_id, kind, body, _, _ in rows]


def _dose(id_: str, child: str, vaccine: str, dose_no: int, given_on: str, clinic: str, *facts: Any) -> Dose:
    return Dose(id_, child, vaccine, dose_no, given_on, clinic, dict(zip(_FACTS, facts, strict=True)))


def of_visit(store: Store, visit_id: str) -> list[Dose]:
    """The counting doses of one visit."""
    ids = store.sql("SELECT id FROM dose WHERE visit_id = ? ORDER BY id", visit_id)
    return [d for (dose_id,) in ids if (d := one(store, dose_id)) and d.counts]


def hold(entry: Entry, checked: CheckedDose) -> None:
    """Keep a checked dose; it replaces another one of the same visit."""
    entry.store.change(Checked.delete().where(Checked.visit_id == checked.visit_id))
    row = msgspec.structs.asdict(checked)
    row |= {name: msgspec.json.encode(row[name]).decode() for name in ("body", "problems")}
    entry.store.insert(Checked, row)


def held(store: Store, checked_id: str = "", visit_id: str = "") -> list[CheckedDose]:
    """Checked doses without an answer: one, those of a visit, or all."""
    rows = store.sql(
        "SELECT id, visit_id, child_id, at, actor, body, problems FROM checked"
        " WHERE (? = '' OR id = ?) AND (? = '' OR visit_id = ?) ORDER BY at",
        checked_id,
        checked_id,
        visit_id,
        visit_id,
    )
    return [_checked(*row) for row in rows]


def _checked(id_: str, visit: str, child: str, at: str, actor: str, body: str, problems: str) -> CheckedDose:
    return CheckedDose(
        id_,
        visit,
        child,
        at,
        actor,
        msgspec.json.decode(body, type=DoseGiven),
        msgspec.json.decode(problems, type=tuple[Problem, ...]),
    )


def release(entry: Entry, checked_id: str) -> None:
    """The checked dose has its answer."""
    entry.store.change(Checked.delete().where(Checked.id == checked_id))


def add_deferral(entry: Telling, fact_id: str, child_id: str, row: dict[str, str]) -> None:
    entry.store.insert(Deferral, {"event_id": fact_id, "child_id": child_id, "at": entry.at, **row})


class NotGiven(msgspec.Struct, frozen=True):
    """A dose deferred, contraindicated or refused; `until` "" when no day was named."""

    vaccine: str
    outcome: str
    reason: str
    until: str
    at: str


def not_given(store: Store, child_id: str) -> list[NotGiven]:
    """What was not given to a child and why, oldest first."""
    ids = links.group(store, child_id)
    text = f"""SELECT vaccine, outcome, reason, until, at FROM deferral
        WHERE child_id IN ({", ".join("?" * len(ids))}) ORDER BY at, event_id"""
    return [NotGiven(*row) for row in store.sql(text, *ids)]
