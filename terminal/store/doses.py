"""Doses, their changes, and doses checked but not confirmed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from domain.doses import Change, Dose, standing
from domain.events import DoseGiven
from domain.problems import Problem
from terminal.store.database import Store
from terminal.store.ledger import Entry
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
]
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


def add(entry: Entry, dose_id: str, child_id: str, body: DoseGiven, stated: str) -> None:
    """The row of a `dose.given`."""
    row: dict[str, Any] = msgspec.structs.asdict(body)
    row |= {"visit_id": row.pop("visit"), "lot_id": row.pop("lot"), "moved_from": None}
    row |= {"verdict": json.dumps(body.verdict), "overrides": json.dumps(body.overrides, ensure_ascii=False)}
    row |= {"id": dose_id, "child_id": child_id, "given_on": stated[:10], "stated": stated}
    entry.store.insert(DoseRow, row | {"recorded_at": entry.at, "recorded_by": entry.actor})


def add_moved(entry: Entry, new_id: str, dose: Dose, to_child: str) -> None:
    """The dose as it begins for the right child; only child, id and `moved_from` differ."""
    row = {**_original(entry.store, dose.id), "id": new_id, "child_id": to_child, "moved_from": dose.id}
    entry.store.insert(DoseRow, row)


def _original(store: Store, dose_id: str) -> dict[str, Any]:
    found = store.first(DoseRow.select().where(DoseRow.id == dose_id))
    assert found is not None
    return found


def add_change(entry: Entry, fact_id: str, dose_id: str, kind: str, body: msgspec.Struct) -> None:
    """The row of a void, correction, move or dispute."""
    text = msgspec.json.encode(body).decode()
    row = {"event_id": fact_id, "dose_id": dose_id, "kind": kind, "at": entry.at, "actor": entry.actor, "body": text}
    entry.store.insert(DoseChange, row)


def of_child(store: Store, child_id: str) -> list[Dose]:
    """All doses of a child as they stand now, oldest first."""
    rows = store.sql(f"SELECT {_COLUMNS} FROM dose WHERE child_id = ?", child_id)
    changes = store.sql(
        "SELECT c.dose_id, c.kind, c.body FROM dose_change c JOIN dose d ON d.id = c.dose_id"
        " WHERE d.child_id = ? ORDER BY c.rowid",
        child_id,
    )
    return _stand(rows, changes)


def histories(store: Store, child_ids: Sequence[str]) -> dict[str, list[Dose]]:
    """The doses of these children as the schedule looks at them: of the further facts only the expiry; any thread."""
    marks = ", ".join("?" * len(child_ids))
    rows = store.sql(
        f"SELECT id, child_id, vaccine, dose_no, given_on, clinic, expiry_on FROM dose WHERE child_id IN ({marks})",
        *child_ids,
    )
    changes = store.sql(
        "SELECT c.dose_id, c.kind, c.body FROM dose_change c JOIN dose d ON d.id = c.dose_id"
        f" WHERE d.child_id IN ({marks}) ORDER BY c.rowid",
        *child_ids,
    )
    found: dict[str, list[Dose]] = {child_id: [] for child_id in child_ids}
    given = [
        Dose(id_, child_id, vaccine, number, day, clinic, {"expiry_on": expiry})
        for id_, child_id, vaccine, number, day, clinic, expiry in rows
    ]
    for dose in standing(given, [Change(dose_id, kind, json.loads(body)) for dose_id, kind, body in changes]):
        found[dose.child_id].append(dose)
    return found


def one(store: Store, dose_id: str) -> Dose | None:
    rows = store.sql(f"SELECT {_COLUMNS} FROM dose WHERE id = ?", dose_id)
    changes = store.sql("SELECT dose_id, kind, body FROM dose_change WHERE dose_id = ? ORDER BY rowid", dose_id)
    return next(iter(_stand(rows, changes)), None)


def _stand(rows: list[tuple[Any, ...]], changes: list[tuple[Any, ...]]) -> list[Dose]:
    doses = [_dose(*row) for row in rows]
    return standing(doses, [Change(dose, kind, json.loads(body)) for dose, kind, body in changes])


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


def add_deferral(entry: Entry, fact_id: str, child_id: str, row: dict[str, str]) -> None:
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
    text = "SELECT vaccine, outcome, reason, until, at FROM deferral WHERE child_id = ? ORDER BY at, event_id"
    return [NotGiven(*row) for row in store.sql(text, child_id)]
