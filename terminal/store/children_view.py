"""The children of the records as lines of a list."""

from __future__ import annotations

import msgspec

from terminal.store.database import Store

MOST_LINES = 10_000


class ChildLine(msgspec.Struct, frozen=True):
    """One child. `known_at` UTC: until when its record is known here."""

    id: str
    name: str
    pinyin: str
    initials: str
    sex: str
    birth_on: str
    child_code: str
    booklet: str
    guardian: str
    phone: str
    residence: str
    register_status: str
    known_at: str


_LINES = """
    SELECT c.id, c.name, c.pinyin, c.initials, c.sex, c.birth_on,
        coalesce((SELECT value FROM identifier i WHERE i.child_id = c.id AND kind = 'child_code'), ''),
        coalesce((SELECT value FROM identifier i WHERE i.child_id = c.id AND kind = 'booklet'), ''),
        coalesce(g.name, ''), coalesce(g.phone, ''), c.residence, c.register_status, c.known_at
    FROM child c LEFT JOIN guardian g ON g.child_id = c.id
        AND g.pos = (SELECT pos FROM guardian WHERE child_id = c.id ORDER BY phone = '', pos LIMIT 1)
    WHERE c.head = '' AND (? = '' OR substr(c.birth_on, 1, 4) = ?)
        AND (? = '' OR c.residence = ?) AND (? = '' OR c.register_status = ?)
    ORDER BY c.pinyin, c.birth_on LIMIT ?
"""


def lines(store: Store, year: str = "", residence: str = "", status: str = "") -> list[ChildLine]:
    """By pinyin; of one birth year, residence or register status where they are given."""
    found = store.sql(_LINES, year, year, residence, residence, status, status, MOST_LINES)
    return [ChildLine(*row) for row in found]


def birth_years(store: Store) -> list[str]:
    """The latest first."""
    return [
        str(year)
        for (year,) in store.sql("SELECT DISTINCT substr(birth_on, 1, 4) AS year FROM child ORDER BY year DESC")
    ]
