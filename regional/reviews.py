"""What only a person can decide: identity told differently, doses told while two records were one, possible doubles.

Each finding is a row of `review` and goes to the clinics concerned as advice; both facts always stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from domain.wire.feed import Advice
from regional.database import Connection
from regional.projection import IDENTITY, Rows

LEFT = "feed.left"
IDENTITY_CONFLICT, UNMERGED_DOSE, POSSIBLE_DOUBLE = "identity", "unmerged_dose", "possible_double"


class News(NamedTuple):
    """Advice for one clinic."""

    clinic: str
    advice: Advice


_OPEN_IDENTITY = """
DELETE FROM review r USING staged_child_change s
WHERE r.child_id = s.child_id AND r.kind = 'identity' AND r.field = s.field AND r.open
RETURNING r.child_id, r.one, r.other, r.field, r.clinics
"""
# A change that did not see the change before it, and says something else: in the order of the clocks.
_IDENTITY = """
INSERT INTO review (child_id, kind, one, other, field, clinics, at)
SELECT child_id, 'identity', before_id, event_id, field, ARRAY[before_clinic, clinic], %s
FROM (
    SELECT *, lag(new) OVER later AS before, lag(event_id) OVER later AS before_id,
        lag(clinic) OVER later AS before_clinic, lead(clock) OVER later IS NULL AS last
    FROM child_change
    WHERE field = ANY (%s) AND child_id IN (SELECT child_id FROM staged_child_change)
    WINDOW later AS (PARTITION BY child_id, field ORDER BY clock COLLATE "C")
) told
WHERE last AND before IS DISTINCT FROM old AND before <> new AND before_id IS NOT NULL
    AND (child_id, field) IN (SELECT child_id, field FROM staged_child_change)
ON CONFLICT DO NOTHING RETURNING child_id, one, other, field, clinics
"""
_UNMERGED = """
INSERT INTO review (child_id, kind, one, other, clinics, at)
SELECT d.child_id, 'unmerged_dose', l.link_id, d.dose_id, ARRAY[d.clinic], %s
FROM (
    SELECT l.* FROM child_link l JOIN staged_child_link USING (child_id, link_id)
    UNION SELECT l.* FROM child_link l JOIN staged_dose s ON s.child_id = l.child_id
    UNION SELECT l.* FROM child_link l JOIN staged_dose s ON s.child_id = l.other
) l JOIN dose d ON d.child_id IN (l.child_id, l.other) AND d.given AND d.voided_by IS NULL AND d.moved_by IS NULL
WHERE d.clocks ->> '*' COLLATE "C" > l.merged_at COLLATE "C" AND d.clocks ->> '*' COLLATE "C" < l.ended_at COLLATE "C"
ORDER BY 1, 3, 4
ON CONFLICT DO NOTHING RETURNING child_id, one, other, field, clinics
"""
# Of the children of this load, and of whoever is linked to them now, every dose that stands beside the one before it by
# id of the same class (the first two digits of the vaccine's code) and day: perhaps one and the same when two terminals
# told them. So there is at most one finding for each dose, whatever somebody sends, and none but these stays open; a
# terminal reckons the same (terminal/store/doubles.py).
_DOUBLES = """
WITH seed AS (
    SELECT child_id FROM staged_dose
    UNION SELECT child_id FROM staged_child_link
    UNION SELECT l.other FROM child_link l JOIN staged_child_link USING (child_id, link_id) WHERE l.other IS NOT NULL
), linked AS MATERIALIZED (
    SELECT DISTINCT child_id, ids[1] AS head
    FROM (
        SELECT CASE WHEN EXISTS (SELECT FROM child_link l WHERE l.child_id = s.child_id)
                OR EXISTS (SELECT FROM child_link l WHERE l.other = s.child_id)
            THEN ARRAY(SELECT child_group(s.child_id) ORDER BY 1) ELSE ARRAY[s.child_id] END AS ids
        FROM seed s
    ) found, unnest(ids) child_id
), beside AS (
    SELECT d.*, lag(d.child_id) OVER beside AS child_before, lag(d.dose_id) OVER beside AS dose_before,
        lag(d.clinic) OVER beside AS clinic_before, lag(d.terminal_id) OVER beside AS terminal_before
    FROM linked JOIN dose d USING (child_id)
    WHERE d.given AND d.voided_by IS NULL AND d.moved_by IS NULL AND d.stated <> '' AND d.body ->> 'vaccine' IS NOT NULL
    WINDOW beside AS (
        PARTITION BY head, left(d.body ->> 'vaccine', 2), dose_day(d.body, d.stated)
        ORDER BY d.dose_id COLLATE "C", d.child_id, d.clinic
    )
), standing AS MATERIALIZED (
    SELECT DISTINCT ON (1, 2, 3) least(child_before, child_id COLLATE "C") AS child_id, dose_before AS one,
        dose_id AS other, ARRAY[least(clinic_before, clinic), greatest(clinic_before, clinic)] AS clinics
    FROM beside WHERE terminal_before <> terminal_id AND dose_before <> dose_id ORDER BY 1, 2, 3, 4
), ended AS (
    UPDATE review r SET open = false FROM linked
    WHERE r.kind = 'possible_double' AND r.open AND r.child_id = linked.child_id
        AND (r.child_id, r.one, r.other) NOT IN (SELECT child_id, one, other FROM standing)
    RETURNING r.child_id, r.one, r.other, r.field, r.clinics, r.open
), begun AS (
    INSERT INTO review AS r (child_id, kind, one, other, clinics, at)
    SELECT child_id, 'possible_double', one, other, clinics, %s FROM standing ORDER BY 1, 3, 4
    ON CONFLICT (child_id, kind, one, other, field) DO UPDATE SET open = true WHERE NOT r.open
    RETURNING child_id, one, other, field, clinics, open
)
SELECT * FROM ended UNION ALL SELECT * FROM begun
"""
_SETTLED = """
WITH ended AS MATERIALIZED (
    SELECT d.dose_id, linked
    FROM staged_dose JOIN dose d USING (child_id, dose_id, clinic), child_group(d.child_id) linked
    WHERE d.voided_by IS NOT NULL OR d.moved_by IS NOT NULL
)
UPDATE review r SET open = false FROM ended
WHERE r.open AND r.kind = 'unmerged_dose' AND r.child_id = ended.linked AND ended.dose_id = r.other
RETURNING r.child_id, r.one, r.other, r.field, r.clinics
"""

Found = tuple[str, str, str, str, tuple[str, ...]]  # child, one, other, field, clinics


def look(connection: Connection, rows: Rows, now: datetime) -> list[News]:
    """Look at what this load brought (regional/rows.py has it staged) beside what was there."""
    news: list[News] = []
    if any(field in IDENTITY for _, field, _ in rows.changes):
        news += _identity(connection, now)
    if rows.links or rows.doses:
        news += _tell(UNMERGED_DOSE, _found(connection, _UNMERGED, now))
        news += _doubles(connection, now)
    if any(dose.voided_by or dose.moved_by for dose in rows.doses.values()):
        news += _tell(UNMERGED_DOSE, _found(connection, _SETTLED), opened=False)
    return news


def _identity(connection: Connection, now: datetime) -> list[News]:
    """A later change ends a conflict; one that arrives between the two may show that there was none."""
    before = _found(connection, _OPEN_IDENTITY)
    after = _found(connection, _IDENTITY, now, list(IDENTITY))
    return _tell(IDENTITY_CONFLICT, before - after, opened=False) + _tell(IDENTITY_CONFLICT, after - before)


def _doubles(connection: Connection, now: datetime) -> list[News]:
    """Those that stand now are opened; those a void, a move, a corrected date or an unmerge took away are ended."""
    found: dict[bool, set[Found]] = {False: set(), True: set()}
    for child, one, other, field, clinics, opened in connection.execute(_DOUBLES.encode(), (now,)):
        found[opened].add((child, one, other, field, tuple(clinics)))
    return _tell(POSSIBLE_DOUBLE, found[False], opened=False) + _tell(POSSIBLE_DOUBLE, found[True])


def _found(connection: Connection, statement: str, *params: Any) -> set[Found]:
    found = connection.execute(statement.encode(), params or None)
    return {(child, one, other, field, tuple(clinics)) for child, one, other, field, clinics in found}


def _tell(kind: str, found: Iterable[Found], *, opened: bool = True) -> list[News]:
    news = []
    for child, one, other, field, clinics in sorted(found):
        who = [clinic for clinic in dict.fromkeys(clinics) if clinic]
        news += [finding(clinic, kind, child, one, other, field, opened=opened) for clinic in who]
    return news


def finding(clinic: str, kind: str, child: str, one: str, other: str, field: str, *, opened: bool = True) -> News:
    """A finding of this module as advice."""
    params = {"one": one, "other": other} | ({"field": field} if field else {})
    return News(clinic, Advice(f"review.{kind}", f"{kind}/{one}/{other}/{field}", opened, child, params))


def left(clinic: str, child_id: str, clock: str, to: str) -> News:
    """A child left the scope of `clinic` for that of `to`. `clock` is the move's, by which a hub reckons the same; an
    unmerge has neither."""
    params = {name: said for name, said in (("clock", clock), ("to", to)) if said}
    return News(clinic, Advice(LEFT, f"left/{child_id}", child_id=child_id, params=params))


def recalled(clinic: str, child_id: str, dose_id: str, lot_no: str, reason: str) -> News:
    """A child of the clinic's received a recalled lot."""
    params = {"dose": dose_id, "lot": lot_no, "reason": reason}
    return News(clinic, Advice("recall.received", f"recall/{dose_id}", True, child_id, params))


def set_aside(
    clinic: str,
    reason: str,
    terminal_id: str,
    epoch: str,
    seq: int,
    event_id: str | None,
    child_id: str | None,
    dose_id: str | None,
    *,
    opened: bool = True,
) -> News:
    """A fact in quarantine as advice: a person answers it with a new fact."""
    place = {"terminal_id": terminal_id, "epoch": epoch, "seq": seq, "event_id": event_id or "", "dose": dose_id or ""}
    key = f"quarantine/{terminal_id}/{epoch}/{seq}"
    return News(clinic, Advice(f"quarantine.{reason}", key, opened, child_id or "", place))
