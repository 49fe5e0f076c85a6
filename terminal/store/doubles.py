"""Doses of one child, class and day that two terminals told: perhaps one and the same. The region says so too, under
the same key (regional/reviews.py), once it has both.

Each dose is held beside the one before it by id and no other: at most one matter for each dose, and the same ones
whatever came first. Where two terminals' doses stand, there is always one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from domain.doses import Dose, vaccine_class
from terminal.store import doses, links, matters
from terminal.store.database import Store

CODE = "review.possible_double"
_KIND = CODE.removeprefix("review.")
# Of these records those with two doses of one class and day, or a dose that was changed since: all others have none.
_PERHAPS = """SELECT child_id FROM (
    SELECT coalesce(nullif(c.head, ''), c.id) AS child_id FROM child c JOIN dose d ON d.child_id = c.id
    WHERE c.id IN ({0}) OR (c.head <> '' AND c.head IN ({0}))
    GROUP BY 1, substr(d.vaccine, 1, 2), d.given_on HAVING count(*) > 1
) UNION SELECT coalesce(nullif(c.head, ''), c.id) FROM child c JOIN dose d ON d.child_id = c.id
    JOIN dose_change s ON s.dose_id = d.id WHERE c.id IN ({0}) OR (c.head <> '' AND c.head IN ({0}))"""


def look(store: Store, child_ids: Iterable[str], at: str) -> None:
    """Open what stands now and end what does not any more, for these children and the records linked to them. Inside
    the transaction that changed their doses; `at` is its UTC instant."""
    heads = links.heads(store, child_ids)
    marks, waiting = ", ".join("?" * len(heads)), matters.open_matters(store, CODE)
    perhaps = {head for (head,) in store.sql(_PERHAPS.format(marks), *heads * 4)}
    for head in [one for one in heads if one in perhaps or waiting]:
        history = doses.of_child(store, head)
        found = {matter.key: matter for matter in _found(store, history, at)}
        for key in _about(waiting, history) - found.keys():
            matters.end(store, key)
        for matter in found.values():
            matters.open(store, matter)


def _about(waiting: Iterable[matters.Matter], history: list[Dose]) -> set[str]:
    """The keys of those that name one of these doses."""
    ids = {dose.id for dose in history}
    named = ((matter.key, {matter.params.get(name) for name in ("one", "other")}) for matter in waiting)
    return {key for key, doses_of in named if not ids.isdisjoint(doses_of)}


def _found(store: Store, history: list[Dose], at: str) -> list[matters.Matter]:
    counting = [dose for dose in history if dose.counts]
    if len(counting) < 2:
        return []
    by_whom = _tellers(store, [dose.id for dose in counting])
    groups: dict[tuple[str, str], list[Dose]] = {}
    for dose in counting:
        groups.setdefault((vaccine_class(dose.vaccine), dose.given_on), []).append(dose)
    return [
        _matter(one, other, at)
        for group in groups.values()
        for one, other in pairwise(sorted(group, key=lambda dose: dose.id))
        if by_whom[one.id] != by_whom[other.id]
    ]


def _matter(one: Dose, other: Dose, at: str) -> matters.Matter:
    child_id = min(one.child_id, other.child_id)
    key = f"{_KIND}/{one.id}/{other.id}/"
    return matters.Matter(key, CODE, child_id, {"one": one.id, "other": other.id}, at)


def _tellers(store: Store, dose_ids: list[str]) -> dict[str, str]:
    """dose -> the terminal that told it, "" for this one."""
    marks = ", ".join("?" * len(dose_ids))
    told = store.sql(
        f"SELECT event_id, terminal_id FROM told WHERE event_id IN ({marks}) AND stored IS NOT NULL", *dose_ids
    )
    return dict.fromkeys(dose_ids, "") | dict(told)
