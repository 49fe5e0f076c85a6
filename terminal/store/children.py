"""People: rows from facts, look-ups by any number, and the search as it is typed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from domain import pinyin
from domain.demographics import DATED, Person
from domain.events import Alert, ChildRegistered, Guardian, Identifier
from terminal.store import links
from terminal.store.database import Store
from terminal.store.ledger import Entry
from terminal.store.tables import Alert as AlertRow
from terminal.store.tables import Child, Standing
from terminal.store.tables import Guardian as GuardianRow
from terminal.store.tables import Identifier as IdentifierRow

_OWN = [
    "name",
    "sex",
    "birth_on",
    "birth_time",
    "birth_weight_g",
    "birth_hospital",
    "birth_order",
    "preterm_weeks",
    "mother_hbsag",
    "ethnic",
    "address",
    "area",
    "residence",
    "register_status",
    "clinic",
]
_COLUMNS = (*_OWN, "pinyin", "known_at", "known_from")
_CARD = f"SELECT {', '.join(_COLUMNS)} FROM child WHERE id = ?"
_ALERTS = "SELECT child_id, kind, text, vaccines, component, seen_on FROM alert"


class Card(msgspec.Struct, frozen=True):
    """A child as known here: the facts, and since when and from where they are known."""

    id: str
    facts: ChildRegistered
    pinyin: str
    known_at: str
    known_from: str

    def identifier(self, kind: str) -> str:
        return next((i.value for i in self.facts.identifiers if i.kind == kind), "")


class Found(msgspec.Struct, frozen=True):
    """One line of a search result."""

    id: str
    name: str
    sex: str
    birth_on: str
    phone: str
    child_code: str


def add(entry: Entry, child_id: str, facts: ChildRegistered, stated: str) -> None:
    """The rows of a newly registered child."""
    store = entry.store
    row = {name: getattr(facts, name) for name in _OWN}
    row |= {"id": child_id, **_spelling(facts.name), "registered_at": entry.at}
    row |= {"known_at": entry.at, "known_from": "here"}
    store.insert(Child, row)
    _put_lists(store, child_id, facts, new=True)
    for what in DATED:
        if row[what]:
            _stand(store, child_id, what, row[what], stated, child_id)
    _index(store, child_id, facts)


def change(
    entry: Entry, child_id: str, after: ChildRegistered, changed: Iterable[str], stated: str, fact_id: str
) -> None:
    """The rows of a child after a `child.updated`."""
    store = entry.store
    row: dict[str, Any] = {name: getattr(after, name) for name in _OWN} | _spelling(after.name)
    if "clinic" in changed:
        row["left_for"] = ""
    store.change(Child.update(row).where(Child.id == child_id))
    heard_of(entry, child_id)
    _put_lists(store, child_id, after, set(changed))
    for what in set(DATED) & set(changed):
        _stand(store, child_id, what, row[what], stated, fact_id)
    _index(store, child_id, after)


def fold_in(store: Store, child_id: str, person: Person, at: str, source: str) -> bool:
    """The rows of a person as all facts leave it, known up to `at` from `source`; True when the child is new here."""
    row: dict[str, Any] = {name: getattr(person.facts, name) for name in _OWN} | _spelling(person.facts.name)
    row |= {"registered_at": person.registered_at}
    known = store.sql("SELECT left_for FROM child WHERE id = ?", child_id)
    if known:
        row["clinic"] = known[0][0] or row["clinic"]
        fields = ", ".join(f"{name} = ?" for name in row)
        store.db.execute_sql(f"UPDATE child SET {fields} WHERE id = ?", (*row.values(), child_id))
    else:
        store.insert(Child, row | {"id": child_id, "known_at": at, "known_from": source})
    _put_lists(store, child_id, person.facts, new=not known)
    store.db.execute_sql("DELETE FROM standing WHERE child_id = ?", (child_id,))
    for since in dict.fromkeys(person.since):
        _stand(store, child_id, since.what, since.code, since.day, since.event_id)
    _index(store, child_id, person.facts)
    return not known


def heard_from(store: Store, child_ids: Iterable[str], at: str, source: str) -> None:
    """Others told of these children: what the screen shows is known as of then, from there. Not of one that left: of
    what others tell now nothing is here."""
    store.db.connection().executemany(
        "UPDATE child SET known_at = ?, known_from = ? WHERE id = ? AND known_at <= ? AND left_for = ''",
        [(at, source, child_id, at) for child_id in child_ids],
    )


def heard_of(entry: Entry, child_id: str) -> None:
    """A fact about the child was recorded here. What others told stays as old as it is: a record that was heard from
    elsewhere is known as of then."""
    entry.store.db.execute_sql(
        "UPDATE child SET known_at = ? WHERE id = ? AND known_from = 'here'", (entry.at, child_id)
    )


def _spelling(name: str) -> dict[str, str]:
    return {"pinyin": pinyin.spell(name), "initials": pinyin.initials(name)}


_LISTS = {"identifiers": IdentifierRow, "guardians": GuardianRow, "alerts": AlertRow}


def _put_lists(
    store: Store, child_id: str, facts: ChildRegistered, which: Collection[str] = tuple(_LISTS), *, new: bool = False
) -> None:
    """Write these lists whole."""
    for name in _LISTS.keys() & which if not new else ():
        store.db.execute_sql(f"DELETE FROM {_LISTS[name]._meta.table_name} WHERE child_id = ?", (child_id,))
    if "identifiers" in which:
        for i in dict.fromkeys(facts.identifiers):
            store.insert(IdentifierRow, {"child_id": child_id, **msgspec.structs.asdict(i)})
    for pos, g in enumerate(facts.guardians if "guardians" in which else ()):
        store.insert(GuardianRow, {"child_id": child_id, "pos": pos, **msgspec.structs.asdict(g)})
    for pos, a in enumerate(facts.alerts if "alerts" in which else ()):
        row = {**msgspec.structs.asdict(a), "vaccines": json.dumps(a.vaccines)}
        store.insert(AlertRow, {"child_id": child_id, "pos": pos, "seen_on": row.pop("on"), **row})


def _stand(store: Store, child_id: str, what: str, code: str, from_on: str, fact_id: str) -> None:
    store.insert(Standing, {"event_id": fact_id, "child_id": child_id, "what": what, "code": code, "from_on": from_on})


def _index(store: Store, child_id: str, facts: ChildRegistered) -> None:
    words = pinyin.search_text(
        facts.name, [g.phone for g in facts.guardians if g.phone], [i.value for i in facts.identifiers]
    )
    no = store.sql("SELECT no FROM child WHERE id = ?", child_id)[0][0]
    store.db.execute_sql("DELETE FROM child_text WHERE rowid = ?", (no,))
    store.db.execute_sql("INSERT INTO child_text (rowid, words) VALUES (?, ?)", (no, words))


def card(store: Store, child_id: str) -> Card | None:
    """Everything known of one child: four indexed reads."""
    found = store.sql(_CARD, child_id)
    if not found:
        return None
    row = dict(zip(_COLUMNS, found[0], strict=True))
    facts = ChildRegistered(
        **{name: row[name] for name in _OWN},
        identifiers=tuple(
            Identifier(*r)
            for r in store.sql("SELECT kind, value, issuer FROM identifier WHERE child_id = ? ORDER BY kind", child_id)
        ),
        guardians=tuple(
            Guardian(*r)
            for r in store.sql("SELECT relation, name, phone FROM guardian WHERE child_id = ? ORDER BY pos", child_id)
        ),
        alerts=alerts(store, child_id),
    )
    return Card(child_id, facts, row["pinyin"], row["known_at"], row["known_from"])


def alerts(store: Store, child_id: str) -> tuple[Alert, ...]:
    """Of all records of the child: what one of them warns of holds for the child."""
    return _warnings(store, links.records(store, [child_id]))[child_id]


def _warnings(store: Store, records: Mapping[str, Sequence[str]]) -> dict[str, tuple[Alert, ...]]:
    """Of each child, what any of its records warns of."""
    ids = {record for group in records.values() for record in group}
    said: dict[str, list[Alert]] = {}
    for record, *alert in store.sql(f"{_ALERTS} WHERE child_id IN ({_marks(ids)}) ORDER BY pos", *ids):
        said.setdefault(record, []).append(_alert(*alert))
    return {
        child_id: tuple(dict.fromkeys(alert for record in group for alert in said.get(record, ())))
        for child_id, group in records.items()
    }


def _alert(kind: str, text: str, vaccines: str, component: str, seen_on: str) -> Alert:
    return Alert(kind, text, tuple(json.loads(vaccines)), component, seen_on)


_VITAL = ("birth_on", "sex", "birth_weight_g", "preterm_weeks", "mother_hbsag")


def vitals(store: Store, child_ids: Sequence[str]) -> dict[str, ChildRegistered]:
    """What the schedule asks of these children, and nothing else of them: no name, no number; any thread. Of several
    records of a child the one that goes on tells, the others what it does not know, and all of them warn."""
    records = links.records(store, child_ids)
    warned, ids = _warnings(store, records), {record for group in records.values() for record in group}
    rows = store.sql(f"SELECT id, {', '.join(_VITAL)} FROM child WHERE id IN ({_marks(ids)})", *ids)
    told = {record: dict(zip(_VITAL, facts, strict=True)) for record, *facts in rows}
    return {
        child_id: ChildRegistered(
            name="", **_gathered([told[one] for one in group if one in told]), alerts=warned[child_id]
        )
        for child_id, group in records.items()
        if group[0] in told
    }


def _gathered(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The first that knows a field tells it; a mother once found positive is so."""
    if len(told) == 1:
        return told[0]
    known = {name: next((one[name] for one in told if one[name]), told[0][name]) for name in _VITAL}
    positive = any(one["mother_hbsag"] == "positive" for one in told)
    return known | {"mother_hbsag": "positive"} if positive else known


def by_identifier(store: Store, value: str, kind: str = "") -> list[str]:
    """The children who carry this number, of this kind or of any, by the record that goes on."""
    rows = store.sql(
        "SELECT DISTINCT child_id FROM identifier WHERE value = ? AND (? = '' OR kind = ?)", value, kind, kind
    )
    return links.heads(store, [r[0] for r in rows])


_HEADS = "SELECT coalesce(nullif(head, ''), id) FROM child"  # the records that go on
_LINE = """SELECT c.id, c.name, c.sex, c.birth_on,
    coalesce((SELECT phone FROM guardian g WHERE g.child_id = c.id AND phone <> '' ORDER BY pos LIMIT 1), ''),
    coalesce((SELECT value FROM identifier i WHERE i.child_id = c.id AND kind = 'child_code'), '') FROM child c """


def search(store: Store, typed: str, limit: int = 20) -> list[Found]:
    """Children whose name, pinyin, phone or any identifier begins as typed, by pinyin."""
    query = pinyin.search_query(typed)
    if not query:
        return []
    text = _LINE + f"WHERE c.id IN ({_HEADS} WHERE no IN (SELECT rowid FROM child_text WHERE words MATCH ? LIMIT ?))"
    text += " ORDER BY c.pinyin LIMIT ?"
    return [Found(*row) for row in store.sql(text, query, limit * 10, limit)]


def possible_doubles(store: Store, facts: ChildRegistered) -> list[dict[str, Any]]:
    """Rows worth comparing with a new child: same number, same birth date, same phone, or same name."""
    phones = [g.phone for g in facts.guardians if g.phone]
    numbers = [i.value for i in facts.identifiers]
    text = f"""SELECT id FROM child WHERE birth_on = ? UNION
        SELECT id FROM child WHERE initials = ? AND name = ? AND name <> '' UNION
        SELECT child_id FROM guardian WHERE phone IN ({_marks(phones)}) UNION
        SELECT child_id FROM identifier WHERE value IN ({_marks(numbers)}) LIMIT 200"""
    ids = [r[0] for r in store.sql(text, facts.birth_on, pinyin.initials(facts.name), facts.name, *phones, *numbers)]
    return [_candidate(store, head) for head in links.heads(store, ids)]


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" for _ in values)


def _candidate(store: Store, child_id: str) -> dict[str, Any]:
    name, spelled, sex, birth_on, order = store.sql(
        "SELECT name, pinyin, sex, birth_on, birth_order FROM child WHERE id = ?", child_id
    )[0]
    ids = links.group(store, child_id)
    phones = store.sql(f"SELECT phone FROM guardian WHERE child_id IN ({_marks(ids)}) AND phone <> ''", *ids)
    numbers = store.sql(f"SELECT value FROM identifier WHERE child_id IN ({_marks(ids)})", *ids)
    return {
        "id": child_id,
        "name": name,
        "pinyin": spelled,
        "sex": sex,
        "birth_on": birth_on,
        "birth_order": order,
        "phones": tuple(r[0] for r in phones),
        "identifiers": tuple(r[0] for r in numbers),
    }


def sounding_like(store: Store, child_id: str, facts: ChildRegistered, since: str, until: str) -> list[Found]:
    """Other children born between these days whose name sounds the same; for one without a name, those without."""
    sound = _spelling(facts.name)
    text = (
        _LINE
        + """WHERE c.initials = ? AND c.pinyin = ? AND c.id <> ? AND (c.name = '') = ?
        AND c.birth_on BETWEEN ? AND ? AND c.head = '' ORDER BY c.birth_on LIMIT 3"""
    )
    return [
        Found(*row)
        for row in store.sql(text, sound["initials"], sound["pinyin"], child_id, not facts.name, since, until)
    ]


def sharing_phone(store: Store, phones: list[str]) -> list[Found]:
    """Children whose guardian has one of these phones: siblings, twins."""
    if not phones:
        return []
    found = f"{_HEADS} WHERE id IN (SELECT child_id FROM guardian WHERE phone IN ({_marks(phones)}))"
    text = _LINE + f"WHERE c.id IN ({found}) ORDER BY c.pinyin"
    return [Found(*row) for row in store.sql(text, *phones)]
