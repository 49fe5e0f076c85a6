"""A child leaves the clinic's scope: what other clinics told about it goes, what this one told stays."""

from __future__ import annotations

from domain.demographics import fold
from terminal.store import children, links, told
from terminal.store.database import Store

_GONE = "(SELECT event_id FROM told WHERE subject = :child AND clinic <> :clinic)"
# In this order: what speaks of a row before the row. A dose that a fact of ours speaks of stays as it was told.
_ROWS = (
    f"DELETE FROM dose_change WHERE event_id IN {_GONE}",
    """DELETE FROM dose WHERE child_id = :child AND told_by <> ''
        AND NOT EXISTS (SELECT 1 FROM dose_change c WHERE c.dose_id = dose.id)""",
    f"DELETE FROM deferral WHERE event_id IN {_GONE}",
    f"DELETE FROM link WHERE id IN {_GONE}",
    f"""DELETE FROM request WHERE id IN {_GONE}
        AND NOT EXISTS (SELECT 1 FROM dose d WHERE d.id = request.dose_id AND d.told_by = '')""",
    "UPDATE told SET done = 0 WHERE other = :child AND kind = 'dose.moved' AND clinic <> :clinic",
    "DELETE FROM told WHERE subject = :child AND clinic <> :clinic",
    "UPDATE child SET left_for = :to, clinic = :to, known_from = 'here' WHERE id = :child",
)
_OURS = """SELECT 1 FROM event WHERE subject = :child
    UNION SELECT 1 FROM told WHERE subject = :child
    UNION SELECT 1 FROM dose WHERE child_id = :child UNION SELECT 1 FROM visit WHERE child_id = :child LIMIT 1"""
_OF_A_CHILD = ("identifier", "guardian", "alert", "standing", "forecast", "reckoning", "deferral", "arrival")


def leave(store: Store, child_id: str, clinic: str, to: str) -> tuple[str, ...]:
    """Drop what goes, in a transaction; the ids of all records of the child. One of whom `clinic` told anything stays,
    with the clinic `to` ("" not known) as its home."""
    linked = links.group(store, child_id)
    params = {"child": child_id, "clinic": clinic, "to": to or "?"}
    for statement in _ROWS:
        store.db.execute_sql(statement, params)
    if store.db.execute_sql(_OURS, params).fetchone():
        if person := fold(told.of_a_person(store, child_id)):
            children.fold_in(store, child_id, person, person.registered_at, "here")
    else:
        _forget(store, child_id)
    links.renew(store, *linked)
    return linked


def come_back(store: Store, child_id: str) -> bool:
    """The child is told of again: whether it had left. In a transaction."""
    back = "UPDATE child SET left_for = '' WHERE id = ? AND left_for <> ''"
    return bool(store.db.execute_sql(back, (child_id,)).rowcount)


def _forget(store: Store, child_id: str) -> None:
    run = store.db.execute_sql
    run("DELETE FROM child_text WHERE rowid = (SELECT no FROM child WHERE id = ?)", (child_id,))
    for table in _OF_A_CHILD:
        run(f"DELETE FROM {table} WHERE child_id = ?", (child_id,))
    run("DELETE FROM child WHERE id = ?", (child_id,))
