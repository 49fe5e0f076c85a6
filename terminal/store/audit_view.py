"""The audit as it is read: rows of some days, of a person or of an action, newest first."""

from __future__ import annotations

import msgspec

from terminal.store.database import Store

MOST_ROWS = 5000


class AuditRow(msgspec.Struct, frozen=True):
    """One thing that was done. `at` UTC; `name` of the person, or the code where the staff list has none; `child` the
    number of the child it was about, "" for another subject; `detail` JSON of codes and counts."""

    seq: int
    at: str
    actor: str
    name: str
    action: str
    subject: str
    child: str
    detail: str


_ROWS = """
    SELECT a.seq, a.at, a.actor, coalesce(s.name, a.actor), a.action, a.subject,
        coalesce((SELECT value FROM identifier i WHERE i.child_id = a.subject AND i.kind = 'child_code'),
                 (SELECT value FROM identifier i WHERE i.child_id = a.subject), ''), a.detail
    FROM audit a LEFT JOIN staff s ON s.code = a.actor
    WHERE a.at >= ? AND a.at < ? AND (? = '' OR a.actor = ?) AND (? = '' OR a.action = ?)
    ORDER BY a.seq DESC LIMIT ?
"""


def rows(store: Store, begin: str, end: str, actor: str = "", action: str = "") -> list[AuditRow]:
    """From `begin` to before `end`, UTC instants; of all people and actions where "" is given."""
    found = store.sql(_ROWS, begin, end, actor, actor, action, action, MOST_ROWS)
    return [AuditRow(*row) for row in found]


def people(store: Store) -> list[tuple[str, str]]:
    """(code, name) of everyone who ever did anything, by pinyin; "" is the terminal itself."""
    return [
        (str(code), str(name))
        for code, name in store.sql(
            "SELECT a.actor, coalesce(s.name, a.actor) FROM (SELECT DISTINCT actor FROM audit) a"
            " LEFT JOIN staff s ON s.code = a.actor ORDER BY coalesce(s.pinyin, a.actor)"
        )
    ]


def actions(store: Store) -> list[str]:
    return [str(action) for (action,) in store.sql("SELECT DISTINCT action FROM audit ORDER BY action")]
